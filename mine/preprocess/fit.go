package preprocess

import (
	"errors"
	"runtime"
	"slices"

	"gomine/mine/column"
)

// Fit fits maps to the rows at the positions of some ranges, or to the first fitRows
// of them. A side whose columns are all constant there is an error that wraps
// ErrConstant.
func (p *Pairs) Fit(method Method, ranges ...Range) (Maps, error) {
	f, err := p.FitAll(ranges...)
	if err != nil {
		return Maps{}, err
	}
	return f.Maps(method)
}

// Fits are fitted to the rows of some ranges, for maps of any method.
type Fits struct {
	x, z   fits
	ranges []Range
}

// fits are those of one side: of each column, the map that Rank has.
type fits struct {
	rows
	maps []Map
}

// FitAll fits to the rows at the positions of some ranges, or to the first fitRows of them, what
// all methods have in common, which takes nearly all of the time.
func (p *Pairs) FitAll(ranges ...Range) (*Fits, error) {
	f := &Fits{fits{rows: p.x}, fits{rows: p.z}, ranges}
	for _, side := range []*fits{&f.x, &f.z} {
		var err error
		if side.maps, err = side.fit(side.positions(ranges)); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// Maps returns those of a method. A side whose columns are all constant is an error that wraps
// ErrConstant.
func (f *Fits) Maps(method Method) (m Maps, err error) {
	for _, side := range []struct {
		*fits
		to *Side
	}{{&f.x, &m.X}, {&f.z, &m.Z}} {
		columns, at := side.Columns(), side.positions(f.ranges)
		maps := slices.Clone(side.maps)
		for j := range maps {
			maps[j].become(method, len(columns))
		}
		if method == Codes {
			if err := side.fitCodes(maps, at); err != nil {
				return m, err
			}
		}
		*side.to = Side{name: side.name, columns: columns, maps: maps}
		side.to.withoutSpikes(side.rows)
		if err := side.fitTogether(side.to, method, at); err != nil {
			return m, err
		}
		if side.to.Inputs() == 0 {
			return m, side.to.nothing()
		}
	}
	return m, nil
}

// ErrConstant is wrapped by the error about a side without a column that varies.
var ErrConstant = errors.New("constant")

const (
	// fitColumns is the number of columns that a worker reads at a time, to fit them.
	fitColumns = 8
	// leastFit and mostFit are the least and the most memory that copies of columns may take while they
	// are fitted; between them, it is as much as the rows take.
	leastFit, mostFit = 64 << 20, 256 << 20
)

// fitPlan is how many workers fit how many of the columns at a time each, to n rows of so many that are
// in memory. A worker has a copy of each of its columns, and one more to sort it.
func fitPlan(processors, cols, n, rows int) (workers, width int) {
	copies := min(mostFit, max(leastFit, 4*cols*rows)) / (8 * n)
	workers = max(1, min(processors, cols, copies/2))
	return workers, max(1, min(fitColumns, (cols+workers-1)/workers, copies/workers-1))
}

// positions returns the rows at the positions of some ranges, fitRows of them at most.
func (r rows) positions(ranges []Range) []int {
	var at []int
	for _, part := range ranges {
		for p := part.Lo; p < part.Hi && len(at) < fitRows; p++ {
			at = append(at, r.at(p))
		}
	}
	return at
}

// copyBytes is the size of a side above which it is not copied for what its columns make
// together.
const copyBytes = 1 << 30

// hasRoom reports whether rows can become that many inputs where they are, or in a copy
// that is not too large.
func (r rows) hasRoom(inputs int) bool {
	return r.owned == nil || inputs <= r.owned.Values.Stride || 4*r.Rows()*inputs <= copyBytes
}

// fitTogether fits what the columns of a side make together to the first togetherRows of some
// rows, as far as there is room.
func (r rows) fitTogether(side *Side, method Method, at []int) error {
	fitted := newRadius(side.maps, method)
	if fitted == nil || !r.hasRoom(side.Inputs()+1) { // or not two columns of numbers
		return nil
	}
	all := make([][]float64, min(len(at), togetherRows))
	for i := range all {
		all[i] = make([]float64, len(side.maps))
		if err := r.Read(all[i], at[i], at[i]+1, 0, len(side.maps)); err != nil {
			return err
		}
	}
	if fitted.standardise(all) {
		side.radius = fitted
	}
	if directions := newDirections(side.maps, all); r.hasRoom(side.Inputs() + len(directions)) {
		side.directions = directions
	}
	return nil
}

// fit fits the maps that Rank has to some rows.
func (r rows) fit(at []int) ([]Map, error) {
	columns := r.Columns()
	maps := make([]Map, len(columns))
	n := len(at)
	workers, width := fitPlan(runtime.GOMAXPROCS(0), len(columns), n, r.Rows())
	return maps, sideBySide(workers, (len(columns)+width-1)/width, func(g int) error {
		from, to := g*width, min(len(columns), (g+1)*width)
		values, row := make([]float64, n*(to-from)), make([]float64, to-from)
		for i, k := range at {
			if err := r.Read(row, k, k+1, from, to); err != nil {
				return err
			}
			for j, v := range row {
				values[j*n+i] = v
			}
		}
		for j := range row {
			v, c := values[j*n:(j+1)*n], columns[from+j]
			if c.Kind == column.Code {
				maps[from+j] = fitCodes(v, len(c.Labels), codesFor(r.Rows()))
			} else {
				m := &maps[from+j]
				*m = fitNumbers(v)
				m.ids = c.Kind == column.Integer && areIDs(n, m.distinct, m.min, m.max)
			}
		}
		return nil
	})
}
