package mine

import (
	"fmt"
	"testing"
)

// TestConfigFor: every effort makes settings that can be used, more of it more work.
func TestConfigFor(t *testing.T) {
	for _, rows := range []int{100, 300, 10_000, 100_000, 1_000_000} {
		work := func(e Effort) int {
			c := ConfigFor(rows, e)
			if err := c.Validate(); err != nil {
				t.Errorf("%d rows, %s: %v", rows, e, err)
			}
			if _, err := newFolds(independent(rows), c); err != nil {
				t.Errorf("%d rows, %s: %v", rows, e, err)
			}
			return c.Folds * c.Survivors * c.Networks * c.Steps * c.Hidden[0]
		}
		fast, normal, thorough := work(Fast), work(Normal), work(Thorough)
		if !(fast < normal && normal < thorough) {
			t.Errorf("%d rows: work of %d, %d and %d, want it to grow", rows, fast, normal, thorough)
		}
	}
	if a, b := fmt.Sprint(DefaultConfig(500)), fmt.Sprint(ConfigFor(500, Normal)); a != b {
		t.Errorf("the default is %s, normal effort is %s", a, b)
	}
}

// TestDeep: a third layer, large batches and two networks where they pay; those of fast and of single critics stay.
func TestDeep(t *testing.T) {
	type shape struct{ layers, networks, batch, fast int }
	for rows, want := range map[int]shape{
		50: {2, 2, 16, 16}, 300: {2, 2, 112, 16}, 1000: {2, 2, 368, 64}, 4999: {2, 2, 512, 256}, 5000: {3, 2, 512, 256},
		20_000: {3, 2, 512, 512}, 20_001: {3, 2, 512, 512}, 100_000: {3, 2, 512, 512}, 100_001: {3, 4, 512, 512},
	} {
		fast, normal := ConfigFor(rows, Fast), ConfigFor(rows, Normal)
		if got := (shape{len(normal.Hidden), normal.Networks, normal.Batch, fast.Batch}); got != want {
			t.Errorf("%d rows: %+v, want %+v", rows, got, want)
		}
		if fast.Networks != 1 {
			t.Errorf("%d rows: fast has %d networks", rows, fast.Networks)
		}
		if single := SingleConfig(rows, normal.Candidates[0]); len(fast.Hidden) != 2 || single.Batch != fast.Batch || single.Networks != 1 {
			t.Errorf("%d rows: fast has %d layers, a single critic batches of %d", rows, len(fast.Hidden), single.Batch)
		}
	}
}

// TestBatchFits: with several folds, batches of the settings fit, whatever the rows.
func TestBatchFits(t *testing.T) {
	for rows := 140; rows < 5000; rows += 7 {
		c := DefaultConfig(rows)
		for _, c.Folds = range []int{2, 3, 5, 7} {
			for _, f := range independent(rows).cut(c) {
				if c.Batch > f.counts.Train {
					t.Fatalf("%d rows in %d folds: batches of %d, %d to train on", rows, c.Folds, c.Batch, f.counts.Train)
				}
			}
		}
	}
}
