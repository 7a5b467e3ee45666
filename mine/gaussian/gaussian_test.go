package gaussian_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat"

	"gomine/mine/backend"
	"gomine/mine/gaussian"
)

// draw returns n rows of d columns of x, and of z = rho x + sqrt(1-rho^2) noise mixed
// by an upper triangular matrix of ones, which changes no canonical correlation.
func draw(n, d int, rho float64) (x, z backend.Matrix) {
	src := rand.New(rand.NewPCG(1, 2))
	x, z = backend.NewMatrix(n, d), backend.NewMatrix(n, d)
	for i := range n {
		var sum float64
		for j := range d {
			v := src.NormFloat64()
			sum += rho*v + math.Sqrt(1-rho*rho)*src.NormFloat64()
			x.Row(i)[j], z.Row(i)[j] = float32(3*v+7), float32(sum)
		}
	}
	return x, z
}

// fit supposes nothing of the rows.
func fit(x, z backend.Matrix, n int) (*gaussian.Critic, error) {
	m, err := gaussian.NewMoments(x, z, n)
	if err != nil {
		return nil, err
	}
	return m.Critic(gaussian.Structure{})
}

// TestScore compares with the densities of the law itself: at 100,000 rows the
// correlations are known to (1-rho^2)/sqrt(n) = .002, which moves a score of about one
// by a few hundredths at most.
func TestScore(t *testing.T) {
	const n, d, rho = 100_000, 3, 0.6
	x, z := draw(n, d, rho)
	c, err := fit(x, z, n)
	if err != nil {
		t.Fatal(err)
	}
	for k, r := range c.Rho {
		if !(math.Abs(r-rho) < 0.01) { // 4 standard errors of the largest of three
			t.Errorf("correlation %d is %v, want %v", k, r, rho)
		}
	}
	p, q := c.X.Variates(x, 0, n), c.Z.Variates(z, 0, n)
	for i := range 200 {
		other := (i * 7919) % n
		var want, before float64
		for j := range d {
			a := (float64(x.Row(i)[j]) - 7) / 3
			b := float64(z.Row(other)[j]) - before
			before = float64(z.Row(other)[j])
			want += -math.Log(1-rho*rho)/2 + (2*rho*a*b-rho*rho*(a*a+b*b))/(2*(1-rho*rho))
		}
		got := c.Score(p.RawRowView(i), q.RawRowView(other))
		if !(math.Abs(got-want) < 0.05*(1+math.Abs(want))) {
			t.Errorf("pair %d: score %v, want %v", i, got, want)
		}
	}
}

// TestShrunk: without correlations every score is 0.
func TestShrunk(t *testing.T) {
	x, z := draw(100, 4, 0.5)
	c, err := fit(x, z, 100)
	if err != nil {
		t.Fatal(err)
	}
	p, q := c.X.Variates(x, 0, 100), c.Z.Variates(z, 0, 100)
	if got := c.Shrunk(0).Score(p.RawRowView(3), q.RawRowView(5)); got != 0 {
		t.Errorf("score %v, want 0", got)
	}
}

// TestLeast: a wrong row among columns that nearly determine each other scores -ln n, and
// where the critic is cut off it does not slope.
func TestLeast(t *testing.T) {
	const n = 1000
	x, z := draw(n, 1, 0.999999)
	z.Row(0)[0] += 20
	c, err := fit(x, z, n)
	if err != nil {
		t.Fatal(err)
	}
	p, q := c.X.Variates(x, 0, 2), c.Z.Variates(z, 0, 2)
	gp, gq := []float64{1}, []float64{1}
	c.Scorer().Gradient(p.RawRowView(0), q.RawRowView(0), gp, gq)
	if got := c.Score(p.RawRowView(0), q.RawRowView(0)); got != -math.Log(n) || gp[0] != 0 || gq[0] != 0 {
		t.Errorf("score %v, gradient %v, %v, want %v, 0, 0", got, gp, gq, -math.Log(n))
	}
	c.Scorer().Gradient(p.RawRowView(1), q.RawRowView(1), gp, gq)
	if got := c.Score(p.RawRowView(1), q.RawRowView(1)); !(got > 0) || gp[0] == 0 {
		t.Errorf("score %v, gradient %v of a row that is right, want more than 0 and a slope", got, gp)
	}
}

