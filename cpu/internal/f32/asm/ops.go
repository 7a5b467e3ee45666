package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// light is the unrolling of loops that do little more than load and store.
const light = 4

func arithmetic() {
	elementwise("addAVX2", "addAVX2 sets dst = a + b.", light, "dst, a, b", "",
		func(x access, _ map[string]vec) {
			a, b := x.load("a"), x.load("b")
			VADDPS(b, a, a)
			x.store(a, "dst")
		})
	elementwise("axpyAVX2", "axpyAVX2 sets y = y + alpha x.", light, "y, x", "alpha",
		func(x access, s map[string]vec) {
			v, y := x.load("x"), x.load("y")
			VFMADD231PS(s["alpha"], v, y)
			x.store(y, "y")
		})
	elementwise("scaleAVX2", "scaleAVX2 sets dst = alpha x.", light, "dst, x", "alpha",
		func(x access, s map[string]vec) {
			v := x.load("x")
			VMULPS(s["alpha"], v, v)
			x.store(v, "dst")
		})
	elementwise("lerpAVX2", "lerpAVX2 sets dst = dst + t (src - dst).", light, "dst, src", "t",
		func(x access, s map[string]vec) {
			d, v := x.load("dst"), x.load("src")
			VSUBPS(d, v, v)
			VFMADD231PS(s["t"], v, d)
			x.store(d, "dst")
		})
}

// larger returns max(floor, x). MAXPS returns its second source, the first
// operand here, when either is NaN: so the data comes first and NaN survives.
func larger(x, floor vec) vec {
	y := YMM()
	VMAXPS(x, floor, y)
	return y
}

// smaller returns min(ceiling, x), NaN surviving as in larger.
func smaller(x, ceiling vec) vec {
	y := YMM()
	VMINPS(x, ceiling, y)
	return y
}

func zero() vec {
	z := YMM()
	VXORPS(z, z, z)
	return z
}

const (
	// magic is 1.5*2^23: a float of that size has no fraction bits, so that
	// adding it rounds to the nearest integer, which is then found in the low
	// bits of the sum.
	magic = 12582912

	log2e = 1.44269504088896341
	// ln2Hi is the float32 nearest to ln 2; ln2Lo is what is missing.
	ln2Hi = 0.693147182464599609375
	ln2Lo = -1.90465429995776e-9

	// Below expMin, exp rounds to zero (half the least subnormal is
	// exp(-103.97)); above expMax it overflows (the largest float is
	// exp(88.72)).
	expMin = -104
	expMax = 89
	// expm1Min is where exp(x)-1 has long rounded to -1 (exp(-17.4) is below
	// 2^-25) and 2^n is still far from subnormal.
	expm1Min = -30
)

// expm1Poly holds q of expm1(r) = r + r^2 q(r) for |r| <= ln2/2, lowest degree
// first: the minimax polynomial (Remez) for the error relative to exp(r),
// which is 3.1e-9; relative to expm1(r) it is at most 2e-8.
var expm1Poly = [...]float32{0.49999994, 0.16666521, 0.04166838, 0.00836871, 0.0013814822}

// log1pPoly holds p of log1p(y) = s (2 + z p(z)), s = y/(2+y), z = s^2, for
// 0 <= y <= 1, lowest degree first: minimax for the error relative to log1p,
// which is 4.6e-9.
var log1pPoly = [...]float32{0.6666641, 0.40021697, 0.27999157, 0.2802439}

// horner returns the polynomial with coefficients c at x.
func horner(c []float32, x vec) vec {
	p := hoist(float(c[len(c)-1]))
	for i := len(c) - 2; i >= 0; i-- {
		VFMADD213PS(float(c[i]), x, p)
	}
	return p
}

// reducedExpm1 writes x = n ln2 + r with |r| <= ln2/2. It returns expm1(r) and
// a register with n in its low bits, above which 23-bit shifts leave nothing.
// The caller limits x so that |n| < 256.
func reducedExpm1(x vec) (em1, n vec) {
	n = hoist(float(magic))
	VFMADD231PS(float(log2e), x, n)
	r := YMM()
	VSUBPS(float(magic), n, r)
	k := r
	r = YMM()
	VMOVAPS(x, r)
	VFNMADD231PS(float(ln2Hi), k, r)
	VFNMADD231PS(float(ln2Lo), k, r)
	em1 = horner(expm1Poly[:], r)
	r2 := YMM()
	VMULPS(r, r, r2)
	VFMADD213PS(r, r2, em1)
	return em1, n
}

// expm1Negative returns e = expm1(r) and s = 2^n such that expm1(x) =
// s e + (s - 1), for x <= 0.
func expm1Negative(x vec) (e, s vec) {
	x = larger(x, hoist(float(expm1Min)))
	e, s = reducedExpm1(x)
	VPSLLD(Imm(23), s, s)
	VPADDD(float(1), s, s)
	return e, s
}

