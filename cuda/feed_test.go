//go:build cuda

package cuda

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"gomine/mine/backend"
	"gomine/mine/objective"
)

// TestStepsFor: a place of a feed holds a graph's steps if they fit, at least one.
func TestStepsFor(t *testing.T) {
	for bytes, want := range map[int64]int{1: 32, 8 << 20: 32, 8<<20 + 1: 8, 32 << 20: 8, 32<<20 + 1: 1, 256 << 20: 1, 8 << 30: 1} {
		if got := stepsFor(bytes); got != want {
			t.Errorf("%d steps of %d bytes, want %d", got, bytes, want)
		}
	}
}

// TestFeed: rows that come from the host in places of any size give bitwise what rows
// on the device give, also where several goroutines gather a batch, over several epochs.
func TestFeed(t *testing.T) {
	for _, size := range []struct{ rows, batch, steps int }{{300, 33, 75}, {5000, 2100, 7}} {
		c := newCase(size.rows, 3, 2, size.batch, objective.DV, backend.ReLU, 4)
		var want []any
		for _, steps := range []int{0, 32, 8, 1} { // 0: on the device
			opt := Options{Precision: FP32}
			if steps > 0 {
				opt.MemoryLimit = 1
			}
			d, err := open(opt)
			if err != nil {
				t.Fatal(err)
			}
			d.patience = time.Hour // or the emulator gets to no large graph
			given, _ := c.trainer(t, d)
			if feed := given.(*trainer).feed; steps > 0 {
				feed.steps = steps
			}
			values, state := run(t, given, 1e-2, size.steps)
			got := []any{values, state}
			if want == nil {
				want = got
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("batch %d, %d steps at a time: not the same as with data on the device", size.batch, steps)
			}
		}
	}
}

// TestPace: as many steps are queued as take the patience, in whole graphs.
func TestPace(t *testing.T) {
	for _, c := range []struct {
		steps int
		took  time.Duration
		want  int
	}{
		{32, 320 * time.Microsecond, ring}, {32, 32 * time.Millisecond, 96}, {32, 320 * time.Millisecond, 8}, {8, 8 * time.Second, 1},
		{1024, 10 * time.Millisecond, ring}, {1, 0, ring}, {96, 100 * time.Millisecond, 96}, {96, 101 * time.Millisecond, 64},
	} {
		p := newPace()
		if p.learn(c.steps, c.took, patience); p.steps != c.want {
			t.Errorf("after %d steps in %v: %d steps at a time, want %d", c.steps, c.took, p.steps, c.want)
		}
	}
}

// TestTrainNoticesEnd: a Train whose context ends does not finish what could be queued: on the
// emulator even the first steps take longer than the time given here.
func TestTrainNoticesEnd(t *testing.T) {
	onEmulator(t)
	c := newCase(300, 5, 3, 33, objective.DV, backend.Softplus, 17, 9)
	given, _ := c.trainer(t, openPath(pathAuto, FP32)(t))
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	done, err := given.Train(ctx, make([]float64, ring), make([]float64, ring))
	if !errors.Is(err, context.DeadlineExceeded) || done > graphSteps[0] {
		t.Errorf("%d of %d steps, error %v, want at most %d and the end of the context", done, ring, err, graphSteps[0])
	}
	state, err := given.State()
	if err != nil || state.Step != uint64(done) {
		t.Errorf("State: step %d, %v, want %d", state.Step, err, done)
	}
}

// TestManyRows: more rows than a grid has tiles are taken in stretches, by all passes, and give
// bitwise the same.
func TestManyRows(t *testing.T) {
	onEmulator(t)
	c := newCase(400, 5, 3, 300, objective.DV, backend.Softplus, 17, 9)
	var want []any
	for _, limited := range []bool{false, true} {
		if limited {
			before := mostRows
			defer func() { mostRows = before }()
			mostRows = tileSize
			t.Setenv("GOMINE_EMULATOR_GRID", "1")
		}
		b := openPath(pathFused, FP32)(t) // tiled would split gradients along z
		got, err := everything(t.Context(), b, c, 2)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if want == nil {
			want = got
		}
		if !reflect.DeepEqual(got, want) {
			t.Error("in stretches: other bits")
		}
	}
}

// TestEvaluateKeepsMemory: a second evaluation of as many rows allocates nothing, one of more
// rows does, and each gives what it would alone.
func TestEvaluateKeepsMemory(t *testing.T) {
	onEmulator(t)
	c := newCase(300, 5, 3, 33, objective.DV, backend.Softplus, 17, 9)
	b := openPath(pathAuto, FP32)(t)
	given, data := c.trainer(t, b)
	evaluate := func(rows backend.Rows, count int) (backend.Evaluation, []float64, error) {
		influence := make([]float64, rows.Len())
		e, err := given.Evaluate(t.Context(), data, rows, backend.Pairing{Count: count, Seed: 1}, influence)
		return e, influence, err
	}
	large, few := backend.Rows{Lo: 3, Hi: 200}, backend.Rows{Lo: 0, Hi: 3, Index: []int32{250, 7, 90}}
	first, influence, err := evaluate(large, 3)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOMINE_EMULATOR_FAIL", "cuMemAlloc_v2:1,cuMemAlloc_v2:2") // the second one without what is spare
	if _, _, err := evaluate(few, 2); err != nil {
		t.Errorf("fewer rows: %v", err)
	}
	again, influenceAgain, err := evaluate(large, 3)
	if err != nil || !reflect.DeepEqual(again, first) || !reflect.DeepEqual(influenceAgain, influence) {
		t.Errorf("again: %+v, %v, want %+v", again, err, first)
	}
	if _, _, err := evaluate(backend.Rows{Lo: 3, Hi: 300}, 3); !errors.Is(err, backend.ErrOutOfMemory) {
		t.Errorf("more rows: error %v, want that of the allocation", err)
	}
	t.Setenv("GOMINE_EMULATOR_FAIL", "")
	if again, _, err = evaluate(large, 3); err != nil || !reflect.DeepEqual(again, first) {
		t.Errorf("after an allocation failed: %+v, %v, want %+v", again, err, first)
	}
}
