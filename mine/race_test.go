package mine_test

import (
	"testing"

	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/objective"
	"gomine/mine/preprocess"
	"gomine/mine/simulate"
)

// TestBriefPatience: where one candidate is enough, four validations without a gain end its training, whatever the patience. The one
// before them was the best until then, but for the first fold, which goes on from the race.
func TestBriefPatience(t *testing.T) {
	const rows, patience = 10_000, 4
	_, x, z := draw(t, "gaussian", simulate.Params{Dim: 2, Rho: 0.7}, rows, 4)
	cfg := folded(rows, 3)
	cfg.Candidates = append(cfg.Candidates, mine.Candidate{Activation: backend.ReLU, Preprocess: preprocess.Rank, Objective: objective.DV.Default()})
	cfg.Reference, cfg.Survivors, cfg.Patience, cfg.EvaluateEvery, cfg.Steps = true, 2, 50, 20, 2000
	r := estimate(t, column.RowMajor(x, 2), column.RowMajor(z, 2), cfg)
	if len(r.Critics) != 2 || r.Config.Patience != 50 {
		t.Fatalf("%d critics, patience of %d", len(r.Critics), r.Config.Patience)
	}
	for f, curve := range r.Critics[0].Curves[1:] {
		last := len(curve) - 1 - patience
		if last < 0 {
			t.Fatalf("fold %d: %v", f+1, curve)
		}
		for _, p := range curve[:last] {
			if p.Validation >= curve[last].Validation {
				t.Errorf("fold %d: no gain at step %d, and more than %d after it: %v", f+1, curve[last].Step, patience, curve)
				break
			}
		}
	}
}

// TestOneCandidateIsEnough: beside the normal law's critic one network of one candidate goes on where all say no more
// than that together; all do where a law is not normal, where all survive, and without that critic.
func TestOneCandidateIsEnough(t *testing.T) {
	const rows = 10_000
	for _, c := range []struct {
		family    string
		params    simulate.Params
		survivors int
		networks  int
		reference bool
		least     int // networks that are trained on each fold, and at most
		most      int
	}{
		{"gaussian", simulate.Params{Dim: 2, Rho: 0.7}, 2, 1, true, 1, 1},
		{"uniform-noise", simulate.Params{Dim: 1, Noise: 0.4}, 2, 1, true, 2, 2},
		{"gaussian", simulate.Params{Dim: 2, Rho: 0.7}, 3, 1, true, 2, 3},
		{"gaussian", simulate.Params{Dim: 2, Rho: 0.7}, 2, 1, false, 2, 2},
		{"gaussian", simulate.Params{Dim: 2, Rho: 0.7}, 1, 2, true, 1, 1},
		{"uniform-noise", simulate.Params{Dim: 1, Noise: 0.4}, 1, 2, true, 2, 2},
	} {
		_, x, z := draw(t, c.family, c.params, rows, 4)
		cfg := folded(rows, 2)
		cfg.Candidates = append(cfg.Candidates, mine.Candidate{Activation: backend.ReLU, Preprocess: preprocess.Rank, Objective: objective.DV.Default()})
		cfg.Reference, cfg.Survivors, cfg.Networks = c.reference, c.survivors, c.networks
		r := estimate(t, column.RowMajor(x, c.params.Dim), column.RowMajor(z, c.params.Dim), cfg)
		trained := 0
		for _, critic := range r.Critics {
			trained += len(critic.Steps) / len(r.Folds)
		}
		if trained < c.least || trained > c.most {
			t.Errorf("%s, %d survivors, %d networks, reference %v: %d were trained on each fold, want %d to %d: %+v", c.family, c.survivors, c.networks, c.reference, trained, c.least, c.most, r.Race)
		}
	}
}
