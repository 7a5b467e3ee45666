// Which rows a step, and a pass of an evaluation, take.
#include "feistel.cuh"

// draw stores in rows[i batch + q], for position q < batch of the marginal cycle of step
// clock[0]+i, i = 0, 1, ..: the data row of the entry that the cycle visits there, which is
// row_at of one of [0, n) by the order of the epoch. If streamed, the rows are i batch + q:
// the host has gathered those of all steps of this graph, in the order of positions. The
// entries of the first step are stored too.
// grid (batch/256, steps), CPU twin sampling.Batches
KERNEL(256) draw(int* rows, int* entries, const int* index, const unsigned long long* clock, unsigned long long seed, int n, int first, int batch, int streamed) {
	__shared__ Batch b;
	const int i = blockIdx.y;
	if (threadIdx.x == 0) b = make_batch(clock[0] + i, seed, n, batch);
	__syncthreads();
	const int q = blockIdx.x * 256 + threadIdx.x;
	if (!inside(q, batch)) return;
	const unsigned entry = permute_inverse(b.cycle, q);
	if (i == 0) entries[q] = static_cast<int>(entry);
	const size_t at = static_cast<size_t>(i) * batch + q;
	rows[at] = streamed ? static_cast<int>(at) : row_at(index, first, batch_row(b, entry));
}

// The pairings of visit: backend.PairingKind.
constexpr int by_cycle = 0; // any other number: by permutation

// visit stores the pairs q < count at positions lo+q of several pairings of n rows, those of
// pairing k from number k count on: the positions xs and zs of their rows in the evaluation and,
// where these are not null, the rows x_rows and z_rows of the data, row_at of the positions. With
// P the keyed permutation of (n, seed, stream, step + k), p = lo+q has
//
//	by_cycle        xs = P^-1(p), zs = P^-1(p+1 mod n)
//	by_permutation  xs = p,       zs = P^-1(p)
//
// grid pairings ceil(count/256), CPU twin sampling.Cycle.Visit
KERNEL(256) visit(int* xs, int* zs, int* x_rows, int* z_rows, const int* index, unsigned long long seed, unsigned long long step, int stream, int pairing, int n, int lo, int count, int first) {
	__shared__ Permutation p;
	const int blocks = (count + 255) / 256, k = blockIdx.x / blocks; // of a pairing, and which
	if (threadIdx.x == 0) p = make_permutation(n, seed, stream, step + k);
	__syncthreads();
	const int q = blockIdx.x % blocks * 256 + threadIdx.x;
	if (!inside(q, count)) return;
	const unsigned at = static_cast<unsigned>(lo) + q, after = at + 1 == static_cast<unsigned>(n) ? 0 : at + 1;
	const int x = static_cast<int>(pairing == by_cycle ? permute_inverse(p, at) : at);
	const int z = static_cast<int>(permute_inverse(p, pairing == by_cycle ? after : at));
	const size_t to = static_cast<size_t>(k) * count + q;
	xs[to] = x;
	zs[to] = z;
	if (x_rows == nullptr) return;
	x_rows[to] = row_at(index, first, x);
	z_rows[to] = row_at(index, first, z);
}

// advance moves the clock by the steps of a graph.
// grid 1, one thread
KERNEL(1) advance(unsigned long long* clock, int steps) {
	clock[0] += steps;
	clock[1] += steps;
}
