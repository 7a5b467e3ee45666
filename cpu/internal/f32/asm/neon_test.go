package main

import (
	"fmt"
	"testing"
)

// TestEncodings compares with what GNU as makes of the same text.
func TestEncodings(t *testing.T) {
	check := func(bits uint32, text string) func(wantBits uint32, wantText string) {
		return func(wantBits uint32, wantText string) {
			t.Helper()
			if text != wantText {
				t.Errorf("%q, want %q", text, wantText)
			}
			if bits != wantBits {
				t.Errorf("%s is %#08x, want %#08x", text, bits, wantBits)
			}
		}
	}
	three := []vreg{1, 18, 31}
	check(fadd.encode(three...))(0x4e3fd641, "fadd v1.4s, v18.4s, v31.4s")
	check(fsub.encode(three...))(0x4ebfd641, "fsub v1.4s, v18.4s, v31.4s")
	check(fmul.encode(three...))(0x6e3fde41, "fmul v1.4s, v18.4s, v31.4s")
	check(fdiv.encode(three...))(0x6e3ffe41, "fdiv v1.4s, v18.4s, v31.4s")
	check(fmax.encode(three...))(0x4e3ff641, "fmax v1.4s, v18.4s, v31.4s")
	check(fmin.encode(three...))(0x4ebff641, "fmin v1.4s, v18.4s, v31.4s")
	check(faddp.encode(three...))(0x6e3fd641, "faddp v1.4s, v18.4s, v31.4s")
	check(fadd2.encode(three...))(0x4e7fd641, "fadd v1.2d, v18.2d, v31.2d")
	check(bic.encode(three...))(0x4e7f1e41, "bic v1.16b, v18.16b, v31.16b")
	check(mul.encode(three...))(0x4ebf9e41, "mul v1.4s, v18.4s, v31.4s")
	check(ushl.encode(three...))(0x6ebf4641, "ushl v1.4s, v18.4s, v31.4s")
	check(cmgt.encode(three...))(0x4ebf3641, "cmgt v1.4s, v18.4s, v31.4s")
	check(uminv.encode(1, 18))(0x6eb1aa41, "uminv s1, v18.4s")
	check(fneg.encode(1, 18))(0x6ea0fa41, "fneg v1.4s, v18.4s")
	check(fabs.encode(1, 18))(0x4ea0fa41, "fabs v1.4s, v18.4s")
	check(fsqrt.encode(1, 18))(0x6ea1fa41, "fsqrt v1.4s, v18.4s")
	check(fcmle0.encode(1, 18))(0x6ea0da41, "fcmle v1.4s, v18.4s, #0.0")
	check(fmaxv.encode(1, 18))(0x6e30fa41, "fmaxv s1, v18.4s")
	check(fcvtl.encode(1, 18))(0x0e617a41, "fcvtl v1.2d, v18.2s")
	check(fcvtl2.encode(1, 18))(0x4e617a41, "fcvtl2 v1.2d, v18.4s")
	check(faddpd.encode(1, 18))(0x7e70da41, "faddp d1, v18.2d")
	for lane, want := range []uint32{0x4f9f1241, 0x4fbf1241, 0x4f9f1a41, 0x4fbf1a41} {
		check(fmlaLane(1, 18, 31, lane))(want, fmt.Sprintf("fmla v1.4s, v18.4s, v31.s[%d]", lane))
	}
}
