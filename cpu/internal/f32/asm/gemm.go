package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// panelWidth is the number of columns in a packed panel of B.
const panelWidth = 16

// rowAddress returns the address of byte disp in row i <= 5 of a matrix whose
// rows are stride bytes apart; base3 points three rows below base, so that
// every row is within reach of one scaled index.
func rowAddress(base, base3, stride reg.Register, i, disp int) Mem {
	m := Mem{Base: base, Disp: disp}
	if i >= 3 {
		m.Base = base3
		i -= 3
	}
	if i > 0 {
		m.Index, m.Scale = stride, uint8(i)
	}
	return m
}

// A tile is a block of rows of C, width columns wide, whose elements are sums in
// registers.
type tile struct {
	rows, vectors int
	acc           [][]vec // [rows][vectors]
	bv, av        []vec   // of B and A
	c, c3, ldc    reg.Register
}

// newTile returns a tile without registers for A and B.
func newTile(rows, vectors int, register func() vec) *tile {
	t := &tile{rows: rows, vectors: vectors, acc: make([][]vec, rows)}
	for i := range t.acc {
		t.acc[i] = registers(vectors, register)
	}
	return t
}

// registers returns n new registers.
func registers(n int, register func() vec) []vec {
	all := make([]vec, n)
	for i := range all {
		all[i] = register()
	}
	return all
}

// each emits body for every register of sums.
func (t *tile) each(body func(i, j int)) {
	for i := range t.acc {
		for j := range t.acc[i] {
			body(i, j)
		}
	}
}

// gemmTile multiplies consecutive panels of rows rows of A with one packed
// panel of B. Every element of C is one chain of fused multiply-adds over k,
// started from zero, to which the bias and then the old value are added: the
// same operations in the same order in every tile, whatever its shape.
func gemmTile(rows, width int) {
	name := fmt.Sprintf("gemm%dx%d", rows, width)
	function(name, "func(panels, k int, a *float32, lda int, b, c *float32, ldc, cols int, bias *float32, accumulate bool)",
		fmt.Sprintf("%s sets C = A B, plus bias unless it is nil, plus C if accumulate is set. A is [%d*panels, k], C [%[2]d*panels, cols], "+
			"B a panel of k rows of %d floats; panels >= 1, k >= 1, 1 <= cols <= %d.", name, rows, panelWidth, width))

	panels := Load(Param("panels"), GP64())
	a := Load(Param("a"), GP64())
	lda := Load(Param("lda"), GP64())
	c := Load(Param("c"), GP64())
	ldc := Load(Param("ldc"), GP64())
	SHLQ(Imm(2), lda)
	SHLQ(Imm(2), ldc)
	t := newTile(rows, width/8, YMM)
	t.bv, t.av = registers(2, YMM), registers(2, YMM)
	t.c, t.ldc = c, ldc

	Label("panel")
	k := Load(Param("k"), GP64())
	b := Load(Param("b"), GP64())
	ap, ap3, c3 := GP64(), GP64(), GP64()
	MOVQ(a, ap)
	LEAQ(Mem{Base: lda, Index: lda, Scale: 2}, ap3)
	ADDQ(a, ap3)
	LEAQ(Mem{Base: ldc, Index: ldc, Scale: 2}, c3)
	ADDQ(c, c3)
	t.c3 = c3
	for i := range t.acc {
		PREFETCHT0(t.at(i, 0))
		for j := range t.acc[i] {
			VXORPS(t.acc[i][j], t.acc[i][j], t.acc[i][j])
		}
	}
	t.multiply(k, b, ap, ap3, lda)

	cols := Load(Param("cols"), GP64())
	bias := Load(Param("bias"), GP64())
	accumulate := Load(Param("accumulate"), GP8())
	CMPQ(cols, Imm(uint64(width)))
	JNE(LabelRef("masked"))
	t.store(bias, accumulate)
	JMP(LabelRef("next"))
	Label("masked")
	t.storeMasked(cols, bias, accumulate)

	Label("next")
	stride := GP64()
	IMUL3Q(Imm(uint64(rows)), lda, stride)
	ADDQ(stride, a)
	IMUL3Q(Imm(uint64(rows)), ldc, stride)
	ADDQ(stride, c)
	DECQ(panels)
	JNZ(LabelRef("panel"))
	end()
}

// at returns where vector j of row i of C is.
func (t *tile) at(i, j int) Mem { return rowAddress(t.c, t.c3, t.ldc, i, 32*j) }

