package table

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gomine/mine/column"
)

// readColumn reads v as a one-column text file.
func readColumn(t *testing.T, v []float64) flat {
	t.Helper()
	var b strings.Builder
	for _, x := range v {
		b.WriteString(strconv.FormatFloat(x, 'g', -1, 64) + "\n")
	}
	m, err := readString(b.String(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestPrecision reads columns of which float32 would make values equal, in orders that
// the first rows do not show, and columns of which it does not.
func TestPrecision(t *testing.T) {
	const rows = 20_000
	normal := func(r *rand.Rand, _ int) float64 { return r.NormFloat64() }
	timestamp := func(r *rand.Rand, _ int) float64 { return 1.7e9 + r.Float64() }
	// after is first up to some row, then the other one.
	type law = func(r *rand.Rand, i int) float64
	after := func(n int, first, then law) law {
		return func(r *rand.Rand, i int) float64 {
			if i < n {
				return first(r, i)
			}
			return then(r, i)
		}
	}
	// mixed is each in turn after the head, which is all of the first kind.
	mixed := func(laws ...law) law {
		return after(headRows, laws[0], func(r *rand.Rand, i int) float64 { return laws[i%len(laws)](r, i) })
	}
	zero := func(*rand.Rand, int) float64 { return 0 }
	scaled := func(scale float64) law {
		return func(r *rand.Rand, _ int) float64 { return scale * r.NormFloat64() }
	}
	for _, c := range []struct {
		name  string
		value law
		wide  bool // float64 is needed
	}{
		{"normal", normal, false},
		{"shifted a little", func(r *rand.Rand, _ int) float64 { return 1000 + 100*r.Float64() }, false},
		{"heavy tails", func(r *rand.Rand, _ int) float64 { return r.NormFloat64() / r.NormFloat64() }, false},
		{"constant", func(*rand.Rand, int) float64 { return 1.7e9 + 0.1 }, false},
		{"codes", func(r *rand.Rand, _ int) float64 { return 123_456_789 * float64(r.IntN(5)) }, false},
		{"rounding noise", func(r *rand.Rand, i int) float64 { return float64(r.IntN(9))/10 + float64(i%3)/10 }, false},
		{"a jump that float32 can follow", after(2000, normal, scaled(1e9)), false},

		{"timestamps", timestamp, true},
		{"two late values", func(r *rand.Rand, _ int) float64 { return 1.7e9 + float64(r.IntN(2))/2 }, true},
		{"large whole numbers", func(r *rand.Rand, _ int) float64 { return 1e12 + float64(r.IntN(1000)) }, true},
		{"negative", func(r *rand.Rand, _ int) float64 { return -4e12 + 1e3*r.NormFloat64() }, true},
		{"tiny", scaled(1e-50), true},
		{"huge", scaled(1e300), true},
		{"subnormal", func(r *rand.Rand, _ int) float64 { return 5e-324 * float64(1+r.IntN(100)) }, true},
		{"head of two clocks", after(900, normal, timestamp), true},
		{"later", after(2000, normal, timestamp), true},
		{"late", after(19_000, normal, timestamp), true},
		{"from the first row after the head", after(headRows, normal, timestamp), true},
		{"constant, then later", after(2000, zero, timestamp), true},
		{"two late values, later", after(2000, normal, func(r *rand.Rand, _ int) float64 { return 1.7e9 + float64(r.IntN(2))/2 }), true},
		{"back", after(2000, timestamp, normal), true},
		{"spread, then close", after(2000, scaled(1e9), func(r *rand.Rand, _ int) float64 { return 5e8 + r.Float64() }), true},
		{"in turn", mixed(normal, timestamp), true},
		{"four in turn", mixed(normal, scaled(1e3), scaled(1e9), timestamp), true},
		{"normal, then tiny", after(rows/2, normal, scaled(1e-50)), true},
		{"one huge value", after(rows-1, normal, scaled(1e300)), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(5, 6))
			v := make([]float64, rows)
			for i := range v {
				v[i] = c.value(rng, i)
			}
			m := readColumn(t, v)
			if wide := m.Exact != nil; wide != c.wide {
				t.Errorf("float64: %v", wide)
			}
			if m.Merged[0] > 0.01 {
				t.Errorf("%g of the values are merged", m.Merged[0])
			}
			// Rows before the column was seen to need float64 may be rounded to the
			// value of others, but no more than a few of each kind of rows.
			first, merged := map[float64]float64{}, 0
			for i, x := range v {
				got := m.at(i, 0)
				if float32(got) != float32(x) && x != 0 {
					t.Fatalf("row %d: %g came back as %g", i, x, got)
				}
				if other, ok := first[got]; ok && differ(x, other) {
					merged++
				}
				first[got] = x
			}
			most := rows / 64
			if c.wide {
				most = headRows / 8
			}
			if merged > most {
				t.Errorf("%d rows came back as others", merged)
			}
		})
	}
}

// TestOrderDecidesNothing reads the same rows forwards, backwards and shuffled: a value
// must come back as the same number, up to the few before its kind was known.
func TestOrderDecidesNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var rows []float64
	for range 1100 {
		rows = append(rows, rng.NormFloat64())
	}
	for range 6000 {
		rows = append(rows, 1.7e9+rng.NormFloat64())
	}
	for _, order := range []func(){
		func() {},
		func() { slices.Reverse(rows) },
		func() { rng.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] }) },
	} {
		order()
		m, wrong := readColumn(t, rows), 0
		for i, x := range rows {
			if x > 1e9 && m.at(i, 0) != x {
				wrong++
			}
		}
		if wrong > 2*watchedShare*mergedMost {
			t.Errorf("%d of 6000 late values are rounded", wrong)
		}
	}
}

