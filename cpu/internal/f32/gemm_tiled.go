//go:build (amd64 || arm64) && !purego

package f32

// The blocks of a product, after Goto and van de Geijn, "Anatomy of
// High-Performance Matrix Multiplication", TOMS 34 (2008): a [kBlock, 16]
// panel of B (16 KiB) stays in the first-level cache, a [mBlock, kBlock] block
// of A (120 KiB) in the second, a [kBlock, nBlock] block of B in what is
// behind it.
const (
	tileRows = 6
	tileCols = PackUnit

	kBlock = 256
	mBlock = 120
	nBlock = 512
)

// gemmTiled packs op(B) into panels for the tile kernels and runs those over all
// tiles. A as it is serves them well, also at strides that are powers of two,
// since they walk along a few rows only. A transposed is packed as well. Kernels
// that can do without either say so by readInPlace.
func (w *Workspace) gemmTiled(p *product) {
	inPlace := p.readInPlace()
	ks := split(p.k, kBlock, vectorFloats)
	for j0 := 0; j0 < p.n; j0 += nBlock {
		nj := min(nBlock, p.n-j0)
		for k0 := 0; k0 < p.k; k0 += ks {
			nk := min(ks, p.k-k0)
			t := tiles{
				k: nk, ldb: tileCols, panel: nk * tileCols, ldc: p.ldc,
				accumulate: p.accumulate || k0 > 0,
			}
			switch {
			case p.packed != nil:
				t.b = p.packed.block(k0, nk)[j0*nk:]
			case inPlace && !p.tB && p.n%tileCols == 0:
				t.b, t.ldb, t.panel = p.b[k0*p.ldb+j0:], p.ldb, tileCols
			default:
				t.b = w.packB(p, k0, nk, j0, nj)
			}
			if k0+nk == p.k {
				t.relu = p.relu
				t.derivative = p.derivative
			}
			if p.bias != nil && k0 == 0 {
				t.bias = p.bias[j0:]
			}
			ms := split(p.m, mBlock, tileRows)
			for i0 := 0; i0 < p.m; i0 += ms {
				mi := min(ms, p.m-i0)
				at := i0*p.ldc + j0
				t.c = p.c[at:]
				if t.derivative != nil {
					t.derivative = p.derivative[at:]
				}
				switch {
				case !p.tA:
					t.a, t.lda = p.a[i0*p.lda+k0:], p.lda
				case inPlace:
					t.a, t.lda, t.transposed = p.a[k0*p.lda+i0:], p.lda, true
				default:
					t.a, t.lda = w.packA(p, i0, mi, k0, nk)
				}
				t.multiply(mi, nj)
			}
		}
	}
}

// packB returns rows k0 to k0+nk and columns j0 to j0+nj of op(B) as panels of
// 16 columns, each [nk, 16] without gaps. What fills up the last is arbitrary.
func (w *Workspace) packB(p *product, k0, nk, j0, nj int) []float32 {
	b := reserve(&w.b, nk*((nj+tileCols-1)/tileCols*tileCols))
	if p.tB {
		packColumns(b, nk, p.b[j0*p.ldb+k0:], p.ldb, nj)
	} else {
		packPanels(b, nk, nk, p.b[k0*p.ldb+j0:], p.ldb, nj)
	}
	return b
}

// packPanels copies [rows, n] to the start of panels of length k.
func packPanels(panels []float32, k, rows int, b []float32, ldb, n int) {
	for j := 0; j < n; j += tileCols {
		packRows(rows, min(tileCols, n-j), &panels[j*k], &b[j], ldb)
	}
}

// packColumns writes the transpose of [n, k] to panels of length k.
func packColumns(panels []float32, k int, b []float32, ldb, n int) {
	for j := 0; j < n; j += tileCols {
		transposeTiled(panels[j*k:][:k*tileCols], tileCols, b[j*ldb:], ldb, min(tileCols, n-j), k)
	}
}

// block returns the panels of rows k0 to k0+nk, a block of gemmTiled.
func (p *Packed) block(k0, nk int) []float32 {
	return p.data[k0*(len(p.data)/p.k):][:nk*(len(p.data)/p.k)]
}

