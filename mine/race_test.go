package mine_test

import (
	"math"
	"testing"

	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/objective"
	"gomine/mine/preprocess"
	"gomine/mine/simulate"
)

// TestHalfThePatience: where one candidate is enough, half the patience ends its training. Of a patience of two, every validation of a fold
// but the last one is a gain, but for the first fold, which goes on from the race.
func TestHalfThePatience(t *testing.T) {
	const rows = 10_000
	_, x, z := draw(t, "gaussian", simulate.Params{Dim: 2, Rho: 0.7}, rows, 4)
	cfg := folded(rows, 3)
	cfg.Candidates = append(cfg.Candidates, mine.Candidate{Activation: backend.ReLU, Preprocess: preprocess.Rank, Objective: objective.DV.Default()})
	cfg.Reference, cfg.Survivors, cfg.Patience, cfg.EvaluateEvery, cfg.Steps = true, 2, 2, 20, 2000
	r := estimate(t, column.RowMajor(x, 2), column.RowMajor(z, 2), cfg)
	if len(r.Critics) != 2 || r.Config.Patience != 2 {
		t.Fatalf("%d critics, patience of %d", len(r.Critics), r.Config.Patience)
	}
	for f, curve := range r.Critics[0].Curves[1:] {
		best := math.Inf(-1)
		for _, p := range curve[:len(curve)-1] {
			if p.Validation <= best {
				t.Errorf("fold %d went on after step %d: %v", f+1, p.Step, curve)
			}
			best = max(best, p.Validation)
		}
	}
}

// TestOneCandidateIsEnough: beside the normal law's critic one candidate goes on where all say no more
// than that together; several do where a law is not normal, where all survive, and without that critic.
func TestOneCandidateIsEnough(t *testing.T) {
	const rows = 10_000
	for _, c := range []struct {
		family    string
		params    simulate.Params
		survivors int
		reference bool
		least     int // that are trained on all folds, and at most
		most      int
	}{
		{"gaussian", simulate.Params{Dim: 2, Rho: 0.7}, 2, true, 1, 1},
		{"uniform-noise", simulate.Params{Dim: 1, Noise: 0.4}, 2, true, 2, 2},
		{"gaussian", simulate.Params{Dim: 2, Rho: 0.7}, 3, true, 2, 3},
		{"gaussian", simulate.Params{Dim: 2, Rho: 0.7}, 2, false, 2, 2},
	} {
		_, x, z := draw(t, c.family, c.params, rows, 4)
		cfg := folded(rows, 2)
		cfg.Candidates = append(cfg.Candidates, mine.Candidate{Activation: backend.ReLU, Preprocess: preprocess.Rank, Objective: objective.DV.Default()})
		cfg.Reference, cfg.Survivors = c.reference, c.survivors
		r := estimate(t, column.RowMajor(x, c.params.Dim), column.RowMajor(z, c.params.Dim), cfg)
		trained := 0
		for _, critic := range r.Critics {
			if !critic.Reference {
				trained++
			}
		}
		if trained < c.least || trained > c.most {
			t.Errorf("%s, %d survivors, reference %v: %d candidates were trained on all folds, want %d to %d: %+v", c.family, c.survivors, c.reference, trained, c.least, c.most, r.Race)
		}
	}
}
