package mine

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gomine/mine/preprocess"
)

const (
	// ceilingMargin is how far below ln(test rows) an estimate is still taken
	// at its word: at a nat and a half some twenty test pairs carry the
	// exponential mean.
	ceilingMargin = 1.5

	// climbingGain is the relative gain of the validation bound over the last
	// quarter of the steps that is worth training longer for.
	climbingGain = 0.03

	// fewTestRows is where a standard error from an average of squares is
	// itself known to some 5% only, and heavy tails go unseen.
	fewTestRows = 200
)

// warnings judges a result. called is what the sides are called; determined says which columns determine each other, if
// any do; validation is the bound of the critic on the validation rows.
func warnings(r *Result, called [2]string, determined string, validation float64) []Warning {
	var out []Warning
	warn := func(code WarningCode, format string, args ...any) {
		out = append(out, Warning{code, fmt.Sprintf(format, args...)})
	}
	ended := fmt.Sprintf("with %d of %d folds: this is the best so far", len(r.Folds), r.Config.Folds)
	switch r.Stop {
	case StopFailed:
		warn(WarnInterrupted, "the backend failed %s, tested on the CPU", ended)
	case StopInterrupted:
		warn(WarnInterrupted, "interrupted %s", ended)
	case StopCheckpoint:
		warn(WarnInterrupted, "a checkpoint could not be written %s", ended)
	}
	if left := r.Config.Folds - len(r.Folds); left > 0 && !r.Stop.Early() {
		warn(WarnFolds, "%d of %d folds are left out, and their rows not tested on: there one side does not vary among the training rows, or all training diverged",
			left, r.Config.Folds)
	}
	for _, c := range []struct {
		side string
		preprocess.Summary
	}{{called[0], r.X}, {called[1], r.Z}} {
		if len(c.Constant) > 0 {
			warn(WarnConstant, "dropped %s of %s: constant on the training rows", list(c.Constant), c.side)
		}
		if len(c.Rare) > 0 {
			warn(WarnRare, "dropped %s of %s: none of the codes has ten training rows to learn from; join codes that are alike", list(c.Rare), c.side)
		}
		for _, s := range c.Sentinels {
			warn(WarnSentinel, "%s of %s is %g in %d training rows, and %g to %g in all others: if that stands for a missing value, it counts as a number here", s.Name, c.side, s.Value, s.Rows, s.Min, s.Max)
		}
		if text := idsText(c.Summary, c.side, r); text != "" {
			warn(WarnIDs, "%s: nothing can be learnt from values that are seen once, as ids are; leave them out, or join codes that are alike", text)
		}
		if len(c.Merged) > 0 {
			warn(WarnMerged, "%s of %s: different values became one when they were read, so information is lost; subtract an offset, or take the logarithm, before the data are written", list(c.Merged), c.side)
		}
	}
	if determined != "" {
		warn(WarnDeterministic, "%s: I(X;Z) is infinite if they are continuous, and every finite estimate then only says how many rows there are", determined)
	}
	switch {
	case validation <= 0 && r.LowerBound <= 0:
		warn(WarnNothing, "no critic scored above zero on the validation rows: either X and Z are independent, or these rows and this network cannot show the dependence")
	case r.Estimate > math.Log(float64(r.Rows.Test))-ceilingMargin:
		limit, where := math.Log(float64(r.Rows.Test)), "near"
		if r.Estimate > limit {
			where = "above"
		}
		warn(WarnCeiling, "the estimate is %s ln(test rows) = %.1f nats, above which no estimate from samples can be trusted (McAllester and Stratos 2020), nor an interval: I(X;Z) may be larger, even infinite; more rows raise the limit", where, limit)
	}
	if r.Stop == StopSchedule && climbing(r.Curve, r.StdErr) {
		warn(WarnClimbing, "the validation bound still rose when training ended: more steps are likely to raise the estimate")
	}
	if determined == "" && r.missed() {
		warn(WarnNeighbours, "k nearest neighbours find more (%.3f nats, standard error %.3f, of %d rows): the critics may have missed fast or local dependence; more rows and more steps help them",
			r.Neighbours.Estimate, r.Neighbours.StdErr, r.Neighbours.Rows)
	}
	if gap := r.Estimate - r.NWJ; gap > 2*r.StdErr && gap > 0.02 {
		warn(WarnUnstable, "the exponential mean differs between validation and test rows (the NWJ bound is %.3f nats): a few pairs dominate it, and the estimate may be too high; more rows help", r.NWJ)
	}
	tested := 0
	for _, f := range r.Folds {
		tested += f.Rows
	}
	if tested < fewTestRows {
		warn(WarnFewRows, "only %d test rows: the standard error is itself uncertain", tested)
	}
	for _, c := range r.Critics {
		if c.Failed > 0 {
			warn(WarnDiverged, "%d of %d trainings of %v diverged, and have no say: lower the learning rate, now %g",
				c.Failed, len(c.Steps), c.Candidate, r.Config.LearningRate)
		}
	}
	return out
}

// idsText says which columns of a side hold ids; whole numbers of which something was learnt
// do not.
func idsText(c preprocess.Summary, side string, r *Result) string {
	var texts []string
	for _, name := range c.IDs {
		i := slices.IndexFunc(c.Codes, func(codes preprocess.Coded) bool { return codes.Name == name })
		switch {
		case i >= 0:
			texts = append(texts, fmt.Sprintf("%s of %s has %d codes in %d training rows, most of which have one of the %d that share an input",
				name, side, c.Codes[i].Distinct, r.Rows.Train, c.Codes[i].Pooled))
		case r.LowerBound <= 0:
			texts = append(texts, fmt.Sprintf("%s of %s has another whole number in nearly every row", name, side))
		}
	}
	const most = 3
	if more := len(texts) - most; more > 0 {
		texts = append(texts[:most], fmt.Sprintf("and so with %d more columns", more))
	}
	return strings.Join(texts, "; ")
}

// climbing reports whether the last quarter of the steps raised the best
// validation bound by more than the noise and by a share worth having.
func climbing(curve []Point, stdErr float64) bool {
	if len(curve) < 8 {
		return false
	}
	last := curve[len(curve)-1].Step
	before, all := 0.0, 0.0
	for _, p := range curve {
		if 4*p.Step <= 3*last {
			before = math.Max(before, p.Validation)
		}
		all = math.Max(all, p.Validation)
	}
	return all-before > math.Max(stdErr, climbingGain*all)
}

// list names a few columns.
func list(names []string) string {
	const most = 5
	noun := "column "
	if len(names) > 1 {
		noun = "columns "
	}
	if len(names) > most {
		return fmt.Sprintf("%s%s and %d more", noun, strings.Join(names[:most], ", "), len(names)-most)
	}
	return noun + strings.Join(names, ", ")
}
