//go:build cuda

package cuda

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"gomine/mine/backend"
	"gomine/mine/objective"
)

// TestEvaluateStretches: an evaluation gives the same bits whatever its pairings are divided into: parts of one, several
// at a time or all at once, of rows that are projected once or pair by pair, on the device or from
// the host. The sums of a pairing's scores by parts are the same but for rounding, 1e-12 of the largest
// score in float64. Where a product has whole tiles, their scores are not rounded as those of the last rows are: each sums up
// 130 products of less than 1, and may lose 130 2^-24, 1e-5.
func TestEvaluateStretches(t *testing.T) {
	pairs, projected, sum := scratchPairs, mostProjected, sumRows
	defer func() { scratchPairs, mostProjected, sumRows = pairs, projected, sum }()
	var index []int32
	for _, row := range rand.New(rand.NewPCG(1, 2)).Perm(300) {
		index = append(index, int32(row))
	}
	type result struct {
		backend.Evaluation
		influence []float64
	}
	for _, hidden := range [][]int{{17, 9}, {tileSize - 9}, {tileSize - 9, tileSize - 3}, {9, tileSize + 2}} {
		bitwise, allowed := hidden[len(hidden)-1] < tileSize, 1e-12
		if !bitwise {
			allowed = 1e-5
		}
		c := newCase(300, 5, 3, 33, objective.DV, backend.Softplus, hidden...)
		for _, rows := range []backend.Rows{{Lo: 3, Hi: 291}, {Lo: 2, Hi: 201, Index: index}} {
			for _, kind := range []backend.PairingKind{backend.Cycles, backend.Permutations} {
				var want *result
				evaluate := func(pairs int, projected int64, sum int, limit int64) {
					name := fmt.Sprintf("%v, %v rows, %v: %d pairs, %d bytes projected, sums of %d, limit %d", hidden, rows.Len(), kind, pairs, projected, sum, limit)
					scratchPairs, mostProjected, sumRows = pairs, projected, sum
					d := openPath(pathAuto, FP32)(t).(*device)
					d.resident = &resident{limit: limit}
					given, data := c.trainer(t, d)
					got := &result{influence: make([]float64, rows.Len())}
					var err error
					got.Evaluation, err = given.Evaluate(t.Context(), data, rows, backend.Pairing{Kind: kind, Count: 5, Seed: 1}, got.influence)
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					if (given.(*trainer).scratch.evaluation.px != 0) != (projected > 0) {
						t.Errorf("%s: all rows are projected first: %v", name, projected == 0)
					}
					if want == nil {
						want = got
					}
					for k, m := range got.Marginal {
						if (sum < rows.Len() || !bitwise) && math.Abs(m-want.Marginal[k]) <= allowed*want.MaxT {
							got.Marginal[k] = want.Marginal[k]
						}
					}
					if !bitwise && math.Abs(got.Joint-want.Joint)+math.Abs(got.LogU-want.LogU)+math.Abs(got.JS-want.JS) <= 3*allowed &&
						reflect.DeepEqual(got.Marginal, want.Marginal) {
						return
					}
					if !reflect.DeepEqual(got, want) {
						t.Errorf("%s: %+v, want %+v", name, got, want)
					}
				}
				evaluate(1<<17, 1<<30, 1<<15, 0)
				for _, pairs := range []int{70, 650} { // parts of a pairing, two and three at a time
					evaluate(pairs, 1<<30, 1<<15, 0)
					evaluate(pairs, 0, 100, 0)
				}
				evaluate(650, 1<<30, 1<<15, 1)
				evaluate(70, 0, 1<<15, 1)
			}
		}
	}
}

// TestScratchGrows: pairs that there is no room for are given some, and what could not be allocated is in the next call.
func TestScratchGrows(t *testing.T) {
	onEmulator(t)
	c := newCase(300, 5, 3, 33, objective.DV, backend.Softplus, 17, 9)
	given, data := c.trainer(t, openPath(pathAuto, FP32)(t))
	scores := func(n int) ([]float32, error) {
		rows, dst := make([]int, n), make([]float32, n)
		for i := range rows {
			rows[i] = i % 300
		}
		return dst, given.Scores(t.Context(), data, rows, rows, dst)
	}
	few, err := scores(300)
	if err != nil {
		t.Fatal(err)
	}
	if got := given.(*trainer).scratch.chunk; got != leastPairs {
		t.Errorf("room for %d pairs at first, want %d", got, leastPairs)
	}
	t.Setenv("GOMINE_EMULATOR_FAIL", "cuMemAlloc_v2:3,cuMemAlloc_v2:4") // the second one without what is spare
	if _, err := scores(3000); !errors.Is(err, backend.ErrOutOfMemory) {
		t.Errorf("error %v, want that of the allocation", err)
	}
	t.Setenv("GOMINE_EMULATOR_FAIL", "")
	many, err := scores(3000)
	if err != nil || !reflect.DeepEqual(many[2700:], few) {
		t.Errorf("%v, the last scores are %v, want %v", err, many[2700:], few)
	}
	if got := given.(*trainer).scratch.chunk; got != 3000 {
		t.Errorf("room for %d pairs, want 3000", got)
	}
}
