package simulate

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// normalLogDensity is that of N(mean, sd^2) at y.
func normalLogDensity(y, mean, sd float64) float64 {
	return distuv.Normal{Mu: mean, Sigma: sd}.LogProb(y)
}

// eachPair sums a ratio for scalar pairs over the columns.
func eachPair(ratio func(x, z float64) float64) func(x, z []float64) float64 {
	return func(x, z []float64) float64 {
		var sum float64
		for j := range x {
			sum += ratio(x[j], z[j])
		}
		return sum
	}
}

// noisyRatio is the log density ratio of Z = f(X) + s N(0, 1), X ~ U(-1, 1),
// with the density of Z by the midpoint rule at 2000 points: for f in C^1 and
// s >= 0.3 its error is of order (1/1000)^2/(24 s^2) < 1e-6.
func noisyRatio(f func(float64) float64, s float64) func(x, z float64) float64 {
	const points = 2000
	values := make([]float64, points)
	for i := range values {
		values[i] = f((2*float64(i)+1)/points - 1)
	}
	return func(x, z float64) float64 {
		var pz float64
		for _, v := range values {
			pz += math.Exp(normalLogDensity(z, v, s)) / points
		}
		return normalLogDensity(z, f(x), s) - math.Log(pz)
	}
}

// studentLogDensity is that of a standard t vector of dimension d.
func studentLogDensity(d int, nu float64) func(y []float64) float64 {
	high, _ := math.Lgamma((nu + float64(d)) / 2)
	low, _ := math.Lgamma(nu / 2)
	norm := high - low - float64(d)/2*math.Log(nu*math.Pi)
	return func(y []float64) float64 {
		return norm - (nu+float64(d))/2*math.Log1p(floats.Dot(y, y)/nu)
	}
}

// studentRatio is the log density ratio of family student.
func studentRatio(dx, dz int, nu float64) func(x, z []float64) float64 {
	px, pz, joint := studentLogDensity(dx, nu), studentLogDensity(dz, nu), studentLogDensity(dx+dz, nu)
	return func(x, z []float64) float64 {
		return joint(slices.Concat(x, z)) - px(x) - pz(z)
	}
}

// correlatedRatio is the log density ratio of family correlated.
func correlatedRatio(t *testing.T, dx, dz int, seed uint64) func(x, z []float64) float64 {
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

// uniformRatio is the log density ratio of one pair of family uniform-noise.
func uniformRatio(e float64) func(x, z float64) float64 {
	return func(x, z float64) float64 {
		// Z has density (length of [z-e, z+e] within [0, 1]) / 2e.
		return -math.Log(min(z+e, 1) - max(z-e, 0))
	}
}

// TestTruthIsMeanLogDensityRatio checks each truth against its definition,
// I = E ln p(x,z) / (p(x) p(z)), averaged over a sample of the task with
// densities written out here.
func TestTruthIsMeanLogDensityRatio(t *testing.T) {
	const seed = 5
	const rho = -0.8
	tests := []struct {
		name   string
		params Params
		ratio  func(x, z []float64) float64
	}{
		{"gaussian", Params{Dim: 3, Rho: rho}, eachPair(func(x, z float64) float64 {
			return normalLogDensity(z, rho*x, math.Sqrt(1-rho*rho)) - normalLogDensity(z, 0, 1)
		})},
		{"channel", Params{Dim: 4, Noise: 0.7}, eachPair(func(x, z float64) float64 {
			return normalLogDensity(z, x, 0.7) - normalLogDensity(z, 0, math.Sqrt(1+0.7*0.7))
		})},
		{"correlated", Params{DimX: 4, DimZ: 3, Seed: seed}, correlatedRatio(t, 4, 3, seed)},
		{"correlated", Params{DimX: 1, DimZ: 6, Seed: seed}, correlatedRatio(t, 1, 6, seed)},
		{"uniform-noise", Params{Dim: 2, Noise: 0.3}, eachPair(uniformRatio(0.3))},
		{"uniform-noise", Params{Dim: 1, Noise: 0.8}, eachPair(uniformRatio(0.8))},
		{"binary-channel", Params{Dim: 2, Noise: 0.6}, eachPair(func(x, z float64) float64 {
			marginal := (math.Exp(normalLogDensity(z, 1, 0.6)) + math.Exp(normalLogDensity(z, -1, 0.6))) / 2
			return normalLogDensity(z, x, 0.6) - math.Log(marginal)
		})},
		{"function-linear", Params{Dim: 2, Noise: 0.3}, eachPair(noisyRatio(func(x float64) float64 { return x }, 0.3))},
		{"function-cubic", Params{Dim: 1, Noise: 0.4}, eachPair(noisyRatio(func(x float64) float64 { return x * x * x }, 0.4))},
		{"function-sine", Params{Dim: 1, Noise: 0.5}, eachPair(noisyRatio(math.Sin, 0.5))},
		{"student", Params{DimX: 1, DimZ: 1, Nu: 1}, studentRatio(1, 1, 1)},
		{"student", Params{DimX: 3, DimZ: 5, Nu: 2.5}, studentRatio(3, 5, 2.5)},
		{"swiss-roll", Params{Dim: 3, Rho: rho}, unrolled(t, rho)},
		{"gamma-exponential", Params{Dim: 2, Theta: 0.05}, eachPair(gammaExponentialRatio(0.05))},
		{"gamma-exponential", Params{Dim: 1, Theta: 6}, eachPair(gammaExponentialRatio(6))},
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
