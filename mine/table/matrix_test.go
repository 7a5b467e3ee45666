package table

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// column reads v as a one-column text file.
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

// TestAffine checks what is kept of columns that plain float32 values would
// spoil, on more rows than the maps are chosen from.
func TestAffine(t *testing.T) {
	const n = 5000
	for _, c := range []struct {
		name   string
		value  func(rng *rand.Rand) float64
		spread float64 // of the values
		bits   int     // of spread that are kept, at least
		offset bool    // is not 0
		scale  bool    // is not 1
	}{
		// A float64 near 1.7e9 is a multiple of 2^-22, and so are the centred
		// values, below 2^0 in size: 22 bits are there, and float32 keeps 24.
		{"timestamps", func(r *rand.Rand) float64 { return 1.7e9 + r.Float64() }, 1, 22, true, false},
		{"two levels", func(r *rand.Rand) float64 { return 1.7e9 + float64(r.IntN(2)) }, 1, 22, true, false},
		// Multiples of 2^-11, and below 2^13 once centred: exact in 24 bits.
		{"negative", func(r *rand.Rand) float64 { return -4e12 + 1e3*r.NormFloat64() }, 1e3, 22, true, false},
		// Below 2^3: rounded by at most 2^-22.
		{"normal", (*rand.Rand).NormFloat64, 1, 22, false, false},
		// Below 2^11: rounded by at most 2^-14, less than 100/2^20.
		{"shifted a little", func(r *rand.Rand) float64 { return 1000 + 100*r.Float64() }, 100, 20, false, false},
		{"constant", func(*rand.Rand) float64 { return 1.7e9 }, 1, 0, false, false},
		{"zero", func(*rand.Rand) float64 { return 0 }, 1, 22, false, false},
		// The median of |v|, .67 of the spread, comes to between 1 and 2, and
		// the largest, 4.3 times the spread, to less than 2^4: rounded by at
		// most 2^-21, when the spread is at least 1/.67.
		{"tiny", func(r *rand.Rand) float64 { return 1e-50 * r.NormFloat64() }, 1e-50, 21, false, true},
		{"huge", func(r *rand.Rand) float64 { return 1e300 * r.NormFloat64() }, 1e300, 21, false, true},
		// Small integers, times a power of two.
		{"subnormal", func(r *rand.Rand) float64 { return 5e-324 * float64(1+r.IntN(100)) }, 5e-322, 22, false, true},
		{"some zeros", func(r *rand.Rand) float64 { return 0x1p-200 * float64(r.IntN(3)) }, 0x1p-200, 22, false, true},
		// At most twice the median: rounded by at most 2^-24 of it.
		{"largest", func(r *rand.Rand) float64 { return math.MaxFloat64 * (2*r.Float64() - 1) }, math.MaxFloat64, 22, false, true},
		// float64 has 19 bits left for the spread, and restore rounds once more.
		{"huge and centred", func(r *rand.Rand) float64 { return 1e300 + 1e290*r.Float64() }, 1e290, 18, true, true},
		{"tiny and centred", func(r *rand.Rand) float64 { return 1e-290 + 1e-300*r.Float64() }, 1e-300, 18, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(7, 7))
			v := make([]float64, n)
			for i := range v {
				v[i] = c.value(rng)
			}
			m := readColumn(t, v)
			if got := m.Offset[0] != 0; got != c.offset {
				t.Errorf("offset %g", m.Offset[0])
			}
			if got := m.Scale[0] != 1; got != c.scale {
				t.Errorf("scale %g", m.Scale[0])
			}
			if f, _ := math.Frexp(m.Scale[0]); f != 0.5 {
				t.Errorf("scale %g is not a power of two", m.Scale[0])
			}
			if !finite(m) {
				t.Error("a stored value is not finite")
			}
			if m.Merged[0] > 0.01 {
				t.Errorf("%g of the values are merged", m.Merged[0])
			}
			if c.bits == 0 {
				return
			}
			tol := math.Ldexp(c.spread, -c.bits)
			for i, x := range v {
				if d := math.Abs(m.restore(i, 0) - x); !(d <= tol) {
					t.Fatalf("row %d: %g came back as %g, off by %g, more than %g", i, x, m.restore(i, 0), d, tol)
				}
			}
		})
	}
}

// TestAffineIsMonotone checks, for random columns, that the stored values are
// finite and in the order of the values: all that information is about.
func TestAffineIsMonotone(t *testing.T) {
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
		slices.Sort(v)
		slices.Sort(m.Data)
		for i, f := range m.Data {
			if want := float32((v[i] - m.Offset[0]) * m.Scale[0]); f != want {
				t.Fatalf("value %g is stored as %g, want %g", v[i], f, want)
			}
		}
	}
}

// TestMerged reads a column of powers of two over a range that float32 cannot
// express under any scale.
func TestMerged(t *testing.T) {
	v := make([]float64, headRows)
	for i := range v {
		v[i] = math.Ldexp(1, i-headRows/2)
	}
	// The largest, 2^511, becomes 2^64, so 2^298 becomes 2^-149, the least
	// that float32 has; the 810 values below it become 0, as one.
	if got, want := readColumn(t, v).Merged[0], 809./headRows; got != want {
		t.Errorf("merged %g, want %g", got, want)
	}
}

// TestOverflow checks the row and the column of the error for a value that
// the choice of the map could not foresee.
func TestOverflow(t *testing.T) {
	lines := strings.Repeat("0,1e-50\n", headRows) + "0,1\n"
	_, err := readString(lines, Options{})
	checkError(t, err, fmt.Sprintf("line %d, column %q: 1 does not fit float32", headRows+1, "1"))

	lines = strings.Repeat("0,1\n", headRows-1) + "0,1e300\n"
	if _, err := readString(lines, Options{}); err != nil {
		t.Errorf("a large value among the first rows: %v", err)
	}

	// No median can be taken off here within the range of float64.
	v := []float64{-math.MaxFloat64}
	for i := range 10 {
		v = append(v, math.Ldexp(1+float64(i)*0x1p-50, 1023))
	}
	if m := readColumn(t, v); !finite(m) || m.Offset[0] != 0 {
		t.Errorf("offset %g, values %v", m.Offset[0], m.Data)
	}
}
