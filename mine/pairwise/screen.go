package pairwise

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"gonum.org/v1/gonum/mat"

	"gomine/mine/column"
	"gomine/mine/dependence"
	"gomine/mine/independence"
)

// A Pair is two variables and what the screen says of them, in nats.
type Pair struct {
	A int `json:"a"` // numbers of the variables, A < B
	B int `json:"b"`
	// Gaussian is the information of the Gaussian copula, Binned that of the bins, both less their mean
	// for independent variables and so possibly below 0. Information is the larger one, from 0 to ln n.
	Gaussian    float64 `json:"gaussian"`
	Binned      float64 `json:"binned"`
	Information float64 `json:"information"`
	PValue      float64 `json:"p_value"`
	QValue      float64 `json:"q_value"`
	// EffectiveRows is how many independent rows these are worth for the pair.
	EffectiveRows float64 `json:"effective_rows"`
	// Ordered says that it is a pair of the variable in whose order the rows are, of which no two neighbours have one
	// value, as a time has none: its p-value takes rows for independent otherwise, which those of a time are not.
	Ordered bool `json:"ordered,omitempty"`
	// HiddenCopies says that some rows are copies of others in this pair, which a third variable shows alone: the
	// p-value knows of it, an estimate of the pair by itself does not.
	HiddenCopies bool `json:"hidden_copies,omitempty"`
	// Independent says that rows are independent of each other since they were sorted by a variable, which
	// the pair does not show by itself. Copied says that some are copies of others in this pair.
	Independent bool `json:"-"`
	Copied      bool `json:"-"`

	serial, unresolved bool // see Screening
}

// A Screening is what the screen says of all pairs.
type Screening struct {
	Rows int `json:"rows"`
	// SortedBy is the variable by which the rows were sorted, "" if by none. Serial is how many pairs are
	// of series, Unresolved how many of them are worth less than 100 rows, so that nothing is said.
	SortedBy   string `json:"sorted_by,omitempty"`
	Serial     int    `json:"serial_pairs,omitempty"`
	Unresolved int    `json:"unresolved_pairs,omitempty"`
	// Tied says that most neighbouring rows are of one value of it, so that pairs without it are independent too.
	Tied     bool `json:"-"`
	Repeated int  `json:"repeated_rows,omitempty"` // rows that have copies
	// Copied is how many pairs have rows that are copies of others, though not in all variables.
	Copied int `json:"copied_pairs,omitempty"`
	// Empty are the numbers of the variables that do not vary, or whose values are all rare codes: their
	// pairs are not looked at, and count for no false discovery rate.
	Empty []int  `json:"empty,omitempty"`
	Pairs []Pair `json:"-"` // ordered by A, then by B
}

// Options wire a screen and its estimates to their surroundings. They never change a number, but for
// Groups, which is data.
type Options struct {
	Threads  int                   // 0 for all processors
	Groups   []int                 // which rows belong together, as for mine.WithGroups; nil for none
	Progress func(done, total int) // is called now and then, from one goroutine at a time
}

func (o Options) threads() int {
	if o.Threads > 0 {
		return o.Threads
	}
	return runtime.GOMAXPROCS(0)
}

// Screen looks at all pairs of variables of as many rows. Of the configuration it takes how p-values become
// q-values, and the seed of the estimates, which orders equal values.
func Screen(ctx context.Context, vars []Variable, cfg Config, opt Options) (Screening, error) {
	if err := cmp.Or(cfg.Validate(), validateGroups(cfg.Estimate, opt.Groups), check(vars)); err != nil {
		return Screening{}, err
	}
	s := &screen{vars: vars, n: vars[0].Data.Rows(), factor: 1, by: -1, Options: opt}
	s.out.Rows = s.n
	if err := s.arrange(); err != nil {
		return s.out, err
	}
	if err := s.prepare(ctx, cfg.Estimate.Seed); err != nil {
		return s.out, err
	}
	s.tiles()
	s.out.Pairs = make([]Pair, len(vars)*(len(vars)-1)/2)
	s.logs = kLogK(s.n)
	err := s.each(ctx, len(s.pieces), opt.Progress, func(k int) error {
		return s.look(s.pieces[k][0], s.pieces[k][1])
	})
	if err != nil {
		return s.out, err
	}
	if err := s.showCopies(ctx); err != nil {
		return s.out, err
	}
	s.finish(cfg.FDRMethod)
	return s.out, nil
}

// screen is a screening under way.
type screen struct {
	Options
	vars   []Variable
	n      int
	factor float64 // rows that an independent one is worth, for all pairs
	by     int     // the variable that the rows were sorted by; -1 for none
	kept   []int   // rows that are no copies of earlier ones

	columns []prepared
	first   []int        // where the columns of every variable begin, and the end of all
	scored  []int        // the same of columns that have scores
	unit    []*mat.Dense // see unitCovariance; nil where a variable has no scores
	logs    []float64    // see kLogK
	tile    [][2]int     // ranges of variables
	pieces  [][2]int     // pairs of tiles
	out     Screening
}

