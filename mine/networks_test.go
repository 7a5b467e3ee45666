package mine

import (
	"math"
	"slices"
	"testing"

	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/simulate"
)

// TestLearntBy: second networks learn from the validation rows and stop by training rows, so that the networks of a
// fold have learnt from all rows but those that it is tested on. No unit is torn.
func TestLearntBy(t *testing.T) {
	cfg := DefaultConfig(1000)
	uneven := units{rows: 1000, total: 1000, worth: 1}
	for end := 7; end < 1000; end += 3 + end%11 {
		uneven.ends = append(uneven.ends, end)
	}
	uneven.ends = append(uneven.ends, 1000)
	for name, u := range map[string]units{"rows": independent(1000), "groups": uneven} {
		for f, fold := range u.cut(cfg) {
			c := fold.counts
			var learnt [2]backend.Rows
			for network := range 2 {
				train, stop, swapped := c.learntBy(network)
				if swapped != (network == 1) || train.Hi > stop.Lo && stop.Hi > train.Lo || train.Len()+stop.Len() != c.Train+c.Validation {
					t.Errorf("%s, fold %d, network %d: trained on %v, stopped by %v, swapped %v, of %+v", name, f, network, train, stop, swapped, c)
				}
				learnt[network] = train
			}
			if test := c.test(); learnt[0].Lo != 0 || learnt[1].Lo > learnt[0].Hi || learnt[1].Hi != test.Lo {
				t.Errorf("%s, fold %d: %v are trained on, tests are from %d on", name, f, learnt, test.Lo)
			}
			if lo, n := c.rowsOf(trainRows); lo < learnt[1].Lo || lo+n > learnt[0].Hi {
				t.Errorf("%s, fold %d: rows %d to %d count as trained on, some networks have not seen them", name, f, lo, lo+n)
			}
			border := fold.train[0].Lo + c.front
			if u.ends != nil && border%1000 != 0 && !slices.Contains(u.ends, border%1000) {
				t.Errorf("%s, fold %d: position %d is no border", name, f, border)
			}
		}
	}
	cfg.Networks = 1
	for _, fold := range independent(1000).cut(cfg) {
		if _, _, swapped := fold.counts.learntBy(1); swapped {
			t.Errorf("one network, and rows for a second one: %+v", fold.counts)
		}
	}
	cfg.Networks, cfg.Folds = 2, 1
	if _, _, swapped := independent(1000).cut(cfg)[0].counts.learntBy(1); swapped {
		t.Error("the validation rows of one fold decide the weights, and are trained on")
	}
}

// TestNetworks: two networks of a candidate are different ones, reported as one critic, and say more together than
// one of them.
func TestNetworks(t *testing.T) {
	const rows, folds = 1000, 3
	law, err := simulate.New("gaussian", simulate.Params{Dim: 3, Info: 1}, "", "")
	if err != nil {
		t.Fatal(err)
	}
	xs, zs := law.Sample(rows, 5)
	x, z := column.RowMajor(xs, 3), column.RowMajor(zs, 3)
	cfg := DefaultConfig(rows)
	cfg.Candidates, cfg.Reference, cfg.Neighbours, cfg.Folds = cfg.Candidates[3:4], false, false, folds
	cfg.Steps, cfg.EvaluateEvery, cfg.TestPairs = 400, 50, 20_000
	cfg.Networks = 1
	_, one := estimatorOf(t, x, z, cfg)
	cfg.Networks = 2
	estimator, two := estimatorOf(t, x, z, cfg)
	e := estimator.ensemble
	if len(two.Critics) != 1 || len(two.Critics[0].Steps) != 2*folds || len(two.Folds[0].Weights) != 2 {
		t.Fatalf("critics %+v, weights %v", two.Critics, two.Folds[0].Weights)
	}
	for f := range folds {
		first, second := e.members[f][0], e.members[f][1]
		if first.swapped || !second.swapped || slices.Equal(first.params, second.params) {
			t.Errorf("fold %d: swapped %v and %v", f, first.swapped, second.swapped)
		}
		// Together they say the mean of what each says.
		both := e.scores(f, testRows, allNetworks)[0].Joint
		for i, s := range both {
			if want := (float64(first.scores[testRows].Joint[i]) + float64(second.scores[testRows].Joint[i])) / 2; math.Abs(float64(s)-want) > 1e-5*(1+math.Abs(want)) {
				t.Fatalf("fold %d, row %d: score %v, the mean is %v", f, i, s, want)
			}
		}
		if heard := e.heard(f, 0, unswapped); len(heard) != 1 || heard[0] != first {
			t.Errorf("fold %d: %d networks have not learnt from the validation rows", f, len(heard))
		}
		// The first networks are those of an estimate with one: the same rows, weights and batches.
		if !slices.Equal(two.Critics[0].Curves[f], one.Critics[0].Curves[f]) {
			t.Errorf("fold %d: the first network is another one", f)
		}
	}
	// The rows are the same, so that the difference has a small error; of six seeds it is .012 to .055.
	if !(two.Estimate > one.Estimate) {
		t.Errorf("two networks say %v, one says %v", two.Estimate, one.Estimate)
	}
	// Where one fold is left, its validation rows decide, and critics that were trained on them have no say.
	left := newEnsemble(e.cfg, e.folds[:1], e.members[:1], e.refs[:1])
	if heard := left.heard(0, 0, allNetworks); len(heard) != 1 || heard[0].swapped || left.weights[0][0] == 0 {
		t.Errorf("weights %v of one fold, of %d networks", left.weights[0], len(heard))
	}
}

