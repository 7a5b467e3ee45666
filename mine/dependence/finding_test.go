package dependence

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gomine/mine/column"
)

// ar is a first-order autoregressive series of unit variance.
func ar(n int, phi float64, seed uint64) []float64 {
	r := rand.New(rand.NewPCG(seed, 1))
	v := make([]float64, n)
	last := r.NormFloat64()
	for i := range v {
		v[i] = last
		last = phi*last + math.Sqrt(1-phi*phi)*r.NormFloat64()
	}
	return v
}

func find(t *testing.T, x, z column.Source) Finding {
	t.Helper()
	f, err := Find(x, z)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestAutocorrelations compares with the sums themselves.
func TestAutocorrelations(t *testing.T) {
	parts := [][]float64{{1, 4, 2, 8, 5}, {7, 1, 3}}
	mean := 31. / 8
	got := Autocorrelations(parts, 3)
	var sums [4]float64
	for k := range sums {
		for _, p := range parts {
			for i := 0; i+k < len(p); i++ {
				sums[k] += (p[i] - mean) * (p[i+k] - mean)
			}
		}
		if want := sums[k] / sums[0]; math.Abs(got[k]-want) > 1e-12 {
			t.Errorf("lag %d: %v, want %v", k, got[k], want)
		}
	}
	if got := Autocorrelations([][]float64{{3, 3, 3}}, 1); got != nil {
		t.Errorf("of a constant: %v", got)
	}
}

// TestMemory: of exact autocorrelations, the time of AR(1) is (1+p)/(1-p), whatever the
// sign of p.
func TestMemory(t *testing.T) {
	const n = 1_000_000
	for _, p := range []float64{0, 0.3, 0.5, -0.5, 0.9, -0.9, 0.99} {
		r := make([]float64, 10_000)
		for k := range r {
			r[k] = math.Pow(p, float64(k))
		}
		m := NewMemory(r, n, 1e-4)
		if want := (1 + math.Abs(p)) / (1 - math.Abs(p)); math.Abs(m.Time()/want-1) > 0.02 {
			t.Errorf("%v: time %v, want %v", p, m.Time(), want)
		}
		if m.Significant != (p != 0) || m.Unending {
			t.Errorf("%v: significant %v, unending %v", p, m.Significant, m.Unending)
		}
	}
}

// TestIndependentRows: those of no order are no series. Each of 400 tables of 6 columns has
// two sides at 1e-4, so that one at all would be seen once in 12 such tests if each
// counted, and hardly ever since both must.
func TestIndependentRows(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for trial := range 400 {
		n := 100 + 300*(trial%10)
		columns := make([][]float64, 6)
		for j := range columns {
			columns[j] = make([]float64, n)
			for i := range columns[j] {
				switch v := r.NormFloat64(); j % 3 {
				case 0:
					columns[j][i] = v
				case 1:
					columns[j][i] = math.Round(v)
				case 2:
					columns[j][i] = 0
					if v > 2.3 { // one in 93
						columns[j][i] = 1
					}
				}
			}
		}
		// The sides share a column, which makes them alike.
		f := find(t, column.Slices(columns[:4]...), column.Slices(columns[3:]...))
		if f.Serial || f.Sorted || f.Time != 1 || f.Effective != float64(n) {
			t.Errorf("trial %d: %+v", trial, f)
		}
	}
}

// TestSeries: pairs of independent series are found, with their time and by (1) what they
// are worth, (1+p^2)/(1-p^2) rows to one.
func TestSeries(t *testing.T) {
	for _, c := range []struct {
		n   int
		phi float64
		off float64 // relative error that three standard deviations of the estimates make
	}{{2000, 0.5, 0.5}, {20_000, 0.5, 0.2}, {20_000, -0.5, 0.2}, {2000, 0.9, 0.7}, {20_000, 0.9, 0.4}, {20_000, 0.99, 0.9}, {200_000, 0.99, 0.4}} {
		for seed := range uint64(5) {
			f := find(t, column.Slices(ar(c.n, c.phi, 2*seed)), column.Slices(ar(c.n, c.phi, 2*seed+1)))
			p := math.Abs(c.phi)
			time, worth := (1+p)/(1-p), float64(c.n)*(1-p*p)/(1+p*p)
			if !f.Serial || math.Abs(math.Log(f.Time/time)) > c.off || math.Abs(math.Log(f.Effective/worth)) > 2*c.off {
				t.Errorf("%d rows, %v, seed %d: %+v, want a time of %.1f and %.0f rows", c.n, c.phi, seed, f, time, worth)
			}
		}
	}
}

// TestSeriesOfAllKinds: what is a series, what is none, and what never ends.
func TestSeriesOfAllKinds(t *testing.T) {
	const n = 6000
	r := rand.New(rand.NewPCG(3, 4))
	noise := func(size float64, of func(i int) float64) []float64 {
		v := make([]float64, n)
		for i := range v {
			v[i] = of(i) + size*r.NormFloat64()
		}
		return v
	}
	zero := func(int) float64 { return 0 }
	walk := func() []float64 {
		v := noise(1, zero)
		for i := 1; i < n; i++ {
			v[i] += v[i-1]
		}
		return v
	}
	calm := ar(n, 0.98, 8)
	wild := func() []float64 { // independent but for its size
		v := noise(1, zero)
		for i := range v {
			v[i] *= math.Exp(calm[i])
		}
		return v
	}
	day := func(i int) float64 { return math.Sin(2 * math.Pi * float64(i) / 24) }
	swing := func(seed uint64) []float64 { // a rhythm that is lost after some 100 rows
		a, b := ar(n, 0.99, seed), ar(n, 0.99, seed+1)
		v := make([]float64, n)
		for i := range v {
			w := 2 * math.Pi * float64(i) / 20
			v[i] = a[i]*math.Cos(w) + b[i]*math.Sin(w)
		}
		return v
	}
	rising := noise(1, zero)
	slices.Sort(rising)
	depends := make([]float64, n)
	for i, v := range rising {
		depends[i] = v*v + 0.3*v + 0.5*r.NormFloat64()
	}
	class := make([]float64, n)
	byClass := make([]float64, n)
	for i := range class {
		class[i] = float64([]int{2, 0, 1}[3*i/n])
		byClass[i] = class[i] + r.NormFloat64()
	}
	for _, c := range []struct {
		name           string
		x, z           []float64
		serial, sorted bool
		least, most    float64 // of the time
	}{
		{"walks", walk(), walk(), true, false, n / 40, n},
		{"a walk and noise", walk(), noise(1, zero), false, false, 1, 1},
		{"sizes of a kind", wild(), wild(), true, false, 15, 200},
		// The crest of a rhythm is above its mean square: short blocks, to be safe.
		{"days", noise(0.5, day), noise(0.5, day), true, false, 1, 6},
		{"swings", swing(11), swing(13), true, false, 60, 400},
		{"noise over a series", noise(2, func(i int) float64 { return calm[i] }), noise(2, func(i int) float64 { return calm[n-1-i] }), true, false, 3, 200},
		{"sorted by x", rising, depends, false, true, 1, 1},
		{"sorted by z", depends, rising, false, true, 1, 1},
		{"sorted by class", byClass, class, false, true, 1, 1},
		{"a clock and a series", rising, ar(n, 0.9, 15), true, false, 8, 60},
		{"a clock and a walk", rising, walk(), true, false, n / 40, n},
	} {
		f := find(t, column.Slices(c.x), column.Slices(c.z))
		if f.Serial != c.serial || f.Sorted != c.sorted || f.Time < c.least || f.Time > c.most {
			t.Errorf("%s: %+v, want serial %v, sorted %v, time %g to %g", c.name, f, c.serial, c.sorted, c.least, c.most)
		}
	}
}

// TestColumns: of few rows all columns are looked at, of many 64 of a side.
func TestColumns(t *testing.T) {
	const n = 2000
	wide := make([][]float64, 200)
	for j := range wide {
		wide[j] = ar(n, 0, uint64(20+j))
	}
	z := column.Slices(ar(n, 0.95, 1))
	if f := find(t, column.Slices(wide...), z); f.Serial {
		t.Errorf("200 columns of noise: %+v", f)
	}
	for _, j := range []int{4, 101, 199} {
		noise := wide[j]
		wide[j] = ar(n, 0.95, 2)
		if f := find(t, column.Slices(wide...), z); !f.Serial {
			t.Errorf("a series in column %d of 200 is not found: %+v", j, f)
		}
		wide[j] = noise
	}
	many := rowsOf{1 << 15, func(i int) float64 { return float64(mix(uint64(i)) >> 11) }}
	if s, err := look(column.Join(column.Source(many), column.Join(slices.Repeat([]column.Source{many}, 99)...)), windowsOf(many.n)[0]); err != nil || len(s) != leastColumns {
		t.Errorf("%d of 100 columns of %d rows are looked at, error %v, want %d", len(s), many.n, err, leastColumns)
	}
}

// TestLargest: the pair of memories that go together, as of all pairs.
func TestLargest(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	side := func() (all []series) {
		for range 20 {
			m := Memory{Significant: true, Squares: make([]float64, 1+r.IntN(30))}
			for k := range m.Squares {
				m.Squares[k] = math.Pow(r.Float64(), 4)
			}
			all = append(all, series{memory: []Memory{m}})
		}
		return all
	}
	for range 20 {
		x, z := side(), side()
		want := 1.0
		for _, a := range x {
			for _, b := range z {
				want = max(want, Joint(a.memory[0], b.memory[0]))
			}
		}
		if got := largest(significant(x), significant(z)); got != want {
			t.Errorf("%v, want %v", got, want)
		}
	}
}

// TestShortSeries: a series of a few hundred rows is one.
func TestShortSeries(t *testing.T) {
	for _, n := range []int{150, 300, 500} {
		for seed := range uint64(20) {
			x, z := ar(n, 0.95, 2*seed+1), ar(n, 0.95, 2*seed+2)
			if f := find(t, column.Slices(x), column.Slices(z)); !f.Serial {
				t.Errorf("%d rows, seed %d: %+v", n, seed, f)
			}
		}
	}
}

// TestHalves: columns of two values, each of which exactly half of the rows have, are no series, though the sizes of their normal scores
// are one number.
func TestHalves(t *testing.T) {
	for _, n := range []int{60, 100, 200, 1000} {
		for seed := range uint64(20) {
			r := rand.New(rand.NewPCG(seed, 17))
			half := func() []float64 {
				v := make([]float64, n)
				for _, i := range r.Perm(n)[:n/2] {
					v[i] = 1
				}
				return v
			}
			if f := find(t, column.Slices(half()), column.Slices(half())); f.Serial || f.Sorted {
				t.Errorf("%d rows, seed %d: %+v", n, seed, f)
			}
		}
	}
}
