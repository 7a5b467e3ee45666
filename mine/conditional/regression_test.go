package conditional

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// fewFeatures are three features, the third nearly the sum of the others, and three targets: a sum
// of them, noise, and a constant.
func fewFeatures(n int) (features, targets *mat.Dense) {
	g := rand.New(rand.NewPCG(1, 1))
	features, targets = mat.NewDense(n, 3, nil), mat.NewDense(n, 3, nil)
	for i := range n {
		a, b := 5+g.NormFloat64(), g.NormFloat64()
		features.SetRow(i, []float64{a, b, a + b + 0.1*g.NormFloat64()})
		targets.SetRow(i, []float64{7 + 2*a - b + 0.5*g.NormFloat64(), g.NormFloat64(), 3})
	}
	return features, targets
}

// TestRidge compares penalties and coefficients with the equations solved for every penalty.
func TestRidge(t *testing.T) {
	const n, m = 40, 3
	f, y := fewFeatures(n)
	center(f)
	center(y)
	var gram mat.Dense
	gram.Mul(f.T(), f)
	gram.Scale(1.0/n, &gram)
	mean := mat.Trace(&gram) / m
	// hat is F (F'F/n + penalty)^-1 F'/n + 1/n, so that df is its trace.
	gcv := func(penalty float64, j int) (score float64, coefficients mat.Dense) {
		a := mat.DenseCopyOf(&gram)
		for k := range m {
			a.Set(k, k, a.At(k, k)+penalty)
		}
		var inverse, hat, fitted mat.Dense
		if err := inverse.Inverse(a); err != nil {
			t.Fatal(err)
		}
		coefficients.Product(&inverse, f.T(), y)
		coefficients.Scale(1.0/n, &coefficients)
		hat.Product(f, &inverse, f.T())
		hat.Scale(1.0/n, &hat)
		fitted.Mul(f, &coefficients)
		rest := mat.Col(nil, j, y)
		floats.Sub(rest, mat.Col(nil, j, &fitted))
		free := 1 - (mat.Trace(&hat)+1)/n
		return floats.Dot(rest, rest) / n / (free * free), coefficients
	}
	s := newSums(f, y)
	got, err := s.penalties()
	if err != nil {
		t.Fatal(err)
	}
	coefficients, err := s.ridge(got)
	if err != nil {
		t.Fatal(err)
	}
	best, want, wantCoefficients := math.Inf(1), 0.0, mat.Dense{}
	for k := range penalties {
		p := mean * leastPenalty * math.Pow(penaltyRatio, float64(k))
		if score, c := gcv(p, 0); score < best {
			best, want, wantCoefficients = score, p, c
		}
	}
	// The penalty is of the mean eigenvalue here and of the trace there: rounding of 3 terms.
	if math.Abs(got[0]/want-1) > 1e-13 || !math.IsInf(got[2], 1) {
		t.Errorf("penalties %v, want %v for the first target, and no end for a constant", got, want)
	}
	for a := range m {
		// Products of 40 terms of size 10 in float64, and a condition number of 1e4.
		if math.Abs(coefficients.At(a, 0)-wantCoefficients.At(a, 0)) > 1e-9 || coefficients.At(a, 2) != 0 {
			t.Errorf("feature %d: %v, want %v, and 0 for a constant", a, coefficients.At(a, 0), wantCoefficients.At(a, 0))
		}
	}
}

// TestForward compares every step with the best of the regressions by QR on one feature more.
func TestForward(t *testing.T) {
	const n, m = 60, 6
	g := rand.New(rand.NewPCG(2, 1))
	f, y := mat.NewDense(n, m, nil), mat.NewDense(n, 1, nil)
	for i := range n {
		row := f.RawRowView(i)
		for a := range row {
			row[a] = g.NormFloat64() + row[max(a-1, 0)]
		}
		row[m-1] = 2 * row[0] // adds nothing: never chosen beside it
		y.Set(i, 0, row[0]-3*row[2]+row[3]/2+g.NormFloat64())
	}
	p := newSums(f, y).forward(0)
	if len(p.chosen) != m-1 {
		t.Fatalf("%d features are chosen, want %d of %d, two of which are the same", len(p.chosen), m-1, m)
	}
	var chosen []int
	for step, got := range p.chosen {
		least, best, want := math.Inf(1), -1, mat.Dense{}
		for a := range m - 1 {
			if slices.Contains(chosen, a) {
				continue
			}
			some := mat.NewDense(n, step+1, nil)
			for k, b := range append(slices.Clone(chosen), a) {
				some.SetCol(k, mat.Col(nil, b, f))
			}
			var c, rest mat.Dense
			if err := c.Solve(some, y); err != nil {
				t.Fatal(err)
			}
			rest.Mul(some, &c)
			rest.Sub(y, &rest)
			if rss := mat.Norm(&rest, 2); rss < least {
				least, best, want = rss, a, c
			}
		}
		if got == m-1 {
			got = 0
		}
		if got != best {
			t.Fatalf("step %d takes feature %d, want %d", step+1, p.chosen[step], best)
		}
		chosen = append(chosen, best)
		for k, c := range p.coefficients[step] {
			w := want.At(k, 0)
			if p.chosen[k] == m-1 {
				w /= 2
			}
			if math.Abs(c-w) > 1e-11 { // sums of 60 terms of size 10, and a condition number of some 100
				t.Errorf("step %d: coefficient %d is %v, want %v", step+1, k, c, w)
			}
		}
	}
	if all := p.at(2, m); floats.Count(func(v float64) bool { return v != 0 }, all) != 2 || all[p.chosen[0]] != p.coefficients[1][0] {
		t.Errorf("after two steps %v, want %v of %v", all, p.coefficients[1], p.chosen[:2])
	}
}

