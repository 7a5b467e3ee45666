package column_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"gomine/mine/backend"
	"gomine/mine/column"
)

// read returns all values of a source, row after row.
func read(t testing.TB, s column.Source) []float64 {
	t.Helper()
	if err := column.Check(s); err != nil {
		t.Fatal(err)
	}
	all := make([]float64, s.Rows()*len(s.Columns()))
	if err := s.Read(all, 0, s.Rows(), 0, len(s.Columns())); err != nil {
		t.Fatal(err)
	}
	return all
}

func sources() map[string]column.Source {
	compact := &column.Compact{
		Values: backend.Matrix{Rows: 2, Cols: 3, Stride: 4, Data: []float32{1, 99, 3, 99, 4, 99, 6}},
		Cols:   make([]column.Column, 3), Exact: [][]float64{nil, {2, 5}, nil},
	}
	return map[string]column.Source{
		"float64":    column.RowMajor([]float64{1, 2, 3, 4, 5, 6}, 3),
		"float32":    column.RowMajor([]float32{1, 2, 3, 4, 5, 6}, 3),
		"int":        column.RowMajor([]int{1, 2, 3, 4, 5, 6}, 3),
		"slices":     column.Slices([]uint8{1, 4}, []uint8{2, 5}, []uint8{3, 6}),
		"matrix":     column.Matrix(mat.NewDense(2, 3, []float64{1, 2, 3, 4, 5, 6})),
		"transposed": column.Matrix(mat.NewDense(3, 2, []float64{1, 4, 2, 5, 3, 6}).T()),
		"in place":   column.InPlace([]float32{1, 2, 3, 4, 5, 6}, 3),
		"compact":    compact,
		"named":      column.Named(column.Slices([]float64{1, 4}, []float64{2, 5}, []float64{3, 6}), "a", "b", "c"),
		"joined":     column.Join(column.Slices([]float64{1, 4}), column.RowMajor([]int32{2, 3, 5, 6}, 2)),
		"selected":   column.Select(column.RowMajor([]float64{3, 9, 1, 2, 6, 9, 4, 5}, 4), 2, 3, 0),
		"codes":      column.Join(column.Slices([]int{1, 4}, []int{2, 5}), column.Slices([]int{3, 6})),
	}
}

// TestRead reads every part of every kind of source.
func TestRead(t *testing.T) {
	want := []float64{1, 2, 3, 4, 5, 6}
	for name, s := range sources() {
		if got := read(t, s); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
		for lo := range 2 {
			for hi := lo; hi <= 2; hi++ {
				for from := range 3 {
					for to := from; to <= 3; to++ {
						n := (hi - lo) * (to - from)
						got := make([]float64, n+1)
						got[n] = -7 // a guard
						if err := s.Read(got, lo, hi, from, to); err != nil {
							t.Fatal(err)
						}
						k := 0
						for i := lo; i < hi; i++ {
							for j := from; j < to; j++ {
								if got[k] != want[3*i+j] {
									t.Errorf("%s: rows %d:%d, columns %d:%d are %v", name, lo, hi, from, to, got)
								}
								k++
							}
						}
						if got[n] != -7 {
							t.Errorf("%s: rows %d:%d, columns %d:%d write beyond their end", name, lo, hi, from, to)
						}
					}
				}
			}
		}
	}
}

func TestKinds(t *testing.T) {
	for _, c := range []struct {
		s    column.Source
		want column.Kind
	}{
		{column.RowMajor([]float32{1}, 1), column.Real},
		{column.Slices([]float64{1}), column.Real},
		{column.RowMajor([]int{1}, 1), column.Integer},
		{column.Slices([]uint16{1}), column.Integer},
		{column.Codes([]string{"a"}), column.Code},
	} {
		if got := c.s.Columns()[0].Kind; got != c.want {
			t.Errorf("%v, want %v", got, c.want)
		}
	}
}

func TestCodes(t *testing.T) {
	s := column.Codes([]string{"pear", "apple", "pear", "fig"})
	labels := s.Columns()[0].Labels
	if !slices.Equal(labels, []string{"apple", "fig", "pear"}) {
		t.Errorf("labels %q", labels)
	}
	if got, want := read(t, s), []float64{2, 0, 2, 1}; !slices.Equal(got, want) {
		t.Errorf("codes %v, want %v", got, want)
	}
}

