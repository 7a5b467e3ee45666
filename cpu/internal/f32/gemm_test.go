package f32

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// unitRoundoff is the largest relative error of one float32 operation.
const unitRoundoff = 1.0 / (1 << 24)

// guard is a value that no test computes.
const guard = -12345.678

// operands is a random product, in its own memory.
type operands struct {
	tA, tB        bool
	m, n, k       int
	lda, ldb, ldc int
	a, b, c, bias []float32
	accumulate    bool
}

func (o operands) String() string {
	return fmt.Sprintf("tA=%t tB=%t m=%d n=%d k=%d lda=%d ldb=%d ldc=%d bias=%t accumulate=%t",
		o.tA, o.tB, o.m, o.n, o.k, o.lda, o.ldb, o.ldc, o.bias != nil, o.accumulate)
}

// flip returns rows and columns as stored.
func flip(t bool, rows, cols int) (int, int) {
	if t {
		return cols, rows
	}
	return rows, cols
}

// newOperands returns a product whose operands all end at the end of their
// memory and whose gaps between rows hold guard.
func newOperands(tb testing.TB, r *rand.Rand, m, n, k int, tA, tB, bias, accumulate bool) operands {
	o := operands{tA: tA, tB: tB, m: m, n: n, k: k, accumulate: accumulate}
	matrix := func(rows, cols int) ([]float32, int) {
		ld := cols
		switch r.IntN(3) {
		case 0:
			ld += r.IntN(9)
		case 1:
			ld = Stride(cols)
		}
		if rows == 0 || cols == 0 {
			return nil, ld
		}
		x := guarded(tb, extent(rows, cols, ld))
		for i := range x {
			x[i] = guard
		}
		for i := range rows {
			for j := range cols {
				x[i*ld+j] = float32(r.NormFloat64())
			}
		}
		return x, ld
	}
	rows, cols := flip(tA, m, k)
	o.a, o.lda = matrix(rows, cols)
	rows, cols = flip(tB, k, n)
	o.b, o.ldb = matrix(rows, cols)
	o.c, o.ldc = matrix(m, n)
	if bias {
		o.bias, _ = matrix(1, n)
	}
	return o
}

func (o operands) run(w *Workspace) {
	w.Gemm(o.tA, o.tB, o.m, o.n, o.k, o.a, o.lda, o.b, o.ldb, o.bias, o.accumulate, o.c, o.ldc)
}

func at(t bool, x []float32, ld, i, j int) float32 {
	if t {
		i, j = j, i
	}
	return x[i*ld+j]
}

// check compares C with a float64 product; old is C from before.
func (o operands) check(t *testing.T, old []float32) {
	t.Helper()
	for i := range o.c {
		row, col := i/o.ldc, i%o.ldc
		if col >= o.n {
			if o.c[i] != guard {
				t.Fatalf("%v: wrote %g between rows %d and %d", o, o.c[i], row, row+1)
			}
			continue
		}
		var want, size float64
		for k := range o.k {
			x := float64(at(o.tA, o.a, o.lda, row, k)) * float64(at(o.tB, o.b, o.ldb, k, col))
			want += x
			size += math.Abs(x)
		}
		if o.bias != nil {
			want += float64(o.bias[col])
			size += math.Abs(float64(o.bias[col]))
		}
		if o.accumulate {
			want += float64(old[i])
			size += math.Abs(float64(old[i]))
		}
		// However the sum is associated, each term takes part in at most k+2
		// additions and one multiplication: Higham, Accuracy and Stability of
		// Numerical Algorithms, section 3.1.
		tolerance := float64(o.k+3) * unitRoundoff * size
		if d := math.Abs(float64(o.c[i]) - want); !(d <= tolerance) {
			t.Fatalf("%v: C[%d, %d] = %g, want %g ± %.2g", o, row, col, o.c[i], want, tolerance)
		}
	}
}

func TestGemm(t *testing.T) {
	for _, impl := range implementations() {
		t.Run("impl="+impl, func(t *testing.T) {
			use(t, impl)
			r := rand.New(rand.NewPCG(1, 2))
			w := NewWorkspace()
			test := func(t *testing.T, m, n, k int) {
				o := newOperands(t, r, m, n, k, r.IntN(2) == 0, r.IntN(2) == 0, r.IntN(2) == 0, r.IntN(2) == 0)
				old, a, b, bias := slices.Clone(o.c), slices.Clone(o.a), slices.Clone(o.b), slices.Clone(o.bias)
				o.run(w)
				o.check(t, old)
				if !slices.Equal(a, o.a) || !slices.Equal(b, o.b) || !slices.Equal(bias, o.bias) {
					t.Fatalf("%v: an input was modified", o)
				}
			}
			edges := []int{1, 2, 3, 5, 6, 7, 8, 9, 15, 16, 17, 23, 31, 32, 33, 63, 64, 65}
			for _, m := range edges {
				for _, n := range edges {
					t.Run(fmt.Sprintf("m=%d/n=%d", m, n), func(t *testing.T) {
						test(t, m, n, r.IntN(4))
						test(t, m, n, edges[r.IntN(len(edges))])
					})
				}
			}
			long := []int{191, 192, 193, 255, 256, 257, 385, 511, 512, 513, 1023, 1025}
			for range 150 {
				size := [3]int{1 + r.IntN(40), 1 + r.IntN(40), 1 + r.IntN(40)}
				size[r.IntN(3)] = long[r.IntN(len(long))]
				t.Run("long", func(t *testing.T) { test(t, size[0], size[1], size[2]) })
			}
		})
	}
}

