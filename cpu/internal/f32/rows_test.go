package f32

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// rowCounts and columnCounts straddle what the kernels take at a time.
var (
	rowCounts    = []int{1, 2, 7, 8, 9, 16, 17, 40}
	columnCounts = []int{1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 71, 128, 131}
)

// newMatrix returns a random [rows, cols] matrix that ends at the end of its
// memory, its rows ld floats apart with guard between them.
func newMatrix(t *testing.T, r *rand.Rand, rows, cols int) (x []float32, ld int) {
	ld = cols + r.IntN(2)*r.IntN(20)
	x = guarded(t, extent(rows, cols, ld))
	fill(x, guard)
	for i := range rows {
		for j := range cols {
			x[i*ld+j] = float32(r.NormFloat64())
		}
	}
	return x, ld
}

// checkGaps checks that nothing was written between the rows.
func checkGaps(t *testing.T, x []float32, ld, cols int) {
	t.Helper()
	for i, v := range x {
		if i%ld >= cols && v != guard {
			t.Fatalf("wrote %g between rows %d and %d", v, i/ld, i/ld+1)
		}
	}
}

// forShapes runs f for every implementation and shape.
func forShapes(t *testing.T, f func(t *testing.T, r *rand.Rand, rows, cols int)) {
	for _, impl := range implementations() {
		t.Run("impl="+impl, func(t *testing.T) {
			use(t, impl)
			r := rand.New(rand.NewPCG(21, 22))
			for _, rows := range rowCounts {
				for _, cols := range columnCounts {
					t.Run(fmt.Sprintf("rows=%d/cols=%d", rows, cols), func(t *testing.T) { f(t, r, rows, cols) })
				}
			}
		})
	}
}

func TestRowDots(t *testing.T) {
	forShapes(t, func(t *testing.T, r *rand.Rand, rows, cols int) {
		const c = float32(0.7)
		a, lda := newMatrix(t, r, rows, cols)
		x, dst := guarded(t, cols), guarded(t, rows)
		for j := range x {
			x[j] = float32(r.NormFloat64())
		}
		RowDots(dst, a, lda, x, c)
		for i, got := range dst {
			want, size := float64(c), float64(c)
			for j, v := range x {
				y := float64(v) * float64(a[i*lda+j])
				want += y
				size += math.Abs(y)
			}
			// As for a matrix product with a bias.
			if d := math.Abs(float64(got) - want); !(d <= float64(cols+2)*unitRoundoff*size) {
				t.Fatalf("row %d: %g, want %g", i, got, want)
			}
			var alone [1]float32
			RowDots(alone[:], a[i*lda:], lda, x, c)
			if alone[0] != got {
				t.Fatalf("row %d: %g among others, %g alone", i, got, alone[0])
			}
		}
		i := r.IntN(rows)
		a[i*lda+r.IntN(cols)] = float32(math.NaN())
		RowDots(dst, a, lda, x, c)
		for k, v := range dst {
			if (v != v) != (k == i) {
				t.Fatalf("row %d: %g with NaN in row %d", k, v, i)
			}
		}
	})
}

func TestColumnSums(t *testing.T) {
	forShapes(t, func(t *testing.T, r *rand.Rand, rows, cols int) {
		a, lda := newMatrix(t, r, rows, cols)
		dst := guarded(t, cols)
		fill(dst, guard)
		ColumnSums(dst, rows, a, lda)
		for j, got := range dst {
			// One chain in the order of the rows, in every implementation.
			var want float32
			for i := range rows {
				want += a[i*lda+j]
			}
			if got != want {
				t.Fatalf("column %d: %g, want exactly %g", j, got, want)
			}
		}
	})
}

func TestFoldPairs(t *testing.T) {
	forShapes(t, func(t *testing.T, r *rand.Rand, rows, cols int) {
		joint, ld := newMatrix(t, r, rows, cols)
		like := func(rows int) []float32 {
			x := guarded(t, extent(rows, cols, ld))
			fill(x, guard)
			return x
		}
		marginal, dx, dz := like(rows), like(rows), like(rows+1)
		for i := range marginal {
			if i%ld < cols {
				marginal[i] = float32(r.NormFloat64())
			}
		}
		sums := guarded(t, cols)
		fill(sums, guard)
		FoldPairs(dx, dz, sums, rows, joint, marginal, ld)
		for j := range cols {
			// One addition an element and one chain a column: exact.
			var sum, before float32
			for i := range rows {
				at := i*ld + j
				if want := joint[at] + marginal[at]; dx[at] != want {
					t.Fatalf("dx[%d, %d] = %g, want %g", i, j, dx[at], want)
				}
				if want := joint[at] + before; dz[at] != want {
					t.Fatalf("dz[%d, %d] = %g, want %g", i, j, dz[at], want)
				}
				sum += dx[at]
				before = marginal[at]
			}
			if got := dz[rows*ld+j]; got != before {
				t.Fatalf("dz[%d, %d] = %g, want %g", rows, j, got, before)
			}
			if sums[j] != sum {
				t.Fatalf("sum of column %d is %g, want %g", j, sums[j], sum)
			}
		}
		checkGaps(t, dx, ld, cols)
		checkGaps(t, dz, ld, cols)
	})
}

func TestGatherRows(t *testing.T) {
	forShapes(t, func(t *testing.T, r *rand.Rand, rows, cols int) {
		const height = 23
		src, lds := newMatrix(t, r, height, cols)
		dst, ldd := newMatrix(t, r, rows, cols)
		index := make([]int32, rows)
		for i := range index {
			index[i] = int32(r.IntN(height))
		}
		index[r.IntN(rows)] = height - 1
		GatherRows(dst, ldd, src, lds, cols, index)
		for i, k := range index {
			if !slices.Equal(dst[i*ldd:][:cols], src[int(k)*lds:][:cols]) {
				t.Fatalf("row %d is not row %d of the source", i, k)
			}
		}
		checkGaps(t, dst, ldd, cols)
	})
}

