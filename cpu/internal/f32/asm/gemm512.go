package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A tile512 is a tile in registers of 16 floats, some panels of B wide.
type tile512 struct {
	*tile
	masks      []reg.Register // the lanes that are columns of C
	transposed bool           // A is read where it is: a row of it for every k
	lda        reg.Register
	third      []reg.Register // pointers to every third row of A, or one to its row k
	b, b2      reg.Register   // b2 is the panel after the next, from which the last one is in reach
	ldb, panel reg.Register
}

// gemmTile512 is gemmTile with 16 floats in a register, for tiles as wide as one,
// two or four panels of B, the last columns masked. The elements of C are the same
// chains. The panels may be packed ones, or 16 columns of B where it is. If
// transposed, A is read where it is: a row of it for every k. What is stored goes
// through ReLU, or its derivative, first if so asked.
func gemmTile512(rows, width int, transposed bool) {
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
	masks := laneMasks(width / panelWidth)
	t := &tile512{tile: newTile(rows, width/panelWidth, ZMM), masks: masks, transposed: transposed, lda: lda}
	t.bv, t.av = registers(t.vectors, ZMM), registers(2, ZMM)
	t.c, t.ldc = c, ldc

	Label("panel")
	t.eachRow(func(i int, row reg.Register) {
		for j := range t.acc[i] {
			PREFETCHT0(Mem{Base: row, Disp: 64 * j})
			VPXORD(t.acc[i][j], t.acc[i][j], t.acc[i][j])
		}
	})
	k := Load(Param("k"), GP64())
	t.point(a)
	t.multiply(k)
	t.addBias()
	t.addOld()
	t.activate()
	t.eachRow(func(i int, row reg.Register) {
		for j := range t.acc[i] {
			VMOVUPS(t.acc[i][j], masks[j], Mem{Base: row, Disp: 64 * j})
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

// laneMasks returns the lanes of so many vectors that are columns of C.
func laneMasks(vectors int) []reg.Register {
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
	return masks
}

// eachRow emits body with the address of every row of C.
func (t *tile512) eachRow(body func(i int, row reg.Register)) {
	row := GP64()
	MOVQ(t.c, row)
	for i := range t.acc {
		body(i, row)
		if i < t.rows-1 {
			ADDQ(t.ldc, row)
		}
	}
}

// point sets the pointers into A, from a on, and into B.
func (t *tile512) point(a reg.Register) {
	t.b = Load(Param("b"), GP64())
	t.ldb = byteStride("ldb")
	t.panel = byteStride("panel")
	t.b2 = GP64()
	if t.vectors == 4 {
		LEAQ(Mem{Base: t.b, Index: t.panel, Scale: 2}, t.b2)
	}
	t.third = []reg.Register{GP64()}
	MOVQ(a, t.third[0])
	if !t.transposed {
		for len(t.third) < (t.rows+2)/3 {
			next := GP64()
			LEAQ(Mem{Base: t.lda, Index: t.lda, Scale: 2}, next)
			ADDQ(t.third[len(t.third)-1], next)
			t.third = append(t.third, next)
		}
	}
}

// step adds the products of one column of A, u behind the pointers, with the next
// row of B.
func (t *tile512) step(u int) {
	for j, m := range []Mem{{Base: t.b}, {Base: t.b, Index: t.panel, Scale: 1}, {Base: t.b2}, {Base: t.b2, Index: t.panel, Scale: 1}}[:t.vectors] {
		VMOVUPS(m, t.bv[j])
	}
	ADDQ(t.ldb, t.b)
	if t.vectors == 4 {
		ADDQ(t.ldb, t.b2)
	}
	for i := range t.acc {
		m := Mem{Base: t.third[0], Disp: 4 * i}
		if !t.transposed {
			m = rowAddress(t.third[i/3], nil, t.lda, i%3, 4*u)
		}
		if t.vectors == 1 {
			VFMADD231PS_BCST(m, t.bv[0], t.acc[i][0])
			continue
		}
		VBROADCASTSS(m, t.av[i%2])
		for j := range t.acc[i] {
			VFMADD231PS(t.bv[j], t.av[i%2], t.acc[i][j])
		}
	}
	if t.transposed {
		ADDQ(t.lda, t.third[0])
	}
}

// multiply adds the products of k columns of A with as many rows of B.
func (t *tile512) multiply(k reg.Register) {
	const unroll = 2
	SUBQ(Imm(unroll), k)
	JLT(LabelRef("rest"))
	Label("unrolled")
	for u := range unroll {
		t.step(u)
	}
	if !t.transposed {
		for _, p := range t.third {
			ADDQ(Imm(4*unroll), p)
		}
	}
	SUBQ(Imm(unroll), k)
	JGE(LabelRef("unrolled"))
	Label("rest")
	ADDQ(Imm(unroll), k)
	JZ(LabelRef("summed"))
	t.step(0)
	Label("summed")
}

// addBias adds the bias, unless it is nil.
func (t *tile512) addBias() {
	bias := Load(Param("bias"), GP64())
	TESTQ(bias, bias)
	JZ(LabelRef("unbiased"))
	for j := range t.bv {
		VMOVUPS_Z(Mem{Base: bias, Disp: 64 * j}, t.masks[j], t.bv[j])
		for i := range t.acc {
			VADDPS(t.bv[j], t.acc[i][j], t.acc[i][j])
		}
	}
	Label("unbiased")
}

// addOld adds what C holds, if accumulate is set.
func (t *tile512) addOld() {
	accumulate := Load(Param("accumulate"), GP8())
	TESTB(accumulate, accumulate)
	JZ(LabelRef("store"))
	t.eachRow(func(i int, row reg.Register) {
		for j := range t.acc[i] {
			VADDPS(Mem{Base: row, Disp: 64 * j}, t.acc[i][j], t.masks[j], t.acc[i][j])
		}
	})
	Label("store")
}

// activate takes the sums through ReLU, if relu is set, and through its
// derivative where it has the value h, unless that is nil.
func (t *tile512) activate() {
	relu := Load(Param("relu"), GP8())
	TESTB(relu, relu)
	JZ(LabelRef("linear"))
	VPXORD(t.bv[0], t.bv[0], t.bv[0])
	t.each(func(i, j int) { VMAXPS(t.acc[i][j], t.bv[0], t.acc[i][j]) }) // NaN survives, see larger
	Label("linear")
	h := Load(Param("h"), GP64())
	TESTQ(h, h)
	JZ(LabelRef("whole"))
	first := Load(Param("c"), GP64())
	SUBQ(first, h)
	VPXORD(t.bv[0], t.bv[0], t.bv[0])
	t.eachRow(func(i int, row reg.Register) {
		for j := range t.acc[i] {
			const notGreaterOrEqual = 9
			positive := K()
			VCMPPS(Imm(notGreaterOrEqual), Mem{Base: row, Index: h, Scale: 1, Disp: 64 * j}, t.bv[0], t.masks[j], positive)
			VMOVAPS_Z(t.acc[i][j], positive, t.acc[i][j])
		}
	})
	Label("whole")
}
