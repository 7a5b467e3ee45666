package sampling

import (
	"slices"
	"testing"
)

// TestEpochs cuts the rows of consecutive batches into epochs: each visits
// every row once, and no two have the same order.
func TestEpochs(t *testing.T) {
	for _, c := range []struct{ n, size int }{
		{1, 1}, {1, 2}, {2, 2}, {7, 3}, {100, 100}, {100, 33}, {257, 256}, {10, 25}, {5000, 64},
	} {
		const epochs = 4
		b := NewBatches(c.n, c.size, 5)
		var visited []int32
		dst := make([]int32, c.size)
		for step := uint64(0); len(visited) < epochs*c.n; step++ {
			b.Rows(step, 0, dst)
			visited = append(visited, dst...)
		}
		orders := map[string]bool{}
		for e := range epochs {
			order := visited[e*c.n : (e+1)*c.n]
			orders[string(runes(order))] = true
			for i, row := range slices.Sorted(slices.Values(order)) {
				if int(row) != i {
					t.Fatalf("n = %d, size = %d: epoch %d has row %d in place %d of ascending order", c.n, c.size, e, row, i)
				}
			}
		}
		// Two of four independent orders of 100 rows are equal once in 1e157.
		if c.n >= 100 && len(orders) != epochs {
			t.Errorf("n = %d, size = %d: %d different orders in %d epochs", c.n, c.size, len(orders), epochs)
		}
	}
}

func runes(order []int32) []rune {
	r := make([]rune, len(order))
	copy(r, order)
	return r
}

// TestRowsInParts draws batches piece by piece, as threads do.
func TestRowsInParts(t *testing.T) {
	const n, size = 37, 100 // a batch spans three epochs
	b := NewBatches(n, size, 6)
	for step := range uint64(20) {
		whole := make([]int32, size)
		b.Rows(step, 0, whole)
		for _, part := range []int{1, 7, 36, 37, 38, 99} {
			got := make([]int32, 0, size)
			for lo := 0; lo < size; lo += part {
				piece := make([]int32, min(part, size-lo))
				b.Rows(step, lo, piece)
				got = append(got, piece...)
			}
			if !slices.Equal(got, whole) {
				t.Fatalf("step %d: rows in parts of %d differ from the whole", step, part)
			}
		}
		b.Rows(step, size, nil)
	}
}

func TestMarginalSize(t *testing.T) {
	b := NewBatches(1000, 33, 7)
	first, second := b.Marginal(4), b.Marginal(5)
	seen := make([]bool, 33)
	same := 0
	for i := range uint64(33) {
		next := first.Next(i)
		if next >= 33 || seen[next] {
			t.Fatalf("entry %d is followed by %d, which is out of range or taken", i, next)
		}
		seen[next] = true
		if next == second.Next(i) {
			same++
		}
	}
	// The number of common successors is Poisson of mean 1: above 12 once in
	// 1e11.
	if same > 12 {
		t.Errorf("the cycles of two steps agree in %d of 33 places", same)
	}
}

// TestEpoch draws batches by the orders of their epochs.
func TestEpoch(t *testing.T) {
	for _, c := range []struct{ n, size int }{{1, 1}, {7, 3}, {100, 100}, {100, 33}, {257, 256}} {
		b := NewBatches(c.n, c.size, 5)
		want, got := make([]int32, c.size), make([]int32, c.size)
		for step := range uint64(300) {
			b.Rows(step, 0, want)
			order, next, offset := b.Epoch(step)
			for i := range got {
				if at := offset + uint64(i); at < order.N() {
					got[i] = int32(order.At(at))
				} else {
					got[i] = int32(next.At(at - order.N()))
				}
			}
			if !slices.Equal(got, want) {
				t.Fatalf("n = %d, size = %d, step %d: rows %v by epochs, want %v", c.n, c.size, step, got, want)
			}
		}
	}
}
