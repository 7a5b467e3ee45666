package main

import "strings"

// elementwise emits a function of slices and, after them, scalars; both are
// lists of names.
func (k *neon) elementwise(name, formula, slices, scalars string, unroll int, body func(p place, scalar map[string]vreg)) {
	name += "NEON"
	signature := "func(" + slices + " []float32"
	if scalars != "" {
		signature += ", " + scalars + " float32"
	}
	k.function(name, signature+")", name+" sets "+formula+".", 0)
	n, pointers := k.operands(strings.Split(slices, ", ")...)
	scalar := map[string]vreg{}
	if scalars != "" {
		for _, s := range strings.Split(scalars, ", ") {
			scalar[s] = k.broadcast(s)
		}
	}
	k.loop("", unroll, n, pointers, func(p place) { body(p, scalar) })
	k.end()
}

func (k *neon) arithmetic() {
	k.elementwise("add", "dst = a + b", "dst, a, b", "", light, func(p place, _ map[string]vreg) {
		p.store(k.new(fadd, p.load("a"), p.load("b")), "dst")
	})
	k.elementwise("axpy", "y = y + alpha x", "y, x", "alpha", light, func(p place, scalar map[string]vreg) {
		y := p.load("y")
		k.fmla(y, p.load("x"), scalar["alpha"])
		p.store(y, "y")
	})
	k.elementwise("scale", "dst = alpha x", "dst, x", "alpha", light, func(p place, scalar map[string]vreg) {
		p.store(k.new(fmul, p.load("x"), scalar["alpha"]), "dst")
	})
	k.elementwise("lerp", "dst = dst + t (src - dst)", "dst, src", "t", light, func(p place, scalar map[string]vreg) {
		d := p.load("dst")
		k.fmla(d, k.new(fsub, p.load("src"), d), scalar["t"])
		p.store(d, "dst")
	})
}

// adam is the operations of [adam]. It leaves subnormal numbers alone, which
// cost processors for arm64 little or nothing.
func (k *neon) adam() {
	k.elementwise("adam", "m = beta1 m + rest1 g, v = beta2 v + rest2 g^2, p = decay p - step m/(sqrt(v) + eps)",
		"p, g, m, v", "beta1, rest1, beta2, rest2, step, eps, decay", 1, func(p place, scalar map[string]vreg) {
			g, m, v := p.load("g"), p.load("m"), p.load("v")
			k.into(fmul, m, m, scalar["beta1"])
			k.fmla(m, g, scalar["rest1"])
			p.store(m, "m")
			k.into(fmul, v, v, scalar["beta2"])
			k.into(fmul, g, g, g)
			k.fmla(v, g, scalar["rest2"])
			p.store(v, "v")
			k.into(fsqrt, v, v)
			k.into(fadd, v, v, scalar["eps"])
			k.into(fmul, m, m, scalar["step"])
			k.into(fdiv, m, m, v)
			k.into(fneg, m, m)
			k.fmla(m, p.load("p"), scalar["decay"])
			p.store(m, "p")
		})
}

func (k *neon) activations() {
	for _, f := range []struct {
		name, sum, formula string
		unroll             int
		apply              func(vreg) vreg
	}{
		{"relu", "addReLU", "max(x, 0)", light, k.relu},
		{"elu", "addELU", "x if x > 0, else exp(x) - 1", 1, k.elu},
		{"softplus", "addSoftplus", "log(1 + exp(x))", 1, k.softplus},
	} {
		k.elementwise(f.name, "dst = f(src), f(x) = "+f.formula, "dst, src", "", f.unroll, func(p place, _ map[string]vreg) {
			p.store(f.apply(p.load("src")), "dst")
		})
		k.elementwise(f.sum, "dst = f(a + b), f(x) = "+f.formula, "dst, a, b", "", f.unroll, func(p place, _ map[string]vreg) {
			a := p.load("a")
			b := p.load("b")
			k.into(fadd, a, a, b)
			k.release(b)
			p.store(f.apply(a), "dst")
		})
	}

	for _, f := range []struct {
		name, formula string
		unroll        int
		widths        []int // vectors of the strips of outputGrad
		apply         func(g, h vreg) vreg
	}{
		{"relu", "1 where h > 0, 0 elsewhere", light, []int{4, 1}, k.reluGrad},
		{"elu", "min(h, 0) + 1", light, []int{4, 1}, k.eluGrad},
		{"softplus", "1 - exp(-h) for h >= 0", 1, []int{2, 1}, k.softplusGrad},
	} {
		k.elementwise(f.name+"Grad", "g = g f', f' = "+f.formula, "g, h", "", f.unroll, func(p place, _ map[string]vreg) {
			p.store(f.apply(p.load("g"), p.load("h")), "g")
		})
		k.outputGrad(f.name, f.formula, f.widths, f.apply)
	}
}

