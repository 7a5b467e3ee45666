//go:build !purego

package f32

import (
	"math"

	"golang.org/x/sys/cpu"

	"gomine/mine/sampling"
)

// The kernels that this processor runs. Those of AVX-512 are fewer: where there
// is none, that of AVX2 serves.
var (
	useAVX2   = cpu.X86.HasAVX2 && cpu.X86.HasFMA
	useAVX512 = useAVX2 && cpu.X86.HasBMI2 && cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ
)

func implementation() string {
	switch {
	case useAVX512:
		return "avx512"
	case useAVX2:
		return "avx2"
	}
	return "generic"
}

func add(dst, a, b []float32) {
	if useAVX512 {
		addAVX512(dst, a, b)
		return
	}
	if useAVX2 {
		addAVX2(dst, a, b)
		return
	}
	addGeneric(dst, a, b)
}

func axpy(y, x []float32, alpha float32) {
	if useAVX512 {
		axpyAVX512(y, x, alpha)
		return
	}
	if useAVX2 {
		axpyAVX2(y, x, alpha)
		return
	}
	axpyGeneric(y, x, alpha)
}

func scale(dst, x []float32, alpha float32) {
	if useAVX512 {
		scaleAVX512(dst, x, alpha)
		return
	}
	if useAVX2 {
		scaleAVX2(dst, x, alpha)
		return
	}
	scaleGeneric(dst, x, alpha)
}

func lerp(dst, src []float32, t float32) {
	if useAVX512 {
		lerpAVX512(dst, src, t)
		return
	}
	if useAVX2 {
		lerpAVX2(dst, src, t)
		return
	}
	lerpGeneric(dst, src, t)
}

func relu(dst, src []float32) {
	if useAVX512 {
		reluAVX512(dst, src)
		return
	}
	if useAVX2 {
		reluAVX2(dst, src)
		return
	}
	reluGeneric(dst, src)
}

func elu(dst, src []float32) {
	if useAVX512 {
		eluAVX512(dst, src)
		return
	}
	if useAVX2 {
		eluAVX2(dst, src)
		return
	}
	eluGeneric(dst, src)
}

func softplus(dst, src []float32) {
	if useAVX512 {
		softplusAVX512(dst, src)
		return
	}
	if useAVX2 {
		softplusAVX2(dst, src)
		return
	}
	softplusGeneric(dst, src)
}

func addReLU(dst, a, b []float32) {
	if useAVX512 {
		addReLUAVX512(dst, a, b)
		return
	}
	if useAVX2 {
		addReLUAVX2(dst, a, b)
		return
	}
	addReLUGeneric(dst, a, b)
}

func addELU(dst, a, b []float32) {
	if useAVX512 {
		addELUAVX512(dst, a, b)
		return
	}
	if useAVX2 {
		addELUAVX2(dst, a, b)
		return
	}
	addELUGeneric(dst, a, b)
}

func addSoftplus(dst, a, b []float32) {
	if useAVX512 {
		addSoftplusAVX512(dst, a, b)
		return
	}
	if useAVX2 {
		addSoftplusAVX2(dst, a, b)
		return
	}
	addSoftplusGeneric(dst, a, b)
}

func reluGrad(g, h []float32) {
	if useAVX512 {
		reluGradAVX512(g, h)
		return
	}
	if useAVX2 {
		reluGradAVX2(g, h)
		return
	}
	reluGradGeneric(g, h)
}

func eluGrad(g, h []float32) {
	if useAVX512 {
		eluGradAVX512(g, h)
		return
	}
	if useAVX2 {
		eluGradAVX2(g, h)
		return
	}
	eluGradGeneric(g, h)
}

func softplusGrad(g, h []float32) {
	if useAVX512 {
		softplusGradAVX512(g, h)
		return
	}
	if useAVX2 {
		softplusGradAVX2(g, h)
		return
	}
	softplusGradGeneric(g, h)
}

func exp(dst, src []float32) {
	if useAVX2 {
		expAVX2(dst, src)
		return
	}
	expGeneric(dst, src)
}

func sumExp(dst, src []float32, shift float32) float64 {
	if useAVX2 {
		return sumExpAVX2(dst, src, shift)
	}
	return sumExpGeneric(dst, src, shift)
}

func dot(x, y []float32) float32 {
	if useAVX2 {
		return dotAVX2(x, y)
	}
	return dotGeneric(x, y)
}

func maximum(x []float32) float32 {
	if useAVX2 {
		return maxAVX2(x)
	}
	return maxGeneric(x)
}

