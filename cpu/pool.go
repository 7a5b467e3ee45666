package cpu

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"gomine/cpu/internal/f32"
)

// spins is how often a waiting worker polls before it gives up its processor:
// some hundred microseconds, longer than the gap between two calls and than
// workers of equal shares finish apart; a shorter time halved the speed of a
// step of half a millisecond.
const spins = 1 << 18

// processors is how many workers can run at once; asking the runtime takes a
// lock.
var processors = runtime.GOMAXPROCS(0)

// spinsFor returns how often to poll for others of n workers: hardly at all if
// they wait for the processor that the poller is on.
func spinsFor(n int) int {
	if n > processors {
		return spins / 1024
	}
	return spins
}

// nap is how long a waiting worker sleeps once it has spun in vain: short
// against the milliseconds for which a scheduler takes a processor away.
const nap = 50 * time.Microsecond

// A pool runs a function on n workers at once: n-1 goroutines that live as
// long as the pool, and the caller. Between two calls the goroutines poll for
// a while, which starts a step within a microsecond, and then sleep.
type pool struct {
	mu      sync.Mutex // held by whoever runs a region
	workers []worker
	barrier barrier

	region  func(w *worker)
	active  int          // workers of the region
	running atomic.Int32 // goroutines still in the region
	closed  atomic.Bool
}

// A worker is one strand of a pool with the scratch memory it owns.
type worker struct {
	id   int
	pool *pool
	gemm *f32.Workspace

	started atomic.Uint32 // number of regions
	asleep  atomic.Bool
	wake    chan struct{}
	_       [64]byte // keeps two workers' flags out of one cache line
}

func newPool(n int) *pool {
	p := &pool{workers: make([]worker, n)}
	for i := range p.workers {
		w := &p.workers[i]
		w.id, w.pool, w.gemm, w.wake = i, p, f32.NewWorkspace(), make(chan struct{}, 1)
		if i > 0 {
			go w.loop()
		}
	}
	return p
}

// run calls region on the first n workers and returns when all are done. The
// caller must hold mu.
func (p *pool) run(n int, region func(w *worker)) {
	p.region, p.active, p.barrier.n = region, n, int32(n)
	p.running.Store(int32(n - 1))
	p.start(n)
	region(&p.workers[0])
	poll(spinsFor(p.active), func() bool { return p.running.Load() == 0 })
}

// start lets the goroutines of the first n workers take up the region.
func (p *pool) start(n int) {
	for i := 1; i < n; i++ {
		w := &p.workers[i]
		w.started.Add(1)
		if w.asleep.CompareAndSwap(true, false) {
			w.wake <- struct{}{}
		}
	}
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed.Swap(true) {
		p.start(len(p.workers))
	}
}

func (w *worker) loop() {
	p := w.pool
	for seen := uint32(0); ; {
		for i := 0; w.started.Load() == seen; i++ {
			if i < spins {
				if i%1024 == 1023 {
					runtime.Gosched()
				}
				continue
			}
			i = 0
			w.asleep.Store(true)
			// A region that started before asleep was set did not send a wake.
			if w.started.Load() != seen && w.asleep.CompareAndSwap(true, false) {
				break
			}
			<-w.wake
		}
		if p.closed.Load() {
			return
		}
		seen++
		p.region(w)
		p.running.Add(-1)
	}
}

// share returns the part [lo, hi) of [0, n) that is this worker's own in the
// region.
func (w *worker) share(n int) (lo, hi int) {
	t := w.pool.active
	return w.id * n / t, (w.id + 1) * n / t
}

// wait returns when every worker of the region has called it.
func (w *worker) wait() { w.pool.barrier.wait() }

// A barrier lets n workers wait for one another.
type barrier struct {
	n       int32
	arrived atomic.Int32
	_       [60]byte // the last to arrive writes arrived while the others poll phase
	phase   atomic.Uint32
}

func (b *barrier) wait() {
	if b.n == 1 {
		return
	}
	phase := b.phase.Load()
	if b.arrived.Add(1) == b.n {
		b.arrived.Store(0)
		b.phase.Add(1)
		return
	}
	poll(spinsFor(int(b.n)), func() bool { return b.phase.Load() != phase })
}

// poll returns when done does. It spins for about as long as workers of equal
// shares finish apart, then sleeps between looks: whoever it waits for may need
// the processor, if there are more workers or other programs than processors.
func poll(spins int, done func() bool) {
	for i := 1; !done(); i++ {
		if i > spins {
			time.Sleep(nap)
		}
	}
}
