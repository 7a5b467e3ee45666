package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// byteStride loads a leading dimension, in floats, as a distance in bytes.
func byteStride(param string) reg.Register {
	ld := Load(Param(param), GP64())
	SHLQ(Imm(2), ld)
	return ld
}

// rowDots keeps one chain of multiply-adds for each row; eight rows at a time
// hide its latency. The lanes of a chain are added in the same order whether
// its row is one of eight or alone.
func rowDots() {
	function("rowDotsAVX2", "func(rows, cols int, dst, a *float32, lda int, x *float32, c float32)",
		"rowDotsAVX2 sets dst[i] to the product of row i of A, [rows, cols], with x, plus c; cols >= 1.")
	rows := Load(Param("rows"), GP64())
	dst := Load(Param("dst"), GP64())
	a := Load(Param("a"), GP64())
	lda := byteStride("lda")
	base := Load(Param("x"), GP64())
	c := broadcast("c")

	SUBQ(Imm(8), rows)
	JLT(LabelRef("single"))
	Label("eight")
	s := rowSums(8, a, lda, base)
	for n := 8; n > 2; n /= 2 {
		for i := range n / 2 {
			VHADDPS(s[2*i+1], s[2*i], s[i])
		}
	}
	low, high := YMM(), YMM()
	VPERM2F128(Imm(0x20), s[1], s[0], low)
	VPERM2F128(Imm(0x31), s[1], s[0], high)
	VADDPS(high, low, low)
	VADDPS(c, low, low)
	VMOVUPS(low, Mem{Base: dst})
	ADDQ(Imm(32), dst)
	LEAQ(Mem{Base: a, Index: lda, Scale: 8}, a)
	SUBQ(Imm(8), rows)
	JGE(LabelRef("eight"))

	Label("single")
	ADDQ(Imm(8), rows)
	JZ(LabelRef("return"))
	Label("one")
	sum := rowSums(1, a, lda, base)[0]
	VHADDPS(sum, sum, sum)
	VHADDPS(sum, sum, sum)
	upper := XMM()
	VEXTRACTF128(Imm(1), sum, upper)
	VADDSS(upper, sum.AsX(), sum.AsX())
	VADDSS(c.AsX(), sum.AsX(), sum.AsX())
	VMOVSS(sum.AsX(), Mem{Base: dst})
	ADDQ(Imm(4), dst)
	ADDQ(lda, a)
	DECQ(rows)
	JNZ(LabelRef("one"))
	Label("return")
	end()
}

// rowSums emits the products of n rows of A, from a on, with x: a register of
// eight sums for each.
func rowSums(n int, a, lda, base reg.Register) []vec {
	label := func(s string) string { return fmt.Sprintf("%s%d", s, n) }
	cols := Load(Param("cols"), GP64())
	x, p, p3, p6 := GP64(), GP64(), GP64(), GP64()
	MOVQ(base, x)
	MOVQ(a, p)
	if n > 3 {
		LEAQ(Mem{Base: lda, Index: lda, Scale: 2}, p3)
		LEAQ(Mem{Base: p, Index: p3, Scale: 2}, p6)
		ADDQ(p, p3)
	}
	row := func(i int) Mem {
		if i >= 6 {
			return rowAddress(p6, nil, lda, i-6, 0)
		}
		return rowAddress(p, p3, lda, i, 0)
	}
	acc := make([]vec, n)
	for i := range acc {
		acc[i] = zero()
	}
	v, t := YMM(), YMM()
	SUBQ(Imm(8), cols)
	JLT(LabelRef(label("rest")))
	Label(label("vectors"))
	VMOVUPS(Mem{Base: x}, v)
	for i := range acc {
		VFMADD231PS(row(i), v, acc[i])
	}
	ADDQ(Imm(32), x)
	ADDQ(Imm(32), p)
	if n > 3 {
		ADDQ(Imm(32), p3)
		ADDQ(Imm(32), p6)
	}
	SUBQ(Imm(8), cols)
	JGE(LabelRef(label("vectors")))
	Label(label("rest"))
	ADDQ(Imm(8), cols)
	JZ(LabelRef(label("summed")))
	mask := YMM()
	VMOVUPS(columnMask(cols), mask)
	VMASKMOVPS(Mem{Base: x}, mask, v)
	for i := range acc {
		VMASKMOVPS(row(i), mask, t)
		VFMADD231PS(t, v, acc[i])
	}
	Label(label("summed"))
	return acc
}

