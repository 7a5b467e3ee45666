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
