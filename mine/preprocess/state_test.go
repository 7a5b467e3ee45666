package preprocess

import (
	"reflect"
	"strings"
	"testing"

	"gomine/mine/column"
)

// TestStateIsWhole: a field that maps come to have has to be kept in files too, or critics that
// are read say something else. Whoever adds one adds it to the State, to Restore with its
// check, to doc/critics.md, to doc/examples/score.py, and here.
func TestStateIsWhole(t *testing.T) {
	for _, c := range []struct {
		of   any
		want string
	}{
		{Side{}, "name columns maps directions radius"},
		{Map{}, "constant rare distinct heavy ids sentinel codes min max median spread value image unit harmonics spike mean scale"},
		{codeInputs{}, "input share rare distinct pooled values"},
		{direction{}, "weights centers min max"},
		{radius{}, "by min max mean unit"},
		{coordinate{}, "counts image median scale"},
		{column.Column{}, "Name Kind Labels Merged"},
	} {
		var fields []string
		for i := range reflect.TypeOf(c.of).NumField() {
			fields = append(fields, reflect.TypeOf(c.of).Field(i).Name)
		}
		if got := strings.Join(fields, " "); got != c.want {
			t.Errorf("%T has the fields %s, of which the State keeps %s", c.of, got, c.want)
		}
	}
}

// TestStateRestores: maps of all methods are the same when they are restored.
func TestStateRestores(t *testing.T) {
	const rows = 300
	values := make([][]float64, 5)
	codes := make([]string, rows)
	for i := range rows {
		u := float64(i*7919%rows) / rows
		codes[i] = strings.Repeat("c", i%3)
		for j, v := range []float64{u, u * u * u, 5, float64(i % 4), u + 0.01*float64(i%7)} {
			values[j] = append(values[j], v)
		}
	}
	x := column.Join(column.Slices(values...), column.Codes(codes))
	z := column.Slices(values[:2]...)
	for _, method := range Methods() {
		p, err := NewPairs(x, z, 1)
		if err != nil {
			t.Fatal(err)
		}
		maps, err := p.Fit(method, Range{0, rows})
		if err != nil {
			t.Fatal(err)
		}
		restored, err := Restore(maps.State())
		if err != nil || !restored.Same(maps) {
			t.Errorf("%v: error %v, or other maps", method, err)
		}
		if len(maps.X.directions) == 0 {
			t.Errorf("%v: no directions to be kept", method)
		}
	}
}

// TestMostCodes: of five codes, as many of the most frequent have an input as there is room for,
// of equally frequent ones the first, and all others share one.
func TestMostCodes(t *testing.T) {
	var v []float64
	for code, count := range []int{30, 20, 40, 20, 20} {
		for range count {
			v = append(v, float64(code))
		}
	}
	for most, want := range map[int][]int32{5: {0, 1, 2, 3, 4}, 3: {0, 1, 2, -1, -1}, 2: {0, -1, 1, -1, -1}} {
		c := fitCodes(v, 5, most).codes
		if !reflect.DeepEqual(c.input, want) || c.pooled != 5-most || (c.rare >= 0) != (most < 5) {
			t.Errorf("room for %d: inputs %v, %d pooled, want %v", most, c.input, c.pooled, want)
		}
	}
}
