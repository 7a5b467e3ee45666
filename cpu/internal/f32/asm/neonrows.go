package main

import (
	"fmt"
	"maps"
	"slices"
)

// rowDots is [rowDots].
func (k *neon) rowDots() {
	k.function("rowDotsNEON", "func(rows, cols int, dst, a *float32, lda int, x *float32, c float32)",
		"rowDotsNEON sets dst[i] to the product of row i of A, [rows, cols], with x, plus c; cols >= 1.", 0)
	rows, dst, a, lda := k.param("rows"), k.param("dst"), k.param("a"), k.byteStride("lda")
	c := k.broadcast("c")

	// sums leaves the sums of n rows from a on in the lanes of acc, and a behind
	// them.
	sums := func(n int) (acc []vreg, free func()) {
		free = k.scope()
		pointers := map[string]xreg{"x": k.param("x")}
		name := func(i int) string { return fmt.Sprintf("row%d", i) }
		acc = k.vectors(n)
		for i := range acc {
			pointers[name(i)] = k.general()
			k.emit("MOVD", a, pointers[name(i)])
			k.emit("ADD", lda, a, a)
			k.clear(acc[i])
		}
		k.loop(fmt.Sprint(n), light, k.param("cols"), pointers, func(p place) {
			x := p.load("x")
			for i := range acc {
				k.fmla(acc[i], p.load(name(i)), x)
			}
		})
		return acc, free
	}

	k.emit("SUBS", "$8", rows, rows)
	k.emit("BLT", "single")
	k.label("eight")
	s, free := sums(8)
	for n := 8; n > 2; n /= 2 {
		for i := range n / 2 {
			k.into(faddp, s[i], s[2*i], s[2*i+1])
		}
	}
	k.into(fadd, s[0], s[0], c)
	k.into(fadd, s[1], s[1], c)
	k.emit("FSTPQ.P", pair(s[0], s[1]), memory(dst, 32))
	free()
	k.emit("SUBS", "$8", rows, rows)
	k.emit("BGE", "eight")
	k.label("single")
	k.emit("ADDS", "$8", rows, rows)
	k.emit("BEQ", "return")
	k.label("one")
	s, free = sums(1)
	k.into(faddp, s[0], s[0], s[0])
	k.into(faddp, s[0], s[0], s[0])
	k.into(fadd, s[0], s[0], c)
	k.emit("FMOVS.P", s[0].f(), memory(dst, 4))
	free()
	k.emit("SUBS", "$1", rows, rows)
	k.emit("BNE", "one")
	k.label("return")
	k.end()
}

// strips emits body for strips of the columns of a matrix, as [strips] does:
// places of vectors registers, then one for two floats and one for one. body
// must leave the pointers as they are.
func (k *neon) strips(cols xreg, widths []int, pointers map[string]xreg, body func(label func(string) string, p place, vectors int)) {
	strip := func(width, vectors int) {
		free := k.scope()
		body(func(s string) string { return fmt.Sprintf("%s%d", s, width*vectors) }, place{k: k, pointers: pointers, width: width}, vectors)
		free()
		for _, name := range slices.Sorted(maps.Keys(pointers)) {
			k.emit("ADD", fmt.Sprintf("$%d", 4*width*vectors), pointers[name], pointers[name])
		}
	}
	for _, vectors := range widths {
		floats := neonLanes * vectors
		label := func(s string) string { return fmt.Sprintf("%s%d", s, floats) }
		k.emit("SUBS", fmt.Sprintf("$%d", floats), cols, cols)
		k.emit("BLT", label("narrower"))
		k.label(label("strip"))
		strip(neonLanes, vectors)
		k.emit("SUBS", fmt.Sprintf("$%d", floats), cols, cols)
		k.emit("BGE", label("strip"))
		k.label(label("narrower"))
		k.emit("ADD", fmt.Sprintf("$%d", floats), cols, cols)
	}
	k.emit("TBZ", "$1", cols, "odd")
	strip(2, 1)
	k.label("odd")
	k.emit("TBZ", "$0", cols, "return")
	strip(1, 1)
	k.label("return")
}

// at returns the place of register i of a strip behind other pointers.
func (p place) at(pointers map[string]xreg, i int) place {
	p.pointers, p.disp = pointers, 4*p.width*i
	return p
}

// columnSums is [columnSums].
func (k *neon) columnSums() {
	k.function("columnSumsNEON", "func(rows, cols int, dst, a *float32, lda int)",
		"columnSumsNEON sets dst[j] to the sum of column j of A, [rows, cols], in the order of the rows; rows >= 1.", 0)
	cols, lda := k.param("cols"), k.byteStride("lda")
	pointers := map[string]xreg{"dst": k.param("dst"), "a": k.param("a")}
	k.strips(cols, []int{8, 4, 1}, pointers, func(label func(string) string, p place, vectors int) {
		rows := k.param("rows")
		row := map[string]xreg{"a": k.general()}
		k.emit("MOVD", pointers["a"], row["a"])
		acc := k.vectors(vectors)
		for _, v := range acc {
			k.clear(v)
		}
		k.label(label("row"))
		for i, v := range acc {
			free := k.scope()
			k.into(fadd, v, v, p.at(row, i).load("a"))
			free()
		}
		k.emit("ADD", lda, row["a"], row["a"])
		k.emit("SUBS", "$1", rows, rows)
		k.emit("BNE", label("row"))
		for i, v := range acc {
			p.at(pointers, i).store(v, "dst")
		}
	})
	k.end()
}

