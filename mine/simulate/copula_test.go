package simulate

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// densities are the copulas' densities, written out apart from the generators.
var densities = map[string]func(theta, u, v float64) float64{
	"copula-clayton": func(t, u, v float64) float64 {
		s := math.Pow(u, -t) + math.Pow(v, -t) - 1
		return (1 + t) * math.Pow(u*v, -1-t) * math.Pow(s, -2-1/t)
	},
	"copula-gumbel": func(t, u, v float64) float64 {
		a, b := -math.Log(u), -math.Log(v)
		m := math.Pow(math.Pow(a, t)+math.Pow(b, t), 1/t)
		return math.Exp(-m) * math.Pow(a*b, t-1) / (u * v) * math.Pow(m, 1-2*t) * (m + t - 1)
	},
	"copula-frank": func(t, u, v float64) float64 {
		g := -math.Expm1(-t)
		d := -math.Exp(-t*u)*math.Expm1(-t*v) - math.Exp(-t*v)*math.Expm1(-t*(1-v)) // positive terms only
		return t * g * math.Exp(-t*(u+v)) / (d * d)
	},
}

// The truths, from one integral or none, against E ln c of the densities: as a
// mean over draws with its standard error, which checks the drawing too, and for
// moderate theta by the midpoint rule on a 1500 x 1500 grid in normal margins.
func TestCopulas(t *testing.T) {
	const rows = 40_000
	for _, c := range []struct {
		name  string
		theta float64
	}{
		{"copula-clayton", 0.3}, {"copula-clayton", 2}, {"copula-clayton", 9},
		{"copula-gumbel", 1.2}, {"copula-gumbel", 2}, {"copula-gumbel", 6},
		{"copula-frank", 1}, {"copula-frank", 5}, {"copula-frank", -8}, {"copula-frank", 40},
	} {
		task := newTask(t, c.name, Params{Theta: c.theta})
		density := densities[c.name]
		x, z := task.Sample(rows, 3)
		cdf := distuv.UnitNormal.CDF
		logs := make([]float64, rows)
		for i := range logs {
			logs[i] = math.Log(density(c.theta, cdf(x[i]), cdf(z[i])))
		}
		mean, sd := stat.MeanStdDev(logs, nil)
		if tol := sigmas * sd / math.Sqrt(rows); !(math.Abs(mean-task.Truth) <= tol) || !(tol < 0.05) {
			t.Errorf("%s %v: mean log density %.5f, truth %.5f, tolerance %.5f", c.name, c.theta, mean, task.Truth, tol)
		}
		checkNormal(t, c.name+" x", x)
		checkNormal(t, c.name+" z", z)
		if math.Abs(c.theta) > 5 {
			continue
		}
		const n, reach = 1500, 7.5
		var info, mass float64
		for i := range n {
			a := reach * ((2*float64(i)+1)/n - 1)
			for j := range n {
				b := reach * ((2*float64(j)+1)/n - 1)
				w := math.Exp(-(a*a+b*b)/2) / (2 * math.Pi) * (2 * reach / n) * (2 * reach / n)
				if d := density(c.theta, cdf(a), cdf(b)); d > 0 {
					mass, info = mass+w*d, info+w*d*math.Log(d)
				}
			}
		}
		// The densities written out lose digits in the corners, where the mass
		// is below 1e-6.
		if !(math.Abs(mass-1) <= 1e-5) || !(math.Abs(info-task.Truth) <= 1e-4) {
			t.Errorf("%s %v: mass %.8f, information %.7f by the grid, truth %.7f", c.name, c.theta, mass, info, task.Truth)
		}
	}
}

// checkNormal checks a column by Kolmogorov's distance from the standard
// normal, which exceeds 2.7/sqrt(n) with probability 9e-7.
func checkNormal(t *testing.T, name string, column []float64) {
	t.Helper()
	column = slices.Sorted(slices.Values(column))
	n := float64(len(column))
	var distance float64
	for i, v := range column {
		u := distuv.UnitNormal.CDF(v)
		distance = max(distance, u-float64(i)/n, float64(i+1)/n-u)
	}
	if limit := 2.7 / math.Sqrt(n); !(distance <= limit) {
		t.Errorf("%s: distance %.4f from the normal, limit %.4f", name, distance, limit)
	}
}

// The t copula and student with correlation: the mean of ln p(x,z)/(p(x)p(z))
// with the t densities written out, and normal margins.
func TestCorrelatedStudent(t *testing.T) {
	const rows, nu, rho = 40_000, 2.5, 0.7
	task := newTask(t, "student", Params{DimX: 1, DimZ: 1, Nu: nu, Rho: rho})
	x, z := task.Sample(rows, 3)
	marginal := studentLogDensity(1, nu)
	norm := studentLogDensity(2, nu)([]float64{0, 0}) - math.Log(1-rho*rho)/2
	logs := make([]float64, rows)
	for i := range logs {
		q := (x[i]*x[i] - 2*rho*x[i]*z[i] + z[i]*z[i]) / (1 - rho*rho)
		logs[i] = norm - (nu+2)/2*math.Log1p(q/nu) - marginal(x[i:i+1]) - marginal(z[i:i+1])
	}
	mean, sd := stat.MeanStdDev(logs, nil)
	if tol := sigmas * sd / math.Sqrt(rows); !(math.Abs(mean-task.Truth) <= tol) {
		t.Errorf("mean log density ratio %.4f, truth %.4f, tolerance %.4f", mean, task.Truth, tol)
	}
	copula := newTask(t, "copula-t", Params{Nu: nu, Rho: rho})
	if copula.Truth != task.Truth {
		t.Errorf("copula-t: truth %v, student %v", copula.Truth, task.Truth)
	}
	cx, cz := copula.Sample(rows, 3)
	checkNormal(t, "copula-t x", cx)
	checkNormal(t, "copula-t z", cz)
	margin := distuv.StudentsT{Sigma: 1, Nu: nu}
	for i := range 100 {
		if got, want := distuv.UnitNormal.CDF(cx[i]), margin.CDF(x[i]); !(math.Abs(got-want) <= 1e-9) {
			t.Fatalf("row %d: probability %v, want that of student's row, %v", i, got, want)
		}
	}
}