// arrange finds how rows depend on each other, as far as all pairs are concerned.
func (s *screen) arrange() error {
	groups := s.Groups
	if groups != nil && len(groups) != s.n {
		return fmt.Errorf("pairwise: groups of %d rows, but there are %d", len(groups), s.n)
	}
	if groups == nil {
		sources := make([]column.Source, len(s.vars))
		for v := range s.vars {
			sources[v] = s.vars[v].Data
		}
		all := column.Join(sources...)
		by, err := dependence.SortedBy(all)
		if err != nil {
			return err
		}
		if by >= 0 {
			s.by = s.owner(by)
			s.out.SortedBy = s.vars[s.by].Name
			if s.out.Tied, err = s.hasTies(all, by); err != nil {
				return err
			}
		}
		half := len(sources) / 2
		repeats, err := dependence.FindRepeats(column.Join(sources[:half]...), column.Join(sources[half:]...))
		if err != nil {
			return err
		}
		groups, s.out.Repeated = repeats.Group, repeats.Rows
	}
	s.factor, s.kept = countCopies(groups, s.n)
	return nil
}

// hasTies reports whether most neighbouring rows are of one value of column j of all. A quantity that a file was sorted
// by has such ties; a time has none, and says nothing of the others.
func (s *screen) hasTies(all column.Source, j int) (bool, error) {
	values := make([]float64, s.n)
	if err := all.Read(values, 0, s.n, j, j+1); err != nil {
		return false, err
	}
	ties := 0
	for i := 1; i < s.n; i++ {
		if values[i] == values[i-1] {
			ties++
		}
	}
	return 2*ties > s.n, nil
}

// owner is the number of the variable that column j of all belongs to.
func (s *screen) owner(j int) int {
	for v, of := range s.vars {
		if j < len(of.Data.Columns()) {
			return v
		}
		j -= len(of.Data.Columns())
	}
	return -1
}

// prepare ranks and bins all columns.
func (s *screen) prepare(ctx context.Context, seed uint64) error {
	type place struct{ v, j int }
	var places []place
	for v, of := range s.vars {
		s.first = append(s.first, len(places))
		for j := range of.Data.Columns() {
			places = append(places, place{v, j})
		}
	}
	s.first = append(s.first, len(places))
	s.columns = make([]prepared, len(places))
	scores := quantiles(s.n)
	err := s.each(ctx, len(places), nil, func(k int) (err error) {
		s.columns[k], err = prepare(s.vars[places[k].v].Data, places[k].j, k, seed, scores, s.kept, s.factor)
		return err
	})
	if err != nil {
		return err
	}
	s.scored, s.unit = make([]int, len(s.vars)+1), make([]*mat.Dense, len(s.vars))
	for v := range s.vars {
		own := s.columns[s.first[v]:s.first[v+1]]
		s.scored[v+1] = s.scored[v]
		for _, c := range own {
			if c.scores != nil {
				s.scored[v+1]++
			}
		}
		if r := s.correlations([2]int{v, v + 1}, [2]int{v, v + 1}); r != nil {
			d, _ := r.Dims()
			s.unit[v] = unitCovariance(mat.NewSymDense(d, r.RawMatrix().Data))
		}
		if s.unit[v] == nil && !slices.ContainsFunc(own, func(c prepared) bool { return c.fine != nil }) {
			s.out.Empty = append(s.out.Empty, v)
		}
	}
	return nil
}

// each calls do for k from 0 up to count on all threads, until an error or the end of ctx.
func (s *screen) each(ctx context.Context, count int, progress func(done, total int), do func(k int) error) error {
	var next, failed atomic.Int64
	errs := make([]error, count)
	var mu sync.Mutex
	done := 0
	var wg sync.WaitGroup
	for range min(s.threads(), count) {
		wg.Go(func() {
			for ctx.Err() == nil && failed.Load() == 0 {
				k := int(next.Add(1)) - 1
				if k >= count {
					return
				}
				if errs[k] = do(k); errs[k] != nil {
					failed.Add(1)
				}
				mu.Lock()
				if done++; progress != nil {
					progress(done, count)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("pairwise: screening: %w", err)
	}
	return nil
}

// finish counts what the pairs are, and computes the q-values.
func (s *screen) finish(method independence.FDRMethod) {
	var looked []*Pair
	var p []float64
	for k := range s.out.Pairs {
		pair := &s.out.Pairs[k]
		pair.QValue = 1
		for _, c := range []struct {
			is bool
			n  *int
		}{{pair.serial, &s.out.Serial}, {pair.unresolved, &s.out.Unresolved}, {pair.Copied, &s.out.Copied}} {
			if c.is {
				*c.n++
			}
		}
		if !slices.Contains(s.out.Empty, pair.A) && !slices.Contains(s.out.Empty, pair.B) {
			looked, p = append(looked, pair), append(p, pair.PValue)
		}
	}
	for k, q := range independence.QValues(p, method) {
		looked[k].QValue = q
	}
}

// Index is the place of the pair a < b of so many variables among all pairs.
func Index(a, b, variables int) int { return a*(2*variables-a-1)/2 + b - a - 1 }
