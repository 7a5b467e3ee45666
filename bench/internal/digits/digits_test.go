package digits

import (
	"slices"
	"testing"

	"gomine/mine/backend"
)

// TestStack stacks a set whose picture k has the label k and the pixels k and
// k + 1/2.
func TestStack(t *testing.T) {
	set := Set{Size: 1, Pixels: backend.NewMatrix(10, 2), Labels: make([]uint8, 10)}
	for k := range 10 {
		copy(set.Pixels.Row(k), []float32{float32(k), float32(k) + .5})
		set.Labels[k] = uint8(k)
	}
	const n = 20_000
	pixels, labels := Stack(set, n, 7)
	if pixels.Rows != n || pixels.Cols != 6 || pixels.Validate() != nil || len(labels) != n {
		t.Fatalf("%d stacks of %d pixels, %d labels", pixels.Rows, pixels.Cols, len(labels))
	}
	seen := make(map[int]bool)
	for i, label := range labels {
		a, b, c := float32(label/100), float32(label/10%10), float32(label%10)
		if want := []float32{a, a + .5, b, b + .5, c, c + .5}; label < 0 || !slices.Equal(pixels.Row(i), want) {
			t.Fatalf("stack %d: label %d has pixels %v", i, label, pixels.Row(i))
		}
		seen[label] = true
	}
	// One of 1000 labels is missing by chance once in e^20/1000 = 485,000 seeds.
	if len(seen) != 1000 {
		t.Errorf("%d of 1000 labels", len(seen))
	}
	few, fewLabels := Stack(set, 3, 7)
	if !slices.Equal(few.Data, pixels.Data[:len(few.Data)]) || !slices.Equal(fewLabels, labels[:3]) {
		t.Error("a stack depends on how many there are")
	}
	if other, _ := Stack(set, 3, 8); slices.Equal(few.Data, other.Data) {
		t.Error("the seed does not matter")
	}
}