// The quadrature of a mixture against half the step, the closed form of one
// component, and the mean log density ratio over draws.
func TestMixture(t *testing.T) {
	one := randomMixture(1, 4)
	if got, want := mixtureInformation(one, 0.06), gaussianPairInformation(one[0].rho); !(math.Abs(got-want) <= 1e-9) {
		t.Errorf("one component: %.12f, want %.12f", got, want)
	}
	const rows, k = 20_000, 5
	for _, seed := range []uint64{0, 1} {
		task := newTask(t, "mixture", Params{Dim: 1, Components: k, Seed: seed})
		components := randomMixture(k, seed)
		if fine := mixtureInformation(components, 0.03); !(math.Abs(fine-task.Truth) <= 1e-8) {
			t.Errorf("seed %d: %.10f, with half the step %.10f", seed, task.Truth, fine)
		}
		x, z := task.Sample(rows, 3)
		logs := make([]float64, rows)
		for i := range logs {
			var joint, px, pz float64
			for _, c := range components {
				a := math.Exp(normalLogDensity(x[i], c.mx, c.sx))
				mean := c.mz + c.rho*c.sz*(x[i]-c.mx)/c.sx
				joint += a * math.Exp(normalLogDensity(z[i], mean, c.sz*math.Sqrt(1-c.rho*c.rho))) / k
				px, pz = px+a/k, pz+math.Exp(normalLogDensity(z[i], c.mz, c.sz))/k
			}
			logs[i] = math.Log(joint / (px * pz))
		}
		mean, sd := stat.MeanStdDev(logs, nil)
		if tol := sigmas * sd / math.Sqrt(rows); !(math.Abs(mean-task.Truth) <= tol) {
			t.Errorf("seed %d: mean log density ratio %.4f, truth %.4f, tolerance %.4f", seed, mean, task.Truth, tol)
		}
	}
}

// The series of sine-product against the midpoint rule over both angles and
// against draws, at several frequencies.
func TestSineProduct(t *testing.T) {
	const n, rows = 2000, 20_000
	var grid float64
	for i := range n {
		for j := range n {
			s := math.Sin(2*math.Pi*(float64(i)+0.5)/n) * math.Sin(2*math.Pi*(float64(j)+0.5)/n)
			grid += (1 + s) * math.Log1p(s) / (n * n)
		}
	}
	if got := sineProductInformation(); !(math.Abs(got-grid) <= 1e-6) || !(math.Abs(got-0.14333) <= 5e-6) {
		t.Errorf("information %.8f, by the grid %.8f, want 0.14333", got, grid)
	}
	for _, w := range []int{1, 2, 7} {
		task := newTask(t, "sine-product", Params{Dim: 1, Turns: w})
		x, z := task.Sample(rows, 3)
		logs := make([]float64, rows)
		for i := range logs {
			logs[i] = math.Log1p(math.Sin(float64(w)*x[i]) * math.Sin(float64(w)*z[i]))
		}
		mean, sd := stat.MeanStdDev(logs, nil)
		if tol := sigmas * sd / math.Sqrt(rows); !(math.Abs(mean-task.Truth) <= tol) {
			t.Errorf("w = %d: mean log density ratio %.4f, truth %.4f, tolerance %.4f", w, mean, task.Truth, tol)
		}
	}
}

// Of five pairs the first two carry all of the information.
func TestInformativePairs(t *testing.T) {
	const rows, dim = 20_000, 5
	task := newTask(t, "gaussian", Params{Dim: dim, Pairs: 2, Info: 1})
	if !(math.Abs(task.Truth-1) <= 1e-14) {
		t.Errorf("truth %v, want 1", task.Truth)
	}
	x, z := task.Sample(rows, 1)
	for j := range dim {
		want := 0.0
		if j < 2 {
			want = math.Atanh(math.Sqrt(-math.Expm1(-1))) // 1/2 nat a pair
		}
		a, b := make([]float64, rows), make([]float64, rows)
		for i := range rows {
			a[i], b[i] = x[i*dim+j], z[i*dim+j]
		}
		if got := math.Atanh(stat.Correlation(a, b, nil)); !(math.Abs(got-want) <= sigmas/math.Sqrt(rows-3)) {
			t.Errorf("pair %d: atanh of correlation %.4f, want %.4f", j, got, want)
		}
	}
}
