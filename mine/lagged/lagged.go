// Package lagged looks at the rows of time series as windows: the past of a column and its
// future, side by side as columns, without a copy of the values.
//
// The order of rows is time. A window is the rows t-K+1 .. t of one series, its past, and the row
// t+H, its future, for a lag of K rows and a horizon of H:
//
//	past      s(t), s(t-1), .., s(t-K+1)
//	future    s(t+H)
//
// No window reaches over the end of a series, nor over a row that lacks a value.
package lagged

import (
	"fmt"
	"slices"

	"gomine/mine/column"
)

// Windows are those of some series, the series one after the other, each in the order of time.
// They do not change, and are safe for concurrent use.
type Windows struct {
	lag, horizon int
	order        []int  // rows, series after series; nil where they are so already
	ends         []int  // where the series end in order
	starts       []int  // of the windows in use: the place of t in order, ascending
	ids          []int  // of the series, as they were given
	missing      []bool // by rows; nil if none lacks a value
}

// SeriesError is about a series that no window fits into.
type SeriesError struct {
	Series, Of   int // its number, as given, and how many series there are
	Rows         int // its length
	Missing      int // how many of its rows lack a value
	Lag, Horizon int
}

func (e *SeriesError) Error() string {
	who := "there are"
	if e.Of > 1 {
		who = fmt.Sprintf("series %d has", e.Series)
	}
	return "lagged: " + who + " " + e.Reason()
}

// Reason is the text of the error without the name of the series.
func (e *SeriesError) Reason() string {
	rows, whole, horizon := "rows", "", ""
	if e.Rows == 1 {
		rows = "row"
	}
	if e.Missing > 0 {
		whole = fmt.Sprintf(", %d without a value, and nowhere %d neighbours with one", e.Missing, e.Lag+e.Horizon)
	}
	if e.Horizon > 1 {
		horizon = fmt.Sprintf(" and a horizon of %d", e.Horizon)
	}
	return fmt.Sprintf("%d %s%s, want at least %d for a lag of %d%s", e.Rows, rows, whole, e.Lag+e.Horizon, e.Lag, horizon)
}

// New returns all windows of n rows with a lag of 1 row at least and a horizon of 1 at least.
// series are the numbers of the series that rows are of, nil for one; their rows need not be
// neighbours. missing says which rows lack a value, nil for none. A series without a window makes a
// *SeriesError.
func New(n int, series []int, missing []bool, lag, horizon int) (*Windows, error) {
	if lag < 1 || horizon < 1 {
		return nil, fmt.Errorf("lagged: a lag of %d and a horizon of %d, want at least 1 row each", lag, horizon)
	}
	if series != nil && len(series) != n || missing != nil && len(missing) != n {
		return nil, fmt.Errorf("lagged: series of %d rows, and missing ones of %d, but there are %d", len(series), len(missing), n)
	}
	w := &Windows{lag: lag, horizon: horizon, missing: missing}
	w.sort(n, series)
	begin := 0
	for s, end := range w.ends {
		before, lacking := len(w.starts), 0
		whole := 0 // rows with a value, up to here
		for p := begin; p < end; p++ {
			whole++
			if w.lacks(p) {
				whole, lacking = 0, lacking+1
			}
			if whole >= lag+horizon {
				w.starts = append(w.starts, p-horizon)
			}
		}
		if len(w.starts) == before {
			return nil, &SeriesError{w.ids[s], len(w.ends), end - begin, lacking, lag, horizon}
		}
		begin = end
	}
	return w, nil
}

// sort puts the rows of a series together, the series in the order of their first rows.
func (w *Windows) sort(n int, series []int) {
	if series == nil {
		w.ends, w.ids = []int{n}, []int{0}
		return
	}
	number := map[int]int{}
	var rows [][]int
	for i, id := range series {
		s, ok := number[id]
		if !ok {
			s = len(rows)
			number[id] = s
			rows, w.ids = append(rows, nil), append(w.ids, id)
		}
		rows[s] = append(rows[s], i)
	}
	order := slices.Concat(rows...)
	if !slices.IsSorted(order) {
		w.order = order
	}
	end := 0
	for _, r := range rows {
		end += len(r)
		w.ends = append(w.ends, end)
	}
}

// row is the row at a place of the order.
func (w *Windows) row(p int) int {
	if w.order == nil {
		return p
	}
	return w.order[p]
}

func (w *Windows) lacks(p int) bool { return w.missing != nil && w.missing[w.row(p)] }

// Rows is the number of windows.
func (w *Windows) Rows() int { return len(w.starts) }

// Series is the number of series.
func (w *Windows) Series() int { return len(w.ends) }

// Past is the source of the rows t, t-1, .., t-K+1 of each window, side by side.
func (w *Windows) Past(s column.Source) column.Source {
	steps := make([]column.Source, w.lag)
	for k := range steps {
		steps[k] = w.At(s, -k)
	}
	if w.lag == 1 {
		return steps[0]
	}
	return column.Join(steps...)
}

// Future is the source of the row t+H of each window.
func (w *Windows) Future(s column.Source) column.Source { return w.At(s, w.horizon) }

// At is the source of the row t+step of each window, from -K+1 to H. Column a is called a(t+step).
func (w *Windows) At(s column.Source, step int) column.Source {
	if err := column.Check(s); err != nil {
		return s // whose error is met where it is used
	}
	when := "(t)"
	if step != 0 {
		when = fmt.Sprintf("(t%+d)", step)
	}
	columns := slices.Clone(s.Columns())
	for j := range columns {
		columns[j].Name += when
	}
	return shifted{s, w, step, columns}
}

// shifted is one row of each window.
type shifted struct {
	source  column.Source
	windows *Windows
	step    int
	columns []column.Column
}

func (s shifted) Rows() int                { return len(s.windows.starts) }
func (s shifted) Columns() []column.Column { return s.columns }

// Read reads rows that are neighbours in the source together.
func (s shifted) Read(dst []float64, lo, hi, from, to int) error {
	width := to - from
	row := func(i int) int { return s.windows.row(s.windows.starts[i] + s.step) }
	for i := lo; i < hi; {
		first, end := row(i), i+1
		for end < hi && row(end) == first+end-i {
			end++
		}
		if err := s.source.Read(dst[(i-lo)*width:(end-lo)*width], first, first+end-i, from, to); err != nil {
			return err
		}
		i = end
	}
	return nil
}