// exp returns exp(x) for x <= expMax; NaN stays NaN. The power 2^n is applied
// in two halves, each a normal number, so that the one rounding of a subnormal
// result is in the last multiplication.
func exp(x vec) vec {
	x = larger(x, hoist(float(expMin)))
	p, n := reducedExpm1(x)
	VADDPS(float(1), p, p)
	half := YMM()
	VPSLLD(Imm(22), n, half)
	VPAND(bits(0xff800000), half, half)
	VPSLLD(Imm(23), n, n)
	VPSUBD(half, n, n)
	VPADDD(float(1), half, half)
	VPADDD(float(1), n, n)
	VMULPS(half, p, p)
	VMULPS(n, p, p)
	return p
}

func relu(x vec) vec { return larger(x, zero()) }

func elu(x vec) vec {
	e, s := expm1Negative(smaller(x, zero()))
	t := YMM()
	VSUBPS(float(1), s, t)
	VADDPS(relu(x), t, t)
	VFMADD231PS(s, e, t)
	return t
}

func softplus(x vec) vec {
	y := YMM()
	VORPS(bits(0x80000000), x, y)
	y = exp(y)
	d := YMM()
	VADDPS(float(2), y, d)
	s := y
	VDIVPS(d, y, s)
	z := YMM()
	VMULPS(s, s, z)
	p := horner(log1pPoly[:], z)
	VFMADD213PS(float(2), z, p)
	VFMADD213PS(relu(x), s, p)
	return p
}

func activations() {
	for _, f := range []struct {
		name, title, formula string
		unroll               int
		apply                func(vec) vec
	}{
		{"relu", "ReLU", "max(x, 0)", light, relu},
		{"elu", "ELU", "x if x > 0, else exp(x) - 1", 1, elu},
		{"softplus", "Softplus", "log(1 + exp(x))", 1, softplus},
	} {
		elementwise(f.name+"AVX2", f.name+"AVX2 sets dst = f(src), f(x) = "+f.formula+".", f.unroll, "dst, src", "",
			func(x access, _ map[string]vec) { x.store(f.apply(x.load("src")), "dst") })
		name := "add" + f.title + "AVX2"
		elementwise(name, name+" sets dst = f(a + b), f(x) = "+f.formula+".", f.unroll, "dst, a, b", "",
			func(x access, _ map[string]vec) {
				a, b := x.load("a"), x.load("b")
				VADDPS(b, a, a)
				x.store(f.apply(a), "dst")
			})
	}

	elementwise("reluGradAVX2", "reluGradAVX2 sets g = 0 where h <= 0.", light, "g, h", "",
		func(x access, _ map[string]vec) {
			g, h := x.load("g"), x.load("h")
			VCMPPS(Imm(notLessOrEqual), zero(), h, h)
			VANDPS(h, g, g)
			x.store(g, "g")
		})
	elementwise("eluGradAVX2", "eluGradAVX2 sets g = g min(h + 1, 1).", light, "g, h", "",
		func(x access, _ map[string]vec) {
			g, h := x.load("g"), x.load("h")
			h = smaller(h, zero())
			VADDPS(float(1), h, h)
			VMULPS(h, g, g)
			x.store(g, "g")
		})
	elementwise("softplusGradAVX2", "softplusGradAVX2 sets g = g (1 - exp(-h)) for h >= 0.", 1, "g, h", "",
		func(x access, _ map[string]vec) {
			g, h := x.load("g"), x.load("h")
			VXORPS(bits(0x80000000), h, h)
			e, s := expm1Negative(h)
			// 1 - exp(-h) = (1 - s) - s e.
			t := hoist(float(1))
			VSUBPS(s, t, t)
			VFNMADD231PS(s, e, t)
			VMULPS(t, g, g)
			x.store(g, "g")
		})
}

// notLessOrEqual is the VCMPPS predicate !(a <= b), true for NaN.
const notLessOrEqual = 6

func exponentials() {
	elementwise("expAVX2", "expAVX2 sets dst = exp(src).", 1, "dst, src", "",
		func(x access, _ map[string]vec) {
			x.store(exp(smaller(x.load("src"), hoist(float(expMax)))), "dst")
		})

	TEXT("sumExpAVX2", NOSPLIT, "func(dst, src []float32, shift float32) float64")
	Doc("sumExpAVX2 sets dst = exp(src - shift) and returns the sum of dst.")
	Pragma("noescape")
	shift := broadcast("shift")
	sum := []vec{YMM(), YMM()}
	for _, s := range sum {
		VXORPD(s, s, s)
	}
	loop(1, []string{"dst", "src"}, func(x access) {
		v := x.load("src")
		VSUBPS(shift, v, v)
		v = exp(smaller(v, hoist(float(expMax))))
		if x.mask != nil {
			VANDPS(*x.mask, v, v)
		}
		x.store(v, "dst")
		lo, hi := YMM(), YMM()
		VCVTPS2PD(v.AsX(), lo)
		VEXTRACTF128(Imm(1), v, hi.AsX())
		VCVTPS2PD(hi.AsX(), hi)
		VADDPD(lo, sum[0], sum[0])
		VADDPD(hi, sum[1], sum[1])
	})
	VADDPD(sum[1], sum[0], sum[0])
	VEXTRACTF128(Imm(1), sum[0], sum[1].AsX())
	VADDPD(sum[1].AsX(), sum[0].AsX(), sum[0].AsX())
	VHADDPD(sum[0].AsX(), sum[0].AsX(), sum[0].AsX())
	Store(sum[0].AsX(), ReturnIndex(0))
	VZEROUPPER()
	RET()
}

