package simulate

import (
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// sigmas is the half-width, in standard errors, of every statistical check
// here. A normal statistic leaves it with probability 5.7e-7; with fewer than
// a thousand checks in this file, a change of seed that fails one of them by
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

// TestTruthIsMeanLogDensityRatio checks each truth against its definition,
// I = E ln p(x,z) / (p(x) p(z)), averaged over a sample of the task with
// densities written out here.
func TestTruthIsMeanLogDensityRatio(t *testing.T) {
	normal := func(y, mean, sd float64) float64 {
		return distuv.Normal{Mu: mean, Sigma: sd}.LogProb(y)
	}
	// eachPair sums a ratio for scalar pairs over the columns.
	eachPair := func(ratio func(x, z float64) float64) func(x, z []float64) float64 {
		return func(x, z []float64) float64 {
			var sum float64
			for j := range x {
				sum += ratio(x[j], z[j])
			}
			return sum
		}
	}
	// noisy is the ratio of Z = f(X) + s N(0, 1), X ~ U(-1, 1), with the
	// density of Z by the midpoint rule at 2000 points: for f in C^1 and
	// s >= 0.3 its error is of order (1/1000)^2/(24 s^2) < 1e-6.
	noisy := func(f func(float64) float64, s float64) func(x, z float64) float64 {
		const points = 2000
		values := make([]float64, points)
		for i := range values {
			values[i] = f((2*float64(i)+1)/points - 1)
		}
		return func(x, z float64) float64 {
			var pz float64
			for _, v := range values {
				pz += math.Exp(normal(z, v, s)) / points
			}
			return normal(z, f(x), s) - math.Log(pz)
		}
	}
	studentT := func(d int, nu float64) func(y []float64) float64 {
		high, _ := math.Lgamma((nu + float64(d)) / 2)
		low, _ := math.Lgamma(nu / 2)
		norm := high - low - float64(d)/2*math.Log(nu*math.Pi)
		return func(y []float64) float64 {
			return norm - (nu+float64(d))/2*math.Log1p(floats.Dot(y, y)/nu)
		}
	}
	student := func(dx, dz int, nu float64) func(x, z []float64) float64 {
		px, pz, joint := studentT(dx, nu), studentT(dz, nu), studentT(dx+dz, nu)
		return func(x, z []float64) float64 {
			return joint(slices.Concat(x, z)) - px(x) - pz(z)
		}
	}
	const seed = 5
	correlated := func(dx, dz int) func(x, z []float64) float64 {
		factor := randomCorrelation(dx, dz, seed)
		var s mat.SymDense
		s.SymOuterK(1, factor)
		part := func(lo, hi int) func(y []float64) float64 {
			var chol mat.Cholesky
			if !chol.Factorize(s.SliceSym(lo, hi)) {
				t.Fatal("correlation matrix is not positive definite")
			}
			// Without the factor of 2 pi, which cancels in the ratio.
			return func(y []float64) float64 {
				v := mat.NewVecDense(len(y), y)
				var solved mat.VecDense
				if err := chol.SolveVecTo(&solved, v); err != nil {
					t.Fatal(err)
				}
				return -(mat.Dot(v, &solved) + chol.LogDet()) / 2
			}
		}
		px, pz, joint := part(0, dx), part(dx, dx+dz), part(0, dx+dz)
		return func(x, z []float64) float64 {
			return joint(slices.Concat(x, z)) - px(x) - pz(z)
		}
	}
	uniform := func(e float64) func(x, z float64) float64 {
		return func(x, z float64) float64 {
			// Z has density (length of [z-e, z+e] within [0, 1]) / 2e.
			return -math.Log(min(z+e, 1) - max(z-e, 0))
		}
	}
	const rho = -0.8
	tests := []struct {
		name   string
		params Params
		ratio  func(x, z []float64) float64
	}{
		{"gaussian", Params{Dim: 3, Rho: rho}, eachPair(func(x, z float64) float64 {
			return normal(z, rho*x, math.Sqrt(1-rho*rho)) - normal(z, 0, 1)
		})},
		{"channel", Params{Dim: 4, Noise: 0.7}, eachPair(func(x, z float64) float64 {
			return normal(z, x, 0.7) - normal(z, 0, math.Sqrt(1+0.7*0.7))
		})},
		{"correlated", Params{DimX: 4, DimZ: 3, Seed: seed}, correlated(4, 3)},
		{"correlated", Params{DimX: 1, DimZ: 6, Seed: seed}, correlated(1, 6)},
		{"uniform-noise", Params{Dim: 2, Noise: 0.3}, eachPair(uniform(0.3))},
		{"uniform-noise", Params{Dim: 1, Noise: 0.8}, eachPair(uniform(0.8))},
		{"binary-channel", Params{Dim: 2, Noise: 0.6}, eachPair(func(x, z float64) float64 {
			marginal := (math.Exp(normal(z, 1, 0.6)) + math.Exp(normal(z, -1, 0.6))) / 2
			return normal(z, x, 0.6) - math.Log(marginal)
		})},
		{"function-linear", Params{Dim: 2, Noise: 0.3}, eachPair(noisy(func(x float64) float64 { return x }, 0.3))},
		{"function-cubic", Params{Dim: 1, Noise: 0.4}, eachPair(noisy(func(x float64) float64 { return x * x * x }, 0.4))},
		{"function-sine", Params{Dim: 1, Noise: 0.5}, eachPair(noisy(math.Sin, 0.5))},
		{"student", Params{DimX: 1, DimZ: 1, Nu: 1}, student(1, 1, 1)},
		{"student", Params{DimX: 3, DimZ: 5, Nu: 2.5}, student(3, 5, 2.5)},
		{"discrete", Params{Dim: 2, Symbols: 5, Noise: 0.3}, eachPair(func(x, z float64) float64 {
			if x == z {
				return math.Log(0.7 * 5)
			}
			return math.Log(0.3 / 4 * 5)
		})},
	}
	const rows = 10_000
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			task := newTask(t, test.name, test.params)
			x, z := task.Sample(rows, 1)
			ratios := make([]float64, rows)
			for i := range ratios {
				ratios[i] = test.ratio(x[i*task.DX:][:task.DX], z[i*task.DZ:][:task.DZ])
			}
			mean, sd := stat.MeanStdDev(ratios, nil)
			tol := sigmas * sd / math.Sqrt(rows)
			if !(math.Abs(mean-task.Truth) <= tol) {
				t.Errorf("%+v: mean log density ratio %.4f, truth %.4f, tolerance %.4f", test.params, mean, task.Truth, tol)
			}
			if !(tol < 0.1) {
				t.Errorf("%+v: tolerance %.3f is too wide to check anything", test.params, tol)
			}
		})
	}
}

