package main

import (
	"context"
	"fmt"
	"math"
	"path/filepath"

	"gonum.org/v1/gonum/floats"

	"gomine/bench/internal/experiment"
	"gomine/bench/internal/figure"
	"gomine/bench/internal/report"
	"gomine/mine/backend"
	"gomine/mine/objective"
	"gomine/mine/simulate"
)

const (
	stairDim   = 20
	stairBatch = 64
	stairSteps = 4000
	stairRate  = 5e-4
	stairEvery = 50 // steps between two estimates
	stairTest  = 8192

	// lost is the estimate, in nats, beyond which a critic has diverged for good.
	lost = 1000
)

// stairInfos is the information of each stair, in nats.
var stairInfos = []float64{2, 4, 6, 8, 10}

// stairLaws returns the laws of the stairs. The map is that of z alone.
func stairLaws(mapZ string) ([]*simulate.Task, error) {
	var laws []*simulate.Task
	for _, info := range stairInfos {
		law, err := simulate.New("gaussian", simulate.Params{Dim: stairDim, Info: info}, "", mapZ)
		if err != nil {
			return nil, err
		}
		laws = append(laws, law)
	}
	return laws, nil
}

// A stairEstimator reads the scores of a batch, all pairs of it, by one critic.
type stairEstimator struct {
	name string
	kind objective.Kind // that trained the critic
	tau  float64
}

var stairEstimators = []stairEstimator{
	{"DV", objective.DV, math.Inf(1)},
	{"NWJ", objective.NWJ, math.Inf(1)},
	{"SMILE, tau 1", objective.JS, 1},
	{"SMILE, tau 5", objective.JS, 5},
	{"SMILE, tau infinite", objective.JS, math.Inf(1)},
}

func (e stairEstimator) of(joint, marginal []float64) float64 {
	if e.kind == objective.NWJ {
		return ownBound(joint, marginal, e.kind)
	}
	return objective.SMILE.With(e.tau).Value(joint, marginal)
}

// A climb is what one estimator said on the way up.
type climb struct {
	Data      string `json:"data"`
	Estimator string `json:"estimator"`
	Seed      uint64 `json:"seed"`
	Steps     int    `json:"steps"` // of each stair
	Every     int    `json:"every"` // steps between two estimates
	// Estimates are from a batch of fresh rows each, nats. A critic that diverges
	// ends them early.
	Estimates []nats `json:"estimates"`
	// Bounds are from many fresh rows at the end of each stair: DV or, for a critic
	// that NWJ trained, that.
	Bounds  []nats `json:"bounds"`
	StdErrs []nats `json:"std_errs"`
}

// last returns the estimates in the last quarter of stair i, none if the critic
// had diverged by then.
func (c climb) last(i int) []float64 {
	n := c.Steps / c.Every
	if len(c.Estimates) < (i+1)*n {
		return nil
	}
	return floatsOf(c.Estimates[(i+1)*n-(n+3)/4 : (i+1)*n])
}

func repeatStairs(mapZ string) func(context.Context, *publishing) (experiment.Results, error) {
	return func(ctx context.Context, p *publishing) (experiment.Results, error) {
		name := "gaussian"
		if mapZ != "" {
			name = mapZ
		}
		laws, err := stairLaws(mapZ)
		if err != nil {
			return experiment.Results{}, err
		}
		steps, kinds := stairSteps, []objective.Kind{objective.DV, objective.NWJ, objective.JS}
		if p.quick {
			steps, kinds = part, kinds[2:]
		}
		var all []climb
		for _, kind := range kinds {
			for i := range p.seeds {
				more, err := climbStairs(ctx, p.backend, laws, kind, steps, p.pairs()/4, p.first+uint64(i))
				if err != nil {
					return experiment.Results{}, fmt.Errorf("%v: %w", kind, err)
				}
				for _, c := range more {
					c.Data = name
					fmt.Fprintf(p.log, "%-10s %-20s seed %d ", c.Data, c.Estimator, c.Seed)
					for i := range stairInfos {
						if last := c.last(i); last != nil {
							mean, spread := meanSpread(last)
							fmt.Fprintf(p.log, "  %6.2f ± %.2f", mean, spread)
						}
					}
					fmt.Fprintf(p.log, "  bounds %.2f\n", c.Bounds)
					all = append(all, c)
				}
			}
		}
		return experiment.Results{Data: all, Markdown: stairTable(all), Pictures: func(dir string) error {
			return figure.Save(filepath.Join(dir, "published-smile-"+name+".png"), 2, stairPanels(all)...)
		}}, nil
	}
}