// TestWeights: no weights on a grid leave less of the blocks, and what is said to be explained is
// what predictions of the blocks explain of their rows.
func TestWeights(t *testing.T) {
	const n, steps = 40, 1
	f, y := fewFeatures(n)
	center(f)
	center(y)
	all := newSums(f, y)
	penalty, err := all.penalties()
	if err != nil {
		t.Fatal(err)
	}
	var parts []part
	type predicted struct{ truth, ridge, forward float64 }
	var rows []predicted
	for lo := 0; lo < n; lo += n / 2 {
		hf, hy := f.Slice(lo, lo+n/2, 0, 3).(*mat.Dense), y.Slice(lo, lo+n/2, 0, 3).(*mat.Dense)
		p := part{held: newSums(hf, hy)}
		rest := all.plus(-1, p.held)
		if p.ridge, err = rest.ridge(penalty); err != nil {
			t.Fatal(err)
		}
		for j := range 3 {
			p.paths = append(p.paths, rest.forward(j))
		}
		parts = append(parts, p)
		forward := p.paths[0].at(steps, 3)
		var wrong float64
		for i := range n / 2 {
			row := hf.RawRowView(i)
			r := predicted{hy.At(i, 0), floats.Dot(row, mat.Col(nil, 0, p.ridge)), floats.Dot(row, forward)}
			rows = append(rows, r)
			wrong += (r.truth - r.forward) * (r.truth - r.forward)
		}
		if got := p.held.error(0, p.paths[0], steps); math.Abs(got-wrong) > 1e-10 { // 20 terms of size 10
			t.Errorf("the error is %v, want %v", got, wrong)
		}
	}
	left := func(v, w float64) (sum float64) {
		for _, r := range rows {
			e := r.truth - v*r.ridge - w*r.forward
			sum += e * e
		}
		return sum
	}
	w, explained := weigh(parts, 0, steps)
	got := left(w[0], w[1])
	if want := 1 - got/left(0, 0); math.Abs(explained-want) > 1e-12 {
		t.Errorf("explained %v, want %v", explained, want)
	}
	for a := 0.0; a <= 1.5; a += 0.05 {
		for b := 0.0; b <= 1.5; b += 0.05 {
			if left(a, b) < got-1e-10 {
				t.Fatalf("weights %v leave %v, and %v, %v leave %v", w, got, a, b, left(a, b))
			}
		}
	}
	if w, explained := weigh(parts, 2, steps); w != [2]float64{} || explained != 0 {
		t.Errorf("a constant has weights %v and %v explained", w, explained)
	}
}

// TestNoise: of targets that are noise, predictions are the mean in most sets. As much as has to be explained
// is explained by chance in fewer than one set in 20; more than 30 of 200 are so with a probability
// below 1e-6.
func TestNoise(t *testing.T) {
	const n, sets = 100, 200
	g := rand.New(rand.NewPCG(2, 1))
	found := 0
	for range sets {
		features, targets := mat.NewDense(n, 5, nil), mat.NewDense(n, 1, nil)
		features.Apply(func(_, _ int, _ float64) float64 { return g.NormFloat64() }, features)
		targets.Apply(func(_, _ int, _ float64) float64 { return g.NormFloat64() }, targets)
		r, err := newRegression(features, targets, borders(features.RawMatrix().Rows, nil))
		if err != nil {
			t.Fatal(err)
		}
		if r.explained[0] > 0 {
			found++
		}
	}
	if found > 30 {
		t.Errorf("something is explained in %d of %d sets of noise", found, sets)
	}
}

