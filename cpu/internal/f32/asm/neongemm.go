package main

import "fmt"

// A neonTile is a [tile] in registers of four floats. A comes by four steps of k
// at once, a register for each row.
type neonTile struct {
	*neon
	rows, width, vectors int
	row                  []xreg   // pointers to rows of C or A
	acc                  [][]vreg // [rows][vectors]
	av                   []vreg
	// pairs are of B: two, where there are registers left, let processors that run
	// instructions in order load one while they multiply by the other.
	pairs [][]vreg
	next  int // of pairs
}

// gemmTile is the tile of [gemmTile] in registers of four floats: the same
// operations on every element in the same order. With six rows of 16 floats that
// is all 32 registers, and 96 multiply-adds, whose lane of A they pick themselves,
// for 14 instructions that load.
func (k *neon) gemmTile(rows, width int) {
	size := 4 * rows * width
	k.function(fmt.Sprintf("gemm%dx%d", rows, width),
		"func(panels, k int, a *float32, lda int, b, c *float32, ldc, cols int, bias *float32, accumulate bool)",
		fmt.Sprintf("gemm%dx%d sets C = A B, plus bias unless it is nil, plus C if accumulate is set. A is [%[1]d*panels, k], C [%[1]d*panels, cols], "+
			"B a panel of k rows of %[3]d floats; panels >= 1, k >= 1, 1 <= cols <= %[2]d.", rows, width, panelWidth), size)

	panels, a, lda := k.param("panels"), k.param("a"), k.byteStride("lda")
	c, ldc := k.param("c"), k.byteStride("ldc")
	steps, b := k.general(), k.general()
	t := k.newTile(rows, width)

	k.label("panel")
	k.reload("k", steps)
	k.reload("b", b)
	t.point(c, ldc)
	for i := range t.row {
		k.emit("PRFM", memory(t.row[i], 0), "PSTL1KEEP")
	}
	t.point(a, lda)
	for i := range t.acc {
		for _, v := range t.acc[i] {
			k.clear(v)
		}
	}
	t.multiply(steps, b)

	free := k.scope()
	cols, bias, accumulate := k.param("cols"), k.param("bias"), k.general()
	k.emit("MOVBU", k.argument("accumulate"), accumulate)
	k.emit("CMP", fmt.Sprintf("$%d", width), cols)
	k.emit("BNE", "partial")
	t.point(c, ldc)
	t.store(bias, accumulate)
	k.emit("B", "next")
	k.label("partial")
	t.storePartial(c, ldc, cols, bias, accumulate, steps, b)
	free()

	k.label("next")
	k.emit("MOVD", fmt.Sprintf("$%d", rows), steps)
	k.emit("MADD", steps, a, lda, a)
	k.emit("MADD", steps, c, ldc, c)
	k.emit("SUBS", "$1", panels, panels)
	k.emit("BNE", "panel")
	k.end()
}

// newTile returns a tile with its registers.
func (k *neon) newTile(rows, width int) *neonTile {
	t := &neonTile{neon: k, rows: rows, width: width, vectors: width / neonLanes, row: make([]xreg, rows), acc: make([][]vreg, rows)}
	for i := range t.row {
		t.row[i] = k.general()
	}
	for i := range t.acc {
		t.acc[i] = k.vectors(t.vectors)
	}
	t.av = k.vectors(rows)
	t.pairs = [][]vreg{k.vectors(2)}
	if rows < 6 || t.vectors < 4 {
		t.pairs = append(t.pairs, k.vectors(2))
	}
	return t
}

// point points t.row at the rows of a matrix.
func (t *neonTile) point(base, stride xreg) {
	t.emit("MOVD", base, t.row[0])
	for i := 1; i < t.rows; i++ {
		t.emit("ADD", stride, t.row[i-1], t.row[i])
	}
}

// step multiplies row u of B by lane u of A.
func (t *neonTile) step(b xreg, u int) {
	for j := 0; j < t.vectors; j += 2 {
		bv := t.pairs[t.next%len(t.pairs)]
		t.next++
		t.emit("FLDPQ", memory(b, 4*panelWidth*u+16*j), pair(bv[0], bv[1]))
		for i := range t.acc {
			t.word(fmlaLane(t.acc[i][j], bv[0], t.av[i], u))
			t.word(fmlaLane(t.acc[i][j+1], bv[1], t.av[i], u))
		}
	}
}

