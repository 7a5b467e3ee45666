package cpu

import "testing"

// TestBlocks checks that blocks cut the positions, and the rows of the arrays
// that they have places in, without gaps.
func TestBlocks(t *testing.T) {
	for _, n := range []int{2, 3, 15, 16, 17, 63, 64, 65, 129, 1000} {
		for _, marginals := range []int{1, 2, 3, 8, 64} {
			if marginals >= n {
				continue
			}
			at, row, layer := 0, 0, 0
			for i, b := range newBlocks(n, marginals) {
				lo, rows := b.layer()
				if b.id != i || b.lo != at || b.first() != row || lo != layer || b.len() < 1 {
					t.Errorf("%d positions, %d marginals: block %+v follows %d positions, %d rows, %d layer rows", n, marginals, b, at, row, layer)
				}
				if rows > layerRows && b.len() > leastPositions {
					t.Errorf("%d positions, %d marginals: block %+v has layers of %d rows", n, marginals, b, rows)
				}
				at, row, layer = b.hi, b.behind()+marginals, lo+rows
			}
			if at != n || layer != n*(1+marginals) {
				t.Errorf("%d positions, %d marginals: blocks end at %d with %d layer rows", n, marginals, at, layer)
			}
		}
	}
}
