//go:build (!amd64 && !arm64) || purego

package f32

import "gomine/mine/sampling"

func implementation() string { return "generic" }

func add(dst, a, b []float32)                      { addGeneric(dst, a, b) }
func axpy(y, x []float32, alpha float32)           { axpyGeneric(y, x, alpha) }
func scale(dst, x []float32, alpha float32)        { scaleGeneric(dst, x, alpha) }
func lerp(dst, src []float32, t float32)           { lerpGeneric(dst, src, t) }
func relu(dst, src []float32)                      { reluGeneric(dst, src) }
func elu(dst, src []float32)                       { eluGeneric(dst, src) }
func softplus(dst, src []float32)                  { softplusGeneric(dst, src) }
func addReLU(dst, a, b []float32)                  { addReLUGeneric(dst, a, b) }
func addELU(dst, a, b []float32)                   { addELUGeneric(dst, a, b) }
func addSoftplus(dst, a, b []float32)              { addSoftplusGeneric(dst, a, b) }
func reluGrad(g, h []float32)                      { reluGradGeneric(g, h) }
func eluGrad(g, h []float32)                       { eluGradGeneric(g, h) }
func softplusGrad(g, h []float32)                  { softplusGradGeneric(g, h) }
func exp(dst, src []float32)                       { expGeneric(dst, src) }
func sumExp(dst, src []float32, s float32) float64 { return sumExpGeneric(dst, src, s) }
func dot(x, y []float32) float32                   { return dotGeneric(x, y) }
func maximum(x []float32) float32                  { return maxGeneric(x) }
func adam(p, g, m, v []float32, s *AdamStep)       { adamGeneric(p, g, m, v, s) }

func (w *Workspace) gemm(p *product) {
	w.gemmGeneric(p)
	p.activate()
}

func gather(dst []float32, ldd int, src []float32, lds, cols int, rows []int32) {
	gatherGeneric(dst, ldd, src, lds, cols, rows)
}

func dots(dst, a []float32, lda int, x []float32, c float32) { dotsGeneric(dst, a, lda, x, c) }

func sumColumns(dst []float32, rows int, a []float32, lda int) {
	sumColumnsGeneric(dst, rows, a, lda)
}

func foldPairs(dx, dz, sums []float32, rows int, joint, marginal []float32, ld int) {
	foldPairsByRows(dx, dz, sums, rows, joint, marginal, ld)
}

func reluOutput(d, h []float32, ld int, s, w, dw, db []float32) {
	outputGradGeneric(d, h, ld, s, w, dw, db, reluGradAt)
}

func eluOutput(d, h []float32, ld int, s, w, dw, db []float32) {
	outputGradGeneric(d, h, ld, s, w, dw, db, eluGradAt)
}

func softplusOutput(d, h []float32, ld int, s, w, dw, db []float32) {
	outputGradGeneric(d, h, ld, s, w, dw, db, softplusGradAt)
}

func (p *Packed) setRows(lo, hi int, b []float32, ldb int)    { p.setRowsGeneric(lo, hi, b, ldb) }
func (p *Packed) setColumns(lo, hi int, b []float32, ldb int) { p.setColumnsGeneric(lo, hi, b, ldb) }

func permute([]int32, *sampling.Permutation, bool) bool { return false }
