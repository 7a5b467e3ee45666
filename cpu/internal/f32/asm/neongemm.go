package main

import "fmt"

// gemmTile is the tile of [gemmTile] in registers of four floats: the same
// operations on every element in the same order. A comes by four steps of k at
// once, a register for each row, whose lanes the multiply-adds pick; with six
// rows of 16 floats that is all 32 registers, and 96 multiply-adds for 14
// instructions that load.
func (k *neon) gemmTile(rows, width int) {
	const unroll = 4
	vectors := width / neonLanes
	tile := 4 * rows * width

	k.function(fmt.Sprintf("gemm%dx%d", rows, width),
		"func(panels, k int, a *float32, lda int, b, c *float32, ldc, cols int, bias *float32, accumulate bool)",
		fmt.Sprintf("gemm%dx%d sets C = A B, plus bias unless it is nil, plus C if accumulate is set. A is [%[1]d*panels, k], C [%[1]d*panels, cols], "+
			"B a panel of k rows of %[3]d floats; panels >= 1, k >= 1, 1 <= cols <= %[2]d.", rows, width, panelWidth), tile)

	panels, a, lda := k.param("panels"), k.param("a"), k.byteStride("lda")
	c, ldc := k.param("c"), k.byteStride("ldc")
	steps, b := k.general(), k.general()
	row := make([]xreg, rows)
	for i := range row {
		row[i] = k.general()
	}
	// rowsFrom points row at the rows of a matrix.
	rowsFrom := func(base, stride xreg) {
		k.emit("MOVD", base, row[0])
		for i := 1; i < rows; i++ {
			k.emit("ADD", stride, row[i-1], row[i])
		}
	}

	acc := make([][]vreg, rows)
	for i := range acc {
		acc[i] = k.vectors(vectors)
	}
	av := k.vectors(rows)
	// Two pairs for B, where there are registers left, let processors that run
	// instructions in order load one while they multiply by the other.
	pairs := [][]vreg{k.vectors(2)}
	if rows < 6 || vectors < 4 {
		pairs = append(pairs, k.vectors(2))
	}
	next := 0
	// step multiplies row u of B by lane u of A.
	step := func(u int) {
		for j := 0; j < vectors; j += 2 {
			bv := pairs[next%len(pairs)]
			next++
			k.emit("FLDPQ", memory(b, 4*panelWidth*u+16*j), pair(bv[0], bv[1]))
			for i := range acc {
				k.word(fmlaLane(acc[i][j], bv[0], av[i], u))
				k.word(fmlaLane(acc[i][j+1], bv[1], av[i], u))
			}
		}
	}

	k.label("panel")
	k.reload("k", steps)
	k.reload("b", b)
	rowsFrom(c, ldc)
	for i := range row {
		k.emit("PRFM", memory(row[i], 0), "PSTL1KEEP")
	}
	rowsFrom(a, lda)
	for i := range acc {
		for _, v := range acc[i] {
			k.clear(v)
		}
	}
	k.emit("SUBS", fmt.Sprintf("$%d", unroll), steps, steps)
	k.emit("BLT", "rest")
	k.label("unrolled")
	for i := range row {
		k.emit("FMOVQ.P", memory(row[i], 4*unroll), av[i].f())
	}
	for u := range unroll {
		step(u)
	}
	k.emit("ADD", fmt.Sprintf("$%d", 4*panelWidth*unroll), b, b)
	k.emit("SUBS", fmt.Sprintf("$%d", unroll), steps, steps)
	k.emit("BGE", "unrolled")
	k.label("rest")
	k.emit("ADDS", fmt.Sprintf("$%d", unroll), steps, steps)
	k.emit("BEQ", "summed")
	k.label("single")
	for i := range row {
		k.emit("FMOVS.P", memory(row[i], 4), av[i].f())
	}
	step(0)
	k.emit("ADD", fmt.Sprintf("$%d", 4*panelWidth), b, b)
	k.emit("SUBS", "$1", steps, steps)
	k.emit("BNE", "single")

	k.label("summed")
	free := k.scope()
	cols, bias, accumulate := k.param("cols"), k.param("bias"), k.general()
	k.emit("MOVBU", k.argument("accumulate"), accumulate)
	k.emit("CMP", fmt.Sprintf("$%d", width), cols)
	k.emit("BNE", "partial")
	rowsFrom(c, ldc)
	t := append(av, pairs[0]...)[:2]
	k.emit("CBZ", bias, "unbiased")
	for j := 0; j < vectors; j += 2 {
		k.emit("FLDPQ", memory(bias, 16*j), pair(t[0], t[1]))
		for i := range acc {
			k.into(fadd, acc[i][j], acc[i][j], t[0])
			k.into(fadd, acc[i][j+1], acc[i][j+1], t[1])
		}
	}
	k.label("unbiased")
	k.emit("CBZ", accumulate, "store")
	for i := range acc {
		for j := 0; j < vectors; j += 2 {
			k.emit("FLDPQ", memory(row[i], 16*j), pair(t[0], t[1]))
			k.into(fadd, acc[i][j], acc[i][j], t[0])
			k.into(fadd, acc[i][j+1], acc[i][j+1], t[1])
		}
	}
	k.label("store")
	for i := range acc {
		for j := 0; j < vectors; j += 2 {
			k.emit("FSTPQ", pair(acc[i][j], acc[i][j+1]), memory(row[i], 16*j))
		}
	}
	k.emit("B", "next")

	// NEON has no masks: a tile that is not whole goes through memory.
	k.label("partial")
	left, from, line := row[0], k.general(), k.general()
	k.emit("MOVD", fmt.Sprintf("$local-%d(SP)", tile), from)
	for i := range acc {
		for j := 0; j < vectors; j += 2 {
			k.emit("FSTPQ", pair(acc[i][j], acc[i][j+1]), memory(from, 4*(width*i+neonLanes*j)))
		}
	}
	k.vUsed = [32]bool{}
	k.emit("MOVD", fmt.Sprintf("$%d", rows), left)
	k.emit("MOVD", c, line)
	k.label("line")
	pointers := map[string]xreg{"tile": steps, "bias": b, "c": k.general()}
	k.emit("MOVD", from, steps)
	k.emit("MOVD", bias, b)
	k.emit("MOVD", line, pointers["c"])
	k.reload("cols", cols)
	k.loop("Partial", 1, cols, pointers, func(p place) {
		label := func(s string) string { return fmt.Sprintf("%s%d", s, p.width) }
		v := p.load("tile")
		k.emit("CBZ", bias, label("unbiased"))
		k.into(fadd, v, v, p.load("bias"))
		k.label(label("unbiased"))
		k.emit("CBZ", accumulate, label("store"))
		k.into(fadd, v, v, p.load("c"))
		k.label(label("store"))
		p.store(v, "c")
	})
	k.emit("ADD", fmt.Sprintf("$%d", 4*width), from, from)
	k.emit("ADD", ldc, line, line)
	k.emit("SUBS", "$1", left, left)
	k.emit("BNE", "line")
	free()

	k.label("next")
	k.emit("MOVD", fmt.Sprintf("$%d", rows), steps)
	k.emit("MADD", steps, a, lda, a)
	k.emit("MADD", steps, c, ldc, c)
	k.emit("SUBS", "$1", panels, panels)
	k.emit("BNE", "panel")
	k.end()
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