func adam(p, g, m, v []float32, s *AdamStep) {
	if useAVX2 {
		adamAVX2(p, g, m, v, s.Beta1, s.OneMinusBeta1, s.Beta2, s.OneMinusBeta2, s.Step, s.Eps, s.Decay)
		return
	}
	adamGeneric(p, g, m, v, s)
}

func gather(dst []float32, ldd int, src []float32, lds, cols int, rows []int32) {
	if useAVX512 {
		gatherRowsAVX512(len(rows), cols, &dst[0], ldd, &src[0], lds, &rows[0])
		return
	}
	if useAVX2 {
		gatherRowsAVX2(len(rows), cols, &dst[0], ldd, &src[0], lds, &rows[0])
		return
	}
	gatherGeneric(dst, ldd, src, lds, cols, rows)
}

func dots(dst, a []float32, lda int, x []float32, c float32) {
	if useAVX2 {
		rowDots(len(dst), len(x), &dst[0], &a[0], lda, &x[0], c)
		return
	}
	dotsGeneric(dst, a, lda, x, c)
}

func sumColumns(dst []float32, rows int, a []float32, lda int) {
	if useAVX512 {
		columnSumsAVX512(rows, len(dst), &dst[0], &a[0], lda)
		return
	}
	if useAVX2 {
		columnSumsAVX2(rows, len(dst), &dst[0], &a[0], lda)
		return
	}
	sumColumnsGeneric(dst, rows, a, lda)
}

func foldPairs(dx, dz, sums []float32, rows int, joint, marginal []float32, ld int) {
	if useAVX512 {
		foldPairsAVX512(rows, len(sums), &dx[0], &dz[0], &sums[0], &joint[0], &marginal[0], ld)
		return
	}
	if useAVX2 {
		foldPairsAVX2(rows, len(sums), &dx[0], &dz[0], &sums[0], &joint[0], &marginal[0], ld)
		return
	}
	foldPairsByRows(dx, dz, sums, rows, joint, marginal, ld)
}

func reluOutput(d, h []float32, ld int, s, w, dw, db []float32) {
	if useAVX512 {
		reluOutputGradAVX512(len(s), len(w), &d[0], &h[0], ld, &s[0], &w[0], &dw[0], &db[0])
		return
	}
	if useAVX2 {
		reluOutputGradAVX2(len(s), len(w), &d[0], &h[0], ld, &s[0], &w[0], &dw[0], &db[0])
		return
	}
	outputGradGeneric(d, h, ld, s, w, dw, db, reluGradAt)
}

func eluOutput(d, h []float32, ld int, s, w, dw, db []float32) {
	if useAVX512 {
		eluOutputGradAVX512(len(s), len(w), &d[0], &h[0], ld, &s[0], &w[0], &dw[0], &db[0])
		return
	}
	if useAVX2 {
		eluOutputGradAVX2(len(s), len(w), &d[0], &h[0], ld, &s[0], &w[0], &dw[0], &db[0])
		return
	}
	outputGradGeneric(d, h, ld, s, w, dw, db, eluGradAt)
}

func softplusOutput(d, h []float32, ld int, s, w, dw, db []float32) {
	if useAVX512 {
		softplusOutputGradAVX512(len(s), len(w), &d[0], &h[0], ld, &s[0], &w[0], &dw[0], &db[0])
		return
	}
	if useAVX2 {
		softplusOutputGradAVX2(len(s), len(w), &d[0], &h[0], ld, &s[0], &w[0], &dw[0], &db[0])
		return
	}
	outputGradGeneric(d, h, ld, s, w, dw, db, softplusGradAt)
}

func (w *Workspace) gemm(p *product) {
	if useAVX512 {
		w.gemmTiled(p) // to the end
		return
	}
	if useAVX2 {
		w.gemmTiled(p)
	} else {
		w.gemmGeneric(p)
	}
	p.activate()
}

func (p *Packed) setRows(lo, hi int, b []float32, ldb int) {
	if useAVX2 {
		p.setRowsTiled(lo, hi, b, ldb)
		return
	}
	p.setRowsGeneric(lo, hi, b, ldb)
}

func (p *Packed) setColumns(lo, hi int, b []float32, ldb int) {
	if useAVX2 {
		p.setColumnsTiled(lo, hi, b, ldb)
		return
	}
	p.setColumnsGeneric(lo, hi, b, ldb)
}

// permute reports whether it could permute v.
func permute(v []int32, p *sampling.Permutation, inverse bool) bool {
	if !useAVX2 || p.N() > math.MaxInt32 || len(v) == 0 {
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
