//go:build !purego

package f32

import (
	"math"

	"gomine/mine/sampling"
)

// useNEON is true but in tests: Go itself requires NEON.
var useNEON = true

func implementation() string {
	if useNEON {
		return "neon"
	}
	return "generic"
}

func add(dst, a, b []float32) {
	if useNEON {
		addNEON(dst, a, b)
		return
	}
	addGeneric(dst, a, b)
}

func axpy(y, x []float32, alpha float32) {
	if useNEON {
		axpyNEON(y, x, alpha)
		return
	}
	axpyGeneric(y, x, alpha)
}

func scale(dst, x []float32, alpha float32) {
	if useNEON {
		scaleNEON(dst, x, alpha)
		return
	}
	scaleGeneric(dst, x, alpha)
}

func lerp(dst, src []float32, t float32) {
	if useNEON {
		lerpNEON(dst, src, t)
		return
	}
	lerpGeneric(dst, src, t)
}

func relu(dst, src []float32) {
	if useNEON {
		reluNEON(dst, src)
		return
	}
	reluGeneric(dst, src)
}

func elu(dst, src []float32) {
	if useNEON {
		eluNEON(dst, src)
		return
	}
	eluGeneric(dst, src)
}

func softplus(dst, src []float32) {
	if useNEON {
		softplusNEON(dst, src)
		return
	}
	softplusGeneric(dst, src)
}

func addReLU(dst, a, b []float32) {
	if useNEON {
		addReLUNEON(dst, a, b)
		return
	}
	addReLUGeneric(dst, a, b)
}

func addELU(dst, a, b []float32) {
	if useNEON {
		addELUNEON(dst, a, b)
		return
	}
	addELUGeneric(dst, a, b)
}

func addSoftplus(dst, a, b []float32) {
	if useNEON {
		addSoftplusNEON(dst, a, b)
		return
	}
	addSoftplusGeneric(dst, a, b)
}

func reluGrad(g, h []float32) {
	if useNEON {
		reluGradNEON(g, h)
		return
	}
	reluGradGeneric(g, h)
}

func eluGrad(g, h []float32) {
	if useNEON {
		eluGradNEON(g, h)
		return
	}
	eluGradGeneric(g, h)
}

func softplusGrad(g, h []float32) {
	if useNEON {
		softplusGradNEON(g, h)
		return
	}
	softplusGradGeneric(g, h)
}

func exp(dst, src []float32) {
	if useNEON {
		expNEON(dst, src)
		return
	}
	expGeneric(dst, src)
}

func sumExp(dst, src []float32, shift float32) float64 {
	if useNEON {
		return sumExpNEON(dst, src, shift)
	}
	return sumExpGeneric(dst, src, shift)
}

func dot(x, y []float32) float32 {
	if useNEON {
		return dotNEON(x, y)
	}
	return dotGeneric(x, y)
}

func maximum(x []float32) float32 {
	if useNEON {
		return maxNEON(x)
	}
	return maxGeneric(x)
}

func adam(p, g, m, v []float32, s *AdamStep) {
	if useNEON {
		adamNEON(p, g, m, v, s.Beta1, s.OneMinusBeta1, s.Beta2, s.OneMinusBeta2, s.Step, s.Eps, s.Decay)
		return
	}
	adamGeneric(p, g, m, v, s)
}

func gather(dst []float32, ldd int, src []float32, lds, cols int, rows []int32) {
	if useNEON {
		gatherRows(len(rows), cols, &dst[0], ldd, &src[0], lds, &rows[0])
		return
	}
	gatherGeneric(dst, ldd, src, lds, cols, rows)
}

func dots(dst, a []float32, lda int, x []float32, c float32) {
	if useNEON {
		rowDots(len(dst), len(x), &dst[0], &a[0], lda, &x[0], c)
		return
	}
	dotsGeneric(dst, a, lda, x, c)
}

func sumColumns(dst []float32, rows int, a []float32, lda int) {
	if useNEON {
		columnSumsNEON(rows, len(dst), &dst[0], &a[0], lda)
		return
	}
	sumColumnsGeneric(dst, rows, a, lda)
}

func foldPairs(dx, dz, sums []float32, rows int, joint, marginal []float32, ld int) {
	if useNEON {
		foldPairsNEON(rows, len(sums), &dx[0], &dz[0], &sums[0], &joint[0], &marginal[0], ld)
		return
	}
	foldPairsByRows(dx, dz, sums, rows, joint, marginal, ld)
}

func reluOutput(d, h []float32, ld int, s, w, dw, db []float32) {
	if useNEON {
		reluOutputGradNEON(len(s), len(w), &d[0], &h[0], ld, &s[0], &w[0], &dw[0], &db[0])
		return
	}
	outputGradGeneric(d, h, ld, s, w, dw, db, reluGradAt)
}

func eluOutput(d, h []float32, ld int, s, w, dw, db []float32) {
	if useNEON {
		eluOutputGradNEON(len(s), len(w), &d[0], &h[0], ld, &s[0], &w[0], &dw[0], &db[0])
		return
	}
	outputGradGeneric(d, h, ld, s, w, dw, db, eluGradAt)
}

func softplusOutput(d, h []float32, ld int, s, w, dw, db []float32) {
	if useNEON {
		softplusOutputGradNEON(len(s), len(w), &d[0], &h[0], ld, &s[0], &w[0], &dw[0], &db[0])
		return
	}
	outputGradGeneric(d, h, ld, s, w, dw, db, softplusGradAt)
}

func (w *Workspace) gemm(p *product) {
	if useNEON {
		w.gemmTiled(p)
	} else {
		w.gemmGeneric(p)
	}
	p.activate()
}

func (p *Packed) setRows(lo, hi int, b []float32, ldb int) {
	if useNEON {
		p.setRowsTiled(lo, hi, b, ldb)
		return
	}
	p.setRowsGeneric(lo, hi, b, ldb)
}

func (p *Packed) setColumns(lo, hi int, b []float32, ldb int) {
	if useNEON {
		p.setColumnsTiled(lo, hi, b, ldb)
		return
	}
	p.setColumnsGeneric(lo, hi, b, ldb)
}

// permute reports whether it could permute v.
func permute(v []int32, p *sampling.Permutation, inverse bool) bool {
	if !useNEON || p.N() > math.MaxInt32 || len(v) == 0 {
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
