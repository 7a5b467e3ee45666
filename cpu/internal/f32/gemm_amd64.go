//go:build !purego

package f32

// The blocks of a product, after Goto and van de Geijn, "Anatomy of
// High-Performance Matrix Multiplication", TOMS 34 (2008): a [kBlock, 16]
// panel of B (16 KiB) stays in the first-level cache, a [mBlock, kBlock] block
// of A (192 KiB) in the second, a [kBlock, nBlock] block of B in what is
// behind it.
const (
	tileRows = 6
	tileCols = 16

	kBlock = 256
	mBlock = 192
	nBlock = 512

	// conflictFloats is the distance, 1 KiB, whose multiples make the rows of
	// a tile compete for a quarter of the first-level cache or less.
	conflictFloats = 256
)

// gemmAVX2 copies op(B), and A where it is transposed or badly strided, into
// buffers laid out for the tile kernels and runs those over all tiles.
func (w *Workspace) gemmAVX2(p *product) {
	ks := split(p.k, kBlock, vectorFloats)
	packA := p.tA || p.lda%conflictFloats == 0
	for j0 := 0; j0 < p.n; j0 += nBlock {
		nj := min(nBlock, p.n-j0)
		for k0 := 0; k0 < p.k; k0 += ks {
			nk := min(ks, p.k-k0)
			b := w.packB(p, k0, nk, j0, nj)
			t := tiles{
				k: nk, b: b, ldc: p.ldc,
				accumulate: p.accumulate || k0 > 0,
			}
			if p.bias != nil && k0 == 0 {
				t.bias = p.bias[j0:]
			}
			ms := split(p.m, mBlock, 1)
			for i0 := 0; i0 < p.m; i0 += ms {
				mi := min(ms, p.m-i0)
				if packA {
					t.a, t.lda = w.packA(p, i0, mi, k0, nk)
				} else {
					t.a, t.lda = p.a[i0*p.lda+k0:], p.lda
				}
				t.c = p.c[i0*p.ldc+j0:]
				t.run(mi, nj)
			}
		}
	}
}

// packB returns rows k0 to k0+nk and columns j0 to j0+nj of op(B) as panels of
// 16 columns, each [nk, 16] without gaps, the last padded with zeros.
func (w *Workspace) packB(p *product, k0, nk, j0, nj int) []float32 {
	b := reserve(&w.b, nk*((nj+tileCols-1)/tileCols*tileCols))
	for j := 0; j < nj; j += tileCols {
		panel := b[j*nk:][:nk*tileCols]
		cols := min(tileCols, nj-j)
		if p.tB {
			if cols < tileCols {
				clear(panel)
			}
			transposeAVX2(panel, tileCols, p.b[(j0+j)*p.ldb+k0:], p.ldb, cols, nk)
			continue
		}
		packRows(nk, cols, &panel[0], &p.b[k0*p.ldb+j0+j], p.ldb)
	}
	return b
}

// packA returns rows i0 to i0+mi and columns k0 to k0+nk of op(A), row-major,
// with the leading dimension.
func (w *Workspace) packA(p *product, i0, mi, k0, nk int) ([]float32, int) {
	lda := Stride(nk)
	a := reserve(&w.a, mi*lda)
	if p.tA {
		transposeAVX2(a, lda, p.a[k0*p.lda+i0:], p.lda, nk, mi)
		return a, lda
	}
	for i := range mi {
		copy(a[i*lda:], p.a[(i0+i)*p.lda+k0:][:nk])
	}
	return a, lda
}

// transposeAVX2 is transpose by blocks of 8 rows and 8 columns.
func transposeAVX2(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	blockRows, blockCols := rows&^7, cols&^7
	if blockCols > 0 {
		for i := 0; i < blockRows; i += 8 {
			transpose8(blockCols/8, &dst[i], ldd, &src[i*lds], lds)
		}
	}
	if blockCols < cols && blockRows > 0 {
		transpose(dst[blockCols*ldd:], ldd, src[blockCols:], lds, blockRows, cols-blockCols)
	}
	if blockRows < rows {
		transpose(dst[blockRows:], ldd, src[blockRows*lds:], lds, rows-blockRows, cols)
	}
}

// tiles is one block of a product, ready for the kernels: A row-major, B in
// panels.
type tiles struct {
	k          int
	a          []float32
	lda        int
	b, c       []float32
	ldc        int
	bias       []float32
	accumulate bool
}

// run computes the [m, n] block.
func (t *tiles) run(m, n int) {
	for j := 0; j < n; j += tileCols {
		b := &t.b[j*t.k]
		cols := min(tileCols, n-j)
		var bias *float32
		if t.bias != nil {
			bias = &t.bias[j]
		}
		i := 0
		for _, part := range partition(m) {
			if part.panels > 0 {
				part.run(t, t.a[i*t.lda:], b, t.c[i*t.ldc+j:], cols, bias)
				i += part.panels * part.rows
			}
		}
	}
}

// rowPanels is a number of panels of equally many rows.
type rowPanels struct{ panels, rows int }

// partition cuts m rows into panels. Fewer than four rows leave the
// multiply-add units waiting for their own results, so that two panels of
// four, say, beat one of six and one of two.
func partition(m int) [2]rowPanels {
	full, rest := m/tileRows, m%tileRows
	return [2]rowPanels{{full, tileRows}, {min(rest, 1), rest}}
}

func (r rowPanels) run(t *tiles, a []float32, b *float32, c []float32, cols int, bias *float32) {
	if cols > vectorFloats {
		switch r.rows {
		case 1:
			gemm1x16(r.panels, t.k, &a[0], t.lda, b, &c[0], t.ldc, cols, bias, t.accumulate)
		case 2:
			gemm2x16(r.panels, t.k, &a[0], t.lda, b, &c[0], t.ldc, cols, bias, t.accumulate)
		case 3:
			gemm3x16(r.panels, t.k, &a[0], t.lda, b, &c[0], t.ldc, cols, bias, t.accumulate)
		case 4:
			gemm4x16(r.panels, t.k, &a[0], t.lda, b, &c[0], t.ldc, cols, bias, t.accumulate)
		case 5:
			gemm5x16(r.panels, t.k, &a[0], t.lda, b, &c[0], t.ldc, cols, bias, t.accumulate)
		case 6:
			gemm6x16(r.panels, t.k, &a[0], t.lda, b, &c[0], t.ldc, cols, bias, t.accumulate)
		}
		return
	}
	switch r.rows {
	case 1:
		gemm1x8(r.panels, t.k, &a[0], t.lda, b, &c[0], t.ldc, cols, bias, t.accumulate)
	case 2:
		gemm2x8(r.panels, t.k, &a[0], t.lda, b, &c[0], t.ldc, cols, bias, t.accumulate)
	case 3:
		gemm3x8(r.panels, t.k, &a[0], t.lda, b, &c[0], t.ldc, cols, bias, t.accumulate)
	case 4:
		gemm4x8(r.panels, t.k, &a[0], t.lda, b, &c[0], t.ldc, cols, bias, t.accumulate)
	case 5:
		gemm5x8(r.panels, t.k, &a[0], t.lda, b, &c[0], t.ldc, cols, bias, t.accumulate)
	case 6:
		gemm6x8(r.panels, t.k, &a[0], t.lda, b, &c[0], t.ldc, cols, bias, t.accumulate)
	}
}
