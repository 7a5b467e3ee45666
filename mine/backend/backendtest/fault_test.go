package backendtest

import (
	"fmt"
	"testing"
)

// faults are wrong backends and the rule that must notice.
var faults = []struct{ fault, rule string }{
	{"seed ignored", "batch"},
	{"cycle reversed", "batch"},
	{"marginal pairs by a shift", "batch"},
	{"step counter of 32 bits", "batch"},
	{"marginal pairs by a shuffle with fixed points", "derangement"},
	{"the same order in every epoch", "epochs"},
	{"rows drawn with replacement", "epochs"},

	{"Scores swaps the indices", "scores"},
	{"Scores rounds up to a vector", "scores"},
	{"products of bfloat16", "scores"},
	{"softplus by a naive logarithm", "scores"},

	{"weights ignored", "input gradients"},
	{"gradients summed over equal rows", "input gradients"},
	{"padding overwritten", "input gradients"},
	{"slope of ELU", "input gradients"},
	{"leaky ReLU", "input gradients"},

	{"sign of b", "gradient"},
	{"no gradient of the first bias", "gradient"},
	{"no gradient of the second bias", "gradient"},
	{"start of the training range ignored", "gradient"},
	{"batch reported is not the one used", "gradient"},
	{"step counter of 32 bits", "gradient"},
	{"logarithm in NWJ", "gradient"},
	{"products of bfloat16", "gradient"},
	{"slope of ELU", "gradient"},
	{"leaky ReLU", "gradient"},
	{"Gradient writes beyond its array", "gradient"},

	{"dV/dx without marginal pairs", "objective gradients"},
	{"dV/dz of the pair's own row", "objective gradients"},
	{"rows of the derivatives reversed", "objective gradients"},
	{"derivatives summed and not averaged", "objective gradients"},
	{"MINE's weights without its moving average", "objective gradients"},
	{"moving average not started at the first value", "objective gradients"},
	{"start of the training range ignored", "objective gradients"},
	{"step counter of 32 bits", "objective gradients"},
	{"log-mean-exp by a naive sum", "objective gradients"},
	{"products of bfloat16", "objective gradients"},
	{"slope of ELU", "objective gradients"},
	{"leaky ReLU", "objective gradients"},
	{"padding overwritten", "objective gradients"},
	{"ObjectiveGradients advances the step", "objective gradients"},
	{"ObjectiveGradients updates the moving average", "objective gradients"},
	{"dV/dx without marginal pairs", "shift"},
	{"no gradient of the first bias", "shift"},

	{"moving average not started at the first value", "moving average"},
	{"moving average used before its update", "moving average"},
	{"moving average of the wrong rate", "moving average"},
	{"moving average of logarithms", "moving average"},
	{"moving average by naive exponentials", "extreme scores"},
	{"log-mean-exp by a naive sum", "extreme scores"},
	{"softplus by a naive logarithm", "extreme scores"},

	{"logarithm in NWJ", "bounds"},
	{"Gradient advances the step", "gradient is pure"},
	{"Gradient updates the moving average", "gradient is pure"},
	{"not initially zero", "initial state"},

	{"descent", "step"},
	{"no bias correction", "step"},
	{"bias correction one step late", "step"},
	{"bias correction counts from the call", "step"},
	{"bias correction counts from the trainer", "step"},
	{"step counter of 32 bits", "step"},
	{"moments of the wrong rate", "step"},
	{"epsilon under the root", "step"},
	{"no decay", "step"},
	{"decay of biases", "step"},
	{"decay only of matrices with many columns", "step"},
	{"decay through the gradient", "step"},
	{"decay after the update", "step"},
	{"value after the update", "step"},
	{"moving average used before its update", "step"},
	{"one rate for all steps", "trajectory"},
	{"bias correction counts from the call", "chunks"},
	{"no bias correction", "trajectory"},
	{"decay of biases", "trajectory"},
	{"NaN ends training", "values"},

	{"the next entry again for every marginal pair", "marginal pairs"},
	{"every second entry for marginal pairs", "marginal pairs"},
	{"marginal weights over the batch alone", "marginal pairs"},
	{"SMILE without its clip", "parameters"},
	{"NCE without its weight", "parameters"},
	{"index of the training rows ignored", "index"},
	{"index of the evaluated rows ignored", "index"},
	{"gradients not clipped", "clipping"},
	{"gradients clipped block by block", "clipping"},
	{"clip by the square of the norm", "clipping"},

	{"parameters of a scorer aliased", "scorer"},
	{"scorer without its last parameter", "scorer"},
	{"parameters of a scorer not checked", "scorer's errors"},
	{"closed trainer works", "scorer's errors"},
	{"capabilities that change", "capabilities"},
	{"capabilities not checked", "capabilities"},

	{"permutations the other way round", "evaluate"},
	{"cycles for permutations", "evaluate"},
	{"scores of all pairings in the first", "evaluate"},
	{"variance of g without its mean", "evaluate"},
	{"no variance of g", "evaluate"},
	{"influence without the mean of w", "evaluate"},
	{"index of the evaluated rows ignored", "evaluate"},
	{"w without v", "evaluate"},
	{"w with v of the successor", "evaluate"},
	{"w of logarithms", "evaluate"},
	{"variance over n-1", "evaluate"},
	{"largest score starts at zero", "evaluate extreme scores"},
	{"largest score only of the joint pairs", "evaluate"},
	{"largest score only of the marginal pairs", "evaluate"},
	{"pairs do not count the cycles", "evaluate"},
	{"one cycle for all pairings", "evaluate"},
	{"cycles of an evaluation reversed", "evaluate"},
	{"seed of the evaluation ignored", "evaluate"},
	{"JS without marginal pairs", "evaluate"},
	{"start of the evaluated range ignored", "evaluate"},
	{"Evaluate evaluates the training data", "evaluate"},
	{"log-mean-exp by a naive sum", "evaluate extreme scores"},
	{"variance by the difference of squares in float32", "evaluate extreme scores"},
	{"finite only looks at the joint pairs", "not finite"},
	{"finite only looks at the marginal pairs", "not finite"},

	{"not deterministic", "repeat"},
	{"seed ignored", "seed"},
	{"SetState keeps M", "resume"},
	{"SetState keeps V", "resume"},
	{"SetState keeps Step", "resume"},
	{"SetState keeps LogEMA", "resume"},
	{"bias correction counts from the trainer", "resume"},
	{"Evaluate overwrites a moment", "interleave"},
	{"Gradient advances the step", "interleave"},
	{"ObjectiveGradients advances the step", "interleave"},

	{"bias correction counts from the backend", "sharing"},
	{"no device", "description"},
	{"stride ignored", "stride"},
	{"padding overwritten", "stride"},
	{"data modified", "inputs"},
	{"rates modified", "inputs"},
	{"indices modified", "inputs"},
	{"State aliased", "copies"},
	{"SetState aliased", "copies"},
	{"spec aliased", "copies"},

	{"Replace does nothing", "replace"},
	{"Replace leaves z", "replace"},
	{"Replace copies into the old arrays", "replace"},
	{"Replace keeps the old stride", "replace"},
	{"other rows replace", "replace errors"},
	{"other columns replace", "replace errors"},
	{"Replace writes before it checks", "replace errors"},

	{"rows of x and z not compared", "load errors"},
	{"spec not validated", "spec errors"},
	{"training range not checked", "spec errors"},
	{"long values accepted", "argument errors"},
	{"evaluation of one row accepted", "argument errors"},
	{"indices of z not checked", "argument errors"},
	{"output matrices not validated", "argument errors"},
	{"columns of other data not checked", "argument errors"},
	{"foreign data not checked", "argument errors"},
	{"Scores writes before it checks", "argument errors"},
	{"ObjectiveGradients writes before it checks", "argument errors"},
	{"SetState writes before it checks", "argument errors"},

	{"closed trainer works", "closed"},
	{"closed data works", "closed"},
	{"closed backend works", "closed"},
	{"closed backend loads", "closed"},
	{"closed data replaced", "closed"},
	{"second Close of the backend fails", "closed"},
	{"second Close of the trainer fails", "closed"},

	{"cancellation ignored", "cancel"},
	{"cancellation is no error", "cancel"},
	{"steps done miscounted on cancellation", "cancel"},
	{"state lost on cancellation", "cancel"},

	{"no bias of the outputs", "model forward"},
	{"outputs activated", "model forward"},
	{"products of bfloat16", "model forward"},
	{"softplus by a naive logarithm", "model forward"},
	{"stride ignored", "model forward"},
	{"padding overwritten", "model forward"},
	{"Forward rounds up to a tile", "model forward"},
	{"data modified", "model forward"},

	{"no gradient of the first bias", "model gradient"},
	{"products of bfloat16", "model gradient"},
	{"slope of ELU", "model gradient"},
	{"leaky ReLU", "model gradient"},
	{"Backward reads x", "model gradient"},
	{"Backward wants dx", "model gradient"},
	{"stride of dy ignored", "model gradient"},
	{"dV/dy modified", "model gradient"},
	{"padding overwritten", "model gradient"},
	{"Gradient writes beyond its array", "model gradient"},

	{"InputGradients adds to the gradient", "model input gradients"},
	{"InputGradients forgets the gradient", "model input gradients"},
	{"slope of ELU", "model input gradients"},
	{"leaky ReLU", "model input gradients"},
	{"products of bfloat16", "model input gradients"},

	{"Backward overwrites the gradient", "model passes"},
	{"Backward takes all rows of the model", "model passes"},
	{"Backward ends the pass", "model passes"},
	{"InputGradients ends the pass", "model passes"},
	{"Gradient forgets the gradient", "model passes"},

	{"descent", "model update"},
	{"no bias correction", "model update"},
	{"bias correction one step late", "model update"},
	{"bias correction counts from the trainer", "model update"},
	{"step counter of 32 bits", "model update"},
	{"moments of the wrong rate", "model update"},
	{"epsilon under the root", "model update"},
	{"no decay", "model update"},
	{"decay of biases", "model update"},
	{"decay only of matrices with many columns", "model update"},
	{"decay through the gradient", "model update"},
	{"decay after the update", "model update"},
	{"scale ignored", "model update"},
	{"scale of the rate", "model update"},
	{"sign of the scale ignored", "model update"},
	{"Update keeps the gradient", "model update"},
	{"Update without a gradient does nothing", "model update"},
	{"SetState multiplies the gradient by zero", "model update"},

	{"not initially zero", "model initial state"},
	{"not deterministic", "model repeat"},
	{"bias correction counts from the backend", "model repeat"},
	{"SetState keeps M", "model resume"},
	{"SetState keeps V", "model resume"},
	{"SetState keeps Step", "model resume"},
	{"SetState keeps LogEMA", "model resume"},
	{"SetState keeps the gradient", "model resume"},
	{"SetState keeps the pass", "model resume"},
	{"bias correction counts from the trainer", "model resume"},
	{"State aliased", "model copies"},
	{"SetState aliased", "model copies"},
	{"spec aliased", "model copies"},

	{"spec of a model not validated", "model spec errors"},
	{"rows of a model not compared", "model argument errors"},
	{"columns of a model not compared", "model argument errors"},
	{"output matrices not validated", "model argument errors"},
	{"long gradients of a model accepted", "model argument errors"},
	{"Forward writes before it checks", "model argument errors"},
	{"Forward ends the pass before it checks", "model argument errors"},
	{"Backward writes before it checks", "model argument errors"},
	{"Backward without a Forward", "model argument errors"},
	{"Update keeps the pass", "model argument errors"},
	{"SetState keeps the pass", "model argument errors"},
	{"SetState forgets before it checks", "model argument errors"},

	{"closed model works", "model closed"},
	{"closed backend works", "model closed"},
	{"closed backend makes models", "model closed"},
	{"second Close of the model fails", "model closed"},
	{"cancellation ignored", "model cancel"},
}