// TestCompact checks that a large offset survives: 1.7e9 + k/1024 has 41 bits.
func TestCompact(t *testing.T) {
	c, err := column.NewCompact(make([]float32, 100), 1)
	if err != nil {
		t.Fatal(err)
	}
	exact := make([]float64, 100)
	for k := range exact {
		exact[k] = 1.7e9 + float64(k)/1024
	}
	c.Exact = [][]float64{exact}
	taken, err := c.InPlace().(column.Disposable).Take()
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, taken); !slices.Equal(got, exact) {
		t.Errorf("%v, want %v", got, exact)
	}
}

// TestInPlace: what was given for one use is refused a second one, whichever way it
// is reached.
func TestInPlace(t *testing.T) {
	c, err := column.NewCompact([]float32{1, 2, 3, 4}, 2)
	if err != nil {
		t.Fatal(err)
	}
	s := c.InPlace()
	renamed := column.Named(s, "a", "b")
	if got := renamed.Columns()[1].Name; got != "b" {
		t.Errorf("name %q, want b", got)
	}
	taken, err := renamed.(column.Disposable).Take()
	if err != nil {
		t.Fatal(err)
	}
	taken.Values.Data[0] = 9
	if got := read(t, taken)[0]; got != 9 {
		t.Errorf("the taker reads %v, want the 9 it wrote", got)
	}
	for name, again := range map[string]column.Source{"source": s, "renamed": renamed, "compact": c} {
		if err := again.Read(make([]float64, 1), 0, 1, 0, 1); err == nil {
			t.Errorf("%s: read after its memory was taken", name)
		}
	}
	if _, err := s.(column.Disposable).Take(); err == nil {
		t.Error("taken twice")
	}
}

func TestMistakes(t *testing.T) {
	one := column.Slices([]float64{1, 2})
	for _, c := range []struct {
		s    column.Source
		text string
	}{
		{nil, "nil source"},
		{column.Slices[float64](), "no columns"},
		{column.Slices([]float64{1}, []float64{1, 2}), "column 1 has 2 rows, column 0 has 1"},
		{column.RowMajor([]float64{1, 2, 3}, 2), "3 values do not make rows of 2"},
		{column.RowMajor([]float64{1}, 0), "rows of 0"},
		{column.InPlace([]float32{1, 2, 3}, 2), "3 values"},
		{column.Matrix(nil), "nil matrix"},
		{column.Matrix((*mat.Dense)(nil)), "nil matrix"},
		{column.Named(one, "a", "b"), "2 names for 1 columns"},
		{column.Named(column.Slices[int](), "a"), "no columns"},
		{column.Join(), "no columns"},
		{column.Select(one), "no columns"},
		{column.Select(one, 0, 1), "column 1 of 1"},
		{column.Select(one, -1), "column -1 of 1"},
		{column.Select(nil, 0), "nil source"},
		{column.Join(one, column.Slices([]int{1})), "source 1 has 1 rows, source 0 has 2"},
		{column.Join(one, column.Slices[int]()), "no columns"},
		{column.RowMajor([]float64{}, 3), "0 rows"},
	} {
		err := column.Check(c.s)
		if err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%v, want %q", err, c.text)
		}
	}
	if err := column.Check(column.RowMajor([]float64{}, 3)); !errors.Is(err, column.ErrEmpty) {
		t.Errorf("%v, want ErrEmpty", err)
	}
	if err := column.Check(one); err != nil {
		t.Error(err)
	}
}

func ExampleJoin() {
	age := []int{31, 47, 25}
	country := []string{"PE", "IS", "PE"}
	s := column.Named(column.Join(column.Slices(age), column.Codes(country)), "age", "country")
	for _, c := range s.Columns() {
		fmt.Println(c.Name, c.Kind, c.Labels)
	}
	// Output:
	// age integer []
	// country code [IS PE]
}

func ExampleRowMajor() {
	s := column.RowMajor([]float64{1, 2, 3, 4, 5, 6}, 2)
	row := make([]float64, 2)
	if err := s.Read(row, 1, 2, 0, 2); err != nil {
		fmt.Println(err)
	}
	fmt.Println(s.Rows(), "rows; row 1 is", row, "and", math.Sqrt(row[1]), "a root")
	// Output: 3 rows; row 1 is [3 4] and 2 a root
}
