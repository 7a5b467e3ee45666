package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// gemmTile512 is gemmTile with 16 floats in a register, for tiles as wide as one,
// two or four panels of B, the last columns masked. The elements of C are the same
// chains. The panels may be packed ones, or 16 columns of B where it is. If
// transposed, A is read where it is: a row of it for every k. What is stored goes
// through ReLU, or its derivative, first if so asked.
func gemmTile512(rows, width int, transposed bool) {
	const unroll = 2
	vectors := width / panelWidth

	name, of := fmt.Sprintf("gemm512x%dx%d", rows, width), fmt.Sprintf("A is [%d*panels, k]", rows)
	if transposed {
		name, of = name+"T", fmt.Sprintf("A is the transpose of [k, %d*panels]", rows)
	}
	function(name, "func(panels, k int, a *float32, lda int, b *float32, ldb, panel int, c *float32, ldc, cols int, bias *float32, accumulate, relu bool, h *float32)",
		fmt.Sprintf("%s sets C = A B, plus bias unless it is nil, plus C if accumulate is set, max(C, 0) if relu is set, and 0 where h <= 0 unless h is nil. %s, C and h [%d*panels, cols], "+
			"B is panels of k rows of %d floats, ldb floats apart, the panels panel floats; panels >= 1, k >= 1, %d < cols <= %d.", name, of, rows, panelWidth, width-panelWidth, width))

	panels := Load(Param("panels"), GP64())
	a := Load(Param("a"), GP64())
	lda := byteStride("lda")
	c := Load(Param("c"), GP64())
	ldc := byteStride("ldc")

	// The lanes of the vectors that are columns of C.
	masks := make([]reg.Register, vectors)
	lanes := GP64()
	MOVQ(I64(-1), lanes)
	BZHIQ(Load(Param("cols"), GP64()), lanes, lanes)
	for j := range masks {
		masks[j] = K()
		KMOVW(lanes.As32(), masks[j])
		if j < vectors-1 {
			SHRQ(Imm(panelWidth), lanes)
		}
	}

	acc := make([][]vec, rows)
	for i := range acc {
		acc[i] = make([]vec, vectors)
		for j := range acc[i] {
			acc[i][j] = ZMM()
		}
	}
	bv := make([]vec, vectors)
	for j := range bv {
		bv[j] = ZMM()
	}
	av := []vec{ZMM(), ZMM()}

	// eachRow emits body with the address of every row of C.
	eachRow := func(body func(i int, row reg.Register)) {
		row := GP64()
		MOVQ(c, row)
		for i := range acc {
			body(i, row)
			if i < rows-1 {
				ADDQ(ldc, row)
			}
		}
	}

	Label("panel")
	eachRow(func(i int, row reg.Register) {
		for j := range acc[i] {
			PREFETCHT0(Mem{Base: row, Disp: 64 * j})
			VPXORD(acc[i][j], acc[i][j], acc[i][j])
		}
	})
	k := Load(Param("k"), GP64())
	b := Load(Param("b"), GP64())
	ldb := byteStride("ldb")
	panel := byteStride("panel")
	b2 := GP64() // the panel after the next, from which the last one is in reach
	if vectors == 4 {
		LEAQ(Mem{Base: b, Index: panel, Scale: 2}, b2)
	}
	// Pointers to every third row of A, or one to its row k.
	third := []reg.Register{GP64()}
	MOVQ(a, third[0])
	if !transposed {
		for len(third) < (rows+2)/3 {
			next := GP64()
			LEAQ(Mem{Base: lda, Index: lda, Scale: 2}, next)
			ADDQ(third[len(third)-1], next)
			third = append(third, next)
		}
	}

	step := func(u int) {
		for j, m := range []Mem{{Base: b}, {Base: b, Index: panel, Scale: 1}, {Base: b2}, {Base: b2, Index: panel, Scale: 1}}[:vectors] {
			VMOVUPS(m, bv[j])
		}
		ADDQ(ldb, b)
		if vectors == 4 {
			ADDQ(ldb, b2)
		}
		for i := range acc {
			m := Mem{Base: third[0], Disp: 4 * i}
			if !transposed {
				m = rowAddress(third[i/3], nil, lda, i%3, 4*u)
			}
			if vectors == 1 {
				VFMADD231PS_BCST(m, bv[0], acc[i][0])
				continue
			}
			VBROADCASTSS(m, av[i%2])
			for j := range acc[i] {
				VFMADD231PS(bv[j], av[i%2], acc[i][j])
			}
		}
		if transposed {
			ADDQ(lda, third[0])
		}
	}
	advance := func(steps int) {
		if !transposed {
			for _, p := range third {
				ADDQ(Imm(uint64(4*steps)), p)
			}
		}
	}
	SUBQ(Imm(unroll), k)
	JLT(LabelRef("rest"))
	Label("unrolled")
	for u := range unroll {
		step(u)
	}
	advance(unroll)
	SUBQ(Imm(unroll), k)
	JGE(LabelRef("unrolled"))
	Label("rest")
	ADDQ(Imm(unroll), k)
	JZ(LabelRef("summed"))
	step(0)
	Label("summed")

	bias := Load(Param("bias"), GP64())
	TESTQ(bias, bias)
	JZ(LabelRef("unbiased"))
	for j := range bv {
		VMOVUPS_Z(Mem{Base: bias, Disp: 64 * j}, masks[j], bv[j])
		for i := range acc {
			VADDPS(bv[j], acc[i][j], acc[i][j])
		}
	}
	Label("unbiased")
	accumulate := Load(Param("accumulate"), GP8())
	TESTB(accumulate, accumulate)
	JZ(LabelRef("store"))
	eachRow(func(i int, row reg.Register) {
		for j := range acc[i] {
			VADDPS(Mem{Base: row, Disp: 64 * j}, acc[i][j], masks[j], acc[i][j])
		}
	})
	Label("store")
	relu := Load(Param("relu"), GP8())
	TESTB(relu, relu)
	JZ(LabelRef("linear"))
	VPXORD(bv[0], bv[0], bv[0])
	for i := range acc {
		for j := range acc[i] {
			VMAXPS(acc[i][j], bv[0], acc[i][j]) // NaN survives, see larger
		}
	}
	Label("linear")
	h := Load(Param("h"), GP64())
	TESTQ(h, h)
	JZ(LabelRef("whole"))
	first := Load(Param("c"), GP64())
	SUBQ(first, h)
	VPXORD(bv[0], bv[0], bv[0])
	eachRow(func(i int, row reg.Register) {
		for j := range acc[i] {
			const notGreaterOrEqual = 9
			positive := K()
			VCMPPS(Imm(notGreaterOrEqual), Mem{Base: row, Index: h, Scale: 1, Disp: 64 * j}, bv[0], masks[j], positive)
			VMOVAPS_Z(acc[i][j], positive, acc[i][j])
		}
	})
	Label("whole")
	eachRow(func(i int, row reg.Register) {
		for j := range acc[i] {
			VMOVUPS(acc[i][j], masks[j], Mem{Base: row, Disp: 64 * j})
		}
	})

	if transposed {
		ADDQ(Imm(uint64(4*rows)), a)
	} else {
		stride := GP64()
		IMUL3Q(Imm(uint64(rows)), lda, stride)
		ADDQ(stride, a)
	}
	stride := GP64()
	IMUL3Q(Imm(uint64(rows)), ldc, stride)
	ADDQ(stride, c)
	DECQ(panels)
	JNZ(LabelRef("panel"))
	end()
}
