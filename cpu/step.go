package cpu

import (
	"slices"

	"gomine/cpu/internal/f32"
	"gomine/mine/objective"
	"gomine/mine/sampling"
)

// gradient computes the batch of a step, its value and, by blocks and chunks,
// dV/dparameters. Every worker calls it; it returns the moving average after the
// step. The value is there once worker 0 returns.
func (t *trainer) gradient(w *worker, step uint64, avg objective.Average, value *float64) objective.Average {
	// Chunks that can be dealt out evenly stay with one worker, which knows all
	// that their gradients need.
	whole := len(t.chunks)%w.pool.active == 0
	blocks := t.own(w, whole)
	order := t.batches.Marginal(step)
	for _, b := range blocks {
		t.draw(step, &order, b)
		t.score(w, b)
	}
	w.wait()

	lo, hi := 0, 0
	if len(blocks) > 0 {
		lo, hi = blocks[0].lo, blocks[len(blocks)-1].hi
	}
	scratch := t.scratch[w.id].scores
	lme, avg := t.scores.weights(w, lo, hi, avg, scratch)
	if whole {
		lo, hi := w.share(len(t.chunks))
		for _, c := range t.chunks[lo:hi] {
			for i, b := range slices.Backward(c.blocks) {
				t.backward(w, b)
				t.outer(w, c.grad, b, i < len(c.blocks)-1, func(rows int) (lo, hi int) { return 0, rows })
			}
		}
	} else {
		for _, b := range slices.Backward(blocks) {
			t.backward(w, b)
		}
		w.wait()
		for _, c := range t.chunks {
			for i, b := range slices.Backward(c.blocks) {
				t.outer(w, c.grad, b, i < len(c.blocks)-1, w.share)
			}
		}
	}
	w.wait()
	if w.id == 0 {
		*value = t.scores.value(lme, scratch)
	}
	return avg
}

// own returns this worker's blocks: those of its chunks or its share of all.
func (t *trainer) own(w *worker, whole bool) []block {
	if !whole {
		lo, hi := w.share(len(t.blocks))
		return t.blocks[lo:hi]
	}
	lo, hi := w.share(len(t.chunks))
	last := t.chunks[hi-1].blocks
	return t.blocks[t.chunks[lo].blocks[0].id : last[len(last)-1].id+1]
}

// draw gathers the rows of a block.
func (t *trainer) draw(step uint64, cycle *sampling.Cycle, b block) {
	n := b.len()
	rows := t.rows[b.first():][:n+b.over]
	for i := range rows {
		rows[i] = int32(b.lo + i)
	}
	// Behind the last position comes the first one again.
	for i := t.spec.Batch - b.lo; i < len(rows); i++ {
		rows[i] -= int32(t.spec.Batch)
	}
	f32.PermuteInverse(rows, cycle.Order())
	t.entries(step, rows)
	train := t.data.choose(t.train)
	rows = train.at(rows, rows)
	x, z := &train.x, &train.z
	f32.GatherRows(t.x.from(b.lo), t.x.stride, x.Data, x.Stride, x.Cols, rows[:n])
	f32.GatherRows(t.z.from(b.first()), t.z.stride, z.Data, z.Stride, z.Cols, rows)
}

// entries replaces entries of the batch of a step by their places among the
// training rows. Few batches lie in two epochs.
func (t *trainer) entries(step uint64, rows []int32) {
	epoch, next, offset := t.batches.Epoch(step)
	n := epoch.N()
	if offset+uint64(t.spec.Batch) <= n {
		for i := range rows {
			rows[i] += int32(offset)
		}
		f32.PermuteAt(rows, &epoch)
		return
	}
	for i, entry := range rows {
		if at := offset + uint64(entry); at < n {
			rows[i] = int32(epoch.At(at))
		} else {
			rows[i] = int32(next.At(at - n))
		}
	}
}

