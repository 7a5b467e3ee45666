package objective_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gomine/mine/objective"
)

// scores draws n joint and m marginal scores of some size.
func scores(n, m int, size float64, seed uint64) (joint, marginal []float64) {
	r := rand.New(rand.NewPCG(seed, 1))
	for range n {
		joint = append(joint, size*(0.5+r.NormFloat64()))
	}
	for range m {
		marginal = append(marginal, size*(r.NormFloat64()-0.5))
	}
	return joint, marginal
}

// all are objectives with parameters of every size.
func all() []objective.Objective {
	var list []objective.Objective
	for _, k := range objective.Kinds() {
		list = append(list, k.Default())
	}
	return append(list, objective.MINE.With(1), objective.SMILE.With(0.1), objective.SMILE.With(math.Inf(1)),
		objective.NCE.With(0.25), objective.NCE.With(8))
}

// TestKnownValues has scores whose objectives are known in closed form: mean J = 1,
// mean e^M = 2.
func TestKnownValues(t *testing.T) {
	ln2, ln3 := math.Ln2, math.Log(3)
	joint, marginal := []float64{0, 2}, []float64{0, ln3}
	sigma := func(t float64) float64 { return 1 / (1 + math.Exp(-t)) }
	for _, c := range []struct {
		o      objective.Objective
		before objective.Average
		value  float64
		a, b   []float64
		after  objective.Average
	}{
		{o: objective.DV.Default(), value: 1 - ln2, a: []float64{0.5, 0.5}, b: []float64{0.25, 0.75}},
		{o: objective.MINE.With(0.25), value: 1 - ln2, a: []float64{0.5, 0.5}, b: []float64{0.25, 0.75},
			after: objective.Average{Log: ln2, Started: true}},
		// ema = 3/4 * 6 + 1/4 * 2 = 5
		{o: objective.MINE.With(0.25), before: objective.Average{Log: math.Log(6), Started: true}, value: 1 - ln2,
			a: []float64{0.5, 0.5}, b: []float64{0.1, 0.3}, after: objective.Average{Log: math.Log(5), Started: true}},
		{o: objective.NWJ.Default(), value: 1 - 2/math.E, a: []float64{0.5, 0.5}, b: []float64{0.5 / math.E, 1.5 / math.E}},
		{o: objective.JS.Default(), value: -(ln2+math.Log(1+math.Exp(-2)))/2 - (ln2+math.Log(4))/2,
			a: []float64{0.25, 0.5 * sigma(-2)}, b: []float64{0.25, 0.375}},
		// exp of the clipped marginal scores is 1 and 2.
		{o: objective.SMILE.With(ln2), value: 1 - math.Log(1.5), a: []float64{0.25, 0.5 * sigma(-2)}, b: []float64{0.25, 0.375}},
		// Odds of J: 1/2 and e^2/2, of M: 1/2 and 3/2.
		{o: objective.NCE.With(2), value: (math.Log(1.0/3)+math.Log(sigma(2-ln2)))/2 - 2*(math.Log(1.5)+math.Log(2.5))/2,
			a: []float64{1.0 / 3, 0.5 * sigma(ln2-2)}, b: []float64{1.0 / 3, 0.6}},
	} {
		// A few operations on numbers of order 1.
		const tol = 1e-15
		if got := c.o.Value(joint, marginal); math.Abs(got-c.value) > tol {
			t.Errorf("%v: value %v, want %v", c.o, got, c.value)
		}
		a, b := make([]float64, 2), make([]float64, 2)
		after := c.o.Weights(joint, marginal, a, b, c.before)
		for i := range a {
			if math.Abs(a[i]-c.a[i]) > tol || math.Abs(b[i]-c.b[i]) > tol {
				t.Errorf("%v: weights %v and %v, want %v and %v", c.o, a, b, c.a, c.b)
				break
			}
		}
		if after.Started != c.after.Started || math.Abs(after.Log-c.after.Log) > tol {
			t.Errorf("%v: average %+v, want %+v", c.o, after, c.after)
		}
	}
}

