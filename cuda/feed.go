//go:build cuda

package cuda

import (
	"errors"
	"runtime"
	"sync"

	"gomine/cuda/internal/driver"
	"gomine/mine/sampling"
)

// A feed brings rows from the host's memory: those of one graph's steps at a
// time, in the order of positions, into two places in turn. While the device trains on
// one, the host gathers the rows of the other and they are copied, on a stream of their
// own.
type feed struct {
	steps   int // of a place at most
	stream  *driver.Stream
	places  [2]place
	next    int
	batches sampling.Batches
	entries []int32 // of the steps' batches
}

// place has room for the rows of a graph's steps on both sides.
type place struct {
	host   *driver.Pinned
	x, z   driver.Pointer
	copied *driver.Event // when the device has its rows
	read   *driver.Event // when the device needs them no more
}

// feedBytes is about how much a place holds, unless a single step needs more.
const feedBytes = 256 << 20

// stepsFor is the largest graph whose steps, of so many bytes each, fit a place.
func stepsFor(bytes int64) int {
	for _, steps := range graphSteps {
		if int64(steps)*bytes <= feedBytes {
			return steps
		}
	}
	return 1
}

// newFeed allocates; what it allocated before an error is close's to free.
func newFeed(t *trainer) (f *feed, err error) {
	ldx, ldz := int64(padded(t.net.DX)), int64(padded(t.net.DZ))
	f = &feed{batches: sampling.NewBatches(t.train.Len(), t.spec.Batch, t.spec.Seed)}
	f.steps = stepsFor(4 * int64(t.spec.Batch) * (ldx + ldz))
	rows := int64(f.steps) * int64(t.spec.Batch)
	f.entries = make([]int32, rows)
	if f.stream, err = t.device.gpu.NewStream(); err != nil {
		return f, err
	}
	for i := range f.places {
		p := &f.places[i]
		if p.x, err = t.memory.Alloc("rows of x", 4*rows*ldx); err != nil {
			return f, err
		}
		if p.z, err = t.memory.Alloc("rows of z", 4*rows*ldz); err != nil {
			return f, err
		}
		if p.host, err = driver.NewPinned(4 * rows * (ldx + ldz)); err != nil {
			return f, err
		}
		for _, e := range []**driver.Event{&p.copied, &p.read} {
			if *e, err = driver.NewEvent(); err != nil {
				return f, err
			}
		}
	}
	return f, nil
}

func (f *feed) close() error {
	var err error
	if f.stream != nil {
		err = f.stream.Close()
	}
	for _, p := range f.places {
		if p.host != nil {
			err = errors.Join(err, p.host.Close())
		}
		for _, e := range []*driver.Event{p.copied, p.read} {
			if e != nil {
				err = errors.Join(err, e.Close())
			}
		}
	}
	return err
}

// fill gathers the rows of some steps, queues their copy, and has the trainer's stream
// wait for it.
func (f *feed) fill(t *trainer, step uint64, steps int) (source, error) {
	// All that reads the other place is queued by now.
	if err := f.places[1-f.next].read.Record(t.stream); err != nil {
		return source{}, err
	}
	p := &f.places[f.next]
	f.next = 1 - f.next
	// The copy out of this place, two fills ago, must be over.
	if err := p.copied.Wait(); err != nil {
		return source{}, err
	}
	nx, nz := steps*t.spec.Batch*padded(t.net.DX), steps*t.spec.Batch*padded(t.net.DZ)
	host := p.host.Floats()
	f.gather(t, step, steps, host[:nx], host[nx:][:nz])
	err := errors.Join(
		f.stream.WaitFor(p.read),
		f.stream.CopyIn(p.x, p.host, 0, nx),
		f.stream.CopyIn(p.z, p.host, nx, nz),
		p.copied.Record(f.stream),
		t.stream.WaitFor(p.copied))
	return source{x: p.x, z: p.z, streamed: true}, err
}

// gather copies the rows of some steps to x and z, in the order of positions.
func (f *feed) gather(t *trainer, step uint64, steps int, x, z []float32) {
	n := t.spec.Batch
	ldx, ldz := padded(t.net.DX), padded(t.net.DZ)
	inParallel(steps*n, func(lo, hi int) {
		for at := lo; at < hi; {
			i := at / n
			end := min(hi, (i+1)*n)
			f.batches.Rows(step+uint64(i), at-i*n, f.entries[at:end])
			at = end
		}
	})
	inParallel(steps*n, func(lo, hi int) {
		for at := lo; at < hi; {
			i := at / n
			cycle, entries := f.batches.Marginal(step+uint64(i)), f.entries[i*n:]
			for ; at < min(hi, (i+1)*n); at++ {
				row := t.train.At(int(entries[cycle.Visit(uint64(at-i*n))]))
				put(x[at*ldx:][:ldx], t.data.hostX.Row(row))
				put(z[at*ldz:][:ldz], t.data.hostZ.Row(row))
			}
		}
	})
}

// leastGathered is how many rows are worth a goroutine: some 50 µs of permutations.
const leastGathered = 1 << 10

// inParallel calls f for ranges that make up [0, n), at the same time.
func inParallel(n int, f func(lo, hi int)) {
	workers := max(1, min(runtime.GOMAXPROCS(0), n/leastGathered))
	var all sync.WaitGroup
	for w := range workers {
		all.Add(1)
		go func() {
			defer all.Done()
			f(n*w/workers, n*(w+1)/workers)
		}()
	}
	all.Wait()
}
