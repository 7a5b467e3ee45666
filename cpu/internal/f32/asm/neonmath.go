package main

// The functions of math.go with the instructions of NEON: the same operations
// in the same order, so that the errors found there hold. FMAX and FMIN return
// NaN whichever operand is NaN.

// reducedExpm1 is [reducedExpm1].
func (k *neon) reducedExpm1(x vreg) (e, n vreg) {
	n = k.copy(k.constant(roundShift))
	k.fmla(n, x, k.constant(log2e))
	t := k.new(fsub, n, k.constant(roundShift))
	r := k.copy(x)
	k.fmls(r, t, k.constant(ln2High))
	k.fmls(r, t, k.constant(ln2Low))
	r2 := k.new(fmul, r, r)
	high := k.copy(k.constant(expm1Poly[2]))
	k.fmla(high, r, k.constant(expm1Poly[3]))
	k.fmla(high, r2, k.constant(expm1Poly[4]))
	q := k.copy(k.constant(expm1Poly[0]))
	k.fmla(q, r, k.constant(expm1Poly[1]))
	k.fmla(q, r2, high)
	k.fmla(r, r2, q)
	k.release(t, r2, high, q)
	return r, n
}

// expm1Negative is [expm1Negative].
func (k *neon) expm1Negative(x vreg) (e, s vreg) {
	x = k.new(fmax, x, k.constant(expm1Min))
	e, s = k.reducedExpm1(x)
	k.release(x)
	k.shiftLeft(s, s, 23)
	k.addInt(s, s, k.constant(one))
	return e, s
}

// exp is [exp].
func (k *neon) exp(x vreg) vreg {
	x = k.new(fmin, x, k.constant(expMax))
	k.into(fmax, x, x, k.constant(expMin))
	e, n := k.reducedExpm1(x)
	k.into(fadd, e, e, k.constant(one))
	half := k.vector()
	k.shiftLeft(half, n, 22)
	k.and(half, half, k.constant(signAndExponent))
	k.shiftLeft(n, n, 23)
	k.subInt(n, n, half)
	k.addInt(half, half, k.constant(one))
	k.addInt(n, n, k.constant(one))
	k.into(fmul, e, e, half)
	k.into(fmul, e, e, n)
	return e
}

// expNegative is [expNegative].
func (k *neon) expNegative(x vreg) vreg {
	x = k.new(fmax, x, k.constant(expMin))
	e, n := k.reducedExpm1(x)
	k.release(x)
	k.into(fadd, e, e, k.constant(one))
	k.shiftLeft(n, n, 23)
	k.addInt(n, n, k.constant(float(1<<25)))
	k.into(fmul, e, e, n)
	k.into(fmul, e, e, k.constant(float(1.0/(1<<25))))
	return e
}

func (k *neon) relu(x vreg) vreg { return k.new(fmax, x, k.constant(0)) }

// elu is [elu].
func (k *neon) elu(x vreg) vreg {
	e, s := k.expm1Negative(k.new(fmin, x, k.constant(0)))
	t := k.new(fsub, s, k.constant(one))
	k.into(fadd, t, t, k.relu(x))
	k.fmla(t, e, s)
	return t
}

// softplus is [softplus].
func (k *neon) softplus(x vreg) vreg {
	y := k.new(fabs, x)
	k.into(fneg, y, y)
	y = k.expNegative(y)
	s := k.new(fadd, y, k.constant(two))
	k.into(fdiv, s, y, s)
	z := k.new(fmul, s, s)
	// Two registers hold p in turn: a multiply-add overwrites what it adds to.
	q := k.vectors(2)
	p := k.constant(log1pPoly[3])
	for i := 2; i >= 0; i-- {
		next := q[i%2]
		k.move(next, k.constant(log1pPoly[i]))
		k.fmla(next, z, p)
		p = next
	}
	sum := k.relu(x)
	k.fmla(sum, s, k.constant(two))
	k.into(fmul, z, z, s)
	k.fmla(sum, z, p)
	return sum
}

// reluGrad is [reluGrad].
func (k *neon) reluGrad(g, h vreg) vreg { return k.new(bic, g, k.new(fcmle0, h)) }

// eluGrad is [eluGrad].
func (k *neon) eluGrad(g, h vreg) vreg {
	y := k.new(fmin, h, k.constant(0))
	k.into(fadd, y, y, k.constant(one))
	k.into(fmul, y, y, g)
	return y
}

// softplusGrad is [softplusGrad].
func (k *neon) softplusGrad(g, h vreg) vreg {
	e, s := k.expm1Negative(k.new(fneg, h))
	t := k.new(fsub, k.constant(one), s)
	k.fmls(t, e, s)
	k.into(fmul, t, t, g)
	return t
}
