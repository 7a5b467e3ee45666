package mine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"gomine/mine/backend"
)

// TestFailureOnce: a backend that fails in all jobs side by side is named once, beside the checkpoint that one of them
// could not keep.
func TestFailureOnce(t *testing.T) {
	const jobs = 4
	var all sync.WaitGroup
	all.Add(jobs)
	f := fitter{backends: make([]backend.Backend, jobs)}
	err := f.each(t.Context(), jobs, func(_ context.Context, _ backend.Backend, i int) error {
		all.Done()
		all.Wait()
		if i == 0 {
			return fmt.Errorf("%w: full", ErrCheckpoint)
		}
		return errors.New("the device is lost")
	})
	if err == nil || strings.Count(err.Error(), "lost") != 1 || strings.Count(err.Error(), "full") != 1 {
		t.Errorf("error %v, want that of the device and that of the checkpoint once each", err)
	}
}

// TestNoMemoryBesideOthers: a job that finds no memory beside others is done again alone, and fails if there is
// none then either.
func TestNoMemoryBesideOthers(t *testing.T) {
	const jobs = 4
	for _, enough := range []bool{true, false} {
		var all sync.WaitGroup
		all.Add(jobs)
		var busy atomic.Int32
		var done [jobs]atomic.Int32
		f := fitter{backends: make([]backend.Backend, jobs)}
		err := f.each(t.Context(), jobs, func(_ context.Context, _ backend.Backend, i int) error {
			beside := busy.Add(1) > 1
			defer busy.Add(-1)
			if done[i].Add(1) == 1 { // all at once
				all.Done()
				all.Wait()
				beside = beside || i < 2
			}
			if i < 2 && (beside || !enough) {
				err := fmt.Errorf("layers: %w", backend.ErrOutOfMemory)
				if begun := done[i].Load(); f.again(err) != (begun == 1) {
					t.Errorf("begun %d times, job %d is done again: %v", begun, i, f.again(err))
				}
				return err
			}
			return nil
		})
		if (err == nil) != enough || !enough && !errors.Is(err, backend.ErrOutOfMemory) {
			t.Errorf("enough for one: %v: error %v", enough, err)
		}
		for i := range done {
			if want := int32(1); enough && i < 2 && done[i].Load() != want+1 || i >= 2 && done[i].Load() != want {
				t.Errorf("job %d was begun %d times", i, done[i].Load())
			}
		}
	}
}
