// Philox and the keyed permutations of package mine/sampling: the same
// integers, bit for bit.
#pragma once

#include "device.cuh"

struct Block4 {
	unsigned x[4];
};

// philox4x32 is Philox4x32-10 (Salmon et al., SC 2011).
__device__ __forceinline__ Block4 philox4x32(Block4 c, unsigned k0, unsigned k1) {
	for (int round = 0; round < 10; ++round) {
		const unsigned high0 = __umulhi(0xD2511F53u, c.x[0]), low0 = 0xD2511F53u * c.x[0];
		const unsigned high1 = __umulhi(0xCD9E8D57u, c.x[2]), low1 = 0xCD9E8D57u * c.x[2];
		c = Block4{{high1 ^ c.x[1] ^ k0, low1, high0 ^ c.x[3] ^ k1, low0}};
		k0 += 0x9E3779B9u;
		k1 += 0xBB67AE85u;
	}
	return c;
}

// The streams of mine/sampling that kernels draw from.
constexpr int stream_epoch = 2, stream_marginal = 3;

// A Permutation of [0, n) by eight Feistel rounds on two halves of at least
// eight bits together, with cycle walking. n is at most 2^31, so neither half
// is wider than 16 bits.
struct Permutation {
	unsigned n, right_bits, left_shift, right_shift;
	unsigned key[8];
};

__device__ inline Permutation make_permutation(unsigned n, unsigned long long seed, int stream, unsigned long long step) {
	Permutation p;
	unsigned width = 8;
	while (width < 32 && (n - 1) >> width != 0) ++width;
	p.n = n;
	p.right_bits = width - width / 2;
	p.left_shift = 32 - width / 2;
	p.right_shift = 32 - p.right_bits;
	for (unsigned b = 0; b < 2; ++b) {
		const Block4 counter = {{b, static_cast<unsigned>(step >> 32) << 16, static_cast<unsigned>(step), static_cast<unsigned>(stream)}};
		const Block4 keys = philox4x32(counter, static_cast<unsigned>(seed), static_cast<unsigned>(seed >> 32));
		for (unsigned i = 0; i < 4; ++i) p.key[4 * b + i] = keys.x[i];
	}
	return p;
}

__device__ __forceinline__ unsigned feistel(unsigned key, unsigned x) {
	unsigned h = (x + key) * 0x7FEB352Du;
	h ^= h >> 15;
	return h * 0x846CA68Bu;
}

// permute returns the image of i < n.
__device__ inline unsigned permute(const Permutation& p, unsigned i) {
	do {
		unsigned left = i >> p.right_bits, right = i & ((1u << p.right_bits) - 1);
#pragma unroll
		for (int k = 0; k < 8; k += 2) {
			left ^= feistel(p.key[k], right) >> p.left_shift;
			right ^= feistel(p.key[k + 1], left) >> p.right_shift;
		}
		i = left << p.right_bits | right;
	} while (i >= p.n);
	return i;
}

// permute_inverse returns the i < n whose image is v.
__device__ inline unsigned permute_inverse(const Permutation& p, unsigned v) {
	do {
		unsigned left = v >> p.right_bits, right = v & ((1u << p.right_bits) - 1);
#pragma unroll
		for (int k = 6; k >= 0; k -= 2) {
			right ^= feistel(p.key[k + 1], left) >> p.right_shift;
			left ^= feistel(p.key[k], right) >> p.left_shift;
		}
		v = left << p.right_bits | right;
	} while (v >= p.n);
	return v;
}

// A Batch draws the rows of one step: position q of the marginal cycle holds
// entry permute_inverse(cycle, q), whose row is that of sampling.Batches.
struct Batch {
	Permutation cycle, epoch, next;
	unsigned offset;
};

// make_batch prepares step s of batches of size rows out of n >= size.
__device__ inline Batch make_batch(unsigned long long step, unsigned long long seed, int n, int size) {
	const unsigned long long position = step * static_cast<unsigned long long>(size), epoch = position / n;
	Batch b;
	b.cycle = make_permutation(size, seed, stream_marginal, step);
	b.epoch = make_permutation(n, seed, stream_epoch, epoch);
	b.next = make_permutation(n, seed, stream_epoch, epoch + 1);
	b.offset = static_cast<unsigned>(position % n);
	return b;
}

// batch_row returns the training row of an entry.
__device__ inline int batch_row(const Batch& b, unsigned entry) {
	const unsigned at = b.offset + entry; // both below 2^31
	return static_cast<int>(at < b.epoch.n ? permute(b.epoch, at) : permute(b.next, at - b.epoch.n));
}

// row_at returns the data row at a position of rows that begin at first of the data
// or, where there is an index, of that: backend.Rows.At.
__device__ __forceinline__ int row_at(const int* index, int first, int position) {
	return index != nullptr ? index[first + position] : first + position;
}
