package mine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
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
