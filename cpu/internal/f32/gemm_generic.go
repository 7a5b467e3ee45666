package f32

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// gemmGeneric leaves the work to gonum, so called that every element is one
// chain in the order of k, by this goroutine alone:
//
//   - op(B) = B^T is transposed first, because gonum takes it by dot products,
//     which depend on the alignment;
//   - C is cut into blocks, because gonum starts goroutines from four blocks of
//     64 by 64 on.
//
// Gonum adds to each row of C the rows of B scaled by the elements of A, and
// leaves out zeros of A. That hides NaN and infinities in B, which are put
// back.
func (w *Workspace) gemmGeneric(p *product) {
	const (
		rowBlock = 64
		colBlock = 192
		kBlock   = 64
	)
	b, ldb := p.b, p.ldb
	switch {
	case p.packed != nil:
		b, ldb = p.packed.data, p.packed.n
	case p.tB:
		ldb = p.n
		b = reserve(&w.b, p.k*p.n)
		transpose(b, ldb, p.b, p.ldb, p.n, p.k)
	}
	tA, rowStride, kStride := blas.NoTrans, p.lda, 1
	if p.tA {
		tA, rowStride, kStride = blas.Trans, 1, p.lda
	}
	for i := 0; i < p.m; i += rowBlock {
		for j := 0; j < p.n; j += colBlock {
			var beta float32
			if p.accumulate {
				beta = 1
			}
			for k := 0; k < p.k; k += kBlock {
				gonum.Implementation{}.Sgemm(tA, blas.NoTrans,
					min(rowBlock, p.m-i), min(colBlock, p.n-j), min(kBlock, p.k-k),
					1, p.a[i*rowStride+k*kStride:], p.lda, b[k*ldb+j:], ldb, beta, p.c[i*p.ldc+j:], p.ldc)
				beta = 1
			}
		}
	}
	for k := range p.k {
		for j, v := range b[k*ldb:][:p.n] {
			if v-v == 0 {
				continue
			}
			for i := range p.m {
				if x := p.a[i*rowStride+k*kStride]; x == 0 {
					p.c[i*p.ldc+j] += x * v
				}
			}
		}
	}
	if p.bias != nil {
		for i := range p.m {
			row := p.c[i*p.ldc:][:p.n]
			addGeneric(row, p.bias, row)
		}
	}
	activate(p.m, p.n, p.c, p.ldc, p.relu, p.derivative)
}

// The generic layout of a Packed is row-major without gaps.

func (p *Packed) setRowsGeneric(lo, hi int, b []float32, ldb int) {
	for i := lo; i < hi; i++ {
		copy(p.data[i*p.n:][:p.n], b[(i-lo)*ldb:])
	}
}

func (p *Packed) setColumnsGeneric(lo, hi int, b []float32, ldb int) {
	transpose(p.data[lo:], p.n, b, ldb, hi-lo, p.k)
}

// transpose writes the transpose of the [rows, cols] matrix src to dst.
func transpose(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	for i := range rows {
		for j, v := range src[i*lds:][:cols] {
			dst[j*ldd+i] = v
		}
	}
}