// score computes the scores of a block.
func (t *trainer) score(w *worker, b block) {
	n := b.len()
	lo, all := b.layer()
	h, p := &t.layers.h[0], &t.scratch[w.id].first
	t.projectX(w, n, t.x.from(b.lo), t.x.stride, p.from(0))
	t.projectZ(w, n+b.over, t.z.from(b.first()), t.z.stride, p.from(n))
	for k := range 1 + b.over {
		t.act.sum(h.block(lo+k*n, n), p.block(0, n), p.block(n+k, n))
	}
	t.forward(w, &t.layers, lo, all)
	from, to := t.scores.pairs(b.lo, b.hi)
	t.critic.score(t.scores.joint[b.lo:b.hi], &t.layers, lo)
	t.critic.score(t.scores.marginal[from:to], &t.layers, lo+n)
}

// backward takes the weights of a block's scores back to its projections. It
// leaves what the block adds to the gradients of the vectors in its sums.
func (t *trainer) backward(w *worker, b block) {
	lo, all := b.layer()
	l, last := &t.layers, len(t.layers.d)-1
	sums := t.sums.row(b.id)
	clear(sums)
	of := func(k int) []float32 { return sums[t.p.vectors[k].at:][:t.p.vectors[k].cols] }

	from, to := t.scores.pairs(b.lo, b.hi)
	a, marginal := t.scores.a[b.lo:b.hi], t.scores.b[from:to]
	t.top(l, lo, a, of(last+1), of(last))
	t.top(l, lo+b.len(), marginal, of(last+1), of(last))
	first := t.critic.backward(w, l, lo, all, t.scratch[w.id].first.data)
	for k := 1; k < last; k++ {
		f32.ColumnSums(of(k), all, l.d[k].from(lo), l.d[k].stride)
	}
	var bias float64
	for i := range a { // with as many marginal weights as a row has
		row := float64(a[i])
		for _, v := range marginal[i*b.over:][:b.over] {
			row += float64(v)
		}
		bias += row
	}
	t.biases[b.id] = bias
	t.fold(b, of(0), first)
}

// fold adds up the derivatives of a block's pairs, those of its layers, by the
// projections that they are made of, and stores their sum over the rows of x.
// Position p takes part with its x in the pairs of position p, with its z in the
// joint one and in marginal pairs of the positions before.
func (t *trainer) fold(b block, sums, pairs []float32) {
	n, stride := b.len(), t.px.stride
	dx, dz := t.px.block(b.lo, n), t.pz.block(b.first(), n+b.over)
	if b.over > 1 {
		clear(dx) // with the fill, which FoldPairs leaves alone and Add does not
		clear(dz)
	}
	// The k-th pairs of all positions; the joint ones are the 0-th.
	kth := func(k int) []float32 { return pairs[k*n*stride:][:n*stride] }
	f32.FoldPairs(dx, dz, sums, n, kth(0), kth(1), stride)
	for k := 2; k <= b.over; k++ {
		f32.Add(dx, dx, kth(k))
		own := dz[k*stride:][:n*stride]
		f32.Add(own, own, kth(k))
	}
	if b.over > 1 {
		f32.ColumnSums(sums, n, dx, stride)
	}
}

// outer stores a block's part of the gradients of the matrices in g, or adds
// it; share says which rows of a matrix.
func (t *trainer) outer(w *worker, g *params, b block, accumulate bool, share func(rows int) (lo, hi int)) {
	// product adds rows [lo, hi) of in^T d over n rows.
	product := func(dst *matrix, n int, in *matrix, d *matrix, from int) {
		if lo, hi := share(dst.rows()); lo < hi {
			w.gemm.Gemm(true, false, hi-lo, dst.cols, n, in.from(from)[lo:], in.stride, d.from(from), d.stride,
				nil, accumulate, dst.from(lo), dst.stride)
		}
	}
	product(&g.wx, b.len(), &t.x, &t.px, b.lo)
	product(&g.wz, b.len()+b.over, &t.z, &t.pz, b.first())
	lo, all := b.layer()
	for k := 1; k < len(g.w); k++ {
		product(&g.w[k], all, &t.layers.h[k-1], &t.layers.d[k], lo)
	}
}