// climbStairs trains one critic up the stairs and returns what its estimators say.
func climbStairs(ctx context.Context, b backend.Backend, laws []*simulate.Task, kind objective.Kind, steps, pairs int, seed uint64) ([]climb, error) {
	c := newCritic(b, laws[0], []int{256, 256, 256}, backend.ReLU, kind, stairBatch, seed)
	var estimators []stairEstimator
	var climbs []climb
	for _, e := range stairEstimators {
		if e.kind == kind {
			estimators = append(estimators, e)
			climbs = append(climbs, climb{Estimator: e.name, Seed: seed, Steps: steps, Every: stairEvery})
		}
	}
	for _, law := range laws {
		c.rows.law = law
		for range steps / part {
			if err := c.climbPart(ctx, estimators, climbs); err != nil {
				return nil, err
			}
			for _, cl := range climbs {
				v := float64(cl.Estimates[len(cl.Estimates)-1])
				if !(math.Abs(v) < lost) {
					return climbs, nil
				}
			}
		}
		ev, err := c.evaluate(ctx, stairTest, pairs)
		if err != nil {
			return nil, err
		}
		r, err := bound(ev, kind)
		if err != nil {
			return climbs, nil // diverged
		}
		for i := range climbs {
			climbs[i].Bounds, climbs[i].StdErrs = append(climbs[i].Bounds, nats(r.value)), append(climbs[i].StdErrs, nats(r.stdErr))
		}
	}
	return climbs, nil
}

// climbPart trains for one part of a stair and estimates on the way, from rows
// that no step sees.
func (c *critic) climbPart(ctx context.Context, estimators []stairEstimator, climbs []climb) error {
	x, z, err := c.rows.draw(part / stairEvery * stairBatch)
	if err != nil {
		return err
	}
	data, err := c.backend.Load(x, z)
	if err != nil {
		return err
	}
	defer data.Close()
	lo := 0
	return c.train(ctx, part, stairRate, stairEvery, func(t backend.Trainer) error {
		joint, marginal, err := crossScores(ctx, t, data, lo, stairBatch)
		if err != nil {
			return err
		}
		lo += stairBatch
		for i, e := range estimators {
			climbs[i].Estimates = append(climbs[i].Estimates, nats(e.of(joint, marginal)))
		}
		return nil
	})
}

// climbsOf returns those of an estimator.
func climbsOf(all []climb, estimator string) []climb {
	var some []climb
	for _, c := range all {
		if c.Estimator == estimator {
			some = append(some, c)
		}
	}
	return some
}

func stairTable(all []climb) string {
	t := report.NewTable("data", "truth", "estimator", "mean", "bias", "spread of a batch", "spread over seeds", "bound on 8192 rows", "std err")
	for i, truth := range stairInfos {
		for _, e := range stairEstimators {
			climbs := climbsOf(all, e.name)
			if len(climbs) == 0 {
				continue
			}
			var means, spreads, bounds, stdErrs []float64
			for _, c := range climbs {
				last := c.last(i)
				if last == nil || i >= len(c.Bounds) {
					continue
				}
				mean, spread := meanSpread(last)
				means, spreads = append(means, mean), append(spreads, spread)
				bounds, stdErrs = append(bounds, float64(c.Bounds[i])), append(stdErrs, float64(c.StdErrs[i]))
			}
			if len(means) < len(climbs) {
				t.AppendRow([]any{climbs[0].Data, num(truth), e.name, fmt.Sprintf("%d of %d diverged", len(climbs)-len(means), len(climbs))})
				continue
			}
			mean, overSeeds := meanSpread(means)
			onMany, _ := meanSpread(bounds)
			row := []any{climbs[0].Data, num(truth), e.name, num(mean), num(mean - truth), num(report.Median(spreads)), num(overSeeds)}
			if math.IsInf(e.tau, 1) { // the others are no bounds
				row = append(row, num(onMany), num(report.Median(stdErrs)))
			}
			t.AppendRow(row)
		}
	}
	return t.RenderMarkdown()
}

// stairPanels draws the estimates of the first seed in a panel per estimator, and
// their running mean.
func stairPanels(all []climb) []figure.Panel {
	const (
		low, high = -2, 16 // nats; what lies beyond is drawn at the edge
		window    = 10     // estimates in a mean
	)
	var panels []figure.Panel
	for _, e := range stairEstimators {
		climbs := climbsOf(all, e.name)
		if len(climbs) == 0 {
			continue
		}
		c := climbs[0]
		n := c.Steps / c.Every
		truth := figure.Curve{Name: "truth", Reference: true}
		for i, info := range stairInfos {
			truth.X = append(truth.X, float64(i*c.Steps), float64((i+1)*c.Steps))
			truth.Y = append(truth.Y, info, info)
		}
		each, mean := figure.Curve{Name: "from 64 rows", Points: true}, figure.Curve{Name: "mean of ten"}
		for i, v := range c.Estimates {
			if math.IsNaN(float64(v)) {
				continue
			}
			at := float64((i + 1) * c.Every)
			each.X, each.Y = append(each.X, at), append(each.Y, max(low, min(float64(v), high)))
			if first := i - window + 1; i%n >= window-1 {
				y := floats.Sum(floatsOf(c.Estimates[first:i+1])) / window
				mean.X, mean.Y = append(mean.X, at), append(mean.Y, max(low, min(y, high)))
			}
		}
		panels = append(panels, figure.Panel{Title: fmt.Sprintf("%s, %s", e.name, c.Data), X: "step", Y: fmt.Sprintf("estimate (nats, held in %d to %d)", low, high),
			Curves: []figure.Curve{truth, each, mean}})
	}
	return panels
}
