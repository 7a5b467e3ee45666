//go:build cuda

package cuda

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gomine/cuda/internal/driver"
	"gomine/cuda/internal/kernel"
)

// guarded is an array on the device between guards, with NaN in all of it.
type guarded struct {
	whole driver.Pointer
	n     int
}

// guardFloats is the length of a guard on either side: longer than a tile is
// wide, so that what is written beyond the end lands there.
const guardFloats = 4096

func (g guarded) at() driver.Pointer { return g.whole.Float(guardFloats) }

// guard returns n floats that hold NaN, or values where given.
func guard(m *driver.Memory, n int, values []float32) (guarded, error) {
	all := make([]float32, n+2*guardFloats)
	for i := range all {
		all[i] = float32(math.NaN())
	}
	copy(all[guardFloats:], values)
	p, err := m.Alloc("test", 4*int64(len(all)))
	if err != nil {
		return guarded{}, err
	}
	return guarded{p, n}, driver.Upload(p, all)
}

// read returns the floats and whether the guards are as they were.
func (g guarded) read() ([]float32, error) {
	all := make([]float32, g.n+2*guardFloats)
	if err := driver.Download(all, g.whole); err != nil {
		return nil, err
	}
	for i, v := range all {
		if (i < guardFloats || i >= guardFloats+g.n) && !math.IsNaN(float64(v)) {
			return nil, fmt.Errorf("wrote %v at %d, outside of [0, %d)", v, i-guardFloats, g.n)
		}
	}
	return all[guardFloats:][:g.n], nil
}

// operand is a matrix with zeros in its padding.
type operand struct {
	rows, cols, ld int
	data           []float32
}

func newOperand(src *rand.Rand, rows, cols int) operand {
	o := operand{rows, cols, padded(cols), make([]float32, rows*padded(cols))}
	for i := range rows {
		for j := range cols {
			o.data[i*o.ld+j] = float32(src.NormFloat64())
		}
	}
	return o
}

func (o operand) at(i, j int) float64 { return float64(o.data[i*o.ld+j]) }

