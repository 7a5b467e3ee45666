package mine

import (
	"errors"
	"math"
	"strings"
	"testing"

	"gomine/cpu"
	"gomine/mine/backend"
	"gomine/mine/sampling"
)

// TestNewFolds: every fold has every position once, and every position is tested once.
func TestNewFolds(t *testing.T) {
	for _, n := range []int{100, 101, 1000, 1003} {
		for _, k := range []int{1, 2, 3, 5} {
			cfg := DefaultConfig(n)
			cfg.Folds = k
			folds, err := newFolds(independent(n), cfg)
			if err != nil {
				t.Fatalf("%d rows, %d folds: %v", n, k, err)
			}
			tested := make([]int, n)
			for i, f := range folds {
				seen := make([]int, n)
				count := 0
				for _, r := range f.rows() {
					for p := r.Lo; p < r.Hi; p++ {
						seen[p]++
						count++
					}
				}
				for p, times := range seen {
					if times != 1 {
						t.Fatalf("%d rows, fold %d of %d: position %d is there %d times", n, i, k, p, times)
					}
				}
				if c := f.counts; c.Train+c.Validation+c.Test != count || c.Total != n {
					t.Errorf("%d rows, fold %d of %d: counts %+v of %d positions", n, i, k, c, count)
				}
				for _, r := range f.test {
					for p := r.Lo; p < r.Hi; p++ {
						tested[p]++
					}
				}
			}
			for p, times := range tested {
				if k > 1 && times != 1 {
					t.Fatalf("%d rows in %d folds: position %d is tested %d times", n, k, p, times)
				}
			}
		}
	}
	cfg := DefaultConfig(60)
	if _, err := newFolds(independent(60), cfg); !errors.Is(err, ErrTooFewSamples) {
		t.Errorf("60 rows: error %v, want ErrTooFewSamples", err)
	}
}

