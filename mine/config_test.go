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
			return c.Folds * c.Survivors * c.Steps * c.Hidden[0]
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

// TestBatch: batches are of a power of two, an epoch has four or more of them where there are rows for that, and those
// of a single critic, and where there is one fold, are at most 512.
func TestBatch(t *testing.T) {
	for rows, want := range map[int][3]int{50: {16, 16, 16}, 300: {16, 32, 32}, 1000: {64, 128, 128}, 10_000: {512, 1024, 1024}, 100_000: {512, 1024, 1024}, 100_001: {512, 512, 512}} {
		fast, normal, thorough := ConfigFor(rows, Fast), ConfigFor(rows, Normal), ConfigFor(rows, Thorough)
		if got := [3]int{fast.Batch, normal.Batch, thorough.Batch}; got != want {
			t.Errorf("%d rows: batches of %v, want %v", rows, got, want)
		}
		if single := SingleConfig(rows, normal.Candidates[0]); single.Batch != want[0] {
			t.Errorf("%d rows: a single critic has batches of %d, want %d", rows, single.Batch, want[0])
		}
	}
}