func TestGatherRowsChecksRows(t *testing.T) {
	src, dst := make([]float32, 12), make([]float32, 3)
	for _, row := range []int32{-1, 4} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("row %d of 4 was read", row)
				}
			}()
			GatherRows(dst, 3, src, 3, 3, []int32{row})
		}()
	}
}

func TestOutputGrad(t *testing.T) {
	for _, f := range []struct {
		name  string
		run   OutputGrad
		grad  func(g, h []float32)
		value func(x float32) float32
	}{
		{"ReLU", ReLUOutputGrad, ReLUGrad, relu1},
		{"ELU", ELUOutputGrad, ELUGrad, elu1},
		{"Softplus", SoftplusOutputGrad, SoftplusGrad, softplus1},
	} {
		t.Run("op="+f.name, func(t *testing.T) {
			forShapes(t, func(t *testing.T, r *rand.Rand, rows, cols int) {
				h, ld := newMatrix(t, r, rows, cols)
				d := guarded(t, len(h))
				fill(d, guard)
				for i := range rows {
					for j := range cols {
						h[i*ld+j] = f.value(h[i*ld+j])
					}
				}
				s, w := guarded(t, rows), guarded(t, cols)
				dw, db := guarded(t, cols), guarded(t, cols)
				for _, x := range [][]float32{s, w, dw, db} {
					for j := range x {
						x[j] = float32(r.NormFloat64())
					}
				}
				oldW, oldB := slices.Clone(dw), slices.Clone(db)
				f.run(d, h, ld, s, w, dw, db)
				checkGaps(t, d, ld, cols)
				for j := range cols {
					wantW, sizeW := float64(oldW[j]), math.Abs(float64(oldW[j]))
					wantB := oldB[j]
					for i := range rows {
						// The same operations as one function after the other.
						want := []float32{s[i] * w[j]}
						f.grad(want, h[i*ld+j:][:1])
						if got := d[i*ld+j]; got != want[0] {
							t.Fatalf("d[%d][%d] = %g, want exactly %g", i, j, got, want[0])
						}
						wantB += want[0]
						x := float64(s[i]) * float64(h[i*ld+j])
						wantW += x
						sizeW += math.Abs(x)
					}
					if db[j] != wantB {
						t.Fatalf("db[%d] = %g, want exactly %g", j, db[j], wantB)
					}
					// As for a matrix product that is added to.
					if e := math.Abs(float64(dw[j]) - wantW); !(e <= float64(rows+2)*unitRoundoff*sizeW) {
						t.Fatalf("dw[%d] = %g, want %g", j, dw[j], wantW)
					}
				}
				f.run(h, h, ld, s, w, oldW, oldB)
				if !slices.Equal(h, d) || !slices.Equal(oldW, dw) || !slices.Equal(oldB, db) {
					t.Fatal("in place of h the result is another")
				}
			})
		})
	}
}

// TestPacked checks that a product has the same bits with a packed operand,
// set piece by piece in either way.
func TestPacked(t *testing.T) {
	for _, impl := range implementations() {
		t.Run("impl="+impl, func(t *testing.T) {
			use(t, impl)
			r := rand.New(rand.NewPCG(23, 24))
			w := NewWorkspace()
			for trial := range 200 {
				m, n, k := 1+r.IntN(70), 1+r.IntN(70), 1+r.IntN(70)
				switch trial % 4 {
				case 0:
					k = 250 + r.IntN(300)
				case 1:
					n = 500 + r.IntN(100)
				}
				o := newOperands(t, r, m, n, k, false, trial%2 == 0, trial%3 == 0, false)
				o.run(w)
				p := NewPacked(k, n)
				if o.tB {
					for lo := 0; lo < n; {
						hi := min(n, lo+PackUnit*(1+r.IntN(3)))
						p.SetColumns(lo, hi, o.b[lo*o.ldb:], o.ldb)
						lo = hi
					}
				} else {
					for lo := 0; lo < k; {
						hi := min(k, lo+1+r.IntN(40))
						p.SetRows(lo, hi, o.b[lo*o.ldb:], o.ldb)
						lo = hi
					}
				}
				want := slices.Clone(o.c)
				for i := range m {
					fill(o.c[i*o.ldc:][:n], 0)
				}
				w.GemmPacked(m, o.a, o.lda, p, o.bias, o.c, o.ldc)
				if !slices.Equal(o.c, want) {
					t.Fatalf("%v: packed differs", o)
				}
			}
		})
	}
}

func TestRowsEmpty(t *testing.T) {
	for _, impl := range implementations() {
		t.Run("impl="+impl, func(t *testing.T) {
			use(t, impl)
			dst := []float32{1, 2}
			RowDots(dst, nil, 0, nil, 3)
			if !slices.Equal(dst, []float32{3, 3}) {
				t.Errorf("products of empty rows are %v, want the constant 3", dst)
			}
			ColumnSums(dst, 0, nil, 1)
			if !slices.Equal(dst, []float32{0, 0}) {
				t.Errorf("sums of no rows are %v", dst)
			}
			RowDots(nil, nil, 0, nil, 3)
			ColumnSums(nil, 4, nil, 1)
			GatherRows(nil, 1, nil, 1, 1, nil)
			ReLUOutputGrad(nil, nil, 1, nil, dst, dst, dst)
			NewWorkspace().GemmPacked(0, nil, 1, NewPacked(3, 4), nil, nil, 4)
		})
	}
}