// networkOf is a network with scores of four rows, that stood at a step with a validation bound, in standard errors.
func networkOf(step int, bound float64, swapped bool) *member {
	m := &member{swapped: swapped, progress: progress{step: step, curve: []Point{{Step: step, Validation: bound}}, best: snapshot{step: step, validation: bound, stdErr: 1}}}
	for p := range m.scores {
		m.scores[p] = newPairScores(4, 1, 1)
	}
	return m
}

// TestHeard: networks that found nothing are not heard beside one that plainly found something, and those that were trained on the
// validation rows not where these decide.
func TestHeard(t *testing.T) {
	failed := &member{failed: ErrDiverged}
	for name, c := range map[string]struct {
		networks []*member
		folds    int
		heard    []int
	}{
		"alike":                  {[]*member{networkOf(9, 5, false), networkOf(9, 4, true)}, 2, []int{0, 1}},
		"one is silent":          {[]*member{networkOf(9, 5, false), networkOf(9, 0, true)}, 2, []int{0}},
		"both know little":       {[]*member{networkOf(9, 2, false), networkOf(9, 0, true)}, 2, []int{0, 1}},
		"one fold":               {[]*member{networkOf(9, 4, false), networkOf(9, 5, true)}, 1, []int{0}},
		"one fold, one of them":  {[]*member{failed, networkOf(9, 5, true)}, 1, nil},
		"several, and one of it": {[]*member{failed, networkOf(9, 5, true)}, 2, []int{1}},
		"none yet":               {[]*member{nil, nil}, 2, nil},
	} {
		e := &ensemble{cfg: Config{Candidates: make([]Candidate, 1)}, folds: make([]fold, c.folds), members: [][]*member{c.networks, {nil, nil}}[:c.folds]}
		var want []*member
		for _, i := range c.heard {
			want = append(want, c.networks[i])
		}
		if got := e.heard(0, 0, allNetworks); !slices.Equal(got, want) {
			t.Errorf("%s: %d networks are heard, want those of %v", name, len(got), c.heard)
		}
		if got, want := e.trained(), c.heard != nil; got != want {
			t.Errorf("%s: trained %v", name, got)
		}
	}
}

// TestFarEnough: where training ends early, a network has no say that has hardly begun beside another one of its candidate, but one whose
// training failed makes none of the others late.
func TestFarEnough(t *testing.T) {
	failed := &member{failed: ErrDiverged}
	e := &Estimator{cfg: Config{Candidates: make([]Candidate, 1), Steps: 100}}
	for name, c := range map[string]struct {
		networks []*member
		stay     []bool
		come     int
	}{
		"alike":   {[]*member{networkOf(60, 1, false), networkOf(50, 1, false)}, []bool{true, true}, 60},
		"late":    {[]*member{networkOf(60, 1, false), networkOf(40, 1, false)}, []bool{true, false}, 60},
		"done":    {[]*member{networkOf(100, 1, false), networkOf(70, 1, false), nil}, []bool{true, false, false}, 100},
		"failed":  {[]*member{failed, networkOf(40, 1, false)}, []bool{true, true}, 40},
		"nothing": {[]*member{failed, nil}, []bool{true, false}, 100},
	} {
		for i, m := range e.farEnough(c.networks) {
			if got := m != nil; got != c.stay[i] {
				t.Errorf("%s: network %d stays: %v", name, i, got)
			}
		}
		if got := e.furthest(c.networks, 0); got != c.come {
			t.Errorf("%s: %d steps, want %d", name, got, c.come)
		}
	}
}