// TestWayOut: an error about folds names numbers of them that are enough, or the group that is too large for any.
func TestWayOut(t *testing.T) {
	even := func(groups, each int) units {
		u := units{rows: groups * each, total: groups * each}
		for g := range groups {
			u.ends = append(u.ends, (g+1)*each)
		}
		return u
	}
	torn := even(20, 50)
	torn.ends = append([]int{900}, torn.ends[18:]...) // one of 900 rows, and two of 50
	for _, c := range []struct {
		name  string
		u     units
		folds int
		want  string
	}{
		{"rows", independent(60), 5, "3 folds leave enough"},
		{"rows that are too few", independent(30), 2, "leave 0 to train on, 20 for validation and 15 for the test, want at least 16, 20 and 20: too few"},
		{"groups", even(12, 5), 5, "3 folds leave enough"},
		{"a group of nearly all rows", torn, 2, "one group or block has 900 of the rows"},
	} {
		cfg := DefaultConfig(60)
		cfg.Folds = c.folds
		_, err := newFolds(c.u, cfg)
		if !errors.Is(err, ErrTooFewSamples) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// TestEvaluation compares the averages of pair scores with those that the CPU backend
// computes of the same pairs. The backend sums in float32 here and there: 1e-5.
func TestEvaluation(t *testing.T) {
	const n, cycles, seed = 300, 4, 9
	b, err := cpu.Open(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	x, z := backend.NewMatrix(n+50, 2), backend.NewMatrix(n+50, 3)
	for i := range x.Data {
		x.Data[i] = float32(sampling.Normal(1, sampling.StreamInit, 0, uint64(i)))
	}
	for i := range z.Data {
		z.Data[i] = float32(sampling.Normal(2, sampling.StreamInit, 0, uint64(i)))
	}
	data, err := b.Load(x, z)
	if err != nil {
		t.Fatal(err)
	}
	defer data.Close()
	net := backend.Network{DX: 2, DZ: 3, Hidden: []int{7}, Activation: backend.Softplus}
	params := make([]float32, net.NumParams())
	for i := range params {
		params[i] = float32(sampling.Normal(3, sampling.StreamInit, 0, uint64(i)))
	}
	s, err := b.NewScorer(net, params)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p, err := scorePairs(t.Context(), s, data, 50, n, cycles, seed)
	if err != nil {
		t.Fatal(err)
	}
	got := p.evaluation()
	want, err := s.Evaluate(t.Context(), data, backend.Rows{Lo: 50, Hi: 50 + n}, backend.Pairing{Count: cycles, Seed: seed}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string][2]float64{
		"Joint": {got.Joint, want.Joint}, "LogU": {got.LogU, want.LogU}, "JS": {got.JS, want.JS}, "VarT": {got.VarT, want.VarT},
		"VarW": {got.VarW, want.VarW}, "CovTW": {got.CovTW, want.CovTW}, "VarG": {got.VarG, want.VarG}, "MaxT": {got.MaxT, want.MaxT},
		"Marginal": {got.Marginal[cycles-1], want.Marginal[cycles-1]}, "rows": {float64(got.Rows), float64(want.Rows)},
		"pairs": {float64(got.Pairs), float64(want.Pairs)}, "StdErr": {got.StdErr(), want.StdErr()},
	} {
		if !(math.Abs(v[0]-v[1]) <= 1e-5*(1+math.Abs(v[1]))) {
			t.Errorf("%s is %v, the backend's %v", name, v[0], v[1])
		}
	}
	if !got.Finite {
		t.Error("not finite")
	}
	p.Marginal[7] = float32(math.NaN())
	if p.evaluation().Finite {
		t.Error("a score that is not a number went unnoticed")
	}
}

// TestFitBatch: a batch is what the smallest fold has to train on at most, whatever folds and fractions are; a warning says so of one
// that was asked for.
func TestFitBatch(t *testing.T) {
	_, _, _, groups := gainRows(1000, 1, 3)
	for i := range 300 {
		groups[i] = 0
	}
	for _, c := range []struct {
		rows, want int
		warned     bool
		change     func(*Config)
		opts       []Option
	}{
		{1000, 368, false, func(*Config) {}, nil},
		{100, 16, false, func(c *Config) { c.Folds = 2 }, nil},
		{300, 80, false, func(c *Config) { c.Folds, c.TestFraction = 1, 0.5 }, nil},
		{300, 112, false, func(c *Config) { c.Folds = 2 }, nil},
		{1000, 640, true, func(c *Config) { c.Batch = 5000 }, nil},
		{1000, 600, false, func(c *Config) { c.Batch = 600 }, nil},
		{1000, 448, true, func(c *Config) { c.Batch, c.Folds = 600, 3 }, []Option{WithGroups(groups)}},
	} {
		cfg := DefaultConfig(c.rows)
		c.change(&cfg)
		_, x, z, _ := gainRows(c.rows, 1, 3)
		e, err := NewEstimator(t.Context(), x, z, cfg, append(c.opts, WithThreads(1))...)
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		if warned := len(e.batchWarning()) > 0; e.cfg.Batch != c.want || warned != c.warned {
			t.Errorf("%d rows of %d folds, %+v: batches of %d, warnings %v, want %d", c.rows, cfg.Folds, e.folds[0].counts, e.cfg.Batch, e.batchWarning(), c.want)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
	cfg := DefaultConfig(100)
	cfg.Marginals = 31
	cfg.Batch, cfg.Folds = 64, 2
	_, x, z, _ := gainRows(100, 1, 3)
	if _, err := NewEstimator(t.Context(), x, z, cfg); !errors.Is(err, ErrTooFewSamples) || !strings.Contains(err.Error(), "marginals is 31, want less than the 16 rows of a batch, of which 30 training rows") {
		t.Errorf("31 marginal pairs a row in batches of 16: %v", err)
	}
}

// TestPoolBounds: the mean of bounds of equal parts, with the error of a mean.
func TestPoolBounds(t *testing.T) {
	one := backend.Evaluation{Rows: 100, Pairs: 1000, Joint: 2, LogU: 1, VarT: 1, VarW: 0.5, CovTW: 0.25, Finite: true}
	two := one
	two.Joint = 3
	got, err := poolBounds([]tested{{Evaluation: one, logU: 1}, {Evaluation: two, logU: 1}}, 0.95)
	if err != nil {
		t.Fatal(err)
	}
	if got.Estimate != 1.5 || got.NWJ != 1.5 {
		t.Errorf("estimate %v, NWJ %v, want 1.5", got.Estimate, got.NWJ)
	}
	if want := math.Sqrt(1. / 100 / 2); math.Abs(got.StdErr-want) > 1e-12 {
		t.Errorf("standard error %v, want %v", got.StdErr, want)
	}
	alone, err := poolBounds([]tested{{Evaluation: one, logU: 1}}, 0.95)
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := NewBound(one, 1, 0.95); alone != want {
		t.Errorf("one part gives %+v, want %+v", alone, want)
	}
}

// TestFoldsCovary: critics that have learnt from each other's test rows make errors that go together. The one
// of this test learns the mean of d normal columns and scores a row y by w times y.mean - |mean|^2/2, the log of a likelihood
// ratio; where the mean is 0, its bound is wrong by w y.mean, and the true variance of V over K folds of n_f rows, each learnt
// from all m = (K-1) n_f others, is w^2 d/(K m) (1/n_f + (K-1)/m): twice that of independent folds. V_train - V is w d/m on average.
func TestFoldsCovary(t *testing.T) {
	for _, w := range []float64{1, 0.2} {
		covary(t, w)
	}
}

func covary(t *testing.T, weight float64) {
	const (
		folds, perFold, dims = 5, 40, 30
		rows, learnt         = folds * perFold, (folds - 1) * perFold
		sets                 = 1000
	)
	var said, spread float64
	for set := range uint64(sets) {
		var sums [folds][dims]float64
		var all [rows][dims]float64
		for i := range all {
			for d := range all[i] {
				all[i][d] = sampling.Normal(set, sampling.StreamInit, 0, uint64(i*dims+d))
				sums[i/perFold][d] += all[i][d]
			}
		}
		var tests []tested
		var off float64
		for f := range folds {
			var mean [dims]float64
			for d := range mean {
				for g := range folds {
					if g != f {
						mean[d] += sums[g][d] / learnt
					}
				}
			}
			e, trained, size := backend.Evaluation{Rows: perFold, Pairs: perFold, Finite: true}, 0., 0.
			for _, m := range mean {
				size += m * m
			}
			for i := range all {
				var along float64
				for d, m := range mean {
					along += all[i][d] * m * weight
				}
				if i/perFold == f {
					e.Joint, e.VarT = e.Joint+(along-weight*size/2)/perFold, e.VarT+along*along/perFold
				} else {
					trained += (along - weight*size/2) / learnt
				}
			}
			off += (e.Joint + weight*size/2) / folds
			tests = append(tests, tested{Evaluation: e, weight: weight, trained: trained, learnt: learnt, others: learnt})
		}
		b, err := poolBounds(tests, 0.95)
		if err != nil {
			t.Fatal(err)
		}
		said, spread = said+b.StdErr*b.StdErr/sets, spread+off*off/sets
	}
	want := weight * weight * dims * (1./perFold + (folds-1.)/learnt) / (folds * learnt)
	// A variance from 1,000 sets is off by sqrt(2/1000) = 4.5%, for errors that are nearly normal.
	for _, v := range []float64{said, spread} {
		if math.Abs(v/want-1) > 0.15 {
			t.Errorf("variance said %v, seen %v, want %v", said, spread, want)
			break
		}
	}
}
