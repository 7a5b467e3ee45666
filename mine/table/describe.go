package table

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
)

// Description says what a column holds, as far as its rows were read.
type Description struct {
	Name string
	// Rows is how many there are; of these Missing have no value, and Text has no number.
	// Words of these begin with a letter and are no form of a number.
	Rows, Missing, Text, Words int
	// Whole is true if all numbers are whole.
	Whole bool
	// Distinct is how many different numbers and texts there are, and Tied how many rows
	// have one that another row has too.
	Distinct, Tied int
	Min, Max       float64 // of the numbers; 0 if there are none
	// Serial is the correlation of the ranks of one row and the next, 0 if there is none.
	Serial float64
	// Counts is true if the numbers are one more in each row.
	Counts bool
	// Problem is the first value that is neither a number nor missing.
	Problem *ValueError
	// Conflict says what the column stands for in one of several files, and in another, where Read does
	// not join them; "" otherwise. ByCodes says whether it does where the column is Categorical.
	Conflict string
	ByCodes  bool
}

// Codes reports whether Read takes the column for codes without being told.
func (d Description) Codes() bool { return areWords(d.Words, d.Rows-d.Missing-d.Words) }

// Table is what [Reader.Describe] finds.
type Table struct {
	Columns []Description
	// Repeats is how many rows are the same as an earlier one, in all columns.
	Repeats int
}

// Describe reads the rows, all columns of which it keeps in memory, and describes the
// columns. It can be called once, and not after Read.
func (r *Reader) Describe(ctx context.Context) (Table, error) {
	t, err := r.describeAll(ctx)
	if err != nil {
		return t, inFile(r.name, err)
	}
	return t, nil
}

func (r *Reader) describeAll(ctx context.Context) (Table, error) {
	if r.read {
		return Table{}, errors.New("the file has been read or closed: open it again")
	}
	r.read = true
	r.meter.report = r.opt.Progress
	d, cols := newDescriber(r.names), sequence(0, len(r.names))
	if err := r.each(ctx, &pass{cols: cols, bad: d.bad, describing: true, add: d.add}); err != nil {
		return Table{}, err
	}
	if d.rows == 0 {
		return Table{}, r.noRows()
	}
	t := Table{Repeats: d.repeats}
	for k := range d.columns {
		if err := ctx.Err(); err != nil {
			return Table{}, fmt.Errorf("stopped at column %d: %w", k, err)
		}
		t.Columns = append(t.Columns, d.columns[k].describe())
	}
	if several, ok := r.src.(*parts); ok {
		for _, c := range several.conflicts(cols, r.codebooks(cols)) {
			about := &t.Columns[c.column]
			about.Conflict = fmt.Sprintf("%s in %s, and %s in %s", c.held, c.earlier, c.holds, c.later)
			about.ByCodes = c.held.joins(c.holds, &codebook{asked: true})
		}
	}
	return t, nil
}

// describer gathers rows for descriptions.
type describer struct {
	columns []cells
	rows    int
	seed    maphash.Seed
	seen    map[uint64]struct{} // hashes of rows
	text    []byte              // what the row has in place of numbers
	repeats int
}

// cells are the values of a column.
type cells struct {
	Description
	numbers []float64      // NaN where there is none
	texts   map[string]int // and how often they occur
}

func newDescriber(names []string) *describer {
	d := &describer{columns: make([]cells, len(names)), seed: maphash.MakeSeed(), seen: make(map[uint64]struct{})}
	for k, name := range names {
		d.columns[k].Name = name
	}
	return d
}

// bad takes what is no number.
func (d *describer) bad(k int, e *ValueError) error {
	c := &d.columns[k]
	d.text = append(append(d.text, e.Text...), 0)
	if e.Missing {
		c.Missing++
		return nil
	}
	c.Text++
	if e.Word {
		c.Words++
	}
	if c.Problem == nil {
		c.Problem, c.texts = e, make(map[string]int)
	}
	c.texts[e.Text]++
	return nil
}

func (d *describer) add(row []float64) {
	d.rows++
	var h maphash.Hash
	h.SetSeed(d.seed)
	var bits [8]byte
	for k, v := range row {
		d.columns[k].numbers = append(d.columns[k].numbers, v)
		binary.LittleEndian.PutUint64(bits[:], math.Float64bits(v))
		h.Write(bits[:])
	}
	h.Write(d.text)
	d.text = d.text[:0]
	key := h.Sum64()
	if _, ok := d.seen[key]; ok {
		d.repeats++
	}
	d.seen[key] = struct{}{}
}

// describe completes the description.
func (c *cells) describe() Description {
	d := c.Description
	d.Rows = len(c.numbers)
	d.Whole, d.Counts = true, d.Missing+d.Text == 0
	for i, v := range c.numbers {
		d.Whole = d.Whole && (v != v || v == math.Trunc(v))
		d.Counts = d.Counts && v == c.numbers[0]+float64(i)
	}
	d.Counts = d.Counts && d.Whole && d.Rows > 2
	order := make([]int, 0, d.Rows)
	for i, v := range c.numbers {
		if v == v {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(c.numbers[a], c.numbers[b]) })
	ranks := make([]float64, d.Rows) // from the middle; 0 where there is no number
	for i := 0; i < len(order); {
		j := i + 1
		for j < len(order) && c.numbers[order[j]] == c.numbers[order[i]] {
			j++
		}
		d.Distinct++
		if j-i > 1 {
			d.Tied += j - i
		}
		for _, at := range order[i:j] {
			ranks[at] = float64(i+j-len(order)) / 2
		}
		i = j
	}
	for _, n := range c.texts {
		d.Distinct++
		if n > 1 {
			d.Tied += n
		}
	}
	if len(order) > 0 {
		d.Min, d.Max = c.numbers[order[0]], c.numbers[order[len(order)-1]]
	}
	d.Serial = serial(ranks)
	return d
}

// serial returns the correlation of each value, whose mean is 0, with the next.
func serial(v []float64) float64 {
	var product, square float64
	for i := range v {
		square += v[i] * v[i]
		if i > 0 {
			product += v[i] * v[i-1]
		}
	}
	if square == 0 {
		return 0
	}
	return product / square
}
