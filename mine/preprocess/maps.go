package preprocess

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"

	"gomine/mine/backend"
	"gomine/mine/column"
)

// Maps are those of all columns of both sides. They do not change once fitted.
type Maps struct{ X, Z Side }

// Side holds the maps of the columns of x or of z, and what the columns are called.
type Side struct {
	name    string // "x" or "z"
	columns []column.Column
	maps    []Map
	// What columns make together: narrow directions, and the radius, nil if there is none.
	directions []direction
	radius     *radius
}

// Inputs returns the number of inputs of the network that the columns become: those of
// each, and those that they make together.
func (s Side) Inputs() int {
	n := len(s.directions)
	for j := range s.maps {
		n += s.maps[j].Inputs()
	}
	if s.radius != nil {
		n++
	}
	return n
}

// Same reports whether other maps make the same inputs of every row, as those of two
// methods do where the columns leave no choice.
func (m Maps) Same(other Maps) bool { return reflect.DeepEqual(m, other) }

// WithoutRadius returns the inputs m [n, Inputs] without the radius.
func (s Side) WithoutRadius(m backend.Matrix) backend.Matrix {
	if s.radius != nil {
		m.Cols--
	}
	return m
}

// Summary describes what became of one side's columns, by their names.
type Summary struct {
	Used     int      `json:"used"`               // columns that are not constant
	Constant []string `json:"constant,omitempty"` // dropped
	Heavy    []string `json:"heavy,omitempty"`    // ranked in any case because of values far out
	Codes    []Coded  `json:"codes,omitempty"`    // one input a code
	Rare     []string `json:"rare,omitempty"`     // codes of which none has ten training rows: dropped
	IDs      []string `json:"ids,omitempty"`      // another whole number in nearly every row, or codes most of which are rare
	// Sentinels are values that may stand for missing ones.
	Sentinels []Sentinel `json:"sentinels,omitempty"`
	Merged    []string   `json:"merged,omitempty"` // lost more than a hundredth of their distinct values when they were read
}

// Coded says what became of a column of codes.
type Coded struct {
	Name     string `json:"name"`
	Distinct int    `json:"distinct"`         // codes that the training rows have
	Pooled   int    `json:"pooled,omitempty"` // how many of them are rare and share an input
}

// mergedShare is the share of a column's distinct values whose loss is worth a word.
const mergedShare = 0.01

// Summary returns what became of the columns.
func (s Side) Summary() Summary {
	var all Summary
	for j := range s.maps {
		m, c := &s.maps[j], s.columns[j]
		switch {
		case m.constant && m.rare:
			all.Rare = append(all.Rare, c.Name)
		case m.constant:
			all.Constant = append(all.Constant, c.Name)
		default:
			all.Used++
		}
		switch {
		case m.constant:
		case m.codes != nil:
			all.Codes = append(all.Codes, Coded{c.Name, m.codes.distinct, m.codes.pooled})
		case m.heavy:
			all.Heavy = append(all.Heavy, c.Name)
		}
		if !m.constant && (m.ids || m.codes != nil && m.codes.mostlyRare()) {
			all.IDs = append(all.IDs, c.Name)
		}
		if s := m.sentinel; s.Rows > 0 {
			s.Name = c.Name
			all.Sentinels = append(all.Sentinels, s)
		}
		if c.Merged > mergedShare {
			all.Merged = append(all.Merged, c.Name)
		}
	}
	return all
}

// nothing is the error about a side that becomes no input.
func (s Side) nothing() error {
	all := s.Summary()
	rare := all.Rare
	switch {
	case rare == nil && all.Merged != nil:
		return fmt.Errorf("preprocess: every column of %s is %w on the training rows: values of %s differ by less than 2^-48 of their size, which counts as equal; subtract a constant, such as the mean, before the data are written",
			s.name, ErrConstant, strings.Join(all.Merged, ", "))
	case rare == nil:
		return fmt.Errorf("preprocess: every column of %s is %w on the training rows: there is nothing to learn from it", s.name, ErrConstant)
	}
	return fmt.Errorf("preprocess: every column of %s is %w on the training rows, or has codes of which none is in %d of them (%s): nothing can be learnt from codes that are seen so seldom; join those that are alike, or leave them out",
		s.name, ErrConstant, rareCode, strings.Join(rare, ", "))
}

// store writes the inputs that a row becomes to dst.
func (s Side) store(dst []float32, row []float64) {
	k := 0
	var squares float64
	for j := range s.maps {
		inputs, y := s.maps[j].store(dst[k:], row[j])
		k += inputs
		if s.radius != nil {
			u := s.radius.by[j].of(row[j], y)
			squares += u * u
		}
	}
	for i := range s.directions {
		dst[k] = s.directions[i].at(row)
		k++
	}
	if s.radius != nil {
		dst[k] = s.radius.at(squares)
	}
}