// The ratio of circle is constant, so its truth is checked through the law of
// the angles: both uniform on the circle, their difference on a part of it.
func TestCircleAngles(t *testing.T) {
	const (
		rows  = 20_000
		noise = 0.2
		turns = 3
	)
	task := newTask(t, "circle", Params{Noise: noise, Turns: turns})
	if want := math.Log(5); math.Abs(task.Truth-want) > 1e-15 {
		t.Errorf("truth %v, want ln 5 = %v", task.Truth, want)
	}
	x, z := task.Sample(rows, 1)
	var first, second, difference []float64
	for i := range rows {
		a := math.Atan2(x[2*i+1], x[2*i])
		b := math.Atan2(z[2*i+1], z[2*i])
		first = append(first, a/(2*math.Pi)+0.5)
		second = append(second, b/(2*math.Pi)+0.5)
		d := math.Remainder(b-turns*a, 2*math.Pi) / (math.Pi * noise)
		if math.Abs(d) > 1+1e-12 {
			t.Fatalf("row %d: the angles differ by %v half-widths", i, d)
		}
		difference = append(difference, (d+1)/2)
	}
	for name, u := range map[string][]float64{"x": first, "z": second, "difference": difference} {
		// Kolmogorov's distance exceeds 2.7/sqrt(n) with probability
		// 2 exp(-2 2.7^2) = 9e-7.
		slices.Sort(u)
		var distance float64
		for i, v := range u {
			distance = max(distance, v-float64(i)/rows, float64(i+1)/rows-v)
		}
		if limit := 2.7 / math.Sqrt(rows); distance > limit {
			t.Errorf("%s: Kolmogorov distance %.4f from the uniform, limit %.4f", name, distance, limit)
		}
	}
}

