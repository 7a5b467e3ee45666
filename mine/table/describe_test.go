package table

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// TestDescribe compares what is found with a count by hand.
func TestDescribe(t *testing.T) {
	const data = "id,a,code,b,c\n1,0.5,x,,7\n2,0.5,y,3,7\n3,2,x,NA,7\n4,-1,z,3,7\n5,0.5,y,4,7\n5,0.5,y,4,7\n"
	r, err := OpenStream("data", strings.NewReader(data), Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.Repeats != 1 {
		t.Errorf("%d repeats, want 1", got.Repeats)
	}
	if p := got.Columns[2].Problem; p == nil || p.Line != 2 || p.Text != "x" {
		t.Errorf("problem %+v", p)
	}
	for k := range got.Columns {
		got.Columns[k].Serial, got.Columns[k].Problem = 0, nil
	}
	want := []Description{
		{Name: "id", Rows: 6, Whole: true, Distinct: 5, Tied: 2, Min: 1, Max: 5},
		{Name: "a", Rows: 6, Distinct: 3, Tied: 4, Min: -1, Max: 2},
		{Name: "code", Rows: 6, Text: 6, Words: 6, Whole: true, Distinct: 3, Tied: 5},
		{Name: "b", Rows: 6, Missing: 2, Whole: true, Distinct: 2, Tied: 4, Min: 3, Max: 4},
		{Name: "c", Rows: 6, Whole: true, Distinct: 1, Tied: 6, Min: 7, Max: 7},
	}
	if !reflect.DeepEqual(got.Columns, want) {
		t.Errorf("%+v, want %+v", got.Columns, want)
	}
	if _, err := r.Describe(t.Context()); err == nil {
		t.Error("described twice")
	}
}

// TestDescribeUnread: a column of a type that is not read is told from one of texts.
func TestDescribeUnread(t *testing.T) {
	typ := arrow.NewSchema([]arrow.Field{
		{Name: "b", Type: arrow.BinaryTypes.Binary}, {Name: "m", Type: arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int8)},
		{Name: "l", Type: arrow.ListOf(arrow.ListOf(arrow.PrimitiveTypes.Int8))}, {Name: "s", Type: arrow.BinaryTypes.String},
	}, nil)
	data := arrowBytes(t, true, []arrow.RecordBatch{arrowBatch(t, typ, `[{"b": "AQ==", "m": [{"key": "k", "value": 1}], "l": [[1]], "s": "7 kg"}]`)})
	r, err := OpenStream("data", bytes.NewReader(data), Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for k, want := range []string{"binary", "map<", "list of list<", ""} {
		p := got.Columns[k].Problem
		if p == nil || p.Unread != (want != "") || !strings.HasPrefix(p.Text, want) {
			t.Errorf("column %s: %+v, want the type %s", got.Columns[k].Name, p, want)
		}
	}
}

// TestDescribeSample: what is no number counts where its row was drawn, and nowhere else.
func TestDescribeSample(t *testing.T) {
	const drawn = 30
	r, err := OpenStream("data", strings.NewReader("a,word\n"+strings.Repeat("1,x\n,y\n3,z\n", 1000)), Options{Sample: drawn})
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a, word := got.Columns[0], got.Columns[1]
	if word.Rows != drawn || word.Text != drawn || word.Words != drawn || word.Distinct != 3 || word.Tied != drawn {
		t.Errorf("words %+v", word)
	}
	// Of 30 rows, each without a number with a probability of a third, 2 to 18 have none but for
	// 3e-4; the seed is fixed.
	if a.Rows != drawn || a.Missing < 2 || a.Missing > 18 || a.Text != 0 || got.Repeats != drawn-3 {
		t.Errorf("numbers %+v, %d repeats", a, got.Repeats)
	}
}

// TestSerial describes an autoregression, whose ranks have nearly its correlation, white
// noise, and a count.
func TestSerial(t *testing.T) {
	const rows = 20_000
	rng := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	x := 0.0
	for i := range rows {
		x = 0.8*x + rng.NormFloat64()
		fmt.Fprintf(&b, "%d,%g,%g\n", i, x, rng.NormFloat64())
	}
	r, err := OpenStream("data", strings.NewReader(b.String()), Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// The correlation of the ranks of a normal pair (Pearson 1907).
	want := 6 / math.Pi * math.Asin(0.8/2)
	for k, want := range []float64{1, want, 0} {
		// Its standard error is at most 1.1/sqrt(rows).
		if c := got.Columns[k]; math.Abs(c.Serial-want) > 5*1.1/math.Sqrt(rows) {
			t.Errorf("column %d: %v, want %v", k, c.Serial, want)
		}
	}
	if c := got.Columns; !c[0].Counts || c[1].Counts {
		t.Errorf("counts: %v, %v", c[0].Counts, c[1].Counts)
	}
}

// TestDescribeUnequalLists: lists of unequal lengths are described, beside the other columns, by both
// formats; they are an error where they are read.
func TestDescribeUnequalLists(t *testing.T) {
	typ := arrow.NewSchema([]arrow.Field{{Name: "v", Type: arrow.ListOf(arrow.PrimitiveTypes.Float32)}, {Name: "y", Type: arrow.PrimitiveTypes.Float64}}, nil)
	rows := `[{"v": [1, 2], "y": 5}, {"v": [3, 4, 5], "y": 6}, {"v": null, "y": 7}, {"v": [], "y": 8}, {"v": [8, 9], "y": 9}]`
	for format, data := range map[string][]byte{
		"Arrow": arrowBytes(t, true, []arrow.RecordBatch{arrowBatch(t, typ, rows)}),
		"Parquet": parquetBytes(t, 1, []parquetColumn{
			vectors("v", []float32{1, 2, 3, 4, 5, 8, 9}, []int16{3, 3, 3, 3, 3, 0, 1, 3, 3}, []int16{0, 1, 0, 1, 1, 0, 0, 0, 1}),
			plain("y", parquet.Types.Double, schema.NoLogicalType{}, 0, []float64{5, 6, 7, 8, 9}),
		}),
	} {
		open := func() *Reader {
			r, err := OpenStream("data", bytes.NewReader(data), Options{Missing: MissingNaN})
			if err != nil {
				t.Fatalf("%s: %v", format, err)
			}
			return r
		}
		got, err := open().Describe(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		for k, want := range []Description{
			{Name: "v[0]", Rows: 5, Missing: 1, Text: 2, Distinct: 3, Tied: 2, Min: 1, Max: 8},
			{Name: "v[1]", Rows: 5, Missing: 1, Text: 2, Distinct: 3, Tied: 2, Min: 2, Max: 9},
			{Name: "y", Rows: 5, Distinct: 5, Min: 5, Max: 9, Counts: true},
		} {
			d, p := got.Columns[k], got.Columns[k].Problem
			want.Whole, want.Serial, want.Problem = true, d.Serial, p
			if d != want {
				t.Errorf("%s: %+v, want %+v", format, d, want)
			}
			if lists := want.Name != "y"; (p != nil) != lists || lists && (!p.Unread || p.Row != 2 || p.Column != "v" || p.Text != "lists of unequal lengths") {
				t.Errorf("%s: column %s: %+v", format, d.Name, p)
			}
		}
		r := open()
		_, err = r.Read(t.Context(), []int{0, 2})
		checkError(t, err, `row 2, column "v": the list has 3 values, but 2 were expected`)
	}
	data := arrowBytes(t, true, []arrow.RecordBatch{arrowBatch(t, typ, `[{"v": [], "y": 5}, {"v": [], "y": 6}]`)})
	r, err := OpenStream("data", bytes.NewReader(data), Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Describe(t.Context())
	if err != nil || len(got.Columns) != 2 || got.Columns[0].Problem == nil || got.Columns[0].Problem.Text != "empty lists" {
		t.Errorf("lists that are all empty: %+v, error %v", got, err)
	}
}
