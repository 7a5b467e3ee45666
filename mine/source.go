package mine

import (
	"fmt"
	"math"
	"runtime"
	"sync"

	"gomine/mine/backend"
	"gomine/mine/sampling"
)

// A source is one side of the raw data in split order: the rows are shuffled
// by the seed, so that training, validation and test rows are ranges.
type source struct {
	side string // "x" or "z", for messages
	v    Variable
	row  func(p int) int // position in split order -> row of v
}

// newSources checks two variables against each other and puts them in split
// order. Data given for use in place are moved; others are looked up.
func newSources(x, z Variable, seed uint64) (sx, sz *source, err error) {
	for _, s := range []struct {
		side string
		v    Variable
	}{{"x", x}, {"z", z}} {
		if s.v.err != nil {
			return nil, nil, fmt.Errorf("%w (argument %s)", s.v.err, s.side)
		}
		if s.v.at == nil || s.v.rows < 1 || s.v.cols < 1 {
			return nil, nil, fmt.Errorf("mine: %s is empty: %w", s.side, ErrTooFewSamples)
		}
	}
	if x.rows != z.rows {
		return nil, nil, fmt.Errorf("mine: x has %d rows and z has %d: rows must be pairs", x.rows, z.rows)
	}
	order := sampling.NewPermutation(uint64(x.rows), seed, sampling.StreamSplit, 0)
	sources := [2]*source{{side: "x", v: x}, {side: "z", v: z}}
	for _, s := range sources {
		if err := s.checkFinite(); err != nil {
			return nil, nil, err
		}
	}
	for _, s := range sources {
		if s.v.owned != nil {
			permuteRows(*s.v.owned, &order)
			s.row = func(p int) int { return p }
		} else {
			s.row = func(p int) int { return int(order.At(uint64(p))) }
		}
	}
	return sources[0], sources[1], nil
}

// checkFinite reports the first value, in row order, that is not finite.
func (s *source) checkFinite() error {
	return parallelRows(s.v.rows, func(lo, hi int) error {
		for i := lo; i < hi; i++ {
			for j := range s.v.cols {
				if x := s.v.at(i, j); math.IsNaN(x) || math.IsInf(x, 0) {
					return fmt.Errorf("mine: %s row %d, column %s is %v: %w; remove or impute such rows",
						s.side, i, s.v.name(j), x, ErrNonFinite)
				}
			}
		}
		return nil
	})
}

// fit fits a map to every column on the first n rows in split order.
func (s *source) fit(n int, p Preprocessing) []columnMap {
	n = min(n, fitRows)
	rows := make([]int, n)
	for i := range rows {
		rows[i] = s.row(i)
	}
	maps := make([]columnMap, s.v.cols)
	var next sync.Mutex
	j := 0
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), s.v.cols) {
		wg.Go(func() {
			values := make([]float64, n)
			for {
				next.Lock()
				col := j
				j++
				next.Unlock()
				if col >= s.v.cols {
					return
				}
				for i, row := range rows {
					values[i] = s.v.at(row, col)
				}
				maps[col] = fitColumn(values, p)
			}
		})
	}
	wg.Wait()
	return maps
}

// apply stores the mapped rows [lo, hi) of the split order in dst, whose
// columns are those that are not constant.
func (s *source) apply(maps []columnMap, lo int, dst backend.Matrix) {
	// The error of the callback is always nil.
	_ = parallelRows(dst.Rows, func(first, last int) error {
		for i := first; i < last; i++ {
			out := dst.Row(i)
			row := s.row(lo + i)
			k := 0
			for j := range maps {
				if !maps[j].constant {
					out[k] = float32(maps[j].at(s.v.at(row, j)))
					k++
				}
			}
		}
		return nil
	})
}

// varying returns how many of the columns are not constant.
func varying(maps []columnMap) int {
	n := 0
	for i := range maps {
		if !maps[i].constant {
			n++
		}
	}
	return n
}

// columns summarises what became of the columns.
func (s *source) columns(maps []columnMap) ColumnSummary {
	c := ColumnSummary{Used: varying(maps)}
	for j := range maps {
		if maps[j].constant {
			c.Constant = append(c.Constant, s.v.name(j))
		}
		if maps[j].discrete {
			c.Discrete = append(c.Discrete, s.v.name(j))
		} else if maps[j].heavy {
			c.Heavy = append(c.Heavy, s.v.name(j))
		}
	}
	return c
}

// permuteRows moves row order.At(p) to position p, for every p, in place.
func permuteRows(m backend.Matrix, order *sampling.Permutation) {
	done := make([]bool, m.Rows)
	saved := make([]float32, m.Cols)
	for start := range m.Rows {
		if done[start] {
			continue
		}
		copy(saved, m.Row(start))
		p := start
		for {
			done[p] = true
			from := int(order.At(uint64(p)))
			if from == start {
				copy(m.Row(p), saved)
				break
			}
			copy(m.Row(p), m.Row(from))
			p = from
		}
	}
}

// parallelRows calls f for consecutive ranges of [0, n) from several
// goroutines and returns the error of the first range that has one.
func parallelRows(n int, f func(lo, hi int) error) error {
	const block = 4096
	blocks := (n + block - 1) / block
	workers := min(runtime.GOMAXPROCS(0), blocks)
	errs := make([]error, blocks)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for b := w; b < blocks; b += workers {
				errs[b] = f(b*block, min(n, (b+1)*block))
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
