package main

import (
	"encoding/json"
	"math"
	"slices"
	"testing"

	"gomine/cpu"
	"gomine/mine/backend"
	"gomine/mine/objective"
	"gomine/mine/simulate"
)

func openCPU(t *testing.T) backend.Backend {
	t.Helper()
	b, err := cpu.Open(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func gaussian(t *testing.T, p simulate.Params) *simulate.Task {
	t.Helper()
	law, err := simulate.New("gaussian", p, "", "")
	if err != nil {
		t.Fatal(err)
	}
	return law
}

// TestSupply draws across the borders of the pieces and of the calls: the rows are
// those of one long sample, in order, so none comes twice.
func TestSupply(t *testing.T) {
	law := gaussian(t, simulate.Params{Dim: 3, Rho: 0.5})
	s := supply{law: law, seed: 9}
	var xs, zs []float32
	for _, n := range []int{1, 4095, 4097, 10} {
		x, z, err := s.draw(n)
		if err != nil {
			t.Fatal(err)
		}
		if x.Rows != n || x.Cols != 3 || z.Rows != n || z.Cols != 3 {
			t.Fatalf("%d rows: x is [%d, %d], z [%d, %d]", n, x.Rows, x.Cols, z.Rows, z.Cols)
		}
		xs, zs = append(xs, x.Data...), append(zs, z.Data...)
	}
	wantX, wantZ := law.Sample(1+4095+4097+10, 9)
	for _, c := range []struct {
		name string
		got  []float32
		want []float64
	}{{"x", xs, wantX}, {"z", zs, wantZ}} {
		if len(c.got) != len(c.want) {
			t.Fatalf("%s has %d values, want %d", c.name, len(c.got), len(c.want))
		}
		for i, v := range c.want {
			if c.got[i] != float32(v) {
				t.Fatalf("%s: value %d is %v, want %v", c.name, i, c.got[i], v)
			}
		}
	}
}

// TestFreshRows asks the trainer for the rows of every step of two parts: each row
// of a part is in one batch, and the second part has other rows than the first.
func TestFreshRows(t *testing.T) {
	const batch = 3
	c := newCritic(openCPU(t), gaussian(t, simulate.Params{Dim: 1, Rho: 0.5}), []int{4}, backend.ReLU, objective.DV, batch, 5)
	step := uint64(0)
	var seen []int
	var starts []int
	err := c.train(t.Context(), 2*part, 1e-3, part, func(tr backend.Trainer) error {
		starts = append(starts, c.rows.next)
		for range part {
			rows, _, err := tr.Batch(step)
			if err != nil {
				return err
			}
			for _, r := range rows {
				seen = append(seen, c.rows.next-part*batch+r)
			}
			step++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.state.Step != 2*part {
		t.Errorf("the state is after %d steps, want %d", c.state.Step, 2*part)
	}
	if want := []int{part * batch, 2 * part * batch}; !slices.Equal(starts, want) {
		t.Errorf("rows were handed out up to %v, want %v", starts, want)
	}
	slices.Sort(seen)
	for i, r := range seen {
		if r != i {
			t.Fatalf("sorted row %d of all steps is %d: a row is missing or comes twice", i, r)
		}
	}
	if len(seen) != 2*part*batch {
		t.Errorf("%d rows, want %d", len(seen), 2*part*batch)
	}
	if ev, err := c.evaluate(t.Context(), 100, 1000); err != nil || ev.Rows != 100 || ev.Pairs != 1000 {
		t.Errorf("evaluation of %d rows and %d pairs, %v; want 100 and 1000", ev.Rows, ev.Pairs, err)
	}
	if want := 2*part*batch + 100; c.rows.next != want {
		t.Errorf("after the evaluation the next row is %d, want %d: it must have rows of its own", c.rows.next, want)
	}

	// Steps that would cut an epoch are refused.
	for _, steps := range []int{part + 1, 3 * part / 2} {
		if err := c.train(t.Context(), steps, 1e-3, 1, nil); err == nil {
			t.Errorf("%d steps in parts of %d: no error", steps, part)
		}
	}
}

// TestCrossScores compares with the scores of single pairs.
func TestCrossScores(t *testing.T) {
	c := newCritic(openCPU(t), gaussian(t, simulate.Params{Dim: 2, Rho: 0.9}), []int{8}, backend.Softplus, objective.JS, 16, 3)
	if err := c.train(t.Context(), 100, 1e-2, 100, nil); err != nil {
		t.Fatal(err)
	}
	const lo, n = 7, 5
	err := c.on(40, func(tr backend.Trainer, data backend.Data) error {
		joint, marginal, err := crossScores(t.Context(), tr, data, lo, n)
		if err != nil {
			return err
		}
		if len(joint) != n || len(marginal) != n*(n-1) {
			t.Fatalf("%d joint and %d marginal scores, want %d and %d", len(joint), len(marginal), n, n*(n-1))
		}
		k := 0
		one := make([]float32, 1)
		for i := range n {
			for j := range n {
				if err := tr.Scores(t.Context(), data, []int{lo + i}, []int{lo + j}, one); err != nil {
					return err
				}
				got := joint[i]
				if i != j {
					got = marginal[k]
					k++
				}
				// Blocks of another size may sum in another order: a few roundings of
				// scores of about one.
				if math.Abs(got-float64(one[0])) > 1e-5 {
					t.Errorf("pair (%d, %d) has score %v, want %v", i, j, got, one[0])
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestStairLaws checks the information of the stairs by the formula of the
// reference, and that the cubic map is that of z alone, as in the publication.
func TestStairLaws(t *testing.T) {
	plain, err := stairLaws("")
	if err != nil {
		t.Fatal(err)
	}
	cubic, err := stairLaws("cubic")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{2, 4, 6, 8, 10} {
		rho := math.Sqrt(1 - math.Exp(-2*want/20))
		for _, law := range []*simulate.Task{plain[i], cubic[i]} {
			if law.DX != 20 || law.DZ != 20 || math.Abs(law.Truth-want) > 1e-9 || math.Abs(law.Params.Rho-rho) > 1e-12 {
				t.Errorf("stair %d has %d + %d columns, correlation %v and %v nats; want 20 + 20, %v and %v",
					i, law.DX, law.DZ, law.Params.Rho, law.Truth, rho, want)
			}
		}
		x, z := plain[i].Sample(3, 1)
		cx, cz := cubic[i].Sample(3, 1)
		for k := range x {
			if cx[k] != x[k] || cz[k] != z[k]*z[k]*z[k] {
				t.Fatalf("stair %d, value %d: x %v and z %v became %v and %v", i, k, x[k], z[k], cx[k], cz[k])
			}
		}
	}
	if len(plain) != 5 || len(cubic) != 5 {
		t.Errorf("%d and %d stairs, want 5", len(plain), len(cubic))
	}
}

// TestOwnBound compares NWJ from scores with its formula.
func TestOwnBound(t *testing.T) {
	joint, marginal := []float64{2, 3, 4}, []float64{-1, 0.5, 2, 1}
	var mean, sum float64
	for _, v := range joint {
		mean += float64(v) / 3
	}
	for _, v := range marginal {
		sum += math.Exp(float64(v)-1) / 4
	}
	// Both sides add a few numbers of about one in float64.
	if got, want := ownBound(joint, marginal, objective.NWJ), mean-sum; math.Abs(got-want) > 1e-14 {
		t.Errorf("NWJ is %v, want %v", got, want)
	}
	if got, want := ownBound(joint, marginal, objective.DV), mean-1-math.Log(sum); math.Abs(got-want) > 1e-14 {
		t.Errorf("DV is %v, want %v", got, want)
	}
}

// TestClimb trains briefly and looks for the right number of estimates, and for
// nothing after a divergence.
func TestClimb(t *testing.T) {
	laws, err := stairLaws("")
	if err != nil {
		t.Fatal(err)
	}
	laws = laws[:1]
	climbs, err := climbStairs(t.Context(), openCPU(t), laws, objective.JS, part, 10_000, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(climbs) != 3 {
		t.Fatalf("%d climbs of a JS critic, want one for each tau", len(climbs))
	}
	for _, c := range climbs {
		if len(c.Estimates) != part/stairEvery || len(c.Bounds) != 1 || len(c.StdErrs) != 1 {
			t.Errorf("%s: %d estimates and %d bounds, want %d and 1", c.Estimator, len(c.Estimates), len(c.Bounds), part/stairEvery)
		}
		if last := c.last(0); len(last) != 3 || last[2] != float64(c.Estimates[9]) {
			t.Errorf("%s: the last quarter is %v of %v", c.Estimator, last, c.Estimates)
		}
		if c.last(1) != nil {
			t.Errorf("%s: there are estimates of a stair that was not climbed", c.Estimator)
		}
	}
}

func TestNatsJSON(t *testing.T) {
	text, err := json.Marshal([]nats{1.5, nats(math.Inf(-1)), nats(math.NaN()), 0})
	if err != nil || string(text) != "[1.5,null,null,0]" {
		t.Errorf("%s, %v", text, err)
	}
}