// TestWeights compares the weights with central differences of the value, which are
// off by h^2/6 of the third derivative over n, and by 2^-53/h: 1e-10 together. MINE
// with rate 1 has the gradient of its value; SMILE has that of JS instead.
func TestWeights(t *testing.T) {
	const h = 1e-5
	for _, o := range all() {
		if o.Kind == objective.MINE && o.Param != 1 {
			continue
		}
		of := o
		if o.Kind == objective.SMILE {
			of = objective.JS.Default()
		}
		joint, marginal := scores(5, 15, 2, 3)
		a, b := make([]float64, len(joint)), make([]float64, len(marginal))
		o.Weights(joint, marginal, a, b, objective.Average{})
		difference := func(at *float64) float64 {
			old := *at
			*at = old + h
			up := of.Value(joint, marginal)
			*at = old - h
			down := of.Value(joint, marginal)
			*at = old
			return (up - down) / (2 * h)
		}
		for i := range joint {
			if want := difference(&joint[i]); math.Abs(a[i]-want) > 1e-9 {
				t.Errorf("%v: a[%d] = %v, want %v", o, i, a[i], want)
			}
		}
		for j := range marginal {
			if want := -difference(&marginal[j]); math.Abs(b[j]-want) > 1e-9 {
				t.Errorf("%v: b[%d] = %v, want %v", o, j, b[j], want)
			}
		}
	}
}

// TestRelations: NWJ is at most DV for the same scores; NCE with weight 1 is JS, and
// SMILE without a clip DV, to the last bit.
func TestRelations(t *testing.T) {
	for seed := range uint64(50) {
		joint, marginal := scores(20, 60, 3, seed)
		dv, nwj := objective.DV.Default().Value(joint, marginal), objective.NWJ.Default().Value(joint, marginal)
		if nwj > dv {
			t.Errorf("NWJ %v exceeds DV %v", nwj, dv)
		}
		if js, nce := objective.JS.Default().Value(joint, marginal), objective.NCE.With(1).Value(joint, marginal); js != nce {
			t.Errorf("JS %v, NCE %v", js, nce)
		}
		if smile := objective.SMILE.With(math.Inf(1)).Value(joint, marginal); smile != dv {
			t.Errorf("SMILE %v, DV %v", smile, dv)
		}
	}
}

// TestExtremes: values and weights are finite, or infinite by their definition,
// where e^T is not finite.
func TestExtremes(t *testing.T) {
	for _, o := range all() {
		for _, size := range []float64{1e4, -1e4} {
			joint, marginal := []float64{size, -size, 0}, []float64{size, size / 2, -size}
			a, b := make([]float64, 3), make([]float64, 3)
			after := o.Weights(joint, marginal, a, b, objective.Average{Log: 3, Started: true})
			v := o.Value(joint, marginal)
			if math.IsNaN(v) || math.IsInf(v, 0) != (o.Kind == objective.NWJ) {
				t.Errorf("%v at %v: value %v", o, size, v)
			}
			if math.IsNaN(after.Log) || math.IsInf(after.Log, 0) {
				t.Errorf("%v at %v: average %v", o, size, after.Log)
			}
			for i := range a {
				if math.IsNaN(a[i]+b[i]) || math.IsInf(a[i], 0) || math.IsInf(b[i], 0) && o.Kind != objective.NWJ {
					t.Errorf("%v at %v: weights %v and %v", o, size, a, b)
					break
				}
			}
		}
		if v := o.Value(nil, []float64{1}); !math.IsNaN(v) {
			t.Errorf("%v without joint scores: %v, want NaN", o, v)
		}
		if v := o.Value([]float64{1}, nil); !math.IsNaN(v) {
			t.Errorf("%v without marginal scores: %v, want NaN", o, v)
		}
		if v := o.Value([]float64{1}, []float64{0, math.NaN()}); !math.IsNaN(v) {
			t.Errorf("%v with a score that is not a number: %v, want NaN", o, v)
		}
	}
	if v := objective.LogMeanExp([]float64{math.Inf(-1), math.Inf(-1)}); !math.IsInf(v, -1) {
		t.Errorf("log-mean-exp of -Inf is %v", v)
	}
	for _, scores := range [][]float64{{math.NaN()}, {math.NaN(), 1}, {1, math.NaN()}, {math.Inf(1), math.NaN()}} {
		if v := objective.LogMeanExp(scores); !math.IsNaN(v) {
			t.Errorf("log-mean-exp of %v is %v", scores, v)
		}
	}
}

