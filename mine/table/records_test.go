package table

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
)

// fleeting are batches that are overwritten when they have been read, as those of a database are,
// and then an error, if any.
type fleeting struct {
	schema   *arrow.Schema
	batches  []arrow.RecordBatch
	at       int
	err      error
	released int
}

func newFleeting(t *testing.T, schema *arrow.Schema, rows ...string) *fleeting {
	f := &fleeting{schema: schema}
	for _, r := range rows {
		f.batches = append(f.batches, arrowBatch(t, schema, r))
	}
	return f
}

func (f *fleeting) Retain()                        {}
func (f *fleeting) Schema() *arrow.Schema          { return f.schema }
func (f *fleeting) RecordBatch() arrow.RecordBatch { return f.batches[f.at-1] }
func (f *fleeting) Record() arrow.RecordBatch      { return f.batches[f.at-1] }

func (f *fleeting) Err() error {
	if f.at > len(f.batches) {
		return f.err
	}
	return nil
}

func (f *fleeting) Release() {
	f.released++
	f.overwrite()
}

func (f *fleeting) Next() bool {
	f.overwrite()
	f.at++
	return f.at <= len(f.batches)
}

// overwrite overwrites the present batch.
func (f *fleeting) overwrite() {
	if f.at == 0 || f.at > len(f.batches) {
		return
	}
	for _, column := range f.batches[f.at-1].Columns() {
		for _, b := range column.Data().Buffers() {
			if b != nil {
				copy(b.Bytes(), bytes.Repeat([]byte{'#'}, b.Len()))
			}
		}
	}
}

// TestOpenArrow reads batches that do not outlive the next one, and releases them once.
func TestOpenArrow(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "n", Type: arrow.PrimitiveTypes.Float64}, {Name: "s", Type: arrow.BinaryTypes.String},
		{Name: "v", Type: arrow.ListOf(arrow.PrimitiveTypes.Int32)},
	}, nil)
	rows := []string{
		`[{"n": 1.5, "s": "pear", "v": [1, 2]}, {"n": 2.5, "s": "fig", "v": [3, 4]}]`, `[]`,
		`[{"n": 3.5, "s": "fig", "v": [5, 6]}, {"n": 4.5, "s": "apple", "v": [7, 8]}]`,
	}
	f := newFleeting(t, schema, rows...)
	var last int64
	r, err := OpenArrow("a query", f, Options{Progress: func(done, total int64) { last = done }})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"n", "s", "v[0]", "v[1]"}; !slices.Equal(r.Columns(), want) || !r.HasHeader() {
		t.Errorf("columns %q, want %q", r.Columns(), want)
	}
	got, err := readFlat(r, t.Context(), []int{0, 1, 3})
	if err != nil {
		t.Fatal(err)
	}
	want := []float64{1.5, 2, 2, 2.5, 1, 4, 3.5, 1, 6, 4.5, 0, 8} // labels in order: apple, fig, pear
	for i, v := range want {
		if g := got[0].at(i/3, i%3); g != v {
			t.Errorf("row %d, column %d: %g, want %g", i/3, i%3, g, v)
		}
	}
	if last != 4*4*8 {
		t.Errorf("%d bytes of progress, want those of 4 rows of n, s and both elements of v", last)
	}
	for range 2 {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if f.released != 1 {
		t.Errorf("released %d times", f.released)
	}
}

// TestDescribeArrow counts texts by what they were, though their batches are overwritten.
func TestDescribeArrow(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "s", Type: arrow.BinaryTypes.String}}, nil)
	r, err := OpenArrow("a query", newFleeting(t, schema, `[{"s": "a1"}, {"s": "b2"}, {"s": "c3"}]`, `[{"s": "c3"}]`), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	found, err := r.Describe(t.Context())
	if err != nil || found.Columns[0].Distinct != 3 {
		t.Errorf("%d different texts, want 3 (%v)", found.Columns[0].Distinct, err)
	}
}

// TestOpenArrowErrors: what the batches say is passed on, and what cannot be read is named.
func TestOpenArrowErrors(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "s", Type: arrow.BinaryTypes.String, Nullable: true}, {Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil)
	words := `[{"s": "pear", "n": 1}, {"s": null, "n": 2}]`
	failed := errors.New("division by zero")
	for _, c := range []struct {
		name string
		rows []string
		err  error
		opt  Options
		cols []int
		want []string
	}{
		{"no rows", nil, nil, Options{}, []int{0}, []string{"a query", "no data rows"}},
		{"an error at once", nil, failed, Options{}, []int{1}, []string{"a query", "division by zero"}},
		{"an error after rows", []string{words}, failed, Options{}, []int{1}, []string{"a query", "after row 2", "division by zero"}},
		{"null", []string{words}, nil, Options{}, []int{0}, []string{"a query", "row 2", "null"}},
		{"transposed", []string{words}, nil, Options{Transpose: true}, []int{1}, []string{"--transpose"}},
		{"rows that are not there", []string{words}, nil, Options{From: 5}, []int{1}, []string{"no row 5"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFleeting(t, schema, c.rows...)
			f.err = c.err
			r, err := OpenArrow("a query", f, c.opt)
			if err == nil {
				_, err = readFlat(r, t.Context(), c.cols)
				if closed := r.Close(); closed != nil {
					t.Error(closed)
				}
			}
			checkError(t, err, c.want...)
			if c.err != nil && !errors.Is(err, c.err) {
				t.Errorf("%v does not wrap the error of the batches", err)
			}
			if f.released != 1 {
				t.Errorf("released %d times", f.released)
			}
		})
	}
}
