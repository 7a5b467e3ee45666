//go:build (amd64 || arm64) && !purego

package f32

import (
	"math"

	"gomine/mine/sampling"
)

// The functions of this file choose between assembly and plain Go where more
// differs than one kernel. The functions of one kernel are in dispatch_*.go.

func (w *Workspace) gemm(p *product) {
	if useAssembly {
		w.gemmTiled(p)
		return
	}
	w.gemmGeneric(p)
}

func (p *Packed) setRows(lo, hi int, b []float32, ldb int) {
	if useAssembly {
		p.setRowsTiled(lo, hi, b, ldb)
		return
	}
	p.setRowsGeneric(lo, hi, b, ldb)
}

func (p *Packed) setColumns(lo, hi int, b []float32, ldb int) {
	if useAssembly {
		p.setColumnsTiled(lo, hi, b, ldb)
		return
	}
	p.setColumnsGeneric(lo, hi, b, ldb)
}

// permute reports whether it could permute v.
func permute(v []int32, p *sampling.Permutation, inverse bool) bool {
	if !useAssembly || p.N() > math.MaxInt32 || len(v) == 0 {
		return false
	}
	left, right, key := p.Rounds()
	if inverse {
		feistelInverse(len(v), &v[0], int(p.N()), right, 32-left, 32-right, &key[0])
	} else {
		feistelAt(len(v), &v[0], int(p.N()), right, 32-left, 32-right, &key[0])
	}
	return true
}
