package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

var (
	one         = float(1)
	two         = float(2)
	signBit     = constant(0x80000000)
	negativeInf = constant(0xff800000)
	quietNaN    = constant(0x7fc00000)

	// signAndExponent masks what is not significand.
	signAndExponent = constant(0xff800000)

	// roundShift is 1.5*2^23: a float of that size has no fraction bits, so
	// that adding it rounds to the nearest integer, which is then found in the
	// low bits of the sum.
	roundShift = float(1.5 * (1 << 23))

	log2e = float(1.44269504088896341)
	// ln2High is the float32 nearest to ln 2, ln2Low what is missing.
	ln2High = float(0.693147182464599609375)
	ln2Low  = float(-1.90465429995776e-9)

	// Below expMin, exp rounds to zero: half the least subnormal number is
	// exp(-103.97). Above expMax it overflows: the largest number is
	// exp(88.72).
	expMin = float(-104)
	expMax = float(89)
	// expm1Min is where exp(x)-1 has long rounded to -1, since exp(-17.4) is
	// below 2^-25, and 2^n is still far from subnormal.
	expm1Min = float(-30)

	// expm1Poly holds q of expm1(r) = r + r^2 q(r) for |r| <= ln2/2, lowest
	// degree first: the minimax polynomial (Remez) for the error relative to
	// exp(r), which is 3.1e-9; relative to expm1(r) it is at most 2e-8.
	expm1Poly = [...]constant{float(0.49999994), float(0.16666521), float(0.04166838), float(0.00836871), float(0.0013814822)}

	// log1pPoly holds p of log1p(y) = s (2 + z p(z)), s = y/(2+y), z = s^2, for
	// 0 <= y <= 1, lowest degree first: minimax for the error relative to
	// log1p, which is 4.6e-9.
	log1pPoly = [...]constant{float(0.6666641), float(0.40021697), float(0.27999157), float(0.2802439)}

	// expm1Constants are those of reducedExpm1 worth a register; the functions
	// that use it need the others for themselves.
	expm1Constants = []constant{
		roundShift, log2e, ln2High, ln2Low,
		expm1Poly[0], expm1Poly[1], expm1Poly[2], expm1Poly[3],
	}
)

// Predicates of VCMPPS; both are true if an operand is NaN.
const (
	unordered      = 3
	notLessOrEqual = 6
)

func zero() vec {
	z := vector()
	VXORPS(z, z, z)
	return z
}

// larger returns max(floor, x). MAXPS returns its second source, the first
// operand here, when either is NaN: so x comes first and its NaN survives.
func larger(x, floor vec) vec {
	y := vector()
	VMAXPS(x, floor, y)
	return y
}

// smaller returns min(ceiling, x); NaN in x survives as in larger.
func smaller(x, ceiling vec) vec {
	y := vector()
	VMINPS(x, ceiling, y)
	return y
}

// reducedExpm1 writes x = n ln2 + r with |r| <= ln2/2. It returns expm1(r) and
// a register with n in its low bits, above which a shift by 22 or 23 leaves
// nothing else. The caller limits x so that |n| < 256.
func reducedExpm1(x vec) (e, n vec) {
	n = roundShift.copy()
	VFMADD231PS(log2e.operand(), x, n)
	k, r, r2 := vector(), vector(), vector()
	VSUBPS(roundShift.operand(), n, k)
	VMOVAPS(x, r)
	VFNMADD231PS(ln2High.operand(), k, r)
	VFNMADD231PS(ln2Low.operand(), k, r)
	VMULPS(r, r, r2)
	// Estrin's scheme: shorter chains than Horner's, as many operations.
	high := expm1Poly[3].copy()
	VFMADD213PS(expm1Poly[2].operand(), r, high)
	VFMADD231PS(expm1Poly[4].operand(), r2, high)
	e = expm1Poly[1].copy()
	VFMADD213PS(expm1Poly[0].operand(), r, e)
	VFMADD231PS(high, r2, e)
	VFMADD213PS(r, r2, e)
	return e, n
}