func dot() {
	TEXT("dotAVX2", NOSPLIT, "func(x, y []float32) float32")
	Doc("dotAVX2 returns the sum of x y.")
	Pragma("noescape")
	// Two loads feed one multiply-add, so four chains keep up with L1.
	acc := make([]vec, light)
	for i := range acc {
		acc[i] = zero()
	}
	loop(light, []string{"x", "y"}, func(x access) {
		a, b := x.load("x"), x.load("y")
		VFMADD231PS(b, a, acc[x.disp/32])
	})
	VADDPS(acc[1], acc[0], acc[0])
	VADDPS(acc[3], acc[2], acc[2])
	VADDPS(acc[2], acc[0], acc[0])
	half := YMM()
	VEXTRACTF128(Imm(1), acc[0], half.AsX())
	VADDPS(half.AsX(), acc[0].AsX(), acc[0].AsX())
	VHADDPS(acc[0].AsX(), acc[0].AsX(), acc[0].AsX())
	VHADDPS(acc[0].AsX(), acc[0].AsX(), acc[0].AsX())
	Store(acc[0].AsX(), ReturnIndex(0))
	VZEROUPPER()
	RET()
}

func maximum() {
	TEXT("maxAVX2", NOSPLIT, "func(x []float32) float32")
	Doc("maxAVX2 returns the largest element of x, NaN if any is NaN, -Inf if there is none.")
	Pragma("noescape")
	lowest := hoist(bits(negativeInf))
	// MAXPS forgets a NaN in its first source, so they are collected apart.
	nan := zero()
	best := make([]vec, light)
	for i := range best {
		best[i] = YMM()
		VMOVAPS(lowest, best[i])
	}
	loop(light, []string{"x"}, func(x access) {
		v := x.load("x")
		if x.mask != nil {
			VBLENDVPS(*x.mask, v, lowest, v)
		}
		unordered := YMM()
		VCMPPS(Imm(3), v, v, unordered)
		VORPS(unordered, nan, nan)
		b := best[x.disp/32]
		VMAXPS(v, b, b)
	})
	VMAXPS(best[1], best[0], best[0])
	VMAXPS(best[3], best[2], best[2])
	VMAXPS(best[2], best[0], best[0])
	half := YMM()
	VEXTRACTF128(Imm(1), best[0], half.AsX())
	VMAXPS(half.AsX(), best[0].AsX(), best[0].AsX())
	VPERMILPS(Imm(0x0e), best[0].AsX(), half.AsX())
	VMAXPS(half.AsX(), best[0].AsX(), best[0].AsX())
	VPERMILPS(Imm(0x01), best[0].AsX(), half.AsX())
	VMAXPS(half.AsX(), best[0].AsX(), best[0].AsX())
	found := GP32()
	VMOVMSKPS(nan, found)
	TESTL(found, found)
	JZ(LabelRef("return"))
	VMOVUPS(bits(quietNaN), best[0])
	Label("return")
	Store(best[0].AsX(), ReturnIndex(0))
	VZEROUPPER()
	RET()
}

const (
	negativeInf = 0xff800000
	quietNaN    = 0x7fc00000
)

func adam() {
	elementwise("adamAVX2", "adamAVX2 sets m = beta1 m + rest1 g, v = beta2 v + rest2 g^2, p = decay p - step m/(sqrt(v) + eps).", 1,
		"p, g, m, v", "beta1, rest1, beta2, rest2, step, eps, decay",
		func(x access, s map[string]vec) {
			g, m, v := x.load("g"), x.load("m"), x.load("v")
			VMULPS(s["beta1"], m, m)
			VFMADD231PS(s["rest1"], g, m)
			x.store(m, "m")
			VMULPS(s["beta2"], v, v)
			VMULPS(g, g, g)
			VFMADD231PS(s["rest2"], g, v)
			x.store(v, "v")
			VSQRTPS(v, v)
			VADDPS(s["eps"], v, v)
			VMULPS(s["step"], m, m)
			VDIVPS(v, m, m)
			p := x.load("p")
			VFMSUB132PS(s["decay"], m, p)
			x.store(p, "p")
		})
}
