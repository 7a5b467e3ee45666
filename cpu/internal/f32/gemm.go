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
	packed        *Packed   // stands for b unless nil
	relu          bool      // whether C goes through ReLU at last
	derivative    []float32 // unless nil, C is 0 where this, laid out like C, is not positive
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

// PackUnit is the number of columns of op(B) that a [Packed] keeps together.
const PackUnit = 16

// Packed is a [k, n] matrix laid out the way matrix products read their right
// operand, for products that share it. Setting different rows, or different
// units of [PackUnit] columns, at the same time is safe.
type Packed struct {
	k, n int
	data []float32
}

// NewPacked returns a [k, n] matrix of zeros.
func NewPacked(k, n int) *Packed {
	return &Packed{k: k, n: n, data: Aligned(k * ((n + PackUnit - 1) / PackUnit * PackUnit))}
}

// SetRows sets rows [lo, hi) to the first rows of b, which are ldb floats
// apart.
func (p *Packed) SetRows(lo, hi int, b []float32, ldb int) {
	if lo < hi && p.n > 0 {
		p.setRows(lo, hi, b[:extent(hi-lo, p.n, ldb)], ldb)
	}
}

// SetColumns sets columns [lo, hi) to the first rows of b, which are ldb
// floats apart. lo must be a multiple of [PackUnit], and hi as well unless it
// is n.
func (p *Packed) SetColumns(lo, hi int, b []float32, ldb int) {
	if lo < hi && p.k > 0 {
		p.setColumns(lo, hi, b[:extent(hi-lo, p.k, ldb)], ldb)
	}
}

// GemmPacked sets C = A B, plus bias in every row unless bias is nil, with
// the bits that [Workspace.Gemm] gives. A is [m, k], C is [m, n].
func (w *Workspace) GemmPacked(m int, a []float32, lda int, b *Packed, bias []float32, c []float32, ldc int) {
	w.gemmPacked(&product{m: m, a: a, lda: lda, packed: b, c: c, ldc: ldc, bias: bias})
}

// GemmPackedReLU sets C = ReLU(A B + bias), the bits of [Workspace.GemmPacked]
// and [ReLU].
func (w *Workspace) GemmPackedReLU(m int, a []float32, lda int, b *Packed, bias []float32, c []float32, ldc int) {
	w.gemmPacked(&product{m: m, a: a, lda: lda, packed: b, c: c, ldc: ldc, bias: bias, relu: true})
}

// GemmPackedReLUGrad sets C = A B times the derivative of ReLU where its value is
// h, the bits of [Workspace.GemmPacked] and [ReLUGrad]. The rows of h are ldc
// floats apart, too.
func (w *Workspace) GemmPackedReLUGrad(m int, a []float32, lda int, b *Packed, h, c []float32, ldc int) {
	w.gemmPacked(&product{m: m, a: a, lda: lda, packed: b, c: c, ldc: ldc, derivative: h})
}

// gemmPacked is a product of which all but the sizes that packed gives is set.
func (w *Workspace) gemmPacked(p *product) {
	p.n, p.k = p.packed.n, p.packed.k
	if p.m <= 0 || p.n <= 0 {
		return
	}
	p.c = p.c[:extent(p.m, p.n, p.ldc)]
	if p.bias != nil {
		p.bias = p.bias[:p.n]
	}
	if p.derivative != nil {
		p.derivative = p.derivative[:len(p.c)]
	}
	if p.k <= 0 {
		emptyProduct(p.m, p.n, p.bias, false, p.c, p.ldc)
		activate(p.m, p.n, p.c, p.ldc, p.relu, p.derivative)
		return
	}
	p.a = p.a[:extent(p.m, p.k, p.lda)]
	w.gemm(p)
}

// activate takes C, [m, n], through ReLU if rectify is set, and through its
// derivative where its value is h, laid out like C, unless h is nil.
func activate(m, n int, c []float32, ldc int, rectify bool, h []float32) {
	if !rectify && h == nil {
		return
	}
	for i := range m {
		row := c[i*ldc:][:n]
		if rectify {
			relu(row, row)
		}
		if h != nil {
			reluGrad(row, h[i*ldc:][:n])
		}
	}
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
