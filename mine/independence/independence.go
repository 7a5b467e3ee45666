// Package independence tests whether X and Z are independent, by critics and permutations.
//
// # The test
//
// The rows are cut into parts D_0, D_1, .. D_K. For each f from 1 on, critics are trained on
// D_0 .. D_(f-1), as mine.Fit trains them, and score pairs of D_f by T, an estimate of
// log p(x,z)/p(x)p(z). With rows paired as they are, and by B random permutations pi_b,
//
//	S(pi) = mean_i tanh( T(x_i, z_pi(i)) / 2 ),   p_f = (1 + #{b: S(pi_b) >= S(identity)}) / (1 + B)
//
// tanh(T/2) is the probability, from -1 to 1, that T gives to a pair for being one that was
// observed together: bounded, so that no row decides alone. Nothing is trained again. If X
// and Z are independent, all pairings of D_f are as likely, whatever the parts before it, and
// so p_f is at most u with a probability of at most u. The p_f then come together as those of
// independent tests (Fisher 1925):
//
//	p = P( chi^2 with 2K degrees of freedom >= -2 sum_f ln p_f )
//
// Where nothing is found, all weights of critics are 0, T is 0, every pairing has the same S, and p_f = 1. So then the critic of
// each fold with the highest bound on its validation rows speaks (mine.WithoutSilence): p_f is as exact, and
// tells more of a dependence that is nearly too weak. Where S is the same even so, as where no rows may be
// exchanged, p_f = 1 would take from the other parts. Where the first parts are so, they are left out, and K is smaller: given all rows up to them, the later p_f are as before. It
// would not do to leave out later ones, whose critics have learnt from how the rows of earlier parts are paired.
//
// # Why critics never learn from a later part
//
// Cross-fitting would test each part by critics of all the others, and add the statistics of the
// parts. Permutations of the test rows alone are then no null distribution of the sum: where critics
// learn what vectors r_f of many correlations chance makes in D_f, the part f adds
// r_f . sum_(g != f) r_g. Every product r_f . r_g is there twice, with the same sign, which the
// permutations do not know: the variance is twice theirs, and a level of 5% becomes up to
// P(N(0,1) > 1.645/sqrt 2) = 12%.
//
// # Strata
//
// With strata, such as the values of a column of codes Y, rows are exchanged within each of them alone, which tests whether X
// and Z are independent given Y, and is as exact. A stratum is in one part as a whole, but for large ones, which are cut in pieces
// of up to 20 rows, that are exchanged apart. Rows of a stratum of their own train critics. Which rows are in which part follows
// from Y alone.
//
// # Rows that depend on each other
//
// Groups that belong together are exchanged as wholes, which needs groups of one size: the
// test is of whether groups of x and of z are independent, and as exact. In a series, as
// mine.Split finds it, z is rotated against x around D_f, by more than a correlation time; that is
// approximate, for the ends of D_f meet, and rotations are alike. Copies of rows, and series
// too short to tell, are errors.
package independence

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/dependence"
)

// Data are paired rows of x and z.
type Data struct {
	X, Z   column.Source
	Groups []int // which rows belong together, as for mine.WithGroups; nil for none
	// Strata says which rows may be exchanged with each other, those of one number: if X and Z are independent
	// in each stratum, the p-value is exact, though over all of them they may depend on each other. nil for one.
	Strata []int
}

// Config says how to test. Start from DefaultConfig.
type Config struct {
	Permutations int         `json:"permutations"` // B, of each part that is tested on
	Estimate     mine.Config `json:"estimate"`     // of the estimate, and of the critics
}

// leastPermutations can show a p-value of .05.
const leastPermutations = 19

// DefaultConfig returns settings for data of the given number of rows: 999 permutations, and
// critics of mine.Fast.
func DefaultConfig(rows int) Config { return ConfigFor(rows, mine.Fast) }

// ConfigFor is DefaultConfig with critics of another effort.
func ConfigFor(rows int, effort mine.Effort) Config {
	return Config{Permutations: 999, Estimate: mine.ConfigFor(rows, effort)}
}

// Validate reports the first field that cannot be used, as a *mine.FieldError.
func (c Config) Validate() error {
	if c.Permutations < leastPermutations {
		return &mine.FieldError{Field: "permutations", Value: c.Permutations, Want: fmt.Sprintf("at least %d, to show a p-value of .05", leastPermutations)}
	}
	return c.Estimate.Validate()
}

// Pairing is what is put together anew in a permutation.
type Pairing string

const (
	Rows      Pairing = "rows"      // rows are exchanged with each other: exact
	Strata    Pairing = "strata"    // rows of one stratum are exchanged with each other: exact
	Groups    Pairing = "groups"    // groups of rows of one size are: exact
	Rotations Pairing = "rotations" // series are rotated against each other: approximate
)

// A Result is a test, and the estimate beside it.
type Result struct {
	// PValue is how likely, if X and Z are independent, critics find as much in the test rows
	// as they do, or more.
	PValue  float64     `json:"p_value"`
	Pairing Pairing     `json:"pairing"`
	Exact   bool        `json:"exact"` // a level is kept whatever the number of rows, not only in large samples
	Parts   []Part      `json:"parts"`
	Effect  mine.Result `json:"estimate"` // of all rows
	// Doubts say why the p-value may be too small, see Doubts.
	Doubts []mine.Warning `json:"doubts,omitempty"`
	Config Config         `json:"config"`
}

