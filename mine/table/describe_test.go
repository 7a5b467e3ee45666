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
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "b", Type: arrow.BinaryTypes.Binary}, {Name: "m", Type: arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int8)},
		{Name: "l", Type: arrow.ListOf(arrow.ListOf(arrow.PrimitiveTypes.Int8))}, {Name: "s", Type: arrow.BinaryTypes.String},
	}, nil)
	data := arrowBytes(t, true, []arrow.RecordBatch{arrowBatch(t, schema, `[{"b": "AQ==", "m": [{"key": "k", "value": 1}], "l": [[1]], "s": "7 kg"}]`)})
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