// TestStored checks, for random columns, that values come back in their order: all
// that information is about.
func TestStored(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		v := make([]float64, 1+rng.IntN(50))
		centre := math.Ldexp(rng.NormFloat64(), rng.IntN(2040)-1020)
		spread := math.Ldexp(1, rng.IntN(2040)-1020)
		for i := range v {
			v[i] = centre + spread*rng.NormFloat64()
			if math.IsInf(v[i], 0) {
				v[i] = math.MaxFloat64
			}
		}
		m := readColumn(t, v)
		if !finite(m) {
			t.Fatalf("%g: not finite: %v", v, m.Data)
		}
		for i, x := range v {
			if got := m.at(i, 0); got != x && (m.Exact != nil || float32(got) != float32(x)) {
				t.Fatalf("value %g is stored as %g", x, got)
			}
		}
	}
}

// TestLateValues: a single value that float32 does not reach, or the first that is no whole number, is
// seen in whichever row it is: among those that decide, watched, or not.
func TestLateValues(t *testing.T) {
	const far = 1e39
	for _, row := range []int{0, 1, 500, 1023, 1024, 1025, 1026, 1027, 1028, 2000, 2999} {
		values := make([]float64, 3*3000)
		for i := range 3000 {
			v := values[3*i:]
			v[0], v[1], v[2] = float64(i)+0.5, -float64(i)-0.5, float64(i)
			if i == row {
				v[0], v[1], v[2] = far, -far, 0.5
			}
		}
		var data []byte
		for _, v := range values {
			data = binary.LittleEndian.AppendUint64(data, math.Float64bits(v))
		}
		r, err := OpenStream("data", bytes.NewReader(npyFile("<f8", false, "(3000, 3)", data)), Options{})
		if err != nil {
			t.Fatal(err)
		}
		all, err := r.Read(t.Context(), []int{0, 1, 2})
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float64, len(values))
		if err := all[0].Read(got, 0, 3000, 0, 3); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, values) {
			t.Errorf("row %d: values are changed: %v, %v, %v there", row, got[3*row], got[3*row+1], got[3*row+2])
		}
		if kind := all[0].Cols[2].Kind; kind != column.Real {
			t.Errorf("row %d: a column with 0.5 is one of %v", row, kind)
		}
	}
}

// TestMergedOf compares the share of merged values with a count by hand.
func TestMergedOf(t *testing.T) {
	for _, c := range []struct {
		v    []float64
		want float64
	}{
		{[]float64{1}, 0},
		{[]float64{1, 1, 2}, 0},
		{[]float64{1, 1 + 0x1p-30, 2, 3}, 0.25},
		{[]float64{0.3, 0.1 + 0.2, 1}, 0}, // rounding
		{[]float64{1 << 60, 1<<60 + 256}, 0.5},
		{[]float64{0, 1e-60, 2e-60, 1}, 0.5},
	} {
		slices.Sort(c.v)
		if got := mergedOf(c.v); got != c.want {
			t.Errorf("%g: %g, want %g", c.v, got, c.want)
		}
	}
}

// TestLostDigits: ids of 19 digits that float64 makes one are named, also where float32 is
// not enough; times in nanoseconds, and large numbers that are far apart, are not.
func TestLostDigits(t *testing.T) {
	const rows = 3000
	for _, c := range []struct {
		name  string
		value func(r *rand.Rand) int64
		want  bool
	}{
		{"ids", func(r *rand.Rand) int64 { return math.MaxInt64 - 2*r.Int64N(1000) }, true},
		{"more ids", func(r *rand.Rand) int64 { return -1<<60 - r.Int64N(100_000) }, true},
		{"nanoseconds", func(r *rand.Rand) int64 { return 1_700_000_000_000_000_000 + r.Int64N(86_400_000_000_000) }, false},
		{"below 2^53", func(r *rand.Rand) int64 { return 1<<53 - r.Int64N(1000) }, false},
	} {
		rng := rand.New(rand.NewPCG(7, 8))
		v := make([]float64, rows)
		for i := range v {
			v[i] = float64(c.value(rng))
		}
		if m := readColumn(t, v); m.Exact == nil || m.Merged[0] > 0.5 != c.want {
			t.Errorf("%s: %g of the values are merged, want many: %v", c.name, m.Merged[0], c.want)
		}
	}
	near, few := make([]float64, 40), []float64{0.1 + 0.2, 0.3}
	for i := range near {
		near[i] = 1e15 + float64(i)/8
	}
	slices.Sort(few)
	if got, none, more := rounded(near), rounded(few), rounded(append([]float64{1}, near...)); got != 39./40 || none != 0 || more != 0 {
		t.Errorf("%g of many values that differ by an eighth of 1e15 count as equal, %g of roundings of .3, %g where others differ", got, none, more)
	}
	if got := crowded([]float64{1 << 53, 1<<53 + 2, 1<<53 + 4, 1<<53 + 10, 1 << 54, 1 << 55}); got != 2./6 { // the first is no larger than 2^53
		t.Errorf("%g are crowded, want two of six", got)
	}
}