// TestGemmRanges checks that every element of C has the same bits when the
// product is cut into ranges of rows and columns, at other strides and
// alignments, as when it is computed at once.
func TestGemmRanges(t *testing.T) {
	for _, impl := range implementations() {
		t.Run("impl="+impl, func(t *testing.T) {
			use(t, impl)
			r := rand.New(rand.NewPCG(5, 6))
			w := NewWorkspace()
			for trial := range 60 {
				m, n, k := 1+r.IntN(100), 1+r.IntN(100), 1+r.IntN(600)
				o := newOperands(t, r, m, n, k, trial&1 != 0, trial&2 != 0, trial&4 != 0, trial&8 != 0)
				old := slices.Clone(o.c)
				o.run(w)
				i := r.IntN(m)
				mi := 1 + r.IntN(m-i)
				j := r.IntN(n)
				nj := 1 + r.IntN(n-j)
				ldc := nj + r.IntN(20)
				part := make([]float32, mi*ldc)[r.IntN(ldc-nj+1):]
				for r := range mi {
					copy(part[r*ldc:][:nj], old[(i+r)*o.ldc+j:])
				}
				a, b := i*o.lda, j
				if o.tA {
					a = i
				}
				if o.tB {
					b = j * o.ldb
				}
				var bias []float32
				if o.bias != nil {
					bias = o.bias[j:]
				}
				NewWorkspace().Gemm(o.tA, o.tB, mi, nj, k, o.a[a:], o.lda, o.b[b:], o.ldb, bias, o.accumulate, part, ldc)
				for r := range mi {
					for c := range nj {
						got, want := part[r*ldc+c], o.c[(i+r)*o.ldc+j+c]
						if math.Float32bits(got) != math.Float32bits(want) {
							t.Fatalf("%v: C[%d, %d] = %g as part of rows %d+%d, columns %d+%d, %g at once",
								o, i+r, j+c, got, i, mi, j, nj, want)
						}
					}
				}
			}
		})
	}
}

// TestGemmNonFinite checks that a NaN spreads to its row or column of C, also
// against zeros, and nowhere else.
func TestGemmNonFinite(t *testing.T) {
	nan := float32(math.NaN())
	for _, impl := range implementations() {
		t.Run("impl="+impl, func(t *testing.T) {
			use(t, impl)
			const m, n, k = 13, 19, 11
			for _, tr := range []bool{false, true} {
				a, b, c := make([]float32, m*k), make([]float32, k*n), make([]float32, m*n)
				lda, ldb := k, n
				if tr {
					lda, ldb = m, k
				}
				set := func(x []float32, ld, i, j int) {
					if tr {
						i, j = j, i
					}
					x[i*ld+j] = nan
				}
				set(a, lda, 7, 3)
				set(b, ldb, 5, 17)
				NewWorkspace().Gemm(tr, tr, m, n, k, a, lda, b, ldb, nil, false, c, n)
				for i, v := range c {
					want := i/n == 7 || i%n == 17
					if got := v != v; got != want {
						t.Errorf("transposed=%t: C[%d, %d] = %g, want NaN: %t", tr, i/n, i%n, v, want)
					}
				}
			}
		})
	}
}

// TestGemmPackedReLU checks that products that apply ReLU or its derivative
// give the bits of the product and the function one after the other, NaN and the
// gaps between rows included.
func TestGemmPackedReLU(t *testing.T) {
	for _, impl := range implementations() {
		t.Run("impl="+impl, func(t *testing.T) {
			use(t, impl)
			r := rand.New(rand.NewPCG(7, 8))
			w := NewWorkspace()
			for trial := range 60 {
				m, n, k := 1+r.IntN(150), 1+r.IntN(100), r.IntN(600)
				if trial%10 == 0 {
					n += 512 // more than one block of columns
				}
				o := newOperands(t, r, m, n, k, false, false, true, false)
				packed := NewPacked(k, n)
				packed.SetRows(0, k, o.b, o.ldb)
				if k > 0 && trial%3 == 0 {
					o.a[r.IntN(m)*o.lda] = float32(math.NaN())
				}
				h := slices.Clone(o.c)
				want := slices.Clone(o.c)
				equal := func(what string) {
					t.Helper()
					for i := range want {
						if math.Float32bits(o.c[i]) != math.Float32bits(want[i]) {
							t.Fatalf("%v: %s: element %d is %g, want %g", o, what, i, o.c[i], want[i])
						}
					}
				}
				rows := func(f func(i int, row []float32)) {
					for i := range m {
						f(i, want[i*o.ldc:][:n])
					}
				}
				w.GemmPacked(m, o.a, o.lda, packed, o.bias, want, o.ldc)
				rows(func(_ int, row []float32) { ReLU(row, row) })
				w.GemmPackedReLU(m, o.a, o.lda, packed, o.bias, o.c, o.ldc)
				equal("ReLU")

				w.GemmPacked(m, o.a, o.lda, packed, nil, want, o.ldc)
				rows(func(i int, row []float32) { ReLUGrad(row, h[i*o.ldc:][:n]) })
				w.GemmPackedReLUGrad(m, o.a, o.lda, packed, h, o.c, o.ldc)
				equal("derivative")
			}
		})
	}
}
