package simulate

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"
)

// sigmas is the half-width, in standard errors, of every statistical check
// here. A normal statistic leaves it with probability 5.7e-7; with fewer than
// a thousand checks in this package, a change of seed that fails one of them by
// chance has probability below 6e-4.
const sigmas = 5

func newTask(t *testing.T, name string, p Params) *Task {
	t.Helper()
	task, err := New(name, p, "none", "none")
	if err != nil {
		t.Fatal(err)
	}
	return task
}

// tasks returns each family at its defaults and, where they differ in kind, at
// a second setting.
func tasks(t *testing.T) []*Task {
	t.Helper()
	var all []*Task
	for _, f := range Families() {
		all = append(all, newTask(t, f.Name, f.Defaults))
	}
	return append(all,
		newTask(t, "gaussian", Params{Dim: 7, Info: 3}),
		newTask(t, "uniform-noise", Params{Dim: 3, Noise: 20}),
		newTask(t, "student", Params{DimX: 3, DimZ: 2, Nu: 1}),
		newTask(t, "discrete", Params{Dim: 2, Symbols: 100, Noise: 0.5}),
	)
}

// Fisher's transform of a sample correlation is normal about that of rho, with
// variance 1/(n-3).
func TestSampleCorrelation(t *testing.T) {
	const rows, dim = 20_000, 6
	for _, rho := range []float64{-0.95, 0, 0.5, 0.999} {
		task := newTask(t, "gaussian", Params{Dim: dim, Rho: rho})
		x, z := task.Sample(rows, 11)
		column := func(data []float64, j int) []float64 {
			out := make([]float64, rows)
			for i := range out {
				out[i] = data[i*dim+j]
			}
			return out
		}
		for j := range dim {
			for k := range dim {
				want := 0.0
				if j == k {
					want = math.Atanh(rho)
				}
				got := math.Atanh(stat.Correlation(column(x, j), column(z, k), nil))
				if !(math.Abs(got-want) <= sigmas/math.Sqrt(rows-3)) {
					t.Errorf("rho %v: x%d and z%d correlate as atanh^-1(%.4f), want atanh^-1(%.4f)", rho, j, k, got, want)
				}
			}
		}
	}
}

// Rows must be independent of each other and of the same row under another
// seed. Under independence the product of two standard normals has mean 0 and
// variance 1.
func TestRowsAreIndependent(t *testing.T) {
	const rows = 100_000
	task := newTask(t, "independent", Params{DimX: 1, DimZ: 1})
	x, z := task.Sample(rows, 0)
	other, _ := task.Sample(rows, 1)
	for name, pair := range map[string][2][]float64{
		"x and z":        {x, z},
		"next row":       {x[1:], x[:rows-1]},
		"64 rows on":     {x[64:], x[:rows-64]},
		"another seed":   {x, other},
		"seed and shift": {x[1:], other[:rows-1]},
	} {
		n := float64(len(pair[0]))
		if got := floats.Dot(pair[0], pair[1]) / n; !(math.Abs(got) <= sigmas/math.Sqrt(n)) {
			t.Errorf("%s: mean product %.5f", name, got)
		}
	}
}

func TestPrefixAndFill(t *testing.T) {
	for _, task := range tasks(t) {
		mapped, err := New(task.Name, task.Params, "rotation", "rotation")
		if err != nil {
			t.Fatal(err)
		}
		for _, task := range []*Task{task, mapped} {
			const rows, seed = 1000, 42
			x, z := task.Sample(rows, seed)
			if len(x) != rows*task.DX || len(z) != rows*task.DZ {
				t.Fatalf("%s: %d and %d values", task.Name, len(x), len(z))
			}
			shortX, shortZ := task.Sample(100, seed)
			if !slices.Equal(shortX, x[:len(shortX)]) || !slices.Equal(shortZ, z[:len(shortZ)]) {
				t.Errorf("%s: 100 rows are not the beginning of %d", task.Name, rows)
			}
			pieceX, pieceZ := make([]float64, 7*task.DX), make([]float64, 7*task.DZ)
			if err := task.Fill(500, seed, pieceX, pieceZ); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(pieceX, x[500*task.DX:507*task.DX]) || !slices.Equal(pieceZ, z[500*task.DZ:507*task.DZ]) {
				t.Errorf("%s: rows 500 to 506 differ from those of the whole sample", task.Name)
			}
			if otherX, _ := task.Sample(rows, seed+1); slices.Equal(otherX, x) {
				t.Errorf("%s: two seeds give the same sample", task.Name)
			}
		}
	}
}

