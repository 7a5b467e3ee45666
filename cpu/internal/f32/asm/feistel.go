package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// feistelRounds and the multipliers are those of sampling.Permutation.
const feistelRounds = 8

var (
	feistelM0 = constant(0x7FEB352D)
	feistelM1 = constant(0x846CA68B)
)

// feistel permutes eight elements at a time and walks on with those that have
// left the domain until all are back.
func feistel(name string, inverse bool) {
	what := "image"
	if inverse {
		what = "origin"
	}
	function(name, "func(n int, v *int32, domain, rightBits, leftShift, rightShift int, key *uint32)",
		fmt.Sprintf("%s replaces each of n >= 1 elements of v by its %s under the Feistel permutation of [0, domain), domain < 2^31.", name, what),
		feistelM0, feistelM1)
	n := Load(Param("n"), GP64())
	v := Load(Param("v"), GP64())
	key := Load(Param("key"), GP64())
	domain := YMM()
	VMOVQ(Load(Param("domain"), GP64()), domain.AsX())
	VPBROADCASTD(domain.AsX(), domain)
	shift := func(param string) vec {
		x := XMM()
		VMOVQ(Load(Param(param), GP64()), x)
		return x
	}
	rightBits, leftShift, rightShift := shift("rightBits"), shift("leftShift"), shift("rightShift")
	// rightMask is 2^rightBits - 1.
	rightMask := YMM()
	VPCMPEQD(rightMask, rightMask, rightMask)
	VPSLLD(rightBits, rightMask, rightMask)
	x := YMM()
	VPCMPEQD(x, x, x)
	VPXOR(x, rightMask, rightMask)

	mask, inside := YMM(), YMM()
	Label("vector")
	VPXOR(inside, inside, inside)
	CMPQ(n, Imm(8))
	JLT(LabelRef("partial"))
	VMOVDQU(Mem{Base: v}, x)
	JMP(LabelRef("walk"))
	Label("partial")
	VMOVUPS(columnMask(n), mask)
	VMASKMOVPS(Mem{Base: v}, mask, x)

	Label("walk")
	l, r, y := YMM(), YMM(), YMM()
	VPSRLD(rightBits, x, l)
	VPAND(rightMask, x, r)
	for k := 0; k < feistelRounds; k += 2 {
		if inverse {
			k := feistelRounds - 2 - k
			feistelHalf(key, k+1, l, r, rightShift)
			feistelHalf(key, k, r, l, leftShift)
		} else {
			feistelHalf(key, k, r, l, leftShift)
			feistelHalf(key, k+1, l, r, rightShift)
		}
	}
	VPSLLD(rightBits, l, y)
	VPOR(r, y, y)
	// Elements that have come back stay as they are.
	VBLENDVPS(inside, x, y, x)
	VPCMPGTD(x, domain, y)
	VPOR(y, inside, inside)
	all := GP32()
	VMOVMSKPS(inside, all)
	CMPL(all, U32(0xff))
	JNE(LabelRef("walk"))

	CMPQ(n, Imm(8))
	JLT(LabelRef("storePartial"))
	VMOVDQU(x, Mem{Base: v})
	ADDQ(Imm(32), v)
	SUBQ(Imm(8), n)
	JNZ(LabelRef("vector"))
	end()
	Label("storePartial")
	VMASKMOVPS(x, mask, Mem{Base: v})
	end()
}

// feistelHalf changes one half of the elements, out, by a hash of the other, in,
// with key number k.
func feistelHalf(key reg.Register, k int, in, out, shift vec) {
	h, t := YMM(), YMM()
	VPBROADCASTD(Mem{Base: key, Disp: 4 * k}, h)
	VPADDD(in, h, h)
	VPMULLD(feistelM0.operand(), h, h)
	VPSRLD(Imm(15), h, t)
	VPXOR(t, h, h)
	VPMULLD(feistelM1.operand(), h, h)
	VPSRLD(shift, h, h)
	VPXOR(h, out, out)
}
