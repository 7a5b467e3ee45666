package dependence

import (
	"math"
	"math/rand/v2"
	"testing"

	"gomine/mine/column"
)

// stationsOf are stations that take turns row by row, each with its own first-order autoregressive series.
func stationsOf(stations, times int, phi float64, seed uint64) []float64 {
	v := make([]float64, stations*times)
	for s := range stations {
		for t, u := range ar(times, phi, 1000*seed+uint64(s)) {
			v[t*stations+s] = u
		}
	}
	return v
}

// TestStations: independent series of stations that take turns are found, with the correlation time of one of them
// times their number: lower where a station has few times, of which its own mean is taken off, and at most twice as long.
func TestStations(t *testing.T) {
	for _, c := range []struct {
		stations, times int
		phi             float64
		least           float64 // share of the time
	}{{2, 1500, 0.9, 0.5}, {3, 1000, 0.9, 0.5}, {5, 600, 0.98, 0.3}, {24, 125, 0.98, 0.1}, {20, 150, 0.9, 0.5}, {20, 150, 0.99, 0.015}, {7, 100, 0.9, 0.3}, {24, 1500, 0.9, 0.7}, {24, 5000, 0.99, 0.5}} {
		for seed := range uint64(3) {
			f := find(t, column.Slices(stationsOf(c.stations, c.times, c.phi, 2*seed)), column.Slices(stationsOf(c.stations, c.times, c.phi, 2*seed+1)))
			time := float64(c.stations) * (1 + c.phi) / (1 - c.phi)
			if !f.Serial || f.Time < c.least*time || f.Time > 2*time {
				t.Errorf("%d stations, %d times, %v, seed %d: %+v, want a time of %.0f", c.stations, c.times, c.phi, seed, f, time)
			}
		}
	}
}

// TestSpacing: series that go on from row to row have a spacing of 1, also beneath noise or on top of the effects of
// weekdays, which last; one with a period of four rows goes on from a row to the second next.
func TestSpacing(t *testing.T) {
	const n = 3000
	r := rand.New(rand.NewPCG(5, 6))
	week := func(seed uint64) []float64 {
		v := ar(n, 0.9, seed)
		var effects [7]float64
		for i := range effects {
			effects[i] = 2 * r.NormFloat64()
		}
		for i := range v {
			v[i] += effects[i%7]
		}
		return v
	}
	noisy := func(seed uint64) []float64 {
		v := ar(n, 0.9, seed)
		for i := range v {
			v[i] += r.NormFloat64()
		}
		return v
	}
	swing := func(seed uint64) []float64 { // of period 4: v_i = -p^2 v_(i-2) + noise
		v := ar(n, 0, seed)
		for i := 2; i < n; i++ {
			v[i] -= 0.81 * v[i-2]
		}
		return v
	}
	smooth := func(seed uint64) []float64 { // a walk of walks
		v := ar(n, 0, seed)
		for range 2 {
			for i := 1; i < n; i++ {
				v[i] += v[i-1]
			}
		}
		return v
	}
	sines := func(seed uint64) []float64 {
		v := ar(n, 0, seed)
		for range 4 {
			period, phase := 50+100*r.Float64(), 2*math.Pi*r.Float64()
			for i := range v {
				v[i] += math.Sin(2*math.Pi*float64(i)/period + phase)
			}
		}
		return v
	}
	for _, c := range []struct {
		name        string
		of          func(uint64) []float64
		spacing     int
		least, most float64 // of the time; that of the swing is 2 (1+.81)/(1-.81)
	}{
		{"series", func(seed uint64) []float64 { return ar(n, 0.9, seed) }, 1, 12, 30},
		{"noise over a series", noisy, 1, 3, 20},
		{"weekdays over a series", week, 1, 1, 60},
		{"swing", swing, 2, 14, 26},
		{"slow", func(seed uint64) []float64 { return ar(n, 0.99, seed) }, 1, 70, 450},
		{"smooth", smooth, 1, 100, n},
		{"noise over sines", sines, 1, 20, 300},
		{"none", func(seed uint64) []float64 { return ar(n, 0, seed) }, 1, 1, 1.5},
	} {
		for seed := range uint64(10) {
			if m := Of(c.of(seed), 1e-4); m.Spacing != c.spacing || m.Time() < c.least || m.Time() > c.most {
				t.Errorf("%s, seed %d: spacing %d, time %.1f, want %d and %v to %v", c.name, seed, m.Spacing, m.Time(), c.spacing, c.least, c.most)
			}
		}
	}
	for seed := range uint64(10) {
		f := find(t, column.Slices(week(2*seed)), column.Slices(week(2*seed+1)))
		if f.Time > 60 {
			t.Errorf("weekdays over series, seed %d: time %.1f, want about 19", seed, f.Time)
		}
	}
}

// TestLevel: the memory of independent rows is called significant as often as level, .01, of 2,000 series: 20 times,
// by four standard deviations at most 38 times.
func TestLevel(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for _, n := range []int{500, 3000} {
		significant := 0
		values := make([]float64, n)
		for range 2000 {
			for i := range values {
				values[i] = r.NormFloat64()
			}
			if Of(values, 0.01).Significant {
				significant++
			}
		}
		if most := 20 + 4*math.Sqrt(20); float64(significant) > most {
			t.Errorf("%d rows: %d of 2000 significant, want at most %.0f", n, significant, most)
		}
	}
}
