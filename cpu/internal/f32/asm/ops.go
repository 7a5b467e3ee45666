package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// light is the unrolling of loops that do little more than load and store.
const light = 4

func arithmetic() {
	elementwise{
		name: "add", formula: "dst = a + b", slices: "dst, a, b", unroll: light,
		body: func(x access, _ map[string]vec) {
			a, b := x.load("a"), x.load("b")
			VADDPS(b, a, a)
			x.store(a, "dst")
		},
	}.emit()
	elementwise{
		name: "axpy", formula: "y = y + alpha x", slices: "y, x", scalars: "alpha", unroll: light,
		body: func(x access, scalar map[string]vec) {
			v, y := x.load("x"), x.load("y")
			VFMADD231PS(scalar["alpha"], v, y)
			x.store(y, "y")
		},
	}.emit()
	elementwise{
		name: "scale", formula: "dst = alpha x", slices: "dst, x", scalars: "alpha", unroll: light,
		body: func(x access, scalar map[string]vec) {
			v := x.load("x")
			VMULPS(scalar["alpha"], v, v)
			x.store(v, "dst")
		},
	}.emit()
	elementwise{
		name: "lerp", formula: "dst = dst + t (src - dst)", slices: "dst, src", scalars: "t", unroll: light,
		body: func(x access, scalar map[string]vec) {
			d, v := x.load("dst"), x.load("src")
			VSUBPS(d, v, v)
			VFMADD231PS(scalar["t"], v, d)
			x.store(d, "dst")
		},
	}.emit()
}

// adam takes subnormal numbers as zero, as its caller is told: the moments of a
// parameter whose gradient has become zero decay into them, where processors of
// Intel are two orders of magnitude slower.
func adam() {
	elementwise{
		name: "adam", flush: true,
		formula: "m = beta1 m + rest1 g, v = beta2 v + rest2 g^2, p = decay p - step m/(sqrt(v) + eps)",
		slices:  "p, g, m, v", scalars: "beta1, rest1, beta2, rest2, step, eps, decay", unroll: 1,
		body: func(x access, scalar map[string]vec) {
			g, m, v := x.load("g"), x.load("m"), x.load("v")
			VMULPS(scalar["beta1"], m, m)
			VFMADD231PS(scalar["rest1"], g, m)
			x.store(m, "m")
			VMULPS(scalar["beta2"], v, v)
			VMULPS(g, g, g)
			VFMADD231PS(scalar["rest2"], g, v)
			x.store(v, "v")
			VSQRTPS(v, v)
			VADDPS(scalar["eps"], v, v)
			VMULPS(scalar["step"], m, m)
			VDIVPS(v, m, m)
			p := x.load("p")
			VFMSUB132PS(scalar["decay"], m, p)
			x.store(p, "p")
		},
	}.emit()
}

func activations() {
	for _, f := range []struct {
		name, sum, formula string
		unroll             int
		constants          []constant
		apply              func(vec) vec
	}{
		{"relu", "addReLU", "max(x, 0)", light, nil, relu},
		{"elu", "addELU", "x if x > 0, else exp(x) - 1", 1, expm1Constants, elu},
		{"softplus", "addSoftplus", "log(1 + exp(x))", 1, expm1Constants, softplus},
	} {
		elementwise{
			name: f.name, formula: "dst = f(src), f(x) = " + f.formula,
			slices: "dst, src", unroll: f.unroll, constants: f.constants,
			body: func(x access, _ map[string]vec) { x.store(f.apply(x.load("src")), "dst") },
		}.emit()
		elementwise{
			name: f.sum, formula: "dst = f(a + b), f(x) = " + f.formula,
			slices: "dst, a, b", unroll: f.unroll, constants: f.constants,
			body: func(x access, _ map[string]vec) {
				a, b := x.load("a"), x.load("b")
				VADDPS(b, a, a)
				x.store(f.apply(a), "dst")
			},
		}.emit()
	}

	for _, f := range []struct {
		name, formula string
		unroll        int
		widths        map[int][]int // vectors of the strips of outputGrad, by lanes
		constants     []constant
		apply         func(g, h vec) vec
	}{
		{"relu", "1 where h > 0, 0 elsewhere", light, map[int][]int{8: {2, 1}, 16: {8, 4, 1}}, nil, reluGrad},
		{"elu", "min(h, 0) + 1", light, map[int][]int{8: {2, 1}, 16: {4, 1}}, []constant{one}, eluGrad},
		{"softplus", "1 - exp(-h) for h >= 0", 1, map[int][]int{8: {1}, 16: {2, 1}}, expm1Constants[:5], softplusGrad},
	} {
		elementwise{
			name: f.name + "Grad", formula: "g = g f', f' = " + f.formula,
			slices: "g, h", unroll: f.unroll, constants: f.constants,
			body: func(x access, _ map[string]vec) { x.store(f.apply(x.load("g"), x.load("h")), "g") },
		}.emit()
		outputGrad(f.name, f.formula, f.widths[lanes], f.constants, f.apply)
	}
}