// TestConstant: no critic that scores all pairs alike does better than the one of
// Constant, and Idle is its value.
func TestConstant(t *testing.T) {
	for _, o := range all() {
		value := func(c float64) float64 { return o.Value([]float64{c}, []float64{c}) }
		best := o.Kind.Constant()
		if o.Kind == objective.NCE {
			// The best score is 0 only in the balance of both terms.
			best = 0
		}
		if got := o.Idle(); math.Abs(got-value(best)) > 1e-15 {
			t.Errorf("%v: idle value %v, want %v", o, got, value(best))
		}
		for _, by := range []float64{-0.5, 0.5} {
			// SMILE's value does not change with a constant, up to the clip.
			if o.Kind != objective.SMILE && value(best+by) > value(best)+1e-15 {
				t.Errorf("%v: %v at %v, more than %v at %v", o, value(best+by), best+by, value(best), best)
			}
		}
	}
}

// TestAverage follows the moving average and its logarithm side by side.
func TestAverage(t *testing.T) {
	const alpha = 0.1
	var avg objective.Average
	var plain float64
	for step, lme := range []float64{0.5, -2, 3, 0, 1} {
		if avg = avg.Next(lme, alpha); step == 0 {
			plain = math.Exp(lme)
		} else {
			plain = (1-alpha)*plain + alpha*math.Exp(lme)
		}
		if math.Abs(avg.Log-math.Log(plain)) > 1e-14 {
			t.Errorf("step %d: %v, want %v", step, avg.Log, math.Log(plain))
		}
	}
}

func TestText(t *testing.T) {
	for _, o := range all() {
		text, err := o.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back objective.Objective
		if err := back.UnmarshalText(text); err != nil || back != o {
			t.Errorf("%s is read as %v, error %v", text, back, err)
		}
	}
	for text, want := range map[string]objective.Objective{
		"js": objective.JS.Default(), "mine": objective.MINE.With(0.01), "mine:0.5": objective.MINE.With(0.5),
		"smile:inf": objective.SMILE.With(math.Inf(1)), "nce:1e1": objective.NCE.With(10),
	} {
		var got objective.Objective
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%q is read as %v, error %v, want %v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"": `""`, "DV": `"DV"`, "tanh": "dv, mine[:rate], nwj", "js:1": "no parameter", "mine:0": "rate of objective mine is 0",
		"mine:": `rate of objective mine is ""`, "mine:x": `is "x"`, "smile:-1": "tau", "nce:inf": "nu", "nce:nan": "nu",
	} {
		o := objective.NWJ.Default()
		if err := o.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), want) || o != objective.NWJ.Default() {
			t.Errorf("%q made %v, error %v, want one about %s", text, o, err, want)
		}
	}
	for _, wrong := range []objective.Objective{{Kind: 99}, objective.DV.With(1), objective.MINE.With(2), objective.NCE.With(math.NaN())} {
		if _, err := wrong.MarshalText(); err == nil {
			t.Errorf("%v has a text", wrong)
		}
	}
	if err := objective.Kind(99).Default().Validate(); !errors.Is(err, objective.ErrUnknown) {
		t.Errorf("%v, want ErrUnknown", err)
	}
	if got := objective.Kind(9).String(); got != "unknown(9)" {
		t.Errorf("kind 9 is called %q", got)
	}
}

func ExampleObjective_Value() {
	joint := []float64{2, 1, 3}       // scores of rows that belong together
	marginal := []float64{-1, 0, 0.5} // and of rows that do not
	for _, name := range []string{"dv", "nwj", "smile:0.5"} {
		var o objective.Objective
		if err := o.UnmarshalText([]byte(name)); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%v: %.3f nats\n", o, o.Value(joint, marginal))
	}
	// Output:
	// dv: 1.994 nats
	// nwj: 1.630 nats
	// smile:0.5: 1.918 nats
}
