package column_test

import (
	"math"
	"reflect"
	"slices"
	"testing"

	"gomine/mine/column"
)

// TestDropMissing leaves out rows of two sources that lack something, in float32 and in
// float64, and counts by column.
func TestDropMissing(t *testing.T) {
	nan, nan32 := math.NaN(), float32(math.NaN())
	x, err := column.NewCompact([]float32{1, 0, 2, 0, nan32, 0, 4, 0, 5, 0, 6, 0}, 2)
	if err != nil {
		t.Fatal(err)
	}
	x.Exact = [][]float64{nil, {10, nan, nan, 40, 50, 60}}
	z, err := column.NewCompact([]float32{1, 2, 3, 4, nan32, 6}, 1)
	if err != nil {
		t.Fatal(err)
	}
	got, err := column.DropMissing(x, z)
	if err != nil {
		t.Fatal(err)
	}
	if want := (column.Dropped{Rows: 3, Lacking: [][]int{{1, 2}, {1}}}); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if v, want := read(t, x), []float64{1, 10, 4, 40, 6, 60}; !slices.Equal(v, want) {
		t.Errorf("x is %v, want %v", v, want)
	}
	if v, want := read(t, z), []float64{1, 4, 6}; !slices.Equal(v, want) {
		t.Errorf("z is %v, want %v", v, want)
	}
	if got, err := column.DropMissing(x, z); err != nil || got.Rows != 0 {
		t.Errorf("again: %+v, error %v", got, err)
	}
}
