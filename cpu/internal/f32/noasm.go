//go:build (!amd64 && !arm64) || purego

package f32

import "gomine/mine/sampling"

func implementation() string { return "generic" }

func (w *Workspace) gemm(p *product) { w.gemmGeneric(p) }

func (p *Packed) setRows(lo, hi int, b []float32, ldb int)    { p.setRowsGeneric(lo, hi, b, ldb) }
func (p *Packed) setColumns(lo, hi int, b []float32, ldb int) { p.setColumnsGeneric(lo, hi, b, ldb) }

func permute([]int32, *sampling.Permutation, bool) bool { return false }