// TestSparse: where one of 50 features counts, the error is far below the 50/n of least squares on all of them;
// where all count as much, it is about that, relative to the variance of the noise.
func TestSparse(t *testing.T) {
	const n, m, sets = 1000, 50, 4
	for _, c := range []struct {
		name  string
		count int
		most  float64 // the error, as a share of m/n
	}{
		// The feature itself costs 1/m; one found by chance costs 2 ln(m)/m = .16 more.
		{"one", 1, 0.2},
		// The error has a mean of m/n and a standard deviation of sqrt(2/(m sets)) of that, .1.
		{"all", m, 1.4},
	} {
		var wrong float64
		for seed := range uint64(sets) {
			g := rand.New(rand.NewPCG(seed, 3))
			f, y := mat.NewDense(n, m, nil), mat.NewDense(n, 1, nil)
			truth := make([]float64, m)
			for a := range c.count {
				truth[a] = 2 / math.Sqrt(float64(c.count))
			}
			for i := range n {
				row := f.RawRowView(i)
				for a := range row {
					row[a] = g.NormFloat64()
				}
				y.Set(i, 0, floats.Dot(row, truth)+g.NormFloat64())
			}
			r, err := newRegression(f, y, borders(f.RawMatrix().Rows, nil))
			if err != nil {
				t.Fatal(err)
			}
			got := mat.Col(nil, 0, r.coefficients)
			floats.Sub(got, truth)
			wrong += floats.Dot(got, got) / sets // the features have a variance of 1
		}
		if share := wrong * n / m; share > c.most {
			t.Errorf("%s of %d features: the error is %.2f of that of least squares, want at most %g", c.name, m, share, c.most)
		}
	}
}

// TestBorders: blocks cut no group, and there are several whatever the groups are.
func TestBorders(t *testing.T) {
	sevens, all := make([]int, 100), make([]int, 100)
	for i := range sevens {
		sevens[i] = i / 7
	}
	for _, c := range []struct {
		n      int
		groups []int
		want   []int
	}{
		{100, nil, []int{0, 20, 40, 60, 80, 100}},
		{100, sevens, []int{0, 21, 42, 63, 84, 100}},
		{100, all, []int{0, 20, 40, 60, 80, 100}},
		{3, nil, []int{0, 1, 2, 3}},
	} {
		if got := borders(c.n, c.groups); !slices.Equal(got, c.want) {
			t.Errorf("%d rows: %v, want %v", c.n, got, c.want)
		}
	}
}

// TestCancelling: of waves of one input, which are nearly sums of each other, errors by sums of products are those of
// predictions at every step, on rows that are learnt from and on others.
func TestCancelling(t *testing.T) {
	const n, m = 160, 100
	for seed := range uint64(20) {
		g := rand.New(rand.NewPCG(seed, 1))
		f, y := mat.NewDense(2*n, m, nil), mat.NewDense(2*n, 1, nil)
		frequencies := make([]float64, m)
		for a := range frequencies {
			frequencies[a] = math.Pow(2, float64(a%3-1)) * g.NormFloat64()
		}
		for i := range 2 * n {
			v := g.NormFloat64()
			for a, w := range frequencies {
				f.Set(i, a, math.Cos(w*v+float64(a)))
			}
			y.Set(i, 0, math.Log(math.Abs(g.NormFloat64()))+v)
		}
		center(f)
		center(y)
		part := func(half int) (features, targets *mat.Dense) {
			return f.Slice(half*n, half*n+n, 0, m).(*mat.Dense), y.Slice(half*n, half*n+n, 0, 1).(*mat.Dense)
		}
		p := newSums(part(0)).forward(0)
		if len(p.chosen) < 5 {
			t.Fatalf("%d features are chosen", len(p.chosen))
		}
		for half := range 2 {
			features, targets := part(half)
			s := newSums(features, targets)
			for steps := 1; steps <= len(p.chosen); steps++ {
				var left mat.Dense
				left.Mul(features, mat.NewDense(m, 1, p.at(steps, m)))
				left.Sub(targets, &left)
				want := mat.Norm(&left, 2) * mat.Norm(&left, 2)
				if got := s.error(0, p, steps); math.Abs(got-want) > 1e-4*s.square[0] { // see mostCancelled
					t.Errorf("half %d, %d steps: an error of %g, want %g of %g", half, steps, got, want, s.square[0])
				}
			}
		}
	}
}

// TestGainAboveVariance: what is said to leave less than nothing is not taken.
func TestGainAboveVariance(t *testing.T) {
	s := zeroSums(1, 1)
	s.rows, s.square[0] = 10, 1
	s.gram.SetSym(0, 0, 1e-3)
	s.cross.Set(0, 0, 1)
	p := part{held: s, ridge: mat.NewDense(1, 1, []float64{1}), paths: []path{{chosen: []int{0}, coefficients: [][]float64{{1}}}}}
	if w, explained := weigh([]part{p}, 0, 1); w != [2]float64{} || explained != 0 {
		t.Errorf("weights %v, %v explained", w, explained)
	}
	if steps := bestSteps([]part{p}, 0, 0); steps != 0 {
		t.Errorf("%d steps", steps)
	}
}
