package f32

// Workspace holds the buffers in which [Workspace.Gemm] packs its operands. It
// is not safe for concurrent use: every worker needs its own.
type Workspace struct {
	a, b []float32
}

// NewWorkspace returns a Workspace. Its buffers are allocated by the first
// products that need them and kept.
func NewWorkspace() *Workspace { return new(Workspace) }

// reserve returns the first n floats of a buffer after making it at least that
// large.
func reserve(buffer *[]float32, n int) []float32 {
	if len(*buffer) < n {
		*buffer = Aligned(n)
	}
	return (*buffer)[:n]
}

// product is a matrix product with k >= 1: see [Workspace.Gemm].
type product struct {
	tA, tB        bool
	m, n, k       int
	a, b, c       []float32
	lda, ldb, ldc int
	bias          []float32
	accumulate    bool
}

// Gemm sets C = op(A) op(B), plus bias in every row unless bias is nil, plus
// the old C if accumulate is set.
//
// The matrices are row-major, their rows lda, ldb and ldc floats apart. op(A)
// is [m, k]: A is [m, k], or [k, m] if tA is set. op(B) is [k, n]: B is [k, n],
// or [n, k] if tB is set. C is [m, n] and must not overlap the others; bias is
// [n]. If k is 0 the product is zero.
//
// The sum over k is taken in blocks whose lengths depend on k alone; within a
// block it is one chain in the order of k.
func (w *Workspace) Gemm(tA, tB bool, m, n, k int, a []float32, lda int, b []float32, ldb int, bias []float32, accumulate bool, c []float32, ldc int) {
	if m <= 0 || n <= 0 {
		return
	}
	c = c[:extent(m, n, ldc)]
	if bias != nil {
		bias = bias[:n]
	}
	if k <= 0 {
		emptyProduct(m, n, bias, accumulate, c, ldc)
		return
	}
	if tA {
		a = a[:extent(k, m, lda)]
	} else {
		a = a[:extent(m, k, lda)]
	}
	if tB {
		b = b[:extent(n, k, ldb)]
	} else {
		b = b[:extent(k, n, ldb)]
	}
	w.gemm(&product{
		tA: tA, tB: tB, m: m, n: n, k: k,
		a: a, lda: lda, b: b, ldb: ldb, c: c, ldc: ldc,
		bias: bias, accumulate: accumulate,
	})
}

// extent returns the length of a slice that holds rows rows of cols floats, ld
// floats apart.
func extent(rows, cols, ld int) int { return (rows-1)*ld + cols }

func emptyProduct(m, n int, bias []float32, accumulate bool, c []float32, ldc int) {
	for i := range m {
		row := c[i*ldc:][:n]
		if !accumulate {
			clear(row)
		}
		if bias != nil {
			Add(row, bias, row)
		}
	}
}

// split returns the length of the blocks into which n is best divided: as
// equal as possible, at most limit, and a multiple of unit except for the
// last one.
func split(n, limit, unit int) int {
	blocks := (n + limit - 1) / limit
	length := (n + blocks - 1) / blocks
	return (length + unit - 1) / unit * unit
}