// strips emits body for strips of the columns of a matrix: as many vectors
// wide as widths says in turn, each as often as it fits, and a masked one for
// the rest. Every strip runs over all rows, so that sums over rows stay in
// registers. body must leave the pointers as they are; strips moves them.
func strips(cols reg.Register, widths []int, pointers []reg.Register, body func(label func(string) string, x strip)) {
	for _, w := range widths {
		label := func(s string) string { return fmt.Sprintf("%s%d", s, w) }
		SUBQ(Imm(uint64(lanes*w)), cols)
		JLT(LabelRef(label("narrower")))
		Label(label("strip"))
		body(label, strip{vectors: w})
		for _, p := range pointers {
			ADDQ(U32(4*lanes*w), p)
		}
		SUBQ(Imm(uint64(lanes*w)), cols)
		JGE(LabelRef(label("strip")))
		Label(label("narrower"))
		ADDQ(Imm(uint64(lanes*w)), cols)
	}
	JZ(LabelRef("return"))
	mask := laneMask(cols)
	body(func(s string) string { return s + "Masked" }, strip{vectors: 1, mask: mask})
	Label("return")
	end()
}

// strip reads and writes one row of a strip of columns.
type strip struct {
	vectors int
	mask    reg.Register // of the last strip, nil in the others
}

func (s strip) load(base reg.Register, i int) vec {
	v := vector()
	if s.mask != nil {
		loadMasked(Mem{Base: base}, s.mask, v)
	} else {
		VMOVUPS(Mem{Base: base, Disp: 4 * lanes * i}, v)
	}
	return v
}

func (s strip) store(v vec, base reg.Register, i int) {
	if s.mask != nil {
		storeMasked(v, s.mask, Mem{Base: base})
	} else {
		VMOVUPS(v, Mem{Base: base, Disp: 4 * lanes * i})
	}
}

func columnSums() {
	function("columnSums"+suffix, "func(rows, cols int, dst, a *float32, lda int)",
		"columnSums"+suffix+" sets dst[j] to the sum of column j of A, [rows, cols], in the order of the rows; rows >= 1.")
	cols := Load(Param("cols"), GP64())
	dst := Load(Param("dst"), GP64())
	a := Load(Param("a"), GP64())
	lda := byteStride("lda")
	strips(cols, []int{8, 4, 1}, []reg.Register{dst, a}, func(label func(string) string, x strip) {
		rows := Load(Param("rows"), GP64())
		p := GP64()
		MOVQ(a, p)
		acc := make([]vec, x.vectors)
		for i := range acc {
			acc[i] = zero()
		}
		Label(label("row"))
		for i := range acc {
			if x.mask != nil {
				VADDPS(x.load(p, i), acc[i], acc[i])
			} else {
				VADDPS(Mem{Base: p, Disp: 4 * lanes * i}, acc[i], acc[i])
			}
		}
		ADDQ(lda, p)
		DECQ(rows)
		JNZ(LabelRef(label("row")))
		for i := range acc {
			x.store(acc[i], dst, i)
		}
	})
}

// outputGrad is the backward pass from the scores to the last hidden layer:
// all that needs its outputs h, in one sweep.
func outputGrad(name, formula string, widths []int, constants []constant, grad func(g, h vec) vec) {
	name += "OutputGrad" + suffix
	function(name, "func(rows, cols int, d, h *float32, ld int, s, w, dw, db *float32)",
		fmt.Sprintf("%s sets d[i][j] = s[i] w[j] f'(h[i][j]), f' = %s, and adds the sum over i of s[i] h[i][j] to dw[j], that of d[i][j] to db[j]; rows >= 1.", name, formula),
		constants...)
	cols := Load(Param("cols"), GP64())
	d := Load(Param("d"), GP64())
	h := Load(Param("h"), GP64())
	ld := byteStride("ld")
	w := Load(Param("w"), GP64())
	dw := Load(Param("dw"), GP64())
	db := Load(Param("db"), GP64())
	strips(cols, widths, []reg.Register{d, h, w, dw, db}, func(label func(string) string, x strip) {
		rows := Load(Param("rows"), GP64())
		s := Load(Param("s"), GP64())
		dp, hp := GP64(), GP64()
		MOVQ(d, dp)
		MOVQ(h, hp)
		wv, dwv, dbv := make([]vec, x.vectors), make([]vec, x.vectors), make([]vec, x.vectors)
		for i := range wv {
			wv[i], dwv[i], dbv[i] = x.load(w, i), x.load(dw, i), x.load(db, i)
		}
		Label(label("row"))
		sv := vector()
		VBROADCASTSS(Mem{Base: s}, sv)
		for i := range wv {
			hv := x.load(hp, i)
			VFMADD231PS(sv, hv, dwv[i])
			g := vector()
			VMULPS(sv, wv[i], g)
			g = grad(g, hv)
			VADDPS(g, dbv[i], dbv[i])
			x.store(g, dp, i)
		}
		ADDQ(Imm(4), s)
		ADDQ(ld, dp)
		ADDQ(ld, hp)
		DECQ(rows)
		JNZ(LabelRef(label("row")))
		for i := range wv {
			x.store(dwv[i], dw, i)
			x.store(dbv[i], db, i)
		}
	})
}

