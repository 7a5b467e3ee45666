package table

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// sampleWidth is more than a block of eachColumn, and no multiple of it.
const sampleWidth = 11

// sampled returns the indices of the rows that are kept of so many, and the
// stride.
func sampled(t *testing.T, rows int) (kept []int, stride int) {
	s := newRowSample(sampleWidth)
	row := make([]float64, sampleWidth)
	for i := range rows {
		if i == s.next {
			for k := range row {
				row[k] = float64(i*sampleWidth + k)
			}
			s.add(row)
		}
	}
	columns := 0
	s.eachColumn(func(k int, v []float64) {
		if k != columns || len(v) != s.rows() {
			t.Errorf("%d rows: column %d with %d values comes as number %d", rows, k, len(v), columns)
		}
		columns++
		for j, x := range v {
			if k == 0 {
				kept = append(kept, int(x)/sampleWidth)
			}
			if want := float64(kept[j]*sampleWidth + k); x != want {
				t.Fatalf("%d rows: row %d, column %d is %v, want %v", rows, kept[j], k, x, want)
			}
		}
		clear(v) // as a caller that reorders it may
	})
	if columns != sampleWidth {
		t.Errorf("%d rows: %d columns, want %d", rows, columns, sampleWidth)
	}
	return kept, s.stride
}

// TestRowSample checks that short files are kept whole, that of longer ones
// one row of each stride is kept, and that its place in the stride is uniform.
func TestRowSample(t *testing.T) {
	for _, rows := range []int{1, 2, sampleRows - 1, sampleRows, sampleRows + 1, 2*sampleRows - 1, 2 * sampleRows, 2*sampleRows + 1, 5000, 99_999, 1 << 20} {
		kept, stride := sampled(t, rows)
		if again, _ := sampled(t, rows); !slices.Equal(kept, again) {
			t.Errorf("%d rows: two samples differ", rows)
		}
		wantStride := 1
		for wantStride*sampleRows < rows {
			wantStride *= 2
		}
		if stride != wantStride {
			t.Errorf("%d rows: stride %d, want %d", rows, stride, wantStride)
		}
		// The last stride may be cut off before its row.
		if n := len(kept); n != (rows+stride-1)/stride && n != rows/stride || n < min(rows, sampleRows/2) {
			t.Errorf("%d rows: %d kept with stride %d", rows, n, stride)
		}
		var place float64
		for j, i := range kept {
			if i/stride != j || i >= rows {
				t.Fatalf("%d rows: row %d is number %d with stride %d", rows, i, j, stride)
			}
			place += (float64(i%stride) + 0.5) / float64(stride)
		}
		// The mean of n uniform places has variance at most 1/(12n); with a
		// fixed generator this passes or not once for all.
		n := float64(len(kept))
		if mean := place / n; math.Abs(mean-0.5) > 5/math.Sqrt(12*n) {
			t.Errorf("%d rows: the mean place in a stride is %.3f", rows, mean)
		}
	}
}

// TestMergedLater checks that Merged is about all rows, whatever the first
// 1024 look like, from which the maps are chosen.
func TestMergedLater(t *testing.T) {
	const rows = 20_000
	timestamp := func(r *rand.Rand) float64 { return 1.7e9 + r.Float64() }
	for _, c := range []struct {
		name  string
		value func(r *rand.Rand, i int) float64
		want  float64
		exact bool
	}{
		// float32 values near 1.7e9 are 128 apart, so all timestamps are one.
		{"jump", func(r *rand.Rand, i int) float64 {
			if i < 2000 {
				return r.Float64()
			}
			return timestamp(r)
		}, 0.9, false},
		{"jump after 95%", func(r *rand.Rand, i int) float64 {
			if i < 19_000 {
				return r.Float64()
			}
			return timestamp(r)
		}, 0.05, false},
		{"constant, then a jump", func(r *rand.Rand, i int) float64 {
			if i < 2000 {
				return 0
			}
			return timestamp(r)
		}, 1, false},
		{"every other row", func(r *rand.Rand, i int) float64 {
			if i < headRows || i%2 == 0 {
				return r.Float64()
			}
			return timestamp(r)
		}, 0.5 * (rows - headRows) / rows, false},
		{"timestamps, then a jump back", func(r *rand.Rand, i int) float64 {
			if i < 2000 {
				return timestamp(r)
			}
			return r.Float64()
		}, 0.9, false},
		{"ones, then tiny", func(r *rand.Rand, i int) float64 { // below 2^-150: 0
			if i < rows/2 {
				return r.Float64()
			}
			return 1e-50 * r.NormFloat64()
		}, 0.5, false},
		{"a jump that float32 can follow", func(r *rand.Rand, i int) float64 {
			if i < 2000 {
				return r.Float64()
			}
			return 1e9 * r.Float64()
		}, 0, true},
		{"whole numbers", func(r *rand.Rand, i int) float64 { return float64(i / 10) }, 0, true},
		{"constant", func(*rand.Rand, int) float64 { return 1.7e9 }, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(5, 6))
			v := make([]float64, rows)
			for i := range v {
				v[i] = c.value(rng, i)
			}
			got := readColumn(t, v).Merged[0]
			// A share of at least 512 rows scatters by at most
			// sqrt(p(1-p)/512), and the few values that the merged ones become
			// count as not merged.
			tolerance := 5*math.Sqrt(c.want*(1-c.want)/512) + 4./512
			if c.exact {
				tolerance = 0
			}
			if !(math.Abs(got-c.want) <= tolerance) {
				t.Errorf("merged %g, want %g within %g", got, c.want, tolerance)
			}
		})
	}
}

// TestAllDistinct compares the hash table with a map, on values that are alike
// in many of their bits.
func TestAllDistinct(t *testing.T) {
	float := func(v float64) float32 { return float32(v) }
	var seen float32Set
	for _, c := range []struct {
		values []float64
		want   bool
	}{
		{nil, true},
		{[]float64{0}, true},
		{[]float64{0, 1, -1, math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32}, true},
		{[]float64{0, 1, 0}, false},
		{[]float64{1e-60, -1e-60}, false}, // 0 and -0
		{[]float64{1, 1 + 0x1p-30}, false},
	} {
		if got := seen.allDistinct(c.values, float); got != c.want {
			t.Errorf("%g: %v", c.values, got)
		}
	}
	rng := rand.New(rand.NewPCG(8, 9))
	outcomes := map[bool]int{}
	for range 2000 {
		values := make([]float64, 1+rng.IntN(sampleRows))
		step := math.Ldexp(1, rng.IntN(30)-10)
		spread := 1 + rng.IntN(1<<(1+rng.IntN(22)))
		distinct := map[float64]bool{}
		for i := range values {
			values[i] = step * float64(rng.IntN(spread))
			distinct[values[i]] = true
		}
		want := len(distinct) == len(values)
		outcomes[want]++
		if got := seen.allDistinct(values, float); got != want {
			t.Fatalf("%d values in steps of %g, %d distinct: %v", len(values), step, len(distinct), got)
		}
	}
	if outcomes[true] < 100 || outcomes[false] < 100 {
		t.Errorf("too few sets of one kind: %v", outcomes)
	}
}