// A Part is the test on one part of the rows.
type Part struct {
	Trained      int     `json:"trained"`      // rows before it, to train on
	Tested       int     `json:"tested"`       // rows of it
	Permutations int     `json:"permutations"` // fewer than asked for where a series has fewer rotations
	Statistic    float64 `json:"statistic"`    // S of the rows as they are
	Mean         float64 `json:"mean"`         // S of the permutations, on average
	PValue       float64 `json:"p_value"`
	// Silent is whether all pairings have the same S, as where no rows may be exchanged.
	Silent bool `json:"silent,omitempty"`
}

// Test estimates I(X;Z) and tests whether it is 0. The data are read several times and must not
// change meanwhile. The options are those of mine.Estimate, but for WithGroups.
// Data that no pairing suits make an error that wraps ErrPairing; too few rows, one that wraps
// mine.ErrTooFewSamples.
func Test(ctx context.Context, d Data, cfg Config, opts ...mine.Option) (Result, error) {
	if err := cfg.Validate(); err != nil {
		return Result{}, err
	}
	out := Result{Config: cfg}
	if d.Groups == nil && d.Strata == nil && column.Check(d.X) == nil && d.X.Rows() < leastTrained+leastTested {
		return out, tooFew(d.X.Rows()) // before the estimate asks for what does not help, such as fewer folds
	}
	var err error
	var p *plan
	if out.Effect, p, err = d.effect(ctx, cfg.Estimate, opts); err != nil {
		return out, err
	}
	cfg.Estimate.Batch = out.Effect.Config.Batch // which is what the result says
	if out.Doubts, err = Doubts(d, cfg.Estimate.Split); err != nil {
		return out, err
	}
	out.Pairing, out.Exact = p.pairing, p.pairing != Rotations && out.Doubts == nil
	for f, s := range p.stages {
		part, err := s.test(ctx, d, cfg, f, p, opts)
		if err != nil {
			return out, fmt.Errorf("independence: part %d of %d, of %d rows after %d: %w", f+1, len(p.stages), len(s.tested), len(s.trained), err)
		}
		out.Parts = append(out.Parts, part)
	}
	out.PValue = together(out.Parts)
	return out, nil
}

// together is the p-value of all parts, but for first ones that are silent; 1 if all are.
func together(parts []Part) float64 {
	for len(parts) > 0 && parts[0].Silent {
		parts = parts[1:]
	}
	if len(parts) == 0 {
		return 1
	}
	var logs float64
	for _, p := range parts {
		logs += math.Log(p.PValue)
	}
	return distuv.ChiSquared{K: 2 * float64(len(parts))}.Survival(-2 * logs)
}

// effect estimates I(X;Z), if there is a plan for the test.
func (d Data) effect(ctx context.Context, cfg mine.Config, opts []mine.Option) (r mine.Result, p *plan, err error) {
	e, err := mine.NewEstimator(ctx, d.X, d.Z, cfg, d.options(nil, opts)...)
	var groups *mine.GroupsError
	if errors.As(err, &groups) && groups.Given > 0 {
		return r, nil, fmt.Errorf("%w: %w", err, ErrPairing)
	}
	if err != nil {
		return r, nil, err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	if p, err = newPlan(d, e.Split(), cfg.Seed); err != nil {
		return r, nil, err
	}
	if err = e.Fit(ctx); err != nil {
		return r, nil, err
	}
	r, err = e.Result(ctx)
	return r, p, err
}

// WarnSeries says that rows of a series were exchanged as if they were independent.
const WarnSeries mine.WarningCode = "series"

// Doubts warns of rows that mine.SplitRandom takes for independent, and so are exchanged with each other,
// though both sides are series by their order: independent series are alike here and there by chance, and p-values
// are too small. Of groups, which are exchanged whatever the split, it looks at the first row of each.
func Doubts(d Data, split mine.SplitKind) ([]mine.Warning, error) {
	if d.Groups != nil {
		var first []int
		for _, g := range unitsOf(d.Groups) {
			first = append(first, g[0])
		}
		return doubts(column.Pick(d.X, first), column.Pick(d.Z, first),
			"groups that follow each other are alike, over about %.0f of them, as those of series are, but were exchanged as if they were independent: p-values, and q-values made of them, are too small, unless groups are independent and were only sorted by a column that is not selected")
	}
	if split != mine.SplitRandom {
		return nil, nil
	}
	return doubts(d.X, d.Z,
		"rows are correlated over about %.0f rows, as those of series are, but were taken for independent by a random split: p-values, and q-values made of them, are too small, unless rows are independent and were only sorted by a column that is not selected")
}

// doubts warns of two series in words with a place for their correlation time.
func doubts(x, z column.Source, words string) ([]mine.Warning, error) {
	found, err := dependence.Find(x, z)
	if err != nil || !found.Serial {
		return nil, err
	}
	return []mine.Warning{{Code: WarnSeries, Message: fmt.Sprintf(words, math.Ceil(found.Time))}}, nil
}

// options adds the groups of some rows, of all if rows is nil.
func (d Data) options(rows []int, opts []mine.Option) []mine.Option {
	if d.Groups == nil {
		return opts
	}
	groups := d.Groups
	if rows != nil {
		groups = make([]int, len(rows))
		for k, i := range rows {
			groups[k] = d.Groups[i]
		}
	}
	return append([]mine.Option{mine.WithGroups(groups)}, opts...)
}

// ErrPairing is wrapped by the error about rows that cannot be paired anew as if X and Z were
// independent.
var ErrPairing = errors.New("no permutation test of these rows")