// Apply takes rows of other data, in the units of the original columns, to the
// inputs of the network. Codes are known by their labels, whatever their numbers;
// one that no fitted row had counts as rare, and CountUnseen counts these. Values that are not finite make an error
// that wraps ErrNonFinite; other columns than the maps were fitted on, or codes where
// numbers were, one that wraps backend.ErrShape.
func (m Maps) Apply(x, z column.Source) (mx, mz backend.Matrix, err error) {
	if err := checkPaired(x, z); err != nil {
		return mx, mz, err
	}
	for _, side := range []struct {
		Side
		given column.Source
		to    *backend.Matrix
	}{{m.X, x, &mx}, {m.Z, z, &mz}} {
		given, err := side.accept(side.given)
		if err != nil {
			return mx, mz, err
		}
		*side.to = backend.NewMatrix(given.Rows(), side.Inputs())
		if err := side.apply(rows{Source: given}, 0, *side.to); err != nil {
			return mx, mz, err
		}
	}
	return mx, mz, nil
}

// checkPaired reports rows that are no pairs.
func checkPaired(x, z column.Source) error {
	for _, s := range []column.Source{x, z} {
		if err := column.Check(s); err != nil {
			return err
		}
	}
	if x.Rows() != z.Rows() {
		return fmt.Errorf("preprocess: x has %d rows and z has %d: rows must be pairs: %w", x.Rows(), z.Rows(), backend.ErrShape)
	}
	return nil
}

// accept checks a source, and translates it.
func (s Side) accept(given column.Source) (column.Source, error) {
	if got, want := len(given.Columns()), len(s.columns); got != want {
		return nil, fmt.Errorf("preprocess: %s has %d columns, want %d: %w", s.name, got, want, backend.ErrShape)
	}
	if err := checkValues(given, s.name); err != nil {
		return nil, err
	}
	return s.translate(given)
}

// translate returns the source with the codes of the columns that the maps were
// fitted on.
func (s Side) translate(given column.Source) (column.Source, error) {
	t := translated{Source: given, codes: make([][]float64, len(s.columns))}
	for j, c := range given.Columns() {
		fitted := s.columns[j]
		if is, was := c.Kind == column.Code, fitted.Kind == column.Code; is != was {
			return nil, fmt.Errorf("preprocess: column %s of %s is %v where the maps were fitted on %v: %w", c.Name, s.name, c.Kind, fitted.Kind, backend.ErrShape)
		}
		if c.Kind != column.Code || slices.Equal(c.Labels, fitted.Labels) {
			continue
		}
		known := make(map[string]float64, len(fitted.Labels))
		for code, label := range fitted.Labels {
			known[label] = float64(code)
		}
		t.codes[j] = make([]float64, len(c.Labels))
		for code, label := range c.Labels {
			t.codes[j][code] = -1
			if own, ok := known[label]; ok {
				t.codes[j][code] = own
			}
		}
		t.some = true
	}
	if !t.some {
		return given, nil
	}
	return t, nil
}

// translated is a source whose codes are numbered in another way.
type translated struct {
	column.Source
	codes [][]float64 // by column: the new number of every code, -1 for one that is not known; nil for what stays
	some  bool
}

func (t translated) Read(dst []float64, lo, hi, from, to int) error {
	if err := t.Source.Read(dst, lo, hi, from, to); err != nil {
		return err
	}
	for k, v := range dst[:(hi-lo)*(to-from)] {
		if codes := t.codes[from+k%(to-from)]; codes != nil {
			dst[k] = codes[int(v)]
		}
	}
	return nil
}

// Chain takes derivatives g [n, Inputs] with respect to a network's inputs to those
// with respect to the columns of the rows s [n, columns] that they are at, in nats
// per unit of the column. They are zero for constant columns, for codes, and outside
// the range of the training rows.
func (s Side) Chain(given column.Source, g backend.Matrix) (*mat.Dense, error) {
	cols := len(s.maps)
	out := mat.NewDense(g.Rows, cols, nil)
	row := make([]float64, cols)
	for i := range g.Rows {
		if err := given.Read(row, i, i+1, 0, cols); err != nil {
			return nil, err
		}
		k := 0
		for j := range s.maps {
			m := &s.maps[j]
			if !m.constant && m.codes == nil {
				y, slope := m.eval(row[j])
				inputs := g.Row(i)[k:]
				out.Set(i, j, (float64(inputs[0])+m.harmonics.chain(inputs[1:], y))*slope)
			}
			k += m.Inputs()
		}
		for d := range s.directions {
			s.directions[d].chain(out.RawRowView(i), row, float64(g.Row(i)[k]))
			k++
		}
		if s.radius != nil {
			s.radius.chain(out.RawRowView(i), row, float64(g.Row(i)[k]))
		}
	}
	return out, nil
}
