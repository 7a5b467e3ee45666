package independence

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"gomine/mine"
	"gomine/mine/column"
)

// wandering is a series v' = .95 v + N.
func wandering(rows int, g *rand.Rand) []float64 {
	v := make([]float64, rows)
	for i := range v {
		v[i] = g.NormFloat64()
		if i > 0 {
			v[i] += 0.95 * v[i-1]
		}
	}
	return v
}

// TestDoubts: where the rows of two series are exchanged, the p-value is in doubt, and not exact; where one side is
// of independent rows, or rows were sorted, it is not.
func TestDoubts(t *testing.T) {
	const rows = 600
	g := rand.New(rand.NewPCG(6, 6))
	noise, sorted := make([]float64, rows), make([]float64, rows)
	for i := range noise {
		noise[i], sorted[i] = g.NormFloat64(), float64(i)+g.Float64()
	}
	x, z := wandering(rows, g), wandering(rows, g)
	for _, c := range []struct {
		name  string
		x, z  []float64
		split mine.SplitKind
		want  bool
	}{
		{"two series", x, z, mine.SplitRandom, true},
		{"two series, rotated", x, z, mine.SplitAuto, false},
		{"a series and noise", x, noise, mine.SplitRandom, false},
		{"sorted", sorted, noise, mine.SplitRandom, false},
	} {
		doubts, err := Doubts(Data{X: column.Slices(c.x), Z: column.Slices(c.z)}, c.split)
		if err != nil || (len(doubts) == 1) != c.want || c.want && (doubts[0].Code != WarnSeries || !strings.Contains(doubts[0].Message, "too small")) {
			t.Errorf("%s: %v, %v, want a doubt: %v", c.name, doubts, err, c.want)
		}
	}
	cfg := brief(rows)
	cfg.Permutations, cfg.Estimate.Split = 19, mine.SplitRandom
	r, err := Test(t.Context(), Data{X: column.Slices(x), Z: column.Slices(z)}, cfg, mine.WithThreads(1))
	if err != nil || len(r.Doubts) != 1 || r.Exact {
		t.Errorf("%v, doubts %v, exact %v", err, r.Doubts, r.Exact)
	}
}

// TestDoubtsOfGroups: of groups, which are exchanged, the p-value is in doubt where those that follow each other are
// alike, whatever the split.
func TestDoubtsOfGroups(t *testing.T) {
	const groups, each = 700, 2
	g := rand.New(rand.NewPCG(6, 8))
	x, z, ids, people := wandering(groups*each, g), wandering(groups*each, g), make([]int, groups*each), make([]float64, groups*each)
	for i := range ids {
		ids[i] = i / each
		if people[i] = g.NormFloat64(); i%each > 0 {
			people[i] = people[i-1]
		}
	}
	for name, c := range map[string]struct {
		x, z []float64
		want bool
	}{"series": {x, z, true}, "people": {people, people, false}} {
		for _, split := range []mine.SplitKind{mine.SplitAuto, mine.SplitRandom} {
			doubts, err := Doubts(Data{X: column.Slices(c.x), Z: column.Slices(c.z), Groups: ids}, split)
			if err != nil || (len(doubts) == 1) != c.want || c.want && (doubts[0].Code != WarnSeries || !strings.Contains(doubts[0].Message, "groups that follow each other")) {
				t.Errorf("%s, %s: %v, %v, want a doubt: %v", name, split, doubts, err, c.want)
			}
		}
	}
}

// TestRefusedFirst: rows that cannot be exchanged are an error before anything is trained.
func TestRefusedFirst(t *testing.T) {
	const rows = 600
	g := rand.New(rand.NewPCG(6, 7))
	x, z := wandering(rows, g), wandering(rows, g)
	copied, twice := append(x[:rows/2:rows/2], x[:rows/2]...), append(z[:rows/2:rows/2], z[:rows/2]...)
	g.Shuffle(rows, func(i, j int) { copied[i], copied[j], twice[i], twice[j] = copied[j], copied[i], twice[j], twice[i] })
	pairsOf := make([]int, rows)
	for i := range pairsOf {
		pairsOf[i] = i / 2
	}
	for name, d := range map[string]Data{
		"a short series": {X: column.Slices(x), Z: column.Slices(z)},
		"copies":         {X: column.Slices(copied), Z: column.Slices(twice)},
		"copied groups":  {X: column.Slices(copied), Z: column.Slices(twice), Groups: pairsOf},
	} {
		trained := false
		_, err := Test(t.Context(), d, brief(rows), mine.WithThreads(1), mine.WithProgress(func(p mine.Progress) {
			trained = trained || p.Phase != mine.PhasePrepare
		}))
		if !errors.Is(err, ErrPairing) || trained {
			t.Errorf("%s: %v, trained %v", name, err, trained)
		}
	}
}