// foldPairs is [foldPairs].
func (k *neon) foldPairs() {
	k.function("foldPairsNEON", "func(rows, cols int, dx, dz, sums, joint, marginal *float32, ld int)",
		"foldPairsNEON sets dx[i] = joint[i] + marginal[i], dz[i] = joint[i] + marginal[i-1] and sums to the sum of the rows of dx, "+
			"in their order; dz has one row more than the others, terms without a row are left out; rows >= 1.", 0)
	cols, ld := k.param("cols"), k.byteStride("ld")
	matrices := []string{"dx", "dz", "joint", "marginal"}
	pointers := map[string]xreg{"sums": k.param("sums")}
	for _, name := range matrices {
		pointers[name] = k.param(name)
	}
	k.strips(cols, []int{4, 1}, pointers, func(label func(string) string, p place, vectors int) {
		rows, row := k.param("rows"), map[string]xreg{}
		for _, name := range matrices {
			row[name] = k.general()
			k.emit("MOVD", pointers[name], row[name])
		}
		sum, before := k.vectors(vectors), k.vectors(vectors)
		for i := range sum {
			// Minus zero plus x is x, whatever its sign.
			k.clear(sum[i])
			k.move(before[i], k.constant(signBit))
		}
		k.label(label("row"))
		for i := range sum {
			free := k.scope()
			p := p.at(row, i)
			joint, marginal := p.load("joint"), p.load("marginal")
			k.into(fadd, before[i], before[i], joint)
			p.store(before[i], "dz")
			k.into(fadd, joint, joint, marginal)
			p.store(joint, "dx")
			k.into(fadd, sum[i], sum[i], joint)
			k.move(before[i], marginal)
			free()
		}
		for _, name := range matrices {
			k.emit("ADD", ld, row[name], row[name])
		}
		k.emit("SUBS", "$1", rows, rows)
		k.emit("BNE", label("row"))
		for i := range sum {
			p.at(row, i).store(before[i], "dz")
			p.at(pointers, i).store(sum[i], "sums")
		}
	})
	k.end()
}

// outputGrad is [outputGrad].
func (k *neon) outputGrad(name, formula string, widths []int, grad func(g, h vreg) vreg) {
	name += "OutputGradNEON"
	k.function(name, "func(rows, cols int, d, h *float32, ld int, s, w, dw, db *float32)",
		fmt.Sprintf("%s sets d[i][j] = s[i] w[j] f'(h[i][j]), f' = %s, and adds the sum over i of s[i] h[i][j] to dw[j], that of d[i][j] to db[j]; rows >= 1.", name, formula), 0)
	cols, ld := k.param("cols"), k.byteStride("ld")
	pointers := map[string]xreg{}
	for _, name := range []string{"d", "h", "w", "dw", "db"} {
		pointers[name] = k.param(name)
	}
	k.strips(cols, widths, pointers, func(label func(string) string, p place, vectors int) {
		rows, s := k.param("rows"), k.param("s")
		row := map[string]xreg{"d": k.general(), "h": k.general()}
		k.emit("MOVD", pointers["d"], row["d"])
		k.emit("MOVD", pointers["h"], row["h"])
		w, dw, db := make([]vreg, vectors), make([]vreg, vectors), make([]vreg, vectors)
		for i := range w {
			p := p.at(pointers, i)
			w[i], dw[i], db[i] = p.load("w"), p.load("dw"), p.load("db")
		}
		sv := k.vector()
		k.label(label("row"))
		k.emit("FMOVS.P", memory(s, 4), sv.f())
		k.emit("VDUP", fmt.Sprintf("V%d.S[0]", int(sv)), sv.s4())
		for i := range w {
			free := k.scope()
			p := p.at(row, i)
			h := p.load("h")
			k.fmla(dw[i], h, sv)
			g := grad(k.new(fmul, w[i], sv), h)
			k.into(fadd, db[i], db[i], g)
			p.store(g, "d")
			free()
		}
		k.emit("ADD", ld, row["d"], row["d"])
		k.emit("ADD", ld, row["h"], row["h"])
		k.emit("SUBS", "$1", rows, rows)
		k.emit("BNE", label("row"))
		for i := range w {
			p := p.at(pointers, i)
			p.store(dw[i], "dw")
			p.store(db[i], "db")
		}
	})
	k.end()
}

// gatherRows is [gatherRows].
func (k *neon) gatherRows() {
	const ahead = 4
	k.function("gatherRowsNEON", "func(rows, cols int, dst *float32, ldd int, src *float32, lds int, index *int32)",
		"gatherRowsNEON copies row index[i] of src to row i of dst, [rows, cols]; rows >= 1, cols >= 1.", 0)
	rows, dst, ldd := k.param("rows"), k.param("dst"), k.byteStride("ldd")
	src, lds, index, cols := k.param("src"), k.byteStride("lds"), k.param("index"), k.general()
	pointers := map[string]xreg{"dst": k.general(), "src": k.general(), "ahead": k.general()}
	find := func(disp int, name string) {
		k.emit("MOVW", memory(index, disp), pointers[name])
		k.emit("MADD", lds, src, pointers[name], pointers[name])
	}
	k.label("row")
	find(0, "src")
	k.emit("MOVD", pointers["src"], pointers["ahead"])
	k.emit("CMP", fmt.Sprintf("$%d", ahead), rows)
	k.emit("BLE", "last")
	find(4*ahead, "ahead")
	k.label("last")
	k.emit("MOVD", dst, pointers["dst"])
	k.reload("cols", cols)
	// Four registers are a line of the cache.
	k.loop("", light, cols, pointers, func(p place) {
		if p.unroll == 0 {
			k.emit("PRFM", memory(pointers["ahead"], 0), "PLDL1KEEP")
		}
		p.store(p.load("src"), "dst")
	})
	k.emit("ADD", "$4", index, index)
	k.emit("ADD", ldd, dst, dst)
	k.emit("SUBS", "$1", rows, rows)
	k.emit("BNE", "row")
	k.end()
}