// TestDegenerate: columns that say the same, or nothing, and more columns than rows,
// leave finite scores.
func TestDegenerate(t *testing.T) {
	x, z := draw(50, 60, 0.5)
	for i := range x.Rows {
		x.Row(i)[1] = x.Row(i)[0]
		x.Row(i)[2] = 5
		z.Row(i)[0] = x.Row(i)[0]
	}
	c, err := fit(x, z, 50)
	if err != nil {
		t.Fatal(err)
	}
	p, q := c.X.Variates(x, 0, x.Rows), c.Z.Variates(z, 0, z.Rows)
	for i := range 50 {
		if s := c.Score(p.RawRowView(i), q.RawRowView((i+1)%50)); math.IsNaN(s) || math.IsInf(s, 0) {
			t.Fatalf("score %v", s)
		}
	}
	if _, err := fit(x, z, 1); err == nil {
		t.Error("one row: no error")
	}
}

// TestStructure: where one column of thirty on each side is correlated, supposing that the
// others are not finds that one alone, with the sample's own correlation.
func TestStructure(t *testing.T) {
	const n, d, rho = 500, 30, 0.8
	src := rand.New(rand.NewPCG(1, 2))
	x, z := backend.NewMatrix(n, d), backend.NewMatrix(n, d)
	for i := range n {
		for j := range d {
			a, b := src.NormFloat64(), src.NormFloat64()
			if j == 7 {
				b = rho*a + math.Sqrt(1-rho*rho)*b
			}
			x.Row(i)[j], z.Row(i)[j] = float32(a), float32(b)
		}
	}
	m, err := gaussian.NewMoments(x, z, n)
	if err != nil {
		t.Fatal(err)
	}
	c, err := m.Critic(gaussian.Structure{Apart: 1, Least: 4.5}) // 900 correlations that are none: one in 160 samples has one above
	if err != nil {
		t.Fatal(err)
	}
	if !(math.Abs(c.Rho[0]-rho) < 0.064) { // four standard errors (1-rho^2)/sqrt(n)
		t.Errorf("correlation %v, want %v", c.Rho[0], rho)
	}
	if !(c.Rho[1] < 1e-9) {
		t.Errorf("correlation %v where there is none", c.Rho[1])
	}
	if c, err = m.Critic(gaussian.Structure{}); err != nil || !(c.Rho[1] > 0.2) {
		t.Errorf("correlations %v, error %v: without a structure they are too large", c.Rho, err)
	}
}

// TestRank: of n rows with d independent columns of x, and as many of z which all have the same
// sum of them beside noise of their own, the first variates are that sum and x X^T q of it. Of other
// rows their correlation is sqrt(n/(n+d)) to first order and their variances are 1.
func TestRank(t *testing.T) {
	const n, d, fresh, samples = 80, 128, 1000, 20
	var correlations, variances []float64
	for seed := range samples {
		src := rand.New(rand.NewPCG(uint64(seed), 3))
		x, z := backend.NewMatrix(n+fresh, d), backend.NewMatrix(n+fresh, d)
		for i := range n + fresh {
			var sum float64
			for j := range d {
				v := src.NormFloat64()
				x.Row(i)[j] = float32(v)
				sum += v / math.Sqrt(d)
			}
			for j := range d {
				z.Row(i)[j] = float32((sum + src.NormFloat64()) / math.Sqrt2)
			}
		}
		m, err := gaussian.NewMoments(x, z, n)
		if err != nil {
			t.Fatal(err)
		}
		c, err := m.Critic(gaussian.Structure{Apart: 1, Rank: 1})
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Rho) != 1 {
			t.Fatalf("%d variates, want 1", len(c.Rho))
		}
		p, q := c.X.Variates(x, n, n+fresh).RawMatrix().Data, c.Z.Variates(z, n, n+fresh).RawMatrix().Data
		correlations = append(correlations, stat.Correlation(p, q, nil))
		variances = append(variances, stat.Variance(p, nil), stat.Variance(q, nil))
	}
	mean, sd := stat.MeanStdDev(correlations, nil)
	if want := math.Sqrt(float64(n) / (n + d)); !(math.Abs(mean-want) < 4*stat.StdErr(sd, samples)) {
		t.Errorf("correlation %v +- %v, want %v", mean, stat.StdErr(sd, samples), want)
	}
	// The variance of q is known to sqrt(2/n) in a sample; what is supposed of it may be .1 off.
	if mean := stat.Mean(variances, nil); !(math.Abs(mean-1) < 0.1) {
		t.Errorf("variances %v, mean %v, want 1", variances, mean)
	}
}
