package pairwise

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"

	"gomine/mine/dependence"
)

const (
	// resolvedRows is how many independent rows a pair of series has to be worth. It is twice the 50
	// correlation times below which an estimate says nothing (see mine.Split), for a correlation time is
	// the two rows, nearly, that an independent one is worth.
	resolvedRows = 100
	// tileColumns is how many columns of either side are looked at in one piece of work.
	tileColumns = 32
	// chunkRows is how many rows of a tile are multiplied at a time, from a cache.
	chunkRows = 1024
)

// tiles cuts the variables into ranges of some columns each.
func (s *screen) tiles() {
	for lo := 0; lo < len(s.vars); {
		hi := lo + 1
		for hi < len(s.vars) && s.first[hi+1]-s.first[lo] <= tileColumns {
			hi++
		}
		s.tile = append(s.tile, [2]int{lo, hi})
		lo = hi
	}
	for i := range s.tile {
		for j := i; j < len(s.tile); j++ {
			s.pieces = append(s.pieces, [2]int{i, j})
		}
	}
}

// scores are those of a range of variables, by column.
func (s *screen) scores(vars [2]int) [][]float32 {
	var all [][]float32
	for _, c := range s.columns[s.first[vars[0]]:s.first[vars[1]]] {
		if c.scores != nil {
			all = append(all, c.scores)
		}
	}
	return all
}

// correlations returns those of the scores of two ranges of variables; nil where one has none.
func (s *screen) correlations(a, b [2]int) *mat.Dense {
	xs, zs := s.scores(a), s.scores(b)
	if len(xs) == 0 || len(zs) == 0 {
		return nil
	}
	r := mat.NewDense(len(xs), len(zs), nil)
	read := func(columns [][]float32, lo, hi int, to []float64) blas64.General {
		for j, c := range columns {
			for i, v := range c[lo:hi] {
				to[j*(hi-lo)+i] = float64(v)
			}
		}
		return blas64.General{Rows: len(columns), Cols: hi - lo, Stride: hi - lo, Data: to}
	}
	x, z := make([]float64, len(xs)*chunkRows), make([]float64, len(zs)*chunkRows)
	for lo := 0; lo < s.n; lo += chunkRows {
		hi := min(s.n, lo+chunkRows)
		blas64.Gemm(blas.NoTrans, blas.Trans, 1, read(xs, lo, hi, x), read(zs, lo, hi, z), 1, r.RawMatrix())
	}
	return r
}

// look looks at all pairs of one variable of a tile and a later one of another, or of the same.
func (s *screen) look(tileA, tileB int) error {
	ra, rb := s.tile[tileA], s.tile[tileB]
	cross := s.correlations(ra, rb)
	t := newTables(s.n, s.logs)
	for a := ra[0]; a < ra[1]; a++ {
		for b := max(a+1, rb[0]); b < rb[1]; b++ {
			w, err := s.worth(a, b)
			if err != nil {
				return err
			}
			var own *mat.Dense
			if s.unit[a] != nil && s.unit[b] != nil {
				i, j := s.scored[ra[0]], s.scored[rb[0]]
				own = cross.Slice(s.scored[a]-i, s.scored[a+1]-i, s.scored[b]-j, s.scored[b+1]-j).(*mat.Dense)
			}
			s.out.Pairs[Index(a, b, len(s.vars))] = s.pair(t, a, b, own, w)
		}
	}
	return nil
}

// worth is what the rows of a pair are worth.
type worth struct {
	factor                                           float64 // rows that an independent one is worth
	serial, unresolved, independent, copied, ordered bool    // see Screening and Pair
}

// worth finds what the rows of a pair are worth.
func (s *screen) worth(a, b int) (worth, error) {
	if s.Groups != nil {
		return worth{factor: s.factor}, nil
	}
	copies, kept, err := s.copied(a, b)
	if err != nil {
		return worth{}, err
	}
	return s.worthOf(a, b, copies, kept)
}

// worthOf is worth of a pair of which a different row is worth so many, and the first ones of which are kept.
func (s *screen) worthOf(a, b int, copies float64, kept []int) (worth, error) {
	w := worth{factor: s.factor, ordered: s.by >= 0 && !s.out.Tied && (a == s.by || b == s.by)}
	of := func(v int) ([][]dependence.Memory, error) {
		if copies > s.factor {
			return memories(s.vars[v].Data, kept)
		}
		var all [][]dependence.Memory
		for _, c := range s.columns[s.first[v]:s.first[v+1]] {
			all = append(all, c.memory)
		}
		return all, nil
	}
	if copies > s.factor {
		w.factor, w.copied = copies, true
	}
	if w.ordered || s.by >= 0 && s.out.Tied {
		w.independent = w.factor == 1
		return w, nil
	}
	xs, err := of(a)
	if err != nil {
		return w, err
	}
	zs, err := of(b)
	if err != nil {
		return w, err
	}
	serial := 1.0
	for _, x := range xs {
		for _, z := range zs {
			f, unending := dependence.Between(x, z)
			serial = max(serial, f)
			w.unresolved = w.unresolved || unending
		}
	}
	w.factor *= serial
	w.serial = serial > 1
	w.unresolved = w.unresolved || w.serial && float64(s.n) < resolvedRows*w.factor
	return w, nil
}

// bins looks at the bins of two variables, column by column.
func (s *screen) bins(t *tables, a, b int, factor float64) look {
	best := look{p: 1, information: math.Inf(-1)}
	for x := s.first[a]; x < s.first[a+1]; x++ {
		for z := s.first[b]; z < s.first[b+1]; z++ {
			l := t.binned(&s.columns[x], &s.columns[z], factor)
			if l.count == 0 {
				continue
			}
			best = look{min(best.p, l.p), max(best.information, l.information), best.count + l.count}
		}
	}
	if best.count == 0 {
		best.information = 0
	}
	return best
}

// pair looks at a pair of which cross are the correlations of the scores; nil where a variable has none.
func (s *screen) pair(t *tables, a, b int, cross *mat.Dense, w worth) Pair {
	g := look{p: 1}
	if cross != nil {
		var half, unit mat.Dense
		half.Mul(s.unit[a].T(), cross)
		unit.Mul(&half, s.unit[b])
		g = gaussian(&unit, float64(s.n)/w.factor)
	}
	bins := s.bins(t, a, b, w.factor)
	most := math.Log(float64(s.n))
	p := Pair{
		A: a, B: b, Gaussian: min(g.information, most), Binned: bins.information, PValue: min(1, combine(g, bins)), EffectiveRows: float64(s.n) / w.factor,
		Ordered: w.ordered, Independent: w.independent, Copied: w.copied, serial: w.serial, unresolved: w.unresolved,
	}
	p.Information = max(0, p.Gaussian, p.Binned)
	if w.unresolved {
		p.PValue = 1
	}
	return p
}