func TestKnownTruths(t *testing.T) {
	tests := []struct {
		name   string
		params Params
		want   float64
		tol    float64 // half a unit of the last digit of want, or rounding
	}{
		{"gaussian", Params{Dim: 20, Rho: 0.5}, 2.8768, 5e-5},
		{"gaussian", Params{Dim: 20, Rho: -0.9}, 16.6073, 5e-5},
		{"gaussian", Params{Dim: 3, Rho: 0}, 0, 0},
		{"channel", Params{Dim: 2, Noise: 1}, math.Ln2, 1e-15},
		{"uniform-noise", Params{Dim: 1, Noise: 0.1}, 1.7094, 5e-5},
		{"uniform-noise", Params{Dim: 4, Noise: 0.5}, 2, 1e-15},
		{"uniform-noise", Params{Dim: 1, Noise: 2}, 0.125, 1e-15},
		{"binary-channel", Params{Dim: 1, Noise: math.Sqrt(0.2)}, 0.65873, 5e-6},
		// Almost no noise tells the sign; almost only noise tells
		// 1/(2 s^2) nats to first order, 1/(4 s^4) to second.
		{"binary-channel", Params{Dim: 3, Noise: 0.01}, 3 * math.Ln2, 1e-14},
		{"binary-channel", Params{Dim: 1, Noise: 100}, 0.5e-4, 0.3e-8},
		{"discrete", Params{Dim: 2, Symbols: 8, Noise: 0}, 2 * math.Log(8), 1e-14},
		{"discrete", Params{Dim: 1, Symbols: 4, Noise: 0.75}, 0, 1e-15},
		{"discrete", Params{Dim: 1, Symbols: 2, Noise: 1}, math.Ln2, 1e-15},
		{"circle", Params{Noise: 1, Turns: 2}, 0, 0},
		{"independent", Params{DimX: 3, DimZ: 2}, 0, 0},
		{"identical", Params{Dim: 2}, math.Inf(1), 0},
	}
	for _, test := range tests {
		task := newTask(t, test.name, test.params)
		if math.Signbit(task.Truth) || task.Truth != test.want && !(math.Abs(task.Truth-test.want) <= test.tol) {
			t.Errorf("%s %+v: truth %v, want %v", test.name, test.params, task.Truth, test.want)
		}
	}
}

func TestFunctionTable(t *testing.T) {
	table := map[string]map[float64]float64{
		"function-linear": {.1: 3.334, .2: 2.129, .3: 1.498, .5: .837, .7: .517, .9: .344},
		"function-cubic":  {.1: 2.499, .2: 1.464, .3: .939, .5: .451, .7: .256, .9: .162},
		"function-sine":   {.1: 3.071, .2: 1.930, .3: 1.341, .5: .729, .7: .441, .9: .290},
	}
	for name, row := range table {
		for noise, want := range row {
			if got := newTask(t, name, Params{Dim: 2, Noise: noise}).Truth; !(math.Abs(got-want) <= 5e-4) {
				t.Errorf("%s with noise %v: %.5f, want %v", name, noise, got, want)
			}
		}
	}
}

// With little noise, h(Z) tends to h(f(X)): ln 2 for f(x) = x, less the edges,
// whose share is of order s. For the linear function the density is known in
// closed form, so that the entropy needs one quadrature instead of two.
func TestFunctionLinearClosedDensity(t *testing.T) {
	for _, s := range []float64{minFunctionNoise, 0.05, 1, 30} {
		var entropy float64
		const steps = 400_000
		reach := 1 + 9*s
		step := 2 * reach / steps
		for i := range steps {
			z := -reach + (float64(i)+0.5)*step
			// Both tails as erfc of a positive number, to keep digits.
			a := math.Abs(z)
			p := (math.Erfc((a-1)/(s*math.Sqrt2)) - math.Erfc((a+1)/(s*math.Sqrt2))) / 4
			if p > 0 {
				entropy -= step * p * math.Log(p)
			}
		}
		want := entropy - 0.5*math.Log(2*math.Pi*math.E*s*s)
		got := functionInformation(func(x float64) float64 { return x }, s)
		// At s = 30 the information is 2e-4, a difference of numbers of order
		// 5 that are summed from 4e5 terms: 5 * 4e5 * 1e-16 = 2e-10.
		if !(math.Abs(got-want) <= 1e-9) {
			t.Errorf("s = %v: %.12f, want %.12f", s, got, want)
		}
	}
}