// foldPairs keeps the marginal row of one pair for the z of the next.
func foldPairs() {
	function("foldPairs"+suffix, "func(rows, cols int, dx, dz, sums, joint, marginal *float32, ld int)",
		"foldPairs"+suffix+" sets dx[i] = joint[i] + marginal[i], dz[i] = joint[i] + marginal[i-1] and sums to the sum of the rows of dx, "+
			"in their order; dz has one row more than the others, terms without a row are left out; rows >= 1.")
	cols := Load(Param("cols"), GP64())
	dx := Load(Param("dx"), GP64())
	dz := Load(Param("dz"), GP64())
	sums := Load(Param("sums"), GP64())
	joint := Load(Param("joint"), GP64())
	marginal := Load(Param("marginal"), GP64())
	ld := byteStride("ld")
	strips(cols, []int{4, 1}, []reg.Register{dx, dz, sums, joint, marginal}, func(label func(string) string, x strip) {
		rows := Load(Param("rows"), GP64())
		dxp, dzp, jp, mp := GP64(), GP64(), GP64(), GP64()
		for i, p := range []reg.Register{dx, dz, joint, marginal} {
			MOVQ(p, []reg.Register{dxp, dzp, jp, mp}[i])
		}
		sum, before := make([]vec, x.vectors), make([]vec, x.vectors)
		for i := range sum {
			// Minus zero plus x is x, whatever its sign.
			sum[i], before[i] = zero(), signBit.copy()
		}
		Label(label("row"))
		for i := range sum {
			j, m, z := x.load(jp, i), x.load(mp, i), vector()
			VADDPS(before[i], j, z)
			x.store(z, dzp, i)
			VADDPS(m, j, j)
			x.store(j, dxp, i)
			VADDPS(j, sum[i], sum[i])
			VMOVAPS(m, before[i])
		}
		for _, p := range []reg.Register{dxp, dzp, jp, mp} {
			ADDQ(ld, p)
		}
		DECQ(rows)
		JNZ(LabelRef(label("row")))
		for i := range sum {
			x.store(before[i], dzp, i)
			x.store(sum[i], sums, i)
		}
	})
}

// gatherRows asks for a row some iterations before it copies it, since rows
// drawn at random are rarely in the cache.
func gatherRows() {
	const ahead = 4
	function("gatherRows"+suffix, "func(rows, cols int, dst *float32, ldd int, src *float32, lds int, index *int32)",
		"gatherRows"+suffix+" copies row index[i] of src to row i of dst, [rows, cols]; rows >= 1, cols >= 1.")
	rows := Load(Param("rows"), GP64())
	dst := Load(Param("dst"), GP64())
	ldd := byteStride("ldd")
	src := Load(Param("src"), GP64())
	lds := byteStride("lds")
	index := Load(Param("index"), GP64())
	rest := Load(Param("cols"), GP64())
	ANDQ(Imm(uint64(lanes-1)), rest)
	mask := laneMask(rest)

	Label("row")
	from, next, to := GP64(), GP64(), GP64()
	MOVLQSX(Mem{Base: index}, from)
	IMULQ(lds, from)
	ADDQ(src, from)
	MOVQ(from, next)
	CMPQ(rows, Imm(ahead))
	JLE(LabelRef("last"))
	MOVLQSX(Mem{Base: index, Disp: 4 * ahead}, next)
	IMULQ(lds, next)
	ADDQ(src, next)
	Label("last")
	MOVQ(dst, to)
	cols := Load(Param("cols"), GP64())
	v := vector()
	SUBQ(Imm(uint64(lanes)), cols)
	JLT(LabelRef("rest"))
	Label("vector")
	PREFETCHT0(Mem{Base: next})
	VMOVUPS(Mem{Base: from}, v)
	VMOVUPS(v, Mem{Base: to})
	for _, p := range []reg.Register{from, next, to} {
		ADDQ(Imm(uint64(4*lanes)), p)
	}
	SUBQ(Imm(uint64(lanes)), cols)
	JGE(LabelRef("vector"))
	Label("rest")
	ADDQ(Imm(uint64(lanes)), cols)
	JZ(LabelRef("next"))
	PREFETCHT0(Mem{Base: next})
	loadMasked(Mem{Base: from}, mask, v)
	storeMasked(v, mask, Mem{Base: to})
	Label("next")
	ADDQ(Imm(4), index)
	ADDQ(ldd, dst)
	DECQ(rows)
	JNZ(LabelRef("row"))
	end()
}