func (p *Packed) setRowsTiled(lo, hi int, b []float32, ldb int) {
	ks := split(p.k, kBlock, vectorFloats)
	for k0 := 0; k0 < p.k; k0 += ks {
		nk := min(ks, p.k-k0)
		if first, last := max(lo, k0), min(hi, k0+nk); first < last {
			packPanels(p.block(k0, nk)[(first-k0)*tileCols:], nk, last-first, b[(first-lo)*ldb:], ldb, p.n)
		}
	}
}

func (p *Packed) setColumnsTiled(lo, hi int, b []float32, ldb int) {
	ks := split(p.k, kBlock, vectorFloats)
	for k0 := 0; k0 < p.k; k0 += ks {
		nk := min(ks, p.k-k0)
		packColumns(p.block(k0, nk)[lo*nk:], nk, b[k0:], ldb, hi-lo)
	}
}

// packA returns rows i0 to i0+mi and columns k0 to k0+nk of op(A) = A^T,
// row-major, with the leading dimension.
func (w *Workspace) packA(p *product, i0, mi, k0, nk int) ([]float32, int) {
	lda := Stride(nk)
	a := reserve(&w.a, mi*lda)
	transposeTiled(a, lda, p.a[k0*p.lda+i0:], p.lda, nk, mi)
	return a, lda
}

// transposeTiled is transpose by strips of 8 rows.
func transposeTiled(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	strips := rows &^ 7
	for i := 0; i < strips; i += 8 {
		transpose8(cols, &dst[i], ldd, &src[i*lds], lds)
	}
	if strips < rows {
		transpose(dst[strips:], ldd, src[strips*lds:], lds, rows-strips, cols)
	}
}

// tiles is one block of a product, ready for the kernels: A row-major, B in
// panels of 16 columns, panel floats apart, whose rows are ldb floats apart.
type tiles struct {
	k          int
	a          []float32
	lda        int
	transposed bool // A is [k, m]; only if readInPlace says so
	b          []float32
	ldb, panel int // tileCols and k tileCols unless readInPlace
	c          []float32
	ldc        int
	bias       []float32
	accumulate bool
	relu       bool
	derivative []float32 // at c
}

// run computes the [m, n] block.
func (t *tiles) run(m, n int) {
	for j := 0; j < n; j += tileCols {
		cols, width := min(tileCols, n-j), 0
		if cols > vectorFloats {
			width = 1
		}
		i := 0
		for _, part := range cut(m, tileRows) {
			if part.panels > 0 {
				tileKernels[part.rows-1][width](part.panels, t.k, &t.a[i*t.lda], t.lda, &t.b[j*t.k], &t.c[i*t.ldc+j], t.ldc, cols, t.biasAt(j), t.accumulate)
				i += part.panels * part.rows
			}
		}
	}
	activate(m, n, t.c, t.ldc, t.relu, t.derivative)
}

func (t *tiles) biasAt(j int) *float32 {
	if t.bias == nil {
		return nil
	}
	return &t.bias[j]
}

// rowPanels is a number of panels of equally many rows.
type rowPanels struct{ panels, rows int }

// cut cuts m rows into as few panels of at most limit rows as will do, as equal
// as possible: a tile of few rows leaves the multiply-add units waiting.
func cut(m, limit int) [2]rowPanels {
	panels := (m + limit - 1) / limit
	rows, more := m/panels, m%panels
	return [2]rowPanels{{more, rows + 1}, {panels - more, rows}}
}

// tileKernel is a kernel of gemmTile.
type tileKernel func(panels, k int, a *float32, lda int, b, c *float32, ldc, cols int, bias *float32, accumulate bool)

// tileKernels are those by the rows of a tile less one, for up to 8 columns and
// for up to 16.
var tileKernels = [tileRows][2]tileKernel{
	{gemm1x8, gemm1x16},
	{gemm2x8, gemm2x16},
	{gemm3x8, gemm3x16},
	{gemm4x8, gemm4x16},
	{gemm5x8, gemm5x16},
	{gemm6x8, gemm6x16},
}
