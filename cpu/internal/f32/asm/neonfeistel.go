package main

import "fmt"

// feistel is [feistel], four elements at a time.
func (k *neon) feistel(name string, inverse bool) {
	what := "image"
	if inverse {
		what = "origin"
	}
	k.function(name, "func(n int, v *int32, domain, rightBits, leftShift, rightShift int, key *uint32)",
		fmt.Sprintf("%s replaces each of n >= 1 elements of v by its %s under the Feistel permutation of [0, domain), domain < 2^31.", name, what), 0)
	n, pointers := k.param("n"), map[string]xreg{"v": k.param("v")}
	key, x := k.param("key"), k.general()
	everywhere := func() vreg {
		v := k.vector()
		k.emit("VDUP", x, v.s4())
		return v
	}
	// USHL shifts to the right by negative distances.
	right := func(param string) vreg {
		k.reload(param, x)
		k.emit("NEG", x, x)
		return everywhere()
	}
	k.reload("domain", x)
	domain := everywhere()
	k.reload("rightBits", x)
	rightBits := everywhere()
	leftBits, leftShift, rightShift := right("rightBits"), right("leftShift"), right("rightShift")
	var keys [feistelRounds]vreg
	for i := range keys {
		k.emit("MOVWU", memory(key, 4*i), x)
		keys[i] = everywhere()
	}
	// rightMask is 2^rightBits - 1.
	ones := k.constant(0xffffffff)
	rightMask := k.new(ushl, ones, rightBits)
	k.into(bic, rightMask, ones, rightMask)

	k.loop("", 1, n, pointers, func(p place) {
		walk := fmt.Sprintf("walk%d", p.width)
		x, inside := p.load("v"), k.zero()
		k.label(walk)
		l, r := k.new(ushl, x, leftBits), k.vector()
		k.and(r, x, rightMask)
		half := func(round int, in, out vreg, shift vreg) {
			h, t := k.vector(), k.vector()
			k.addInt(h, in, keys[round])
			k.into(mul, h, h, k.constant(feistelM0))
			k.emit("VUSHR", "$15", h.s4(), t.s4())
			k.xor(h, h, t)
			k.into(mul, h, h, k.constant(feistelM1))
			k.into(ushl, h, h, shift)
			k.xor(out, out, h)
			k.release(h, t)
		}
		for round := 0; round < feistelRounds; round += 2 {
			if inverse {
				round := feistelRounds - 2 - round
				half(round+1, l, r, rightShift)
				half(round, r, l, leftShift)
			} else {
				half(round, r, l, leftShift)
				half(round+1, l, r, rightShift)
			}
		}
		k.into(ushl, l, l, rightBits)
		k.emit("VORR", l.b16(), r.b16(), l.b16())
		// Elements that have come back stay as they are.
		k.emit("VBIF", inside.b16(), l.b16(), x.b16())
		k.into(cmgt, l, domain, x)
		k.emit("VORR", l.b16(), inside.b16(), inside.b16())
		k.into(uminv, l, inside)
		all := k.general()
		k.emit("VMOV", fmt.Sprintf("V%d.S[0]", int(l)), all)
		k.emit("CBZ", all, walk)
		p.store(x, "v")
	})
	k.end()
}