// expm1Negative returns e and s = 2^n such that expm1(x) = s e + (s - 1), for
// x <= 0. NaN in x makes e NaN.
func expm1Negative(x vec) (e, s vec) {
	e, s = reducedExpm1(larger(x, expm1Min.register()))
	VPSLLD(Imm(23), s, s)
	VPADDD(one.operand(), s, s)
	return e, s
}

// exp returns exp(x); NaN stays NaN. The power 2^n is applied in two halves,
// each a normal number, so that a subnormal result is rounded once.
func exp(x vec) vec {
	x = smaller(x, expMax.register())
	x = larger(x, expMin.register())
	e, n := reducedExpm1(x)
	VADDPS(one.operand(), e, e)
	half := vector()
	VPSLLD(Imm(22), n, half)
	VANDPS(signAndExponent.operand(), half, half)
	VPSLLD(Imm(23), n, n)
	VPSUBD(half, n, n)
	VPADDD(one.operand(), half, half)
	VPADDD(one.operand(), n, n)
	VMULPS(half, e, e)
	VMULPS(n, e, e)
	return e
}

// expNegative is exp for x <= 0, where 2^(n+25) is always normal and 2^-25
// then rounds a subnormal result once.
func expNegative(x vec) vec {
	e, n := reducedExpm1(larger(x, expMin.register()))
	VADDPS(one.operand(), e, e)
	VPSLLD(Imm(23), n, n)
	VPADDD(float(1<<25).operand(), n, n)
	VMULPS(n, e, e)
	VMULPS(float(1.0/(1<<25)).operand(), e, e)
	return e
}

func relu(x vec) vec { return larger(x, zero()) }

func elu(x vec) vec {
	e, s := expm1Negative(smaller(x, zero()))
	t := vector()
	VSUBPS(one.operand(), s, t)
	VADDPS(relu(x), t, t)
	VFMADD231PS(s, e, t)
	return t
}

// softplus returns max(x, 0) + log1p(exp(-|x|)).
func softplus(x vec) vec {
	y := vector()
	VORPS(signBit.operand(), x, y)
	y = expNegative(y)
	s, z := vector(), vector()
	VADDPS(two.operand(), y, s)
	VDIVPS(s, y, s)
	VMULPS(s, s, z)
	p := log1pPoly[3].copy()
	for i := 2; i >= 0; i-- {
		VFMADD213PS(log1pPoly[i].operand(), z, p)
	}
	// The sum in the order s z p(z) + (2 s + max(x, 0)): what is rounded first
	// is small, or exact where x < 0.
	sum := relu(x)
	VFMADD231PS(two.operand(), s, sum)
	VMULPS(s, z, z)
	VFMADD231PS(z, p, sum)
	return sum
}

// The derivatives of the activations, given by their value h, multiply g.

// reluGrad clears g where h <= 0, also if g is NaN there.
func reluGrad(g, h vec) vec {
	y := vector()
	if lanes == 16 {
		mask := K()
		VCMPPS(Imm(notLessOrEqual), zero(), h, mask)
		VMOVAPS_Z(g, mask, y)
		return y
	}
	mask := vector()
	VCMPPS(Imm(notLessOrEqual), zero(), h, mask)
	VANDPS(mask, g, y)
	return y
}

func eluGrad(g, h vec) vec {
	y := smaller(h, zero())
	VADDPS(one.operand(), y, y)
	VMULPS(y, g, y)
	return y
}

// softplusGrad takes 1 - exp(-h) = (1 - s) - s e without cancellation.
func softplusGrad(g, h vec) vec {
	y := vector()
	VXORPS(signBit.operand(), h, y)
	e, s := expm1Negative(y)
	t := one.copy()
	VSUBPS(s, t, t)
	VFNMADD231PS(s, e, t)
	VMULPS(t, g, t)
	return t
}