// multiply adds the products of as many columns of A as steps holds with the rows
// of B.
func (t *neonTile) multiply(steps, b xreg) {
	const unroll = 4
	t.emit("SUBS", fmt.Sprintf("$%d", unroll), steps, steps)
	t.emit("BLT", "rest")
	t.label("unrolled")
	for i := range t.row {
		t.emit("FMOVQ.P", memory(t.row[i], 4*unroll), t.av[i].f())
	}
	for u := range unroll {
		t.step(b, u)
	}
	t.emit("ADD", fmt.Sprintf("$%d", 4*panelWidth*unroll), b, b)
	t.emit("SUBS", fmt.Sprintf("$%d", unroll), steps, steps)
	t.emit("BGE", "unrolled")
	t.label("rest")
	t.emit("ADDS", fmt.Sprintf("$%d", unroll), steps, steps)
	t.emit("BEQ", "summed")
	t.label("single")
	for i := range t.row {
		t.emit("FMOVS.P", memory(t.row[i], 4), t.av[i].f())
	}
	t.step(b, 0)
	t.emit("ADD", fmt.Sprintf("$%d", 4*panelWidth), b, b)
	t.emit("SUBS", "$1", steps, steps)
	t.emit("BNE", "single")
	t.label("summed")
}

// store stores a whole tile.
func (t *neonTile) store(bias, accumulate xreg) {
	v := append(t.av, t.pairs[0]...)[:2]
	add := func(i, j int) {
		t.into(fadd, t.acc[i][j], t.acc[i][j], v[0])
		t.into(fadd, t.acc[i][j+1], t.acc[i][j+1], v[1])
	}
	t.emit("CBZ", bias, "unbiased")
	for j := 0; j < t.vectors; j += 2 {
		t.emit("FLDPQ", memory(bias, 16*j), pair(v[0], v[1]))
		for i := range t.acc {
			add(i, j)
		}
	}
	t.label("unbiased")
	t.emit("CBZ", accumulate, "store")
	for i := range t.acc {
		for j := 0; j < t.vectors; j += 2 {
			t.emit("FLDPQ", memory(t.row[i], 16*j), pair(v[0], v[1]))
			add(i, j)
		}
	}
	t.label("store")
	for i := range t.acc {
		for j := 0; j < t.vectors; j += 2 {
			t.emit("FSTPQ", pair(t.acc[i][j], t.acc[i][j+1]), memory(t.row[i], 16*j))
		}
	}
}

// storePartial stores the first columns of a tile. NEON has no masks, so it goes
// through memory.
func (t *neonTile) storePartial(c, ldc, cols, bias, accumulate, column, ofBias xreg) {
	left, from, line := t.row[0], t.general(), t.general()
	t.emit("MOVD", fmt.Sprintf("$local-%d(SP)", 4*t.rows*t.width), from)
	for i := range t.acc {
		for j := 0; j < t.vectors; j += 2 {
			t.emit("FSTPQ", pair(t.acc[i][j], t.acc[i][j+1]), memory(from, 4*(t.width*i+neonLanes*j)))
		}
	}
	t.vUsed = [32]bool{}
	t.emit("MOVD", fmt.Sprintf("$%d", t.rows), left)
	t.emit("MOVD", c, line)
	t.label("line")
	pointers := map[string]xreg{"tile": column, "bias": ofBias, "c": t.general()}
	t.emit("MOVD", from, column)
	t.emit("MOVD", bias, ofBias)
	t.emit("MOVD", line, pointers["c"])
	t.reload("cols", cols)
	t.loop("Partial", 1, cols, pointers, func(p place) {
		label := func(s string) string { return fmt.Sprintf("%s%d", s, p.width) }
		v := p.load("tile")
		t.emit("CBZ", bias, label("unbiased"))
		t.into(fadd, v, v, p.load("bias"))
		t.label(label("unbiased"))
		t.emit("CBZ", accumulate, label("store"))
		t.into(fadd, v, v, p.load("c"))
		t.label(label("store"))
		p.store(v, "c")
	})
	t.emit("ADD", fmt.Sprintf("$%d", 4*t.width), from, from)
	t.emit("ADD", ldc, line, line)
	t.emit("SUBS", "$1", left, left)
	t.emit("BNE", "line")
}

// pair names two registers that are loaded or stored at once.
func pair(v, w vreg) string { return fmt.Sprintf("(%s, %s)", v.f(), w.f()) }