// multiply adds the products of k columns of A with as many rows of B.
func (t *tile) multiply(k, b, ap, ap3, lda reg.Register) {
	const unroll = 4
	step := func(u int) {
		for j := range t.vectors {
			VMOVUPS(Mem{Base: b, Disp: 4*panelWidth*u + 32*j}, t.bv[j])
		}
		for i := range t.acc {
			VBROADCASTSS(rowAddress(ap, ap3, lda, i, 4*u), t.av[i%2])
			for j := range t.acc[i] {
				VFMADD231PS(t.bv[j], t.av[i%2], t.acc[i][j])
			}
		}
	}
	advance := func(steps int) {
		ADDQ(U32(4*panelWidth*steps), b)
		ADDQ(Imm(uint64(4*steps)), ap)
		ADDQ(Imm(uint64(4*steps)), ap3)
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
	Label("single")
	step(0)
	advance(1)
	DECQ(k)
	JNZ(LabelRef("single"))
	Label("summed")
}

// store stores a whole tile.
func (t *tile) store(bias, accumulate reg.Register) {
	TESTQ(bias, bias)
	JZ(LabelRef("unbiased"))
	for j := range t.vectors {
		VMOVUPS(Mem{Base: bias, Disp: 32 * j}, t.bv[j])
		for i := range t.acc {
			VADDPS(t.bv[j], t.acc[i][j], t.acc[i][j])
		}
	}
	Label("unbiased")
	TESTB(accumulate, accumulate)
	JZ(LabelRef("store"))
	t.each(func(i, j int) { VADDPS(t.at(i, j), t.acc[i][j], t.acc[i][j]) })
	Label("store")
	t.each(func(i, j int) { VMOVUPS(t.acc[i][j], t.at(i, j)) })
}

// storeMasked stores the first columns of a tile.
func (t *tile) storeMasked(cols, bias, accumulate reg.Register) {
	mask := registers(2, YMM)
	table := columnMask(cols)
	for j := range t.vectors {
		VMOVUPS(table.Offset(32*j), mask[j])
	}
	TESTQ(bias, bias)
	JZ(LabelRef("maskedUnbiased"))
	for j := range t.vectors {
		VMASKMOVPS(Mem{Base: bias, Disp: 32 * j}, mask[j], t.bv[j])
		for i := range t.acc {
			VADDPS(t.bv[j], t.acc[i][j], t.acc[i][j])
		}
	}
	Label("maskedUnbiased")
	TESTB(accumulate, accumulate)
	JZ(LabelRef("maskedStore"))
	t.each(func(i, j int) {
		VMASKMOVPS(t.at(i, j), mask[j], t.bv[j])
		VADDPS(t.bv[j], t.acc[i][j], t.acc[i][j])
	})
	Label("maskedStore")
	t.each(func(i, j int) { VMASKMOVPS(t.acc[i][j], mask[j], t.at(i, j)) })
}

// packRows copies a strip of at most one panel's width, padded with zeros.
func packRows() {
	function("packRows", "func(rows, cols int, dst, src *float32, lds int)",
		fmt.Sprintf("packRows copies rows >= 1 rows of 1 <= cols <= %d floats, lds floats apart in src, to rows of %[1]d in dst, padded with zeros.", panelWidth))
	rows := Load(Param("rows"), GP64())
	cols := Load(Param("cols"), GP64())
	dst := Load(Param("dst"), GP64())
	src := Load(Param("src"), GP64())
	lds := Load(Param("lds"), GP64())
	SHLQ(Imm(2), lds)
	lo, hi := YMM(), YMM()
	CMPQ(cols, Imm(panelWidth))
	JNE(LabelRef("partial"))

	Label("whole")
	VMOVUPS(Mem{Base: src}, lo)
	VMOVUPS(Mem{Base: src, Disp: 32}, hi)
	VMOVUPS(lo, Mem{Base: dst})
	VMOVUPS(hi, Mem{Base: dst, Disp: 32})
	ADDQ(lds, src)
	ADDQ(Imm(4*panelWidth), dst)
	DECQ(rows)
	JNZ(LabelRef("whole"))
	end()

	Label("partial")
	maskLo, maskHi := YMM(), YMM()
	table := columnMask(cols)
	VMOVUPS(table, maskLo)
	VMOVUPS(table.Offset(32), maskHi)
	Label("masked")
	VMASKMOVPS(Mem{Base: src}, maskLo, lo)
	VMASKMOVPS(Mem{Base: src, Disp: 32}, maskHi, hi)
	VMOVUPS(lo, Mem{Base: dst})
	VMOVUPS(hi, Mem{Base: dst, Disp: 32})
	ADDQ(lds, src)
	ADDQ(Imm(4*panelWidth), dst)
	DECQ(rows)
	JNZ(LabelRef("masked"))
	end()
}

// transpose8 transposes 8x8 blocks in registers: pairs of rows are interleaved
// twice within 128-bit lanes, then the lanes are exchanged.
func transpose8() {
	function("transpose8", "func(cols int, dst *float32, ldd int, src *float32, lds int)",
		"transpose8 writes the transpose of the [8, cols] matrix src to the [cols, 8] matrix dst; their rows are lds and ldd floats apart.")
	cols := Load(Param("cols"), GP64())
	dst := Load(Param("dst"), GP64())
	ldd := Load(Param("ldd"), GP64())
	src := Load(Param("src"), GP64())
	lds := Load(Param("lds"), GP64())
	SHLQ(Imm(2), ldd)
	SHLQ(Imm(2), lds)
	src3, src6 := GP64(), GP64()
	LEAQ(Mem{Base: lds, Index: lds, Scale: 2}, src3)
	LEAQ(Mem{Base: src, Index: src3, Scale: 2}, src6)
	ADDQ(src, src3)

	row := func(i int) Mem {
		if i >= 6 {
			return rowAddress(src6, nil, lds, i-6, 0)
		}
		return rowAddress(src, src3, lds, i, 0)
	}
	x, y := make([]vec, 8), make([]vec, 8)
	for i := range x {
		x[i], y[i] = YMM(), YMM()
	}
	exchange := func() {
		for i := 0; i < 8; i += 2 {
			VUNPCKLPS(x[i+1], x[i], y[i])
			VUNPCKHPS(x[i+1], x[i], y[i+1])
		}
		for i := 0; i < 8; i += 4 {
			VSHUFPS(Imm(0x44), y[i+2], y[i], x[i])
			VSHUFPS(Imm(0xee), y[i+2], y[i], x[i+1])
			VSHUFPS(Imm(0x44), y[i+3], y[i+1], x[i+2])
			VSHUFPS(Imm(0xee), y[i+3], y[i+1], x[i+3])
		}
		for i := range 4 {
			VPERM2F128(Imm(0x20), x[i+4], x[i], y[i])
			VPERM2F128(Imm(0x31), x[i+4], x[i], y[i+4])
		}
	}

	SUBQ(Imm(8), cols)
	JLT(LabelRef("rest"))
	Label("block")
	for i := range x {
		VMOVUPS(row(i), x[i])
	}
	exchange()
	for i := range y {
		VMOVUPS(y[i], Mem{Base: dst})
		ADDQ(ldd, dst)
	}
	for _, p := range []reg.Register{src, src3, src6} {
		ADDQ(Imm(32), p)
	}
	SUBQ(Imm(8), cols)
	JGE(LabelRef("block"))

	Label("rest")
	ADDQ(Imm(8), cols)
	JZ(LabelRef("return"))
	mask := YMM()
	VMOVUPS(columnMask(cols), mask)
	for i := range x {
		VMASKMOVPS(row(i), mask, x[i])
	}
	exchange()
	for i := range 7 {
		VMOVUPS(y[i], Mem{Base: dst})
		DECQ(cols)
		JZ(LabelRef("return"))
		ADDQ(ldd, dst)
	}
	Label("return")
	end()
}

// fmaPeak has nothing but independent fused multiply-adds in its loop; twelve
// chains cover a latency of up to six cycles on two ports.
func fmaPeak(name string, register func() vec) {
	const chains = 12
	function(name, "func(n int)",
		fmt.Sprintf("%s runs n >= 1 rounds of %d independent fused multiply-adds of whole registers.", name, chains))
	n := Load(Param("n"), GP64())
	var acc [chains]vec
	for i := range acc {
		acc[i] = register()
		VXORPS(acc[i], acc[i], acc[i])
	}
	x := register()
	VXORPS(x, x, x)
	Label("round")
	for i := range acc {
		VFMADD231PS(x, x, acc[i])
	}
	DECQ(n)
	JNZ(LabelRef("round"))
	end()
}
