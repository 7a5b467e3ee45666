package cpu

import (
	"math"

	"gomine/cpu/internal/f32"
	"gomine/mine/backend"
)

// parts calls the functions with this worker's parts of the parameters: of weights
// i the rows [lo, hi), a unit of them, of vector i the elements [lo, hi).
func (t *trainer) parts(w *worker, rows, elements func(i, lo, hi int)) {
	for i := range t.grad.weights {
		w.units(t.grad.weights[i].rows(), func(lo, hi int) { rows(i, lo, hi) })
	}
	for i := range t.grad.vectors {
		if lo, hi := w.lanes(t.grad.vectors[i].stride); lo < hi {
			elements(i, lo, hi)
		}
	}
}

// sumRows adds up the gradients of rows of weights over the chunks.
func (t *trainer) sumRows(i, lo, hi int) {
	// In memory that no other worker writes: the processors pass a line to
	// and fro for longer than it takes to add it up.
	sum, part := t.grad.weights[i].block(lo, hi-lo), t.chunks[0].grad.weights[i].block(lo, hi-lo)
	for _, c := range t.chunks[1:] {
		f32.Add(sum, part, c.grad.weights[i].block(lo, hi-lo))
		part = sum
	}
	if len(t.chunks) == 1 {
		copy(sum, part)
	}
}

// sumElements adds up the gradients of elements of a vector over the blocks.
func (t *trainer) sumElements(i, lo, hi int) {
	v := &t.grad.vectors[i]
	f32.ColumnSums(v.data[lo:hi], len(t.blocks), t.sums.data[v.at+lo:], t.sums.stride)
	if i == len(t.grad.vectors)-1 && lo == 0 {
		var sum float64
		for _, b := range t.biases {
			sum += b
		}
		v.data[0] = float32(sum)
	}
}

// update adds up the gradient and applies Adam to this worker's part of every
// array, the fill of rows included: its gradient is zero and so it stays zero.
func (t *trainer) update(w *worker, step uint64, rate float64) {
	plain, decaying := adamSteps(t.spec.Adam, step, rate)
	if !t.spec.Clips() {
		t.parts(w, func(i, lo, hi int) {
			t.sumRows(i, lo, hi)
			t.ascendRows(i, lo, hi, &decaying)
		}, func(i, lo, hi int) {
			t.sumElements(i, lo, hi)
			t.ascendElements(i, lo, hi, &plain, &decaying)
		})
		return
	}
	t.parts(w, func(i, lo, hi int) {
		t.sumRows(i, lo, hi)
		t.squares.rows(t.grad, i, lo, hi)
	}, func(i, lo, hi int) {
		t.sumElements(i, lo, hi)
		t.squares.elements(t.grad, i, lo, hi)
	})
	w.wait()
	factor := clipFactor(t.squares.norm(), t.spec.ClipNorm)
	t.parts(w, func(i, lo, hi int) {
		g := t.grad.weights[i].block(lo, hi-lo)
		f32.Scale(g, factor, g)
		t.ascendRows(i, lo, hi, &decaying)
	}, func(i, lo, hi int) {
		g := t.grad.vectors[i].data[lo:hi]
		f32.Scale(g, factor, g)
		t.ascendElements(i, lo, hi, &plain, &decaying)
	})
}

// ascendRows applies Adam to rows of weights and packs them.
func (t *trainer) ascendRows(i, lo, hi int, s *f32.AdamStep) {
	n := hi - lo
	f32.Adam(t.p.weights[i].block(lo, n), t.grad.weights[i].block(lo, n), t.m.weights[i].block(lo, n), t.v.weights[i].block(lo, n), s)
	t.pack(i, lo, hi)
}

// ascendElements applies Adam to elements of a vector.
func (t *trainer) ascendElements(i, lo, hi int, plain, decaying *f32.AdamStep) {
	s := plain
	if t.p.vectors[i].decays {
		s = decaying
	}
	f32.Adam(t.p.vectors[i].data[lo:hi], t.grad.vectors[i].data[lo:hi], t.m.vectors[i].data[lo:hi], t.v.vectors[i].data[lo:hi], s)
}

// units calls f with this worker's part of n rows of weights, a unit that may be
// packed at a time, so that it is still in the cache when it is used again.
func (w *worker) units(n int, f func(lo, hi int)) {
	const unit = f32.PackUnit
	first, last := w.share(units(n))
	for u := first; u < last; u++ {
		f(u*unit, min((u+1)*unit, n))
	}
}

// units returns how many units n rows of weights are.
func units(n int) int { return (n + f32.PackUnit - 1) / f32.PackUnit }

// lane is the number of elements in a vector of the kernels.
const lane = 8

// lanes returns this worker's part of a row of stride floats: whole vectors, so
// that no part has a tail.
func (w *worker) lanes(stride int) (lo, hi int) {
	lo, hi = w.share(stride / lane)
	return lo * lane, hi * lane
}

// adamSteps returns the constants of a step, without and with weight decay.
func adamSteps(a backend.Adam, step uint64, rate float64) (plain, decaying f32.AdamStep) {
	s := float64(step + 1)
	bias1 := 1 - math.Pow(a.Beta1, s)
	root2 := math.Sqrt(1 - math.Pow(a.Beta2, s))
	plain = f32.AdamStep{
		Beta1:         float32(a.Beta1),
		OneMinusBeta1: float32(1 - a.Beta1),
		Beta2:         float32(a.Beta2),
		OneMinusBeta2: float32(1 - a.Beta2),
		Step:          float32(-rate * root2 / bias1), // ascent
		Eps:           float32(a.Epsilon * root2),
		Decay:         1,
	}
	decaying = plain
	decaying.Decay = float32(1 - rate*a.WeightDecay)
	return plain, decaying
}
