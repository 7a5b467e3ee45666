package f32

import "math"

func addGeneric(dst, a, b []float32) {
	for i, x := range a {
		dst[i] = x + b[i]
	}
}

func axpyGeneric(y, x []float32, alpha float32) {
	for i, v := range x {
		y[i] += alpha * v
	}
}

func scaleGeneric(dst, x []float32, alpha float32) {
	for i, v := range x {
		dst[i] = alpha * v
	}
}

func lerpGeneric(dst, src []float32, t float32) {
	for i, v := range src {
		dst[i] += t * (v - dst[i])
	}
}

func relu1(x float32) float32 { return max(x, 0) }

func elu1(x float32) float32 {
	if x > 0 {
		return x
	}
	return float32(math.Expm1(float64(x)))
}

func softplus1(x float32) float32 {
	y := float64(x)
	return float32(max(y, 0) + math.Log1p(math.Exp(-math.Abs(y))))
}

func reluGeneric(dst, src []float32) {
	for i, x := range src {
		dst[i] = relu1(x)
	}
}

func eluGeneric(dst, src []float32) {
	for i, x := range src {
		dst[i] = elu1(x)
	}
}

func softplusGeneric(dst, src []float32) {
	for i, x := range src {
		dst[i] = softplus1(x)
	}
}

func addReLUGeneric(dst, a, b []float32) {
	for i, x := range a {
		dst[i] = relu1(x + b[i])
	}
}

func addELUGeneric(dst, a, b []float32) {
	for i, x := range a {
		dst[i] = elu1(x + b[i])
	}
}

func addSoftplusGeneric(dst, a, b []float32) {
	for i, x := range a {
		dst[i] = softplus1(x + b[i])
	}
}

// The derivatives of the activations at the point where their value is y, times g.

func reluGradAt(g, y float32) float32 {
	if y <= 0 {
		return 0
	}
	return g
}

func eluGradAt(g, y float32) float32 { return g * (min(y, 0) + 1) }

func softplusGradAt(g, y float32) float32 { return g * float32(-math.Expm1(-float64(y))) }

func reluGradGeneric(g, h []float32) {
	for i, y := range h {
		g[i] = reluGradAt(g[i], y)
	}
}

func eluGradGeneric(g, h []float32) {
	for i, y := range h {
		g[i] = eluGradAt(g[i], y)
	}
}

func softplusGradGeneric(g, h []float32) {
	for i, y := range h {
		g[i] = softplusGradAt(g[i], y)
	}
}

func expGeneric(dst, src []float32) {
	for i, x := range src {
		dst[i] = float32(math.Exp(float64(x)))
	}
}

func sumExpGeneric(dst, src []float32, shift float32) float64 {
	var sum float64
	for i, x := range src {
		y := float32(math.Exp(float64(x - shift)))
		dst[i] = y
		sum += float64(y)
	}
	return sum
}

// dotGeneric keeps four sums, for speed and for a smaller rounding error.
func dotGeneric(x, y []float32) float32 {
	var s0, s1, s2, s3 float32
	for len(x) >= 4 && len(y) >= 4 {
		s0 += x[0] * y[0]
		s1 += x[1] * y[1]
		s2 += x[2] * y[2]
		s3 += x[3] * y[3]
		x, y = x[4:], y[4:]
	}
	for i, v := range x {
		s0 += v * y[i]
	}
	return (s0 + s1) + (s2 + s3)
}

func maximumGeneric(x []float32) float32 {
	m := float32(math.Inf(-1))
	for _, v := range x {
		m = max(m, v)
	}
	return m
}

func adamGeneric(p, g, m, v []float32, s *AdamStep) {
	for i, d := range g {
		m[i] = s.Beta1*m[i] + s.OneMinusBeta1*d
		v[i] = s.Beta2*v[i] + s.OneMinusBeta2*(d*d)
		root := float32(math.Sqrt(float64(v[i])))
		p[i] = s.Decay*p[i] - s.Step*m[i]/(root+s.Eps)
	}
}

func gatherRowsGeneric(dst []float32, ldd int, src []float32, lds, cols int, rows []int32) {
	for i, r := range rows {
		copy(dst[i*ldd:][:cols], src[int(r)*lds:])
	}
}

func rowDotsGeneric(dst, a []float32, lda int, x []float32, c float32) {
	for i := range dst {
		dst[i] = dotGeneric(x, a[i*lda:][:len(x)]) + c
	}
}

func columnSumsGeneric(dst []float32, rows int, a []float32, lda int) {
	clear(dst)
	for i := range rows {
		for j, v := range a[i*lda:][:len(dst)] {
			dst[j] += v
		}
	}
}

// foldPairsGeneric is FoldPairs by what there is for rows.
func foldPairsGeneric(dx, dz, sums []float32, rows int, joint, marginal []float32, ld int) {
	row := func(x []float32, i int) []float32 { return x[i*ld:][:len(sums)] }
	copy(row(dz, 0), row(joint, 0))
	for i := range rows {
		addGeneric(row(dx, i), row(joint, i), row(marginal, i))
		if i > 0 {
			addGeneric(row(dz, i), row(joint, i), row(marginal, i-1))
		}
	}
	copy(row(dz, rows), row(marginal, rows-1))
	columnSumsGeneric(sums, rows, dx, ld)
}

func reluOutputGradGeneric(d, h []float32, ld int, s, w, dw, db []float32) {
	outputGrad(d, h, ld, s, w, dw, db, reluGradAt)
}

func eluOutputGradGeneric(d, h []float32, ld int, s, w, dw, db []float32) {
	outputGrad(d, h, ld, s, w, dw, db, eluGradAt)
}

func softplusOutputGradGeneric(d, h []float32, ld int, s, w, dw, db []float32) {
	outputGrad(d, h, ld, s, w, dw, db, softplusGradAt)
}

// outputGrad is an OutputGrad; grad multiplies by the derivative.
func outputGrad(d, h []float32, ld int, s, w, dw, db []float32, grad func(g, y float32) float32) {
	for i, si := range s {
		di, hi := d[i*ld:][:len(w)], h[i*ld:][:len(w)]
		for j, y := range hi {
			dw[j] += si * y
			di[j] = grad(si*w[j], y)
			db[j] += di[j]
		}
	}
}
