package independence

import (
	"errors"
	"math/rand/v2"
	"testing"

	"gomine/mine"
	"gomine/mine/column"
)

// TestHoldout: every row is in one half, but for those between two halves of a series; groups are whole;
// what is permuted is of the second half.
func TestHoldout(t *testing.T) {
	groups := make([]int, 600)
	for i := range groups {
		groups[i] = i % 60
	}
	for _, c := range []struct {
		name                  string
		rows                  int
		groups                []int
		split                 mine.Split
		first, second, tested int
	}{
		{"few rows", 81, nil, mine.Split{Kind: mine.SplitRandom}, 40, 41, 41},
		{"rows", 20_001, nil, mine.Split{Kind: mine.SplitRandom}, 10_000, 10_001, 4000},
		{"groups", 600, groups, mine.Split{Kind: mine.SplitGroups}, 300, 300, 300},
		{"a series", 20_000, nil, mine.Split{Kind: mine.SplitBlocks, CorrelationTime: 9.5}, 9995, 9995, 4000},
	} {
		h, err := NewHoldout(Data{X: column.Slices(make([]float64, c.rows)), Groups: c.groups}, c.split, 1)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if len(h.First) != c.first || len(h.Second) != c.second || len(h.tested) != c.tested {
			t.Errorf("%s: halves of %d and %d, %d permuted, want %d, %d and %d", c.name, len(h.First), len(h.Second), len(h.tested), c.first, c.second, c.tested)
		}
		half := map[int]int{}
		for k, rows := range [][]int{h.First, h.Second} {
			for _, i := range rows {
				if half[i] != 0 {
					t.Fatalf("%s: row %d is there twice", c.name, i)
				}
				half[i] = k + 1
			}
		}
		for i := range groups {
			if c.groups != nil && half[i] != half[i%60] {
				t.Fatalf("group %d is in both halves", groups[i])
			}
		}
		for _, i := range h.tested {
			if half[i] != 2 {
				t.Fatalf("%s: row %d is permuted, but not of the second half", c.name, i)
			}
		}
		if h.Pairing == Rotations && h.Second[0]-h.First[len(h.First)-1] <= h.plan.gap {
			t.Errorf("the halves of a series are from row %d and up to %d", h.Second[0], h.First[len(h.First)-1])
		}
	}
	if _, err := NewHoldout(Data{X: column.Slices(make([]float64, 79))}, mine.Split{Kind: mine.SplitRandom}, 1); !errors.Is(err, mine.ErrTooFewSamples) {
		t.Errorf("79 rows: %v", err)
	}
}

// TestHoldoutTest: a critic of the first half finds on the second what there is, and of 20 independent
// sets those with p-values up to .1 are Binomial(20, .1) at most: above 7 once in 2,400.
func TestHoldoutTest(t *testing.T) {
	const rows = 300
	small := 0
	for seed := range uint64(21) {
		g := rand.New(rand.NewPCG(seed, 3))
		x, z := make([]float64, rows), make([]float64, rows)
		for i := range x {
			x[i], z[i] = g.NormFloat64(), g.NormFloat64()
			if seed == 20 {
				z[i] = x[i] + z[i]
			}
		}
		d := Data{X: column.Slices(x), Z: column.Slices(z)}
		h, err := NewHoldout(d, mine.Split{Kind: mine.SplitRandom}, seed)
		if err != nil {
			t.Fatal(err)
		}
		critic, _, err := h.Fit(t.Context(), d.X, brief(rows).Estimate, mine.WithThreads(1))
		if err != nil {
			t.Fatal(err)
		}
		part, err := h.Test(t.Context(), critic, d.X, 99)
		if err != nil {
			t.Fatal(err)
		}
		if part.Trained != 150 || part.Tested != 150 || part.Permutations != 99 {
			t.Errorf("%+v", part)
		}
		if seed == 20 {
			if part.PValue != 0.01 {
				t.Errorf("p = %g of dependent rows, want the least there is, .01", part.PValue)
			}
			e, err := h.Estimator(t.Context(), d.X, brief(rows).Estimate, mine.WithThreads(1))
			if err != nil {
				t.Fatal(err)
			}
			if err := e.Fit(t.Context()); err != nil {
				t.Fatal(err)
			}
			if r, err := e.Result(t.Context()); err != nil || r.Rows.Total != 150 || r.Split.Kind != mine.SplitRandom {
				t.Errorf("estimate of %d rows split %s, error %v", r.Rows.Total, r.Split.Kind, err)
			}
			if err := e.Close(); err != nil {
				t.Error(err)
			}
			if _, err := h.Test(t.Context(), critic, d.X, 18); err == nil {
				t.Error("18 permutations are enough")
			}
		} else if part.PValue <= 0.1 {
			small++
		}
		if err := critic.Close(); err != nil {
			t.Error(err)
		}
	}
	if small > 7 {
		t.Errorf("%d of 20 p-values of independent rows are at most .1", small)
	}
}
