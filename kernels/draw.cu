// Which rows a step, and a pass of an evaluation, take.
#include "feistel.cuh"

// draw stores, for position q < batch of the marginal cycle of step clock[0]+i,
// the entry that the cycle visits there and its data row: first + one of [0, n)
// by the order of the epoch. If streamed, the rows are i batch + q: the host has
// gathered those of all steps of this graph, in the order of positions.
// grid batch/256, CPU twin sampling.Batches
KERNEL(256) draw(int* rows, int* entries, const unsigned long long* clock, unsigned long long seed, int i, int n, int first, int batch, int streamed) {
	__shared__ Batch b;
	if (threadIdx.x == 0) b = make_batch(clock[0] + i, seed, n, batch);
	__syncthreads();
	const int q = blockIdx.x * 256 + threadIdx.x;
	if (!inside(q, batch)) return;
	const unsigned entry = permute_inverse(b.cycle, q);
	entries[q] = static_cast<int>(entry);
	rows[q] = streamed ? i * batch + q : first + batch_row(b, entry);
}

// visit stores rows[q] = first + the element at position lo+q, modulo n, of the
// cycle of (n, seed, stream, step), for q < count.
// grid count/256, CPU twin sampling.Cycle.Visit
KERNEL(256) visit(int* rows, unsigned long long seed, unsigned long long step, int stream, int n, int lo, int count, int first) {
	__shared__ Permutation p;
	if (threadIdx.x == 0) p = make_permutation(n, seed, stream, step);
	__syncthreads();
	const int q = blockIdx.x * 256 + threadIdx.x;
	if (!inside(q, count)) return;
	rows[q] = first + static_cast<int>(permute_inverse(p, static_cast<unsigned>((static_cast<long long>(lo) + q) % n)));
}

// advance moves the clock by the steps of a graph.
// grid 1, one thread
KERNEL(1) advance(unsigned long long* clock, int steps) {
	clock[0] += steps;
	clock[1] += steps;
}