func TestRulesFindFaults(t *testing.T) {
	byName := map[string]rule{}
	covered := map[string]bool{}
	for _, r := range rules() {
		if _, taken := byName[r.name]; taken {
			t.Errorf("two rules are called %q", r.name)
		}
		byName[r.name] = r
	}
	for _, f := range faults {
		t.Run(f.rule+"/"+f.fault, func(t *testing.T) {
			r, ok := byName[f.rule]
			if !ok {
				t.Fatalf("no rule is called %q", f.rule)
			}
			covered[f.rule] = true
			found, err := r.find(f.fault)
			if err == nil {
				t.Fatalf("none of %d cases noticed", len(r.cases()))
			}
			t.Logf("%s: %v", found, err)
		})
	}
	for name := range byName {
		if !covered[name] {
			t.Errorf("no fault tests rule %q", name)
		}
	}
}

// find returns the first case that notices the fault. A panic counts: it fails
// the test that Run is called from.
func (r rule) find(fault string) (name string, err error) {
	b := &plain[float32]{fault: fault}
	for _, c := range r.cases() {
		if r.isolated {
			b = &plain[float32]{fault: fault}
		}
		if err := c.try(subject{b, Float32}); err != nil {
			return c.name, err
		}
	}
	return "", nil
}

func (c testCase) try(s subject) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return c.run(s)
}
