//go:build cuda

package cuda

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gomine/cuda/internal/driver"
	"gomine/cuda/internal/kernel"
)

// guarded is an array on the device between guards, with NaN in all of it.
type guarded struct {
	stream *driver.Stream
	whole  driver.Pointer
	n      int
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
	return guarded{m.Stream(), p, n}, driver.Upload(m.Stream(), p, all)
}

// read returns the floats and whether the guards are as they were.
func (g guarded) read() ([]float32, error) {
	all := make([]float32, g.n+2*guardFloats)
	if err := driver.Download(g.stream, all, g.whole); err != nil {
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

// TestShapes multiplies matrices of sizes that straddle the tiles, also deeper than the
// chunks that are on their way at once, in all three ways and all precisions, with every
// non-linearity and rows gathered in another order, and compares with float64. The
// tolerance is, of sum |a b|, what the precision's factors lose and k+2 units in the last
// place: one for each addition, with which tensor cores truncate instead of rounding; the
// activation, of slope at most 1, adds less than a unit of the result.
func TestShapes(t *testing.T) {
	d := openAll(t)
	defer d.Close()
	const nearest, truncated = 1.0 / (1 << 24), 1.0 / (1 << 23)
	losses := map[Precision]loss{
		FP32: {0, nearest}, TF32x3: {unitTF32x3, truncated},
		TF32: {unitTF32 * (2 + unitTF32), truncated}, BF16: {unitBF16 * (2 + unitBF16), truncated},
	}
	shapes := [][3]int{{1, 1, 1}, {3, 2, 5}, {4, 4, 4}, {130, 5, 17}, {6, 131, 16}, {127, 129, 33}, {128, 128, 40}, {131, 258, 20}, {5, 6, 300}, {2, 3, 0}}
	err := d.onStream(func(s *driver.Stream, memory *driver.Memory) error {
		for _, precision := range Precisions() {
			for _, shape := range shapes {
				m, n, k := shape[0], shape[1], shape[2]
				if err := errors.Join(multiplyAll(s, memory, precision, m, n, k, losses[precision]), memory.Free()); err != nil {
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

// loss is what a product of a precision and an addition to a sum of products lose,
// relative to the magnitudes.
type loss struct{ product, addition float64 }

func multiplyAll(s *driver.Stream, memory *driver.Memory, precision Precision, m, n, k int, losses loss) error {
	src := rand.New(rand.NewPCG(uint64(m), uint64(n*1000+k)))
	p := multiplication{stream: s, memory: memory, src: src, with: precisions[precision], m: m, n: n, k: k, loss: losses}
	p.order = src.Perm(max(m, k))
	rows := make([]int32, len(p.order))
	for i, v := range p.order {
		rows[i] = int32(v)
	}
	var err error
	if p.index, err = memory.Alloc("rows", int64(4*len(rows))); err != nil {
		return err
	}
	if err := driver.Upload(s, p.index, rows); err != nil {
		return err
	}
	for _, of := range nonlinearities {
		if err := p.plain(of); err != nil {
			return fmt.Errorf("%s: %w", of.name, err)
		}
		if err := p.transposed(of); err != nil {
			return fmt.Errorf("derivative of %s: %w", of.name, err)
		}
	}
	return p.outer()
}

// nonlinearity is what a product's end can do: f(a), and f'(a) from h = f(a). Its number
// is that of backend.Activation, or -1.
type nonlinearity struct {
	name              string
	number            int
	value, derivative func(float64) float64
}

var nonlinearities = []nonlinearity{
	{"identity", -1, func(a float64) float64 { return a }, func(float64) float64 { return 1 }},
	{
		"softplus", 0,
		func(a float64) float64 { return math.Max(a, 0) + math.Log1p(math.Exp(-math.Abs(a))) },
		func(h float64) float64 { return -math.Expm1(-h) },
	},
	{
		"elu", 1,
		func(a float64) float64 { return math.Max(a, 0) + math.Expm1(math.Min(a, 0)) },
		func(h float64) float64 { return math.Min(h, 0) + 1 },
	},
	{
		"relu", 2,
		func(a float64) float64 { return math.Max(a, 0) },
		func(h float64) float64 {
			if h <= 0 {
				return 0
			}
			return 1
		},
	},
}

// multiplication is a product of matrices [m, n] of depth k, with operands of normal
// numbers.
type multiplication struct {
	stream  *driver.Stream
	memory  *driver.Memory
	src     *rand.Rand
	with    products
	m, n, k int
	loss    loss
	order   []int          // of gathered rows
	index   driver.Pointer // the same on the device
}

// put copies operands to the device.
func (p *multiplication) put(operands ...operand) (at []driver.Pointer, err error) {
	for _, o := range operands {
		g, err := guard(p.memory, len(o.data), o.data)
		if err != nil {
			return nil, err
		}
		at = append(at, g.at())
	}
	return at, nil
}

// check compares c, the sum of some parts, with what it should be.
func (p *multiplication) check(what string, c guarded, parts int, want func(i, j int) (value, magnitude float64)) error {
	got, err := c.read()
	if err != nil {
		return fmt.Errorf("%s %w", what, err)
	}
	ld := padded(p.n)
	for i := range p.m {
		for j := range ld {
			var sum float64
			for q := range parts {
				sum += float64(got[(q*p.m+i)*ld+j])
			}
			if j >= p.n {
				if sum != 0 && !math.IsNaN(sum) { // zero, or not written
					return fmt.Errorf("%s: padding at (%d, %d) is %v", what, i, j, sum)
				}
				continue
			}
			value, magnitude := want(i, j)
			if allowed := (p.loss.product + float64(p.k+2)*p.loss.addition) * (magnitude + math.Abs(value)); !(math.Abs(sum-value) <= allowed) {
				return fmt.Errorf("%s: (%d, %d) is %v, want %v, within %.1e", what, i, j, sum, value, allowed)
			}
		}
	}
	return nil
}

// product is the sum of a(q) b(q) over the depth, and of its magnitudes.
func (p *multiplication) product(a, b func(q int) float64) (sum, magnitude float64) {
	for q := range p.k {
		sum += a(q) * b(q)
		magnitude += math.Abs(a(q) * b(q))
	}
	return sum, magnitude
}

// plain is f(a b + bias), with gathered rows of a, and the parts of scores that are left
// of it.
func (p *multiplication) plain(f nonlinearity) error {
	m, n, k, ld := p.m, p.n, p.k, padded(p.n)
	a, b, bias := newOperand(p.src, len(p.order), max(k, 1)), newOperand(p.src, max(k, 1), n), newOperand(p.src, 1, n)
	at, err := p.put(a, b, bias)
	if err != nil {
		return err
	}
	c, err := guard(p.memory, m*ld, nil)
	if err != nil {
		return err
	}
	args := kernel.GemmNNArgs{
		C: c.at(), A: at[0], B: at[1], Bias: at[2], Rows: p.index, M: m, N: n, K: k, Lda: a.ld, Ldb: b.ld, Ldc: ld, Activation: f.number,
	}
	out := newOperand(p.src, 1, n)
	err = checkScores(p.memory, c, m, ld, out, func(t, w, offset driver.Pointer, ldt int, outputs bool) error {
		args := args
		args.T, args.W, args.Offset, args.Ldt = t, w, offset, ldt
		if !outputs {
			args.C = 0
		}
		return p.with.nn(p.stream, tiles(m, n, 1), args)
	})
	if err != nil {
		return err
	}
	return p.check("a b", c, 1, func(i, j int) (float64, float64) {
		v, magnitude := p.product(func(q int) float64 { return a.at(p.order[i], q) }, func(q int) float64 { return b.at(q, j) })
		return f.value(v + bias.at(0, j)), magnitude + math.Abs(bias.at(0, j)) + 1
	})
}

// checkScores calls score, which stores outputs h [m, n] and the parts of their scores by
// weights out, and compares these with what float64 makes of h, part by part: within a unit
// of the terms for each of at most 128 products and their sums, and the offset. The same
// once more without outputs has to give the same bits.
func checkScores(memory *driver.Memory, h guarded, m, ld int, out operand, score func(t, w, offset driver.Pointer, ldt int, outputs bool) error) error {
	const offset = 0.625
	ldt, parts := m+3, (out.cols+tileSize-1)/tileSize
	w, err := guard(memory, out.cols, out.data[:out.cols]) // NaN where the padding would be
	if err != nil {
		return err
	}
	c, err := guard(memory, 1, []float32{offset})
	if err != nil {
		return err
	}
	var scores [2][]float32
	for i := range scores {
		t, err := guard(memory, parts*ldt, nil)
		if err != nil {
			return err
		}
		if err := score(t.at(), w.at(), c.at(), ldt, i == 0); err != nil {
			return err
		}
		if scores[i], err = t.read(); err != nil {
			return fmt.Errorf("scores %w", err)
		}
	}
	outputs, err := h.read()
	if err != nil {
		return err
	}
	for i := range scores[0] {
		part, row := i/ldt, i%ldt
		got := float64(scores[0][i])
		if math.Float32bits(scores[0][i]) != math.Float32bits(scores[1][i]) {
			return fmt.Errorf("part %d of the score of row %d is %v, without outputs %v", part, row, got, scores[1][i])
		}
		if row >= m {
			if !math.IsNaN(got) {
				return fmt.Errorf("part %d of scores: wrote %v behind row %d", part, got, m-1)
			}
			continue
		}
		var want, magnitude float64
		if part == 0 {
			want, magnitude = offset, offset
		}
		for j := part * tileSize; j < min(out.cols, (part+1)*tileSize); j++ {
			term := float64(outputs[row*ld+j]) * out.at(0, j)
			want, magnitude = want+term, magnitude+math.Abs(term)
		}
		if allowed := (tileSize + 1) * magnitude / (1 << 24); !(math.Abs(got-want) <= allowed) {
			return fmt.Errorf("part %d of the score of row %d is %v, want %v, within %.1e", part, row, got, want, allowed)
		}
	}
	return nil
}

// transposed is (a b^T) times the derivative of f at values h of f, without h for the
// identity.
func (p *multiplication) transposed(f nonlinearity) error {
	m, n, k, ld := p.m, p.n, p.k, padded(p.n)
	a, b, h := newOperand(p.src, m, max(k, 1)), newOperand(p.src, n, max(k, 1)), newOperand(p.src, m, n)
	for i := range h.data {
		if i%h.ld < n {
			h.data[i] = float32(f.value(float64(h.data[i])))
		}
	}
	at, err := p.put(a, b, h)
	if err != nil {
		return err
	}
	if f.number < 0 {
		at[2] = 0
	}
	c, err := guard(p.memory, m*ld, nil)
	if err != nil {
		return err
	}
	err = p.with.nt(p.stream, tiles(m, n, 1), kernel.GemmNTArgs{
		C: c.at(), A: at[0], B: at[1], H: at[2], M: m, N: n, K: k, Lda: a.ld, Ldb: b.ld, Ldc: ld, Ldh: h.ld, Activation: f.number,
	})
	if err != nil {
		return err
	}
	return p.check("a b^T", c, 1, func(i, j int) (float64, float64) {
		v, magnitude := p.product(func(q int) float64 { return a.at(i, q) }, func(q int) float64 { return b.at(j, q) })
		slope := f.derivative(h.at(i, j))
		return v * slope, magnitude * slope
	})
}

// outer is a^T b with gathered rows of a, in parts.
func (p *multiplication) outer() error {
	const split = 3 // more than there is depth for
	m, n, k, ld := p.m, p.n, p.k, padded(p.n)
	a, b := newOperand(p.src, len(p.order), m), newOperand(p.src, max(k, 1), n)
	at, err := p.put(a, b)
	if err != nil {
		return err
	}
	c, err := guard(p.memory, split*m*ld, nil)
	if err != nil {
		return err
	}
	err = p.with.tn(p.stream, tiles(m, n, split), kernel.GemmTNArgs{
		C: c.at(), A: at[0], B: at[1], Rows: p.index, M: m, N: n, K: k, Lda: a.ld, Ldb: b.ld, Ldc: ld, Split: split, Part: uint64(m * ld),
	})
	if err != nil {
		return err
	}
	return p.check("a^T b", c, split, func(i, j int) (float64, float64) {
		return p.product(func(q int) float64 { return a.at(p.order[q], i) }, func(q int) float64 { return b.at(q, j) })
	})
}

// TestDeepProduct: adding up many products of positive factors does not drift. Rounded to
// nearest, sums of depth 4096 are off by some 1e-6, now up and now down; what tensor cores add
// they truncate, which goes one way and to some 1e-5 when the whole depth is left to
// them. Allowed is, for the mean over the entries, a unit for each of the four truncations
// that add a group of 8 products of large halves, 2^-23 of that group's sum, and the
// spread of the roundings: k of them, of 2^-24/sqrt(3) each, beside sqrt(count).
func TestDeepProduct(t *testing.T) {
	const m, n, k = 16, 16, 4096
	d := openAll(t)
	defer d.Close()
	src := rand.New(rand.NewPCG(3, 4))
	positive := func(rows, cols int) operand {
		o := newOperand(src, rows, cols)
		for i := range o.data {
			o.data[i] = float32(math.Abs(float64(o.data[i])))
		}
		return o
	}
	a, b := positive(m, k), positive(n, k)
	for _, precision := range []Precision{FP32, TF32x3} {
		mean := 0.0
		err := d.onStream(func(s *driver.Stream, memory *driver.Memory) error {
			p := multiplication{stream: s, memory: memory, m: m, n: n, k: k}
			at, err := p.put(a, b)
			if err != nil {
				return err
			}
			c, err := guard(p.memory, m*n, nil)
			if err != nil {
				return err
			}
			err = precisions[precision].nt(s, tiles(m, n, 1), kernel.GemmNTArgs{
				C: c.at(), A: at[0], B: at[1], M: m, N: n, K: k, Lda: a.ld, Ldb: b.ld, Ldc: n, Ldh: n, Activation: -1,
			})
			if err != nil {
				return err
			}
			got, err := c.read()
			if err != nil {
				return err
			}
			for i := range m {
				for j := range n {
					want, _ := p.product(func(q int) float64 { return a.at(i, q) }, func(q int) float64 { return b.at(j, q) })
					mean += (float64(got[i*n+j])/want - 1) / (m * n)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		allowed := 4.0/(1<<23) + 4*math.Sqrt(k/3.0)/(1<<24)/math.Sqrt(m*n)
		t.Logf("%s: mean relative error %.1e, allowed %.1e", precision, mean, allowed)
		if !(math.Abs(mean) <= allowed) {
			t.Errorf("%s: sums of depth %d are off by %.1e of themselves on average, allowed %.1e", precision, k, mean, allowed)
		}
	}
}

// TestPadding: the pairs' padding is written as zero, where softplus would not be,
// and nothing beyond the last row; parts of scores are of all columns.
func TestPadding(t *testing.T) {
	d, err := open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	err = d.onStream(func(s *driver.Stream, memory *driver.Memory) error {
		src := rand.New(rand.NewPCG(1, 2))
		for _, width := range []int{1, 2, 3, 4, 5, 9, 127, 128, 129, 258} {
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
			out := newOperand(src, 1, width)
			err = checkScores(memory, h, n, x.ld, out, func(t, w, offset driver.Pointer, ldt int, outputs bool) error {
				if err := driver.Upload(s, w, out.data); err != nil { // with the padding
					return err
				}
				args := kernel.PairForwardArgs{
					H: h.at(), T: t, Px: px.at(), Pz: pz.at(), W: w, Offset: offset,
					N: n, Nz: n, Shift: 1, Width: width, Ldp: x.ld, Ldh: x.ld, Ldt: ldt,
				}
				if !outputs {
					args.H = 0
				}
				return kernel.PairForward(s, blocks(n*tiles(1, width, 1).X, 8), 0, args)
			})
			if err != nil {
				return fmt.Errorf("width %d: %w", width, err)
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

// TestScoreParts: score adds up the parts of every score, within a unit of their magnitudes
// for each addition, and touches nothing behind the last one.
func TestScoreParts(t *testing.T) {
	d, err := open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	err = d.onStream(func(s *driver.Stream, memory *driver.Memory) error {
		src := rand.New(rand.NewPCG(5, 6))
		for _, n := range []int{1, 255, 256, 257} {
			const parts = 3
			ldt := n + 2
			given := newOperand(src, 1, parts*ldt).data[:parts*ldt]
			sums, err := guard(memory, len(given), given)
			if err != nil {
				return err
			}
			if err := kernel.Score(s, blocks(n, 256), 0, kernel.ScoreArgs{T: sums.at(), N: n, Parts: parts, Ldt: ldt}); err != nil {
				return err
			}
			got, err := sums.read()
			if err != nil {
				return fmt.Errorf("%d scores: %w", n, err)
			}
			for i, v := range got {
				want, allowed := float64(given[i]), 0.0
				if i < n {
					magnitude := math.Abs(want)
					for p := 1; p < parts; p++ {
						term := float64(given[p*ldt+i])
						want, magnitude = want+term, magnitude+math.Abs(term)
					}
					allowed = (parts - 1) * magnitude / (1 << 24)
				}
				if !(math.Abs(float64(v)-want) <= allowed) {
					return fmt.Errorf("%d scores: number %d is %v, want %v, within %.1e", n, i, v, want, allowed)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
