package sampling

// Batches draws the training rows: every epoch visits each of n rows once, in
// a fresh random order, and batches follow one another through the epochs
// without a gap, so a batch may end one epoch and begin the next.
type Batches struct {
	n, size uint64
	seed    uint64
}

// NewBatches returns the batches of size rows out of n >= 1.
func NewBatches(n, size int, seed uint64) Batches {
	return Batches{n: uint64(n), size: uint64(size), seed: seed}
}

// Rows fills dst with entries lo, lo+1, ... of the batch of a step, each a
// row in [0, n).
func (b *Batches) Rows(step uint64, lo int, dst []int32) {
	pos := step*b.size + uint64(lo)
	epoch, offset := pos/b.n, pos%b.n
	order := NewPermutation(b.n, b.seed, StreamEpoch, epoch)
	for i := range dst {
		if offset == b.n {
			epoch++
			offset = 0
			order = NewPermutation(b.n, b.seed, StreamEpoch, epoch)
		}
		dst[i] = int32(order.At(offset))
		offset++
	}
}

// Marginal returns the cycle that makes the marginal pairs of a step: entry i
// of the batch gives x, entry Next(i) gives z.
func (b *Batches) Marginal(step uint64) Cycle {
	return NewCycle(b.size, b.seed, StreamMarginal, step)
}

// Epoch returns the order of the rows in the epoch in which the batch of a
// step begins, the order in the one after it, and the position of the batch's
// entry 0 in the former: entry i is row order.At(offset+i), or, from
// offset+i = n on, row next.At(offset+i-n), unless the batch spans more than
// two epochs.
func (b *Batches) Epoch(step uint64) (order, next Permutation, offset uint64) {
	pos := step * b.size
	epoch := pos / b.n
	order = NewPermutation(b.n, b.seed, StreamEpoch, epoch)
	next = NewPermutation(b.n, b.seed, StreamEpoch, epoch+1)
	return order, next, pos % b.n
}