func (k *neon) exponentials() {
	k.elementwise("exp", "dst = exp(src)", "dst, src", "", 1, func(p place, _ map[string]vreg) {
		p.store(k.exp(p.load("src")), "dst")
	})

	k.function("sumExpNEON", "func(dst, src []float32, shift float32) float64",
		"sumExpNEON sets dst = exp(src - shift) and returns the sum of dst.", 0)
	n, pointers := k.operands("dst", "src")
	shift := k.broadcast("shift")
	sum, upper := k.zero(), k.zero()
	k.loop("", 1, n, pointers, func(p place) {
		v := k.exp(k.new(fsub, p.load("src"), shift))
		p.store(v, "dst")
		if p.width == 1 {
			// This leaves 0 in the upper half.
			k.emit("FCVTSD", v.f(), v.f())
			k.into(fadd2, sum, sum, v)
			return
		}
		k.into(fadd2, sum, sum, k.new(fcvtl, v))
		if p.width == neonLanes {
			k.into(fadd2, upper, upper, k.new(fcvtl2, v))
		}
	})
	k.into(fadd2, sum, sum, upper)
	k.into(faddpd, sum, sum)
	k.emit("FMOVD", sum.f(), k.argument("ret"))
	k.end()
}

func (k *neon) dot() {
	k.function("dotNEON", "func(x, y []float32) float32", "dotNEON returns the sum of x y.", 0)
	n, pointers := k.operands("x", "y")
	// Two loads feed one multiply-add, so a loop can't start more than one or
	// two in a cycle, and eight chains cover the latency.
	const chains = 8
	acc := k.vectors(chains)
	for _, v := range acc {
		k.clear(v)
	}
	k.loop("", chains, n, pointers, func(p place) {
		k.fmla(acc[p.unroll], p.load("x"), p.load("y"))
	})
	for half := chains / 2; half > 0; half /= 2 {
		for i := range half {
			k.into(fadd, acc[i], acc[i], acc[i+half])
		}
	}
	k.into(faddp, acc[0], acc[0], acc[0])
	k.into(faddp, acc[0], acc[0], acc[0])
	k.emit("FMOVS", acc[0].f(), k.argument("ret"))
	k.end()
}

func (k *neon) maximum() {
	k.function("maximumNEON", "func(x []float32) float32",
		"maximumNEON returns the largest element of x, NaN if any is NaN, -Inf if there is none.", 0)
	n, pointers := k.operands("x")
	best := k.vectors(light)
	for _, v := range best {
		k.move(v, k.constant(negativeInf))
	}
	k.loop("", light, n, pointers, func(p place) {
		k.into(fmax, best[p.unroll], best[p.unroll], p.loadOver("x", k.constant(negativeInf)))
	})
	k.into(fmax, best[0], best[0], best[1])
	k.into(fmax, best[2], best[2], best[3])
	k.into(fmax, best[0], best[0], best[2])
	k.into(fmaxv, best[0], best[0])
	k.emit("FMOVS", best[0].f(), k.argument("ret"))
	k.end()
}
