package preprocess

import (
	"errors"
	"math"
	"slices"
	"testing"

	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/sampling"
)

// gatherRows is the number of rows of gatherData.
const gatherRows = 10_007

// gatherData returns rows of two columns that float32 holds, and of three of which it holds the
// last one.
func gatherData() (single, double []float64) {
	const n = gatherRows
	single, double = make([]float64, 2*n), make([]float64, 3*n)
	for i := range n {
		single[2*i] = float64(float32(sampling.Normal(1, sampling.StreamInit, 0, uint64(i))))
		single[2*i+1] = float64(i % 7)
		double[3*i] = 1.7e9 + sampling.Normal(2, sampling.StreamInit, 0, uint64(i))
		double[3*i+1] = single[2*i] + 0.5*sampling.Normal(3, sampling.StreamInit, 0, uint64(i))
		if i%100 == 0 {
			double[3*i+1] = 0 // and what float32 holds among what it does not
		}
		double[3*i+2] = float64(i)
	}
	return single, double
}

// gatherRanges are positions of them.
var gatherRanges = []Range{{0, 3001}, {6000, 6001}, {9000, gatherRows}}

// TestGather: the copies are the rows at the positions, whatever precision their values need.
func TestGather(t *testing.T) {
	single, double := gatherData()
	order := Shuffled(gatherRows, 5)
	o, err := NewOrdered(column.RowMajor(single, 2), column.RowMajor(double, 3), order)
	if err != nil {
		t.Fatal(err)
	}
	got, err := o.Gather(gatherRanges...)
	if err != nil {
		t.Fatal(err)
	}
	var at []int
	for _, r := range gatherRanges {
		for p := r.Lo; p < r.Hi; p++ {
			at = append(at, order(p))
		}
	}
	if got.Rows() != len(at) {
		t.Fatalf("%d rows, want %d", got.Rows(), len(at))
	}
	for _, side := range []struct {
		rows
		all   []float64
		exact []bool
	}{{got.x, single, []bool{false, false}}, {got.z, double, []bool{true, true, false}}} {
		cols := len(side.exact)
		values := make([]float64, len(at)*cols)
		if err := side.Read(values, 0, len(at), 0, cols); err != nil {
			t.Fatal(err)
		}
		for i, row := range at {
			if g, w := values[i*cols:(i+1)*cols], side.all[row*cols:(row+1)*cols]; !slices.Equal(g, w) {
				t.Fatalf("%s: row %d is %v, want %v, row %d of all", side.name, i, g, w, row)
			}
		}
		for j, want := range side.exact {
			if has := side.owned.Exact != nil && side.owned.Exact[j] != nil; has != want {
				t.Errorf("%s: column %d in float64 is %v, want %v", side.name, j, has, want)
			}
		}
	}
}

// TestGatherFits: gathered rows have the maps of rows that are looked up one by one, and those
// that Apply reads become the same inputs.
func TestGatherFits(t *testing.T) {
	single, double := gatherData()
	x, z := column.RowMajor(single, 2), column.RowMajor(double, 3)
	order := Shuffled(gatherRows, 5)
	o, err := NewOrdered(x, z, order)
	if err != nil {
		t.Fatal(err)
	}
	got, err := o.Gather(gatherRanges...)
	if err != nil {
		t.Fatal(err)
	}
	all, err := Arrange(x, z, order)
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range Methods() {
		maps, err := all.Fit(method, gatherRanges...)
		if err != nil {
			t.Fatal(err)
		}
		own, err := got.Fit(method, Range{0, got.Rows()})
		if err != nil {
			t.Fatal(err)
		}
		if !maps.Same(own) {
			t.Errorf("%v: other maps", method)
		}
		wx, wz, err := all.Apply(maps, false, Range{2000, 5000})
		if err != nil {
			t.Fatal(err)
		}
		gx, gz := backend.NewMatrix(3001, maps.X.Inputs()), backend.NewMatrix(3001, maps.Z.Inputs())
		for i := range gx.Cols {
			gx.Row(3000)[i] = guard
		}
		if err := o.Apply(maps, Range{2000, 5000}, gx, gz); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(gx.Data[:len(wx.Data)], wx.Data) || !slices.Equal(gz.Data[:len(wz.Data)], wz.Data) {
			t.Errorf("%v: other inputs", method)
		}
		if v := gx.Row(3000); slices.Max(v) != guard || slices.Min(v) != guard {
			t.Errorf("%v: wrote behind the rows: %v", method, v)
		}
	}
}

const guard = 12345

// TestGatherTakes: data for use in place are used once, and other data stay.
func TestGatherTakes(t *testing.T) {
	data := make([]float32, 100)
	for i := range data {
		data[i] = float32(i)
	}
	x, z := column.InPlace(data, 1), column.RowMajor(data, 1)
	order := Shuffled(len(data), 1)
	if _, err := NewOrdered(x, z, order); err != nil {
		t.Fatal(err)
	}
	if _, err := NewOrdered(x, z, order); err == nil {
		t.Error("data for one use were taken twice")
	}
	if data[3] != 3 {
		t.Error("data were overwritten")
	}
}

// broken is a source whose rows from some on cannot be read.
type broken struct {
	column.Source
	from int
}

var errBroken = errors.New("broken")

func (b broken) Read(dst []float64, lo, hi, from, to int) error {
	if hi > b.from {
		return errBroken
	}
	return b.Source.Read(dst, lo, hi, from, to)
}

// TestGatherErrors: what cannot be read is an error.
func TestGatherErrors(t *testing.T) {
	x := column.RowMajor(make([]float64, 1000), 1)
	o, err := NewOrdered(x, broken{x, 900}, Shuffled(1000, 1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.Gather(Range{0, 500}); !errors.Is(err, errBroken) {
		t.Errorf("error %v, want %v", err, errBroken)
	}
	if _, err := NewOrdered(many{x}, x, nil); err == nil {
		t.Error("more rows than a pick can have are no error")
	}
}

// many claims more rows than there are.
type many struct{ column.Source }

func (many) Rows() int {
	const more = uint64(math.MaxUint32) + 1
	n := more
	return int(n)
}

// TestRowBytes: four bytes a value that float32 holds, twelve of a column with one that it does not.
func TestRowBytes(t *testing.T) {
	single, double := gatherData()
	for cols, data := range map[int][]float64{2: single, 3: double} {
		got, err := RowBytes(column.RowMajor(data, cols))
		if want := map[int]int{2: 8, 3: 28}[cols]; err != nil || got != want {
			t.Errorf("%d columns: %d bytes, error %v, want %d", cols, got, err, want)
		}
	}
	if got, err := RowBytes(column.RowMajor(make([]float64, 100_000), 100_000)); err != nil || got != 400_000 {
		t.Errorf("one row of 100,000 columns: %d bytes, error %v", got, err)
	}
}