// The closed form for student against entropies integrated numerically: for a
// density g(|y|) in R^m, h = -ln-average over the radius, with the surface of
// the sphere, 2 pi^(m/2) / Gamma(m/2), and r = exp(u).
func TestStudentInformationByQuadrature(t *testing.T) {
	entropy := func(m int, nu float64) float64 {
		d := float64(m)
		lgamma := func(v float64) float64 { g, _ := math.Lgamma(v); return g }
		norm := lgamma((nu+d)/2) - lgamma(nu/2) - d/2*math.Log(nu*math.Pi)
		surface := math.Ln2 + d/2*math.Log(math.Pi) - lgamma(d/2)
		// The integrand falls as exp(m u) on the left and u exp(-nu u) on the
		// right; at -40 and 40 both are below 1e-15 for m, nu >= 1.
		const step = 1e-3
		var mass, h float64
		for i := -40_000; i <= 40_000; i++ {
			u := float64(i) * step
			logp := norm - (nu+d)/2*math.Log1p(math.Exp(2*u)/nu)
			w := step * math.Exp(surface+d*u+logp)
			mass += w
			h -= w * logp
		}
		if math.Abs(mass-1) > 1e-12 {
			t.Fatalf("m = %d, nu = %v: the density integrates to %v", m, nu, mass)
		}
		return h
	}
	for _, test := range []struct {
		dx, dz int
		nu     float64
	}{{1, 1, 1}, {1, 1, 5}, {3, 2, 1.5}, {10, 4, 3}, {2, 25, 30}} {
		want := entropy(test.dx, test.nu) + entropy(test.dz, test.nu) - entropy(test.dx+test.dz, test.nu)
		got := studentInformation(test.nu, test.dx, test.dz)
		// 8e4 terms whose sum of magnitudes is below 100: 1e2 * 8e4 * 1e-16.
		if !(math.Abs(got-want) <= 1e-9) {
			t.Errorf("%+v: %.12f, want %.12f", test, got, want)
		}
	}
	if got := studentInformation(1e9, 3, 3); !(got >= 0 && got < 1e-6) {
		t.Errorf("nu = 1e9: %v, want almost 0", got)
	}
}

func TestDiscreteInformationIsSumOverTable(t *testing.T) {
	for _, k := range []int{2, 3, 17} {
		for _, flip := range []float64{0, 1e-9, 0.2, 0.5, 0.9, 1} {
			var want float64
			for i := range k {
				for j := range k {
					joint := flip / float64(k-1) / float64(k)
					if i == j {
						joint = (1 - flip) / float64(k)
					}
					if joint > 0 {
						want += joint * math.Log(joint*float64(k)*float64(k))
					}
				}
			}
			if got := discreteInformation(k, flip); !(math.Abs(got-want) <= 1e-14*float64(k*k)) {
				t.Errorf("k = %d, flip = %v: %v, want %v", k, flip, got, want)
			}
		}
	}
}

// The information from one Cholesky factor against three determinants.
func TestCorrelatedInformationIsLogDeterminants(t *testing.T) {
	for _, dims := range [][2]int{{1, 1}, {3, 2}, {2, 9}, {20, 30}} {
		dx, dz := dims[0], dims[1]
		factor := randomCorrelation(dx, dz, 3)
		var s mat.SymDense
		s.SymOuterK(1, factor)
		for i := range dx + dz {
			if math.Abs(s.At(i, i)-1) > 1e-14 {
				t.Errorf("%v: variance %d is %v, want 1", dims, i, s.At(i, i))
			}
		}
		logDet := func(lo, hi int) float64 {
			v, _ := mat.LogDet(s.SliceSym(lo, hi))
			return v
		}
		want := (logDet(0, dx) + logDet(dx, dx+dz) - logDet(0, dx+dz)) / 2
		if got := newTask(t, "correlated", Params{DimX: dx, DimZ: dz, Seed: 3}).Truth; !(math.Abs(got-want) <= 1e-12*float64(dx+dz)) || got <= 0 {
			t.Errorf("%v: %v, want %v", dims, got, want)
		}
	}
	a := newTask(t, "correlated", Params{DimX: 3, DimZ: 2, Seed: 1})
	b := newTask(t, "correlated", Params{DimX: 3, DimZ: 2, Seed: 2})
	if a.Truth == b.Truth {
		t.Errorf("seeds 1 and 2 give the same truth %v", a.Truth)
	}
}