// TestShapes multiplies matrices of sizes that straddle the tiles, in all three
// ways and precisions, with rows gathered in another order, and compares with
// float64. The tolerance is k+2 units in the last place of sum |a b|: one for each
// addition, and what the precision's factors lose; the activation, of slope at
// most 1, adds less than a unit of the result.
func TestShapes(t *testing.T) {
	d, err := open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	units := map[Precision]float64{FP32: 1.0 / (1 << 24), TF32x3: unitTF32x3, TF32: unitTF32}
	shapes := [][3]int{{1, 1, 1}, {3, 2, 5}, {4, 4, 4}, {130, 5, 17}, {6, 131, 16}, {127, 129, 33}, {128, 128, 40}, {2, 3, 0}}
	err = d.gpu.Do(func() error {
		s, err := d.gpu.NewStream()
		if err != nil {
			return err
		}
		defer s.Close()
		for _, precision := range Precisions() {
			for _, shape := range shapes {
				m, n, k := shape[0], shape[1], shape[2]
				if err := multiplyAll(d, s, precision, m, n, k, units[precision]); err != nil {
					return fmt.Errorf("%s, m=%d n=%d k=%d: %w", precision, m, n, k, err)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func multiplyAll(d *device, s *driver.Stream, precision Precision, m, n, k int, unit float64) (err error) {
	memory := d.gpu.NewMemory(0)
	defer memory.Free()
	src := rand.New(rand.NewPCG(uint64(m), uint64(n*1000+k)))
	put := func(o operand) driver.Pointer {
		g, putErr := guard(memory, len(o.data), o.data)
		if putErr != nil {
			err = putErr
		}
		return g.at()
	}
	order := src.Perm(max(m, k))
	rows := make([]int32, len(order))
	for i, v := range order {
		rows[i] = int32(v)
	}
	index, err := memory.Alloc("rows", int64(4*len(rows)))
	if err != nil {
		return err
	}
	if err := driver.Upload(index, rows); err != nil {
		return err
	}
	ld := padded(n)
	check := func(what string, c guarded, parts int, want func(i, j int) (value, magnitude float64)) error {
		got, err := c.read()
		if err != nil {
			return fmt.Errorf("%s %w", what, err)
		}
		for i := range m {
			for j := range ld {
				var sum float64
				for q := range parts {
					sum += float64(got[(q*m+i)*ld+j])
				}
				if j >= n {
					if sum != 0 && !math.IsNaN(sum) { // zero, or not written
						return fmt.Errorf("%s: padding at (%d, %d) is %v", what, i, j, sum)
					}
					continue
				}
				value, magnitude := want(i, j)
				if allowed := float64(k+2) * unit * (magnitude + math.Abs(value)); !(math.Abs(sum-value) <= allowed) {
					return fmt.Errorf("%s: (%d, %d) is %v, want %v, within %.1e", what, i, j, sum, value, allowed)
				}
			}
		}
		return nil
	}
	product := func(a, b func(k int) float64) (sum, magnitude float64) {
		for q := range k {
			sum += a(q) * b(q)
			magnitude += math.Abs(a(q) * b(q))
		}
		return sum, magnitude
	}
	softplus := func(v float64) float64 { return math.Max(v, 0) + math.Log1p(math.Exp(-math.Abs(v))) }
	with := precisions[precision]

	a, b, bias := newOperand(src, len(order), max(k, 1)), newOperand(src, max(k, 1), n), newOperand(src, 1, n)
	c, err := guard(memory, m*ld, nil)
	if err != nil {
		return err
	}
	err = with.nn(s, tiles(m, n, 1), tileShared, kernel.GemmNNArgs{
		C: c.at(), A: put(a), B: put(b), Bias: put(bias), Rows: index, M: m, N: n, K: k, Lda: a.ld, Ldb: b.ld, Ldc: ld,
	})
	if err != nil {
		return err
	}
	err = check("a b", c, 1, func(i, j int) (float64, float64) {
		v, magnitude := product(func(q int) float64 { return a.at(order[i], q) }, func(q int) float64 { return b.at(q, j) })
		v += bias.at(0, j)
		return softplus(v), magnitude + math.Abs(bias.at(0, j)) + 1
	})
	if err != nil {
		return err
	}

	a, b = newOperand(src, m, max(k, 1)), newOperand(src, n, max(k, 1))
	h := newOperand(src, m, n)
	if c, err = guard(memory, m*ld, nil); err != nil {
		return err
	}
	err = with.nt(s, tiles(m, n, 1), tileShared, kernel.GemmNTArgs{
		C: c.at(), A: put(a), B: put(b), H: put(h), M: m, N: n, K: k, Lda: a.ld, Ldb: b.ld, Ldc: ld, Ldh: h.ld, Activation: 2,
	})
	if err != nil {
		return err
	}
	err = check("a b^T", c, 1, func(i, j int) (float64, float64) {
		if h.at(i, j) <= 0 {
			return 0, 0
		}
		return product(func(q int) float64 { return a.at(i, q) }, func(q int) float64 { return b.at(j, q) })
	})
	if err != nil {
		return err
	}

	const split = 3 // more than there is depth for
	a, b = newOperand(src, len(order), m), newOperand(src, max(k, 1), n)
	if c, err = guard(memory, split*m*ld, nil); err != nil {
		return err
	}
	err = with.tn(s, tiles(m, n, split), tileShared, kernel.GemmTNArgs{
		C: c.at(), A: put(a), B: put(b), Rows: index, M: m, N: n, K: k, Lda: a.ld, Ldb: b.ld, Ldc: ld, Split: split, Part: uint64(m * ld),
	})
	if err != nil {
		return err
	}
	return check("a^T b", c, split, func(i, j int) (float64, float64) {
		return product(func(q int) float64 { return a.at(order[q], i) }, func(q int) float64 { return b.at(q, j) })
	})
}

// TestPadding: the pairs' padding is written as zero, where softplus would not be,
// and nothing beyond the last row.
func TestPadding(t *testing.T) {
	d, err := open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	err = d.gpu.Do(func() error {
		s, err := d.gpu.NewStream()
		if err != nil {
			return err
		}
		defer s.Close()
		memory := d.gpu.NewMemory(0)
		defer memory.Free()
		src := rand.New(rand.NewPCG(1, 2))
		for _, width := range []int{1, 2, 3, 4, 5, 9} {
			const n = 70
			x, z := newOperand(src, n, width), newOperand(src, n, width)
			px, err := guard(memory, len(x.data), x.data)
			if err != nil {
				return err
			}
			pz, err := guard(memory, len(z.data), z.data)
			if err != nil {
				return err
			}
			h, err := guard(memory, n*x.ld, nil)
			if err != nil {
				return err
			}
			err = kernel.PairForward(s, blocks(n*x.ld/4, 256), 0, kernel.PairForwardArgs{
				H: h.at(), Px: px.at(), Pz: pz.at(), N: n, Nz: n, Shift: 1, Width: width, Ldp: x.ld, Ldh: x.ld,
			})
			if err != nil {
				return err
			}
			got, err := h.read()
			if err != nil {
				return fmt.Errorf("width %d: %w", width, err)
			}
			for i := range n {
				for j := range x.ld {
					want := 0.0
					if v := x.at(i, j) + z.at((i+1)%n, j); j < width {
						want = math.Max(v, 0) + math.Log1p(math.Exp(-math.Abs(v)))
					}
					// A few units of the sum and of the result.
					if d := math.Abs(float64(got[i*x.ld+j]) - want); !(d <= 4*(math.Abs(want)+4)/(1<<24)) {
						return fmt.Errorf("width %d: (%d, %d) is %v, want %v", width, i, j, got[i*x.ld+j], want)
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
