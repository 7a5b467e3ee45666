//go:build cuda

package cuda

import (
	"fmt"
	"runtime"

	"gomine/mine/backend"
)

// Divide returns backends that share the device, its context and its kernels, each with a thread and
// a stream of its own: their work is done side by side. Each waits for the device on a processor of
// the host and has memory of its own, so there are no more than there is of both.
func (d *device) Divide(most int) ([]backend.Backend, error) {
	fail := func(err error, parts []backend.Backend) ([]backend.Backend, error) {
		for _, p := range parts {
			_ = p.Close()
		}
		return nil, fmt.Errorf("cuda: divide: %w", err)
	}
	if d.closed.Load() {
		return fail(backend.ErrClosed, nil)
	}
	var free int64
	err := d.gpu.Do(func() (err error) {
		free, err = d.gpu.Free()
		return err
	})
	if err != nil {
		return fail(err, nil)
	}
	n := max(1, min(most, d.share, int(free/partBytes)))
	var parts []backend.Backend
	for i := range n {
		gpu, err := d.gpu.Part()
		if err != nil {
			return fail(err, parts)
		}
		parts = append(parts, &device{
			gpu: gpu, precision: d.precision, part: d.part || n > 1, share: (d.share + i) / n, resident: d.resident,
			folder: d.folder, compiled: d.compiled, loading: d.loading, patience: d.patience, path: d.path, entry: d.entry,
		})
	}
	return parts, nil
}

const (
	// partsOfDevice is the most parts: so many steps of 32 blocks each fill the largest devices
	// several times over.
	partsOfDevice = 16
	// partBytes is how much memory there has to be for each part. A trainer and the scorer of what it
	// has trained may each take scratchBytes and mostProjected, three quarters of it together.
	partBytes = 2 << 30
)

// mostParts is how many parts the host has processors for.
func mostParts() int { return min(partsOfDevice, runtime.GOMAXPROCS(0)) }