func TestInfoIsReached(t *testing.T) {
	for _, name := range []string{"gaussian", "channel", "uniform-noise"} {
		for _, dim := range []int{1, 20, 1000} {
			for _, each := range []float64{1e-6, 0.01, 0.499, 0.5, 0.501, 2, maxPairInfo} {
				info := each * float64(dim)
				task := newTask(t, name, Params{Dim: dim, Info: info, Rho: 0.3, Noise: 0.3})
				// Rho carries a rounding of 1e-16, which is a relative error
				// of 1e-16 exp(2 each) in 1 - rho^2, and so at most 5e-8.
				if !(math.Abs(task.Truth-info) <= 1e-12*info+1e-16*math.Exp(2*each)*float64(dim)) {
					t.Errorf("%s, dim %d: truth %v, want %v", name, dim, task.Truth, info)
				}
				again := newTask(t, name, Params{Dim: dim, Rho: task.Params.Rho, Noise: task.Params.Noise})
				if again.Truth != task.Truth {
					t.Errorf("%s, dim %d: solved parameters give %v, not %v", name, dim, again.Truth, task.Truth)
				}
			}
		}
	}
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

func TestFillErrors(t *testing.T) {
	task := newTask(t, "correlated", Params{DimX: 3, DimZ: 2})
	tests := []struct {
		first, x, z int
		want        string
	}{
		{-1, 3, 2, "first row is -1"},
		{0, 4, 2, "x holds 4 values"},
		{0, 3, 3, "z holds 3"},
		{0, 6, 2, "x holds 6 values and z holds 2; give rows*3 and rows*2"},
	}
	for _, test := range tests {
		err := task.Fill(test.first, 0, make([]float64, test.x), make([]float64, test.z))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: error %v", test, err)
		}
	}
	if err := task.Fill(3, 0, nil, nil); err != nil {
		t.Errorf("no rows: %v", err)
	}
	if x, z := task.Sample(-1, 0); len(x)+len(z) != 0 {
		t.Errorf("-1 rows: %d and %d values", len(x), len(z))
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

func TestParameterErrors(t *testing.T) {
	nan := math.NaN()
	tests := []struct {
		family string
		params Params
		want   string
	}{
		{"gausian", Params{}, `no family "gausian"; use one of gaussian, channel`},
		{"gaussian", Params{Dim: 0, Rho: 0.5}, "simulate: gaussian: dim is 0"},
		{"gaussian", Params{Dim: 1, Rho: 1}, "rho is 1"},
		{"gaussian", Params{Dim: 1, Rho: nan}, "rho is NaN"},
		{"gaussian", Params{Dim: 2, Info: 20.5}, "info is 20.5"},
		{"gaussian", Params{Dim: 2, Info: -1}, "info is -1"},
		{"channel", Params{Dim: 1}, "noise is 0"},
		{"channel", Params{Dim: 1, Noise: math.Inf(1)}, "noise is +Inf"},
		{"channel", Params{Dim: 1, Info: nan}, "info is NaN"},
		{"correlated", Params{DimX: 2}, "dim-z is 0"},
		{"correlated", Params{DimX: 4000, DimZ: 97}, "dim-x and dim-z are 4000 and 97"},
		{"uniform-noise", Params{Dim: 1, Noise: -1}, "noise is -1"},
		{"binary-channel", Params{Dim: 1, Noise: nan}, "noise is NaN"},
		{"function-sine", Params{Dim: 1, Noise: 0.001}, "noise is 0.001"},
		{"student", Params{DimX: 1, DimZ: 1, Nu: 0.5}, "nu is 0.5"},
		{"student", Params{DimX: 1, DimZ: -2, Nu: 1}, "dim-z is -2"},
		{"circle", Params{Noise: 1.5, Turns: 1}, "noise is 1.5"},
		{"circle", Params{Noise: 0.5}, "turns is 0"},
		{"discrete", Params{Dim: 1, Symbols: 1}, "symbols is 1"},
		{"discrete", Params{Dim: 1, Symbols: 2, Noise: 1.1}, "noise is 1.1"},
		{"independent", Params{DimZ: 1}, "dim-x is 0"},
		{"identical", Params{}, "dim is 0"},
	}
	for _, test := range tests {
		_, err := New(test.family, test.params, "", "")
		if err == nil {
			t.Errorf("%s %+v: no error, want one with %q", test.family, test.params, test.want)
			continue
		}
		if msg := err.Error(); !strings.HasPrefix(msg, "simulate: ") || !strings.Contains(msg, test.want) || strings.Contains(msg, "\n") {
			t.Errorf("%s %+v: error %q, want one line with %q", test.family, test.params, msg, test.want)
		}
	}
}

// Every parameter that a family says it reads is known, and its defaults are
// those of nothing else.
func TestFamiliesDescribeThemselves(t *testing.T) {
	value := map[string]func(Params) bool{
		"dim":     func(p Params) bool { return p.Dim != 0 },
		"dim-x":   func(p Params) bool { return p.DimX != 0 },
		"dim-z":   func(p Params) bool { return p.DimZ != 0 },
		"rho":     func(p Params) bool { return p.Rho != 0 },
		"info":    func(p Params) bool { return p.Info != 0 },
		"noise":   func(p Params) bool { return p.Noise != 0 },
		"nu":      func(p Params) bool { return p.Nu != 0 },
		"symbols": func(p Params) bool { return p.Symbols != 0 },
		"turns":   func(p Params) bool { return p.Turns != 0 },
		"seed":    func(p Params) bool { return p.Seed != 0 },
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
