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

// TestAllDistinct compares the hash table with a map, on values that are alike
// in many of their bits.
func TestAllDistinct(t *testing.T) {
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
		if got := seen.allDistinct(c.values); got != c.want {
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
		if got := seen.allDistinct(values); got != want {
			t.Fatalf("%d values in steps of %g, %d distinct: %v", len(values), step, len(distinct), got)
		}
	}
	if outcomes[true] < 100 || outcomes[false] < 100 {
		t.Errorf("too few sets of one kind: %v", outcomes)
	}
}
