package preprocess

import (
	"fmt"
	"math"
	"runtime"
	"sync"

	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/sampling"
)

// Pairs are the rows of x and z in split order: shuffled, so that training, validation and
// test rows are ranges of positions.
type Pairs struct {
	x, z rows
}

// rows are one side's rows by their positions.
type rows struct {
	column.Source
	name  string          // "x" or "z", or what Call says, for messages
	order Order           // nil if positions are rows
	owned *column.Compact // the rows, where they may be overwritten; else nil
}

// at returns the row at a position.
func (r rows) at(p int) int {
	if r.order == nil {
		return p
	}
	return r.order(p)
}

// readAt stores columns [from, to) of the row at position p in dst.
func (r rows) readAt(dst []float64, p, from, to int) error {
	at := r.at(p)
	return r.Read(dst, at, at+1, from, to)
}

// An Order is a permutation of the rows: it returns the row at a position.
type Order func(position int) int

// Shuffled is the random order of n rows that belongs to a seed.
func Shuffled(n int, seed uint64) Order {
	order := sampling.NewPermutation(uint64(n), seed, sampling.StreamSplit, 0)
	return func(p int) int { return int(order.At(uint64(p))) }
}

// NewPairs checks x and z against each other and puts them in random order. It is Check
// and Arrange.
func NewPairs(x, z column.Source, seed uint64) (*Pairs, error) {
	if err := Check(x, z); err != nil {
		return nil, err
	}
	return Arrange(x, z, Shuffled(x.Rows(), seed))
}

// Check checks x and z against each other, and their values.
func Check(x, z column.Source) error {
	sides := []rows{{Source: x, name: "x"}, {Source: z, name: "z"}}
	for _, r := range sides {
		if err := column.Check(r.Source); err != nil {
			return fmt.Errorf("%w (argument %s)", err, r.name)
		}
	}
	if x.Rows() != z.Rows() {
		return fmt.Errorf("preprocess: x has %d rows and z has %d: rows must be pairs", x.Rows(), z.Rows())
	}
	for _, r := range sides {
		if err := checkValues(r.Source, r.name); err != nil {
			return err
		}
	}
	return nil
}

// Arrange puts rows that were checked in an order. Data given for use in place are moved,
// others are looked up and must not change while the pairs are in use.
func Arrange(x, z column.Source, order Order) (*Pairs, error) {
	p := &Pairs{x: rows{Source: x, name: "x"}, z: rows{Source: z, name: "z"}}
	for _, r := range []*rows{&p.x, &p.z} {
		given, ok := r.Source.(column.Disposable)
		if !ok {
			r.order = order
			continue
		}
		var err error
		if r.owned, err = given.Take(); err != nil {
			return nil, fmt.Errorf("%w (argument %s)", err, r.name)
		}
		r.Source = r.owned
		permuteRows(r.owned.Values.Data, r.owned.Values.Cols, r.owned.Values.Stride, order)
		for _, exact := range r.owned.Exact {
			permuteRows(exact, 1, 1, order)
		}
	}
	return p, nil
}

// Call says what messages call the sides, in place of x and z.
func (p *Pairs) Call(x, z string) { p.x.name, p.z.name = x, z }

// Rows returns the number of pairs.
func (p *Pairs) Rows() int { return p.x.Rows() }

// Columns returns the number of columns of both sides.
func (p *Pairs) Columns() (dx, dz int) { return len(p.x.Columns()), len(p.z.Columns()) }

// Described returns the columns of both sides.
func (p *Pairs) Described() (x, z []column.Column) { return p.x.Columns(), p.z.Columns() }

// NonFiniteError is about a value that no map can take. It wraps ErrNonFinite.
type NonFiniteError struct {
	Side   string // "x" or "z"
	Row    int    // from 0
	Column string
	Value  float64
}

func (e *NonFiniteError) Error() string {
	return fmt.Sprintf("preprocess: %s row %d, column %s is %v: %v; remove or impute such rows", e.Side, e.Row, e.Column, e.Value, ErrNonFinite)
}

func (e *NonFiniteError) Unwrap() error { return ErrNonFinite }

// CodeError is about a value of a column of codes that stands for no label: a
// mistake in how the source was made.
type CodeError struct {
	Side   string // "x" or "z"
	Row    int    // from 0
	Column string
	Value  float64
	Labels int
}