// packRows is [packRows].
func (k *neon) packRows() {
	k.function("packRows", "func(rows, cols int, dst, src *float32, lds int)",
		fmt.Sprintf("packRows copies rows >= 1 rows of 1 <= cols <= %d floats, lds floats apart in src, to rows of %[1]d in dst, padded with zeros.", panelWidth), 0)
	rows, cols, dst, src, lds := k.param("rows"), k.param("cols"), k.param("dst"), k.param("src"), k.byteStride("lds")
	v := k.vectors(4)
	store := func() {
		k.emit("FSTPQ", pair(v[0], v[1]), memory(dst, 0))
		k.emit("FSTPQ", pair(v[2], v[3]), memory(dst, 32))
	}
	next := func(label string) {
		k.emit("ADD", lds, src, src)
		k.emit("ADD", fmt.Sprintf("$%d", 4*panelWidth), dst, dst)
		k.emit("SUBS", "$1", rows, rows)
		k.emit("BNE", label)
	}
	k.emit("CMP", fmt.Sprintf("$%d", panelWidth), cols)
	k.emit("BNE", "partial")
	k.label("whole")
	k.emit("FLDPQ", memory(src, 0), pair(v[0], v[1]))
	k.emit("FLDPQ", memory(src, 32), pair(v[2], v[3]))
	store()
	next("whole")
	k.emit("RET")

	k.label("partial")
	for i := range v {
		k.clear(v[i])
	}
	k.label("line")
	store()
	pointers := map[string]xreg{"dst": k.general(), "src": k.general()}
	k.emit("MOVD", dst, pointers["dst"])
	k.emit("MOVD", src, pointers["src"])
	k.reload("cols", cols)
	k.loop("", 1, cols, pointers, func(p place) { p.store(p.load("src"), "dst") })
	next("line")
	k.end()
}

// transpose8 is [transpose8] by blocks of 8x4: pairs of rows are interleaved
// twice, first by floats, then by pairs of floats.
func (k *neon) transpose8() {
	k.function("transpose8", "func(cols int, dst *float32, ldd int, src *float32, lds int)",
		"transpose8 writes the transpose of the [8, cols] matrix src to the [cols, 8] matrix dst; their rows are ldd and lds floats apart.", 0)
	cols, dst, ldd := k.param("cols"), k.param("dst"), k.byteStride("ldd")
	row := make([]xreg, 8)
	row[0] = k.param("src")
	lds := k.byteStride("lds")
	for i := 1; i < len(row); i++ {
		row[i] = k.general()
		k.emit("ADD", lds, row[i-1], row[i])
	}
	x, y := k.vectors(8), k.vectors(8)
	k.emit("SUBS", "$4", cols, cols)
	k.emit("BLT", "rest")
	k.label("block")
	for i := range row {
		k.emit("FMOVQ.P", memory(row[i], 16), x[i].f())
	}
	for i := 0; i < 8; i += 2 {
		k.emit("VTRN1", x[i+1].s4(), x[i].s4(), y[i].s4())
		k.emit("VTRN2", x[i+1].s4(), x[i].s4(), y[i+1].s4())
	}
	// x[i] is now the first half of column i of the block, x[i+4] the second.
	for i := 0; i < 8; i += 4 {
		for j := range 2 {
			k.emit("VTRN1", y[i+2+j].d2(), y[i+j].d2(), x[i+j].d2())
			k.emit("VTRN2", y[i+2+j].d2(), y[i+j].d2(), x[i+2+j].d2())
		}
	}
	for i := range 4 {
		k.emit("FSTPQ", pair(x[i], x[i+4]), memory(dst, 0))
		k.emit("ADD", ldd, dst, dst)
	}
	k.emit("SUBS", "$4", cols, cols)
	k.emit("BGE", "block")
	k.label("rest")
	k.emit("ADDS", "$4", cols, cols)
	k.emit("BEQ", "return")
	k.label("column")
	for i := range row {
		k.emit("VLD1.P", memory(row[i], 4), fmt.Sprintf("V%d.S[%d]", int(x[i/4]), i%4))
	}
	k.emit("FSTPQ", pair(x[0], x[1]), memory(dst, 0))
	k.emit("ADD", ldd, dst, dst)
	k.emit("SUBS", "$1", cols, cols)
	k.emit("BNE", "column")
	k.label("return")
	k.end()
}

// neonChains is the number of independent multiply-adds in fmaPeak: enough for
// four units with a latency of four cycles.
const neonChains = 24

// fmaPeak is [fmaPeak].
func (k *neon) fmaPeak() {
	k.function("fmaPeak", "func(n int)",
		fmt.Sprintf("fmaPeak runs n >= 1 rounds of %d independent fused multiply-adds of whole registers.", neonChains), 0)
	n := k.param("n")
	acc := k.vectors(neonChains)
	for _, v := range acc {
		k.clear(v)
	}
	x := k.zero()
	k.label("round")
	for _, v := range acc {
		k.fmla(v, x, x)
	}
	k.emit("SUBS", "$1", n, n)
	k.emit("BNE", "round")
	k.end()
}