// A change of the random streams would silently change every published number.
func TestSampleIsPinned(t *testing.T) {
	x, z := newTask(t, "gaussian", Params{Dim: 1, Rho: 0.5}).Sample(2, 1)
	got := []float64{x[0], x[1], z[0], z[1]}
	want := []float64{1.1103352374672317, -0.15718817878502667, 0.6058659544441649, 0.17335759670038126}
	// An architecture that fuses multiplication and addition may round once less.
	if !floats.EqualApprox(got, want, 1e-15) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := newTask(t, "correlated", Params{DimX: 3, DimZ: 2, Seed: 1}).Truth, 0.34051674679814875; !(math.Abs(got-want) <= 1e-14) {
		t.Errorf("correlated: truth %v, want %v", got, want)
	}
}

func TestIdenticalAndDiscreteValues(t *testing.T) {
	x, z := newTask(t, "identical", Params{Dim: 3}).Sample(100, 1)
	if !slices.Equal(x, z) {
		t.Error("identical: z differs from x")
	}
	const rows, k, flip = 50_000, 5, 0.3
	x, z = newTask(t, "discrete", Params{Dim: 1, Symbols: k, Noise: flip}).Sample(rows, 1)
	var counts [k][k]float64
	for i := range x {
		counts[int(x[i])][int(z[i])]++
	}
	for i := range k {
		for j := range k {
			p := flip / (k - 1) / k
			if i == j {
				p = (1 - flip) / k
			}
			// A count is binomial, close to normal at these sizes.
			if sd := math.Sqrt(rows * p * (1 - p)); math.Abs(counts[i][j]-rows*p) > sigmas*sd {
				t.Errorf("symbols %d, %d: %v times, want %v ± %v", i, j, counts[i][j], rows*p, sd)
			}
		}
	}
}

// Every parameter that a family says it reads is known, and its defaults are
// those of nothing else.
func TestFamiliesDescribeThemselves(t *testing.T) {
	value := map[string]func(Params) bool{
		"dim":        func(p Params) bool { return p.Dim != 0 },
		"dim-x":      func(p Params) bool { return p.DimX != 0 },
		"dim-z":      func(p Params) bool { return p.DimZ != 0 },
		"rho":        func(p Params) bool { return p.Rho != 0 },
		"info":       func(p Params) bool { return p.Info != 0 },
		"noise":      func(p Params) bool { return p.Noise != 0 },
		"nu":         func(p Params) bool { return p.Nu != 0 },
		"pairs":      func(p Params) bool { return p.Pairs != 0 },
		"theta":      func(p Params) bool { return p.Theta != 0 },
		"components": func(p Params) bool { return p.Components != 0 },
		"symbols":    func(p Params) bool { return p.Symbols != 0 },
		"turns":      func(p Params) bool { return p.Turns != 0 },
		"seed":       func(p Params) bool { return p.Seed != 0 },
	}
	seen := map[string]bool{}
	for _, f := range Families() {
		if seen[f.Name] || f.Summary == "" {
			t.Errorf("%q is listed twice or has no summary", f.Name)
		}
		seen[f.Name] = true
		for _, name := range f.Reads {
			if value[name] == nil {
				t.Errorf("%s reads %q, which is no parameter", f.Name, name)
			}
		}
		for name, set := range value {
			if set(f.Defaults) && !slices.Contains(f.Reads, name) {
				t.Errorf("%s has a default for %s, which it does not read", f.Name, name)
			}
		}
	}
}

func BenchmarkFill(b *testing.B) {
	for _, f := range Families() {
		b.Run("family="+f.Name, func(b *testing.B) {
			task, err := New(f.Name, f.Defaults, "", "")
			if err != nil {
				b.Fatal(err)
			}
			const rows = 1000
			x, z := make([]float64, rows*task.DX), make([]float64, rows*task.DZ)
			for b.Loop() {
				if err := task.Fill(0, 1, x, z); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