func (e *CodeError) Error() string {
	return fmt.Sprintf("preprocess: %s row %d, column %s is code %v, want a whole number from 0 to %d, for the column has %d labels", e.Side, e.Row, e.Column, e.Value, e.Labels-1, e.Labels)
}

// checkValues reports the first value, in row order, that is not finite or a code
// without a label.
func checkValues(s column.Source, name string) error {
	columns := s.Columns()
	cols := len(columns)
	step := min(blockRows, max(1, blockValues/cols))
	return parallel(s.Rows(), func(lo, hi int) error {
		values := make([]float64, step*cols)
		for ; lo < hi; lo += step {
			n := min(step, hi-lo)
			if err := s.Read(values, lo, lo+n, 0, cols); err != nil {
				return err
			}
			for k, v := range values[:n*cols] {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					return &NonFiniteError{name, lo + k/cols, columns[k%cols].Name, v}
				}
				if c := &columns[k%cols]; c.Kind == column.Code && !(v >= 0 && v < float64(len(c.Labels)) && v == math.Trunc(v)) {
					return &CodeError{name, lo + k/cols, c.Name, v, len(c.Labels)}
				}
			}
		}
		return nil
	})
}

// Range is the positions [Lo, Hi).
type Range struct{ Lo, Hi int }

// Apply takes the rows at the positions of some ranges, one after the other, to
// inputs of a network. If last is true, memory that was given for that is
// overwritten, and the pairs cannot be read any more.
func (p *Pairs) Apply(m Maps, last bool, ranges ...Range) (x, z backend.Matrix, err error) {
	total := 0
	for _, r := range ranges {
		total += r.Hi - r.Lo
	}
	for _, side := range []struct {
		rows
		Side
		to *backend.Matrix
	}{{p.x, m.X, &x}, {p.z, m.Z, &z}} {
		inputs := side.Inputs()
		if last && side.owned != nil && inputs <= side.owned.Values.Stride {
			*side.to = side.owned.Values
			side.to.Cols, side.to.Rows = inputs, total
		} else {
			*side.to = backend.NewMatrix(total, inputs)
		}
		done := 0
		for _, r := range ranges {
			part := *side.to
			part.Data, part.Rows = part.Data[done*part.Stride:], r.Hi-r.Lo
			if err := side.Side.apply(side.rows, r.Lo, part); err != nil {
				return x, z, err
			}
			done += part.Rows
		}
	}
	return x, z, nil
}

// apply stores what the rows from position lo on become in dst, which may be where
// they lie.
func (s Side) apply(r rows, lo int, dst backend.Matrix) error {
	cols := len(s.columns)
	return parallel(dst.Rows, func(first, end int) error {
		row := make([]float64, cols)
		for i := first; i < end; i++ {
			if err := r.readAt(row, lo+i, 0, cols); err != nil {
				return err
			}
			s.store(dst.Row(i), row)
		}
		return nil
	})
}

// permuteRows moves row order(p) to position p, for every p, in place. A row is cols
// values, stride after the one before.
func permuteRows[T any](data []T, cols, stride int, order Order) {
	row := func(i int) []T { return data[i*stride : i*stride+cols] }
	n := (len(data) - cols + stride) / stride
	done := make([]bool, n)
	saved := make([]T, cols)
	for start := range n {
		if done[start] {
			continue
		}
		copy(saved, row(start))
		p := start
		for {
			done[p] = true
			from := order(p)
			if from == start {
				copy(row(p), saved)
				break
			}
			copy(row(p), row(from))
			p = from
		}
	}
}

// blockRows is the number of rows that a worker takes at a time, blockValues about
// the number of values that it looks at.
const (
	blockRows   = 4096
	blockValues = 1 << 14
)

// parallel calls f for consecutive ranges of [0, n) from several goroutines and
// returns the error of the first range that has one.
func parallel(n int, f func(lo, hi int) error) error {
	return sideBySide(runtime.GOMAXPROCS(0), (n+blockRows-1)/blockRows, func(b int) error {
		return f(b*blockRows, min(n, (b+1)*blockRows))
	})
}

// sideBySide calls f for every number below n, from so many goroutines at most.
func sideBySide(workers, n int, f func(i int) error) error {
	workers = min(workers, n)
	errs := make([]error, n)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				errs[i] = f(i)
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
