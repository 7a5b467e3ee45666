package sampling

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"
)

// golden holds what every implementation must draw. It was written by an
// implementation in another language, straight from the definitions.
type golden struct {
	Philox []struct {
		Counter [4]uint32
		Key     [2]uint32
		Block   [4]uint32
	}
	Permutations []struct {
		N, Seed uint64
		Stream  Stream
		Step    uint64
		I, At   []uint64
	}
	Cycles []struct {
		N, Seed uint64
		Stream  Stream
		Step    uint64
		I, Next []uint64
	}
	Batches []struct {
		N, Size    int
		Seed, Step uint64
		Lo         int
		Rows       []int32
		Next       []uint64
	}
	Draws []struct {
		Seed            uint64
		Stream          Stream
		Step, I         uint64
		Uniform, Normal float64
	}
}

func TestGolden(t *testing.T) {
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{len(g.Philox), len(g.Permutations), len(g.Cycles), len(g.Batches), len(g.Draws)} {
		if n == 0 {
			t.Fatal("golden.json lacks a part")
		}
	}
	for _, c := range g.Philox {
		if got := Philox4x32(c.Counter, c.Key); got != c.Block {
			t.Errorf("Philox4x32(%v, %v) = %v, want %v", c.Counter, c.Key, got, c.Block)
		}
	}
	for _, c := range g.Permutations {
		p := NewPermutation(c.N, c.Seed, c.Stream, c.Step)
		for k, i := range c.I {
			if got := p.At(i); got != c.At[k] {
				t.Errorf("permutation of %d, seed %d, stream %d, step %d: At(%d) = %d, want %d",
					c.N, c.Seed, c.Stream, c.Step, i, got, c.At[k])
			}
		}
	}
	for _, c := range g.Cycles {
		cycle := NewCycle(c.N, c.Seed, c.Stream, c.Step)
		for k, i := range c.I {
			if got := cycle.Next(i); got != c.Next[k] {
				t.Errorf("cycle of %d, seed %d, stream %d, step %d: Next(%d) = %d, want %d",
					c.N, c.Seed, c.Stream, c.Step, i, got, c.Next[k])
			}
		}
	}
	for _, c := range g.Batches {
		b := NewBatches(c.N, c.Size, c.Seed)
		rows := make([]int32, len(c.Rows))
		b.Rows(c.Step, c.Lo, rows)
		if !slices.Equal(rows, c.Rows) {
			t.Errorf("batch %d of %d out of %d, seed %d, from %d: %v, want %v", c.Step, c.Size, c.N, c.Seed, c.Lo, rows, c.Rows)
		}
		cycle := b.Marginal(c.Step)
		for k, want := range c.Next {
			if i := uint64(c.Lo + k); cycle.Next(i) != want {
				t.Errorf("batch %d of %d, seed %d: entry %d is followed by %d, want %d", c.Step, c.Size, c.Seed, i, cycle.Next(i), want)
			}
		}
	}
	for _, c := range g.Draws {
		if got := Uniform(c.Seed, c.Stream, c.Step, c.I); got != c.Uniform {
			t.Errorf("Uniform(%d, %d, %d, %d) = %v, want exactly %v", c.Seed, c.Stream, c.Step, c.I, got, c.Uniform)
		}
		// Two mathematical libraries differ by an ulp or two in each of four
		// functions, of results up to 8.6.
		if got := Normal(c.Seed, c.Stream, c.Step, c.I); !(math.Abs(got-c.Normal) <= 1e-12) {
			t.Errorf("Normal(%d, %d, %d, %d) = %v, want %v", c.Seed, c.Stream, c.Step, c.I, got, c.Normal)
		}
	}
}