func exponentials() {
	elementwise{
		name: "exp", formula: "dst = exp(src)", slices: "dst, src", unroll: 1,
		constants: expm1Constants,
		body:      func(x access, _ map[string]vec) { x.store(exp(x.load("src")), "dst") },
	}.emit()

	function("sumExpAVX2", "func(dst, src []float32, shift float32) float64",
		"sumExpAVX2 sets dst = exp(src - shift) and returns the sum of dst.", expm1Constants[:6]...)
	shift := broadcast("shift")
	sum, upper := zero(), zero()
	loop(1, []string{"dst", "src"}, func(x access) {
		v := x.load("src")
		VSUBPS(shift, v, v)
		v = exp(v)
		if x.masked {
			VANDPS(x.mask, v, v)
		}
		x.store(v, "dst")
		d := YMM()
		VCVTPS2PD(v.AsX(), d)
		VADDPD(d, sum, sum)
		VEXTRACTF128(Imm(1), v, d.AsX())
		VCVTPS2PD(d.AsX(), d)
		VADDPD(d, upper, upper)
	})
	VADDPD(upper, sum, sum)
	VEXTRACTF128(Imm(1), sum, upper.AsX())
	VADDPD(upper.AsX(), sum.AsX(), sum.AsX())
	VHADDPD(sum.AsX(), sum.AsX(), sum.AsX())
	Store(sum.AsX(), ReturnIndex(0))
	end()
}

func dot() {
	function("dotAVX2", "func(x, y []float32) float32", "dotAVX2 returns the sum of x y.")
	// Two loads feed one multiply-add, so four chains keep up with L1.
	acc := make([]vec, light)
	for i := range acc {
		acc[i] = zero()
	}
	loop(light, []string{"x", "y"}, func(x access) {
		VFMADD231PS(x.load("x"), x.load("y"), acc[x.unroll])
	})
	VADDPS(acc[1], acc[0], acc[0])
	VADDPS(acc[3], acc[2], acc[2])
	VADDPS(acc[2], acc[0], acc[0])
	sum, half := acc[0].AsX(), XMM()
	VEXTRACTF128(Imm(1), acc[0], half)
	VADDPS(half, sum, sum)
	VHADDPS(sum, sum, sum)
	VHADDPS(sum, sum, sum)
	Store(sum, ReturnIndex(0))
	end()
}

func maximum() {
	function("maximumAVX2", "func(x []float32) float32",
		"maximumAVX2 returns the largest element of x, NaN if any is NaN, -Inf if there is none.")
	lowest := negativeInf.copy()
	// MAXPS forgets a NaN in its first source, so they are collected apart.
	nan := zero()
	best := make([]vec, light)
	for i := range best {
		best[i] = YMM()
		VMOVAPS(lowest, best[i])
	}
	loop(light, []string{"x"}, func(x access) {
		v := x.load("x")
		if x.masked {
			VBLENDVPS(x.mask, v, lowest, v)
		}
		isNaN := YMM()
		VCMPPS(Imm(unordered), v, v, isNaN)
		VORPS(isNaN, nan, nan)
		VMAXPS(v, best[x.unroll], best[x.unroll])
	})
	VMAXPS(best[1], best[0], best[0])
	VMAXPS(best[3], best[2], best[2])
	VMAXPS(best[2], best[0], best[0])
	largest, half := best[0].AsX(), XMM()
	VEXTRACTF128(Imm(1), best[0], half)
	VMAXPS(half, largest, largest)
	for _, upper := range []uint64{0x0e, 0x01} {
		VPERMILPS(Imm(upper), largest, half)
		VMAXPS(half, largest, largest)
	}
	found := GP32()
	VMOVMSKPS(nan, found)
	TESTL(found, found)
	JZ(LabelRef("return"))
	VMOVUPS(quietNaN.operand(), best[0])
	Label("return")
	Store(largest, ReturnIndex(0))
	end()
}
