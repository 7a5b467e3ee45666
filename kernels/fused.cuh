// A whole training step of a small network but for the update: draw, forward,
// objective, backward, gradients, in one kernel and without the host.
//
// Block b takes positions [b R, b R + R) of the batch, n of them within it. It
// keeps the layers of their 2R pairs, joint before marginal, in shared memory.
// What follows the scores is linear in their weights, so it needs nothing from
// the other blocks: where the weights of marginal pairs are normalised over the
// batch they are relative to the block's own largest value, and fused_adam scales
// what comes out.
#pragma once

#include "activation.cuh"
#include "feistel.cuh"
#include "objectives.cuh"
#include "reduce.cuh"
#include "small.cuh"
#include "tile.cuh"

// multiply computes a product [rows, columns] of depth `over` in tiles: a(k, i)
// and b(k, j) are its operands' entries, fetched into shared memory depth by
// depth, and store(i, j, value) takes the result. Entries outside are not asked
// for. a_along says that neighbouring k of a lie side by side in memory, else
// neighbouring i do; b_along is the same for b.
//
// Where they do in rows of pitch<..> floats, which are 8 banks apart, a warp takes
// 8 neighbours of 4 rows: it reads 32 banks, and writes 16 of them twice.
template <class Precision, int M, int N, bool a_along, bool b_along, class A, class B, class Store>
__device__ __forceinline__ void multiply(int rows, int columns, int over, A a, B b, float* space, Store store) {
	float* as = space;
	float* bs = space + depth * pitch<M>;
	for (int m0 = 0; m0 < rows; m0 += M) {
		Product<Precision, M, N> product;
		for (int k0 = 0; k0 < over; k0 += depth) {
			__syncthreads(); // what the operands are made of is there, space is free
			for (int e = threadIdx.x; e < depth * M; e += tile_threads) {
				const int k = a_along ? e % 8 + e / 32 % 2 * 8 : e / M, i = a_along ? e / 8 % 4 + e / 64 * 4 : e % M;
				as[k * pitch<M> + i] = inside(m0 + i, rows) && inside(k0 + k, over) ? Precision::stage(a(k0 + k, m0 + i)) : 0.f;
			}
			for (int e = threadIdx.x; e < depth * N; e += tile_threads) {
				const int k = b_along ? e % depth : e / N, j = b_along ? e / depth : e % N;
				bs[k * pitch<N> + j] = inside(j, columns) && inside(k0 + k, over) ? Precision::stage(b(k0 + k, j)) : 0.f;
			}
			__syncthreads();
			product.add(as, bs);
		}
		product.each([&](int i, int j, const auto& values) {
			constexpr int count = sizeof(values) / sizeof(float);
#pragma unroll
			for (int q = 0; q < count; ++q)
				if (inside(m0 + i, rows) && inside(j + q, columns)) store(m0 + i, j + q, values[q]);
		});
	}
}

// fused_floats returns the floats of shared memory that a step takes: the layers
// of 2R pairs, two more for the way back, and the operands of a product.
template <int R, int W>
constexpr int fused_floats(int layers) {
	return (layers + 2) * 2 * R * pitch<W> + depth * (pitch<W> + pitch<(2 * R > W ? 2 * R : W)>);
}

template <class Precision, int R, int W>
__device__ __forceinline__ void fused(float* partials, double* stats, const float* params, const float* x, const float* z,
	const int* index, const unsigned long long* clock, unsigned long long seed, int i, int n, int first, int batch, int streamed,
	const Small& net, int kind, double param, int activation, float* shared) {
	__shared__ int rows[R + 1]; // of the data; position first + R gives a z only
	__shared__ float t[2 * R], weight[2 * R];
	__shared__ Batch draw;
	constexpr int P = 2 * R, ld = pitch<W>;
	float* const back[2] = {shared + net.layers * P * ld, shared + (net.layers + 1) * P * ld};
	float* const space = shared + (net.layers + 2) * P * ld;
	const auto layer = [&](int k) { return shared + k * P * ld; };
	const int lo = blockIdx.x * R, count = min(R, batch - lo), ldx = padded(net.dx), ldz = padded(net.dz);

	if (threadIdx.x == 0) draw = make_batch(clock[0] + i, seed, n, batch);
	__syncthreads();
	if (threadIdx.x <= count) {
		const int q = lo + threadIdx.x == batch ? 0 : lo + threadIdx.x;
		rows[threadIdx.x] = streamed ? i * batch + q : row_at(index, first, batch_row(draw, permute_inverse(draw.cycle, q)));
	}

	// Projections, x Wx + b1 in back[0] and z Wz in back[1].
	const int width = net.width[0];
	const float* wx = params + net.wx();
	const float* wz = params + net.wz();
	const float* b1 = params + net.bias(0);
	multiply<Precision, P, W, true, false>(count, width, net.dx,
		[&](int k, int p) { return x[static_cast<size_t>(rows[p]) * ldx + k]; },
		[&](int k, int j) { return wx[k * padded(width) + j]; }, space,
		[&](int p, int j, float v) { back[0][p * ld + j] = v + b1[j]; });
	multiply<Precision, P, W, true, false>(count + 1, width, net.dz,
		[&](int k, int p) { return z[static_cast<size_t>(rows[p]) * ldz + k]; },
		[&](int k, int j) { return wz[k * padded(width) + j]; }, space,
		[&](int p, int j, float v) { back[1][p * ld + j] = v; });
	__syncthreads();
	for (int e = threadIdx.x; e < P * width; e += tile_threads) {
		const int pair = e / width, j = e % width, p = pair % R, q = p + pair / R;
		if (inside(p, count)) layer(0)[pair * ld + j] = activate(back[0][p * ld + j] + back[1][q * ld + j], activation);
	}
	// present says whether a pair is one of this block's.
	const auto present = [&](int pair) { return inside(pair % R, count); };

	// Hidden layers.
	for (int l = 1; l < net.layers; ++l) {
		const float* in = layer(l - 1);
		float* out = layer(l);
		const float* w = params + net.weights(l);
		const float* b = params + net.bias(l);
		const int ldw = padded(net.width[l]);
		multiply<Precision, P, W, true, false>(P, net.width[l], net.width[l - 1],
			[&](int k, int p) { return present(p) ? in[p * ld + k] : 0.f; },
			[&](int k, int j) { return w[k * ldw + j]; }, space,
			[&](int p, int j, float v) { out[p * ld + j] = activate(v + b[j], activation); });
	}
	__syncthreads();

	// Scores, a warp each.
	const int last = net.layers - 1, top_width = net.width[last];
	const float* top = layer(last);
	const float* w = params + net.out();
	for (int p = threadIdx.x / 32; p < P; p += tile_threads / 32) {
		if (!present(p)) continue; // a whole warp
		float sum = 0;
		for (int j = threadIdx.x % 32; j < top_width; j += 32) sum += top[p * ld + j] * w[j];
		sum = warp_sum(sum);
		if (threadIdx.x % 32 == 0) t[p] = sum + params[net.offset()];
	}
	__syncthreads();

	// Weights: what the scores of this block say; and their sums. R <= 32 pairs
	// of each kind fit a warp.
	if (threadIdx.x < 32) {
		const int p = threadIdx.x;
		const bool here = p < R && inside(p, count);
		Term joint = {0, 0}, marginal = {-INFINITY, 0};
		if (here) {
			joint = term_of(kind, t[p], param, false);
			marginal = term_of(kind, t[R + p], param, true);
		}
		double most = 0, marginal_value = here ? marginal.value : 0;
		float e = 1;
		if (log_mean(kind)) {
			most = warp_max(marginal.value);
			e = here ? expf(static_cast<float>(marginal.value - most)) : 0.f;
			marginal_value = e;
		}
		if (here) {
			weight[p] = joint.weight;
			weight[R + p] = weighting(kind) == pointwise ? marginal.weight : marginal.weight * e;
		}
		const double joint_value = warp_sum(joint.value);
		marginal_value = warp_sum(marginal_value);
		if (p == 0) {
			stats[4 * blockIdx.x] = most;
			stats[4 * blockIdx.x + 1] = joint_value;
			stats[4 * blockIdx.x + 2] = marginal_value;
		}
	}
	__syncthreads();

	// The output layer's gradients and the way back to its input. Part 0 holds
	// the gradients of joint pairs, part 1 those of marginal ones.
	float* const parts = partials + static_cast<size_t>(blockIdx.x) * 2 * net.size();
	const auto part = [&](int which) { return parts + static_cast<size_t>(which) * net.size(); };
	float* d = back[last % 2];
	for (int e = threadIdx.x; e < 2 * top_width; e += tile_threads) {
		const int which = e / top_width, j = e % top_width;
		float of_w = 0, of_c = 0;
		for (int p = which * R; p < which * R + count; ++p) {
			of_w += weight[p] * top[p * ld + j];
			of_c += weight[p];
			d[p * ld + j] = backward(weight[p] * w[j], top[p * ld + j], activation);
		}
		part(which)[net.out() + j] = of_w;
		if (j == 0) part(which)[net.offset()] = of_c;
	}

	// sums stores the bias gradients of a layer.
	const auto sums = [&](const float* from, int l) {
		for (int e = threadIdx.x; e < 2 * net.width[l]; e += tile_threads) {
			const int which = e / net.width[l], j = e % net.width[l];
			float sum = 0;
			for (int p = which * R; p < which * R + count; ++p) sum += from[p * ld + j];
			part(which)[net.bias(l) + j] = sum;
		}
	};
	for (int l = last; l >= 1; --l) {
		d = back[l % 2];
		float* below = back[(l - 1) % 2];
		const float* in = layer(l - 1);
		const float* wl = params + net.weights(l);
		const int ldw = padded(net.width[l]);
		for (int which = 0; which < 2; ++which) {
			float* to = part(which) + net.weights(l);
			const int from = which * R;
			multiply<Precision, W, W, false, false>(net.width[l - 1], net.width[l], count,
				[&](int p, int k) { return in[(from + p) * ld + k]; },
				[&](int p, int j) { return d[(from + p) * ld + j]; }, space,
				[&](int k, int j, float v) { to[k * ldw + j] = v; });
		}
		sums(d, l);
		multiply<Precision, P, W, true, true>(P, net.width[l - 1], net.width[l],
			[&](int k, int p) { return present(p) ? d[p * ld + k] : 0.f; },
			[&](int k, int j) { return wl[j * ldw + k]; }, space,
			[&](int p, int j, float v) { below[p * ld + j] = backward(v, in[p * ld + j], activation); });
	}
	d = back[0];
	for (int which = 0; which < 2; ++which) {
		const int from = which * R;
		const auto deltas = [&](int p, int j) { return d[(from + p) * ld + j]; };
		float* of_x = part(which) + net.wx();
		float* of_z = part(which) + net.wz();
		multiply<Precision, W, W, false, false>(net.dx, width, count,
			[&](int p, int k) { return x[static_cast<size_t>(rows[p]) * ldx + k]; }, deltas, space,
			[&](int k, int j, float v) { of_x[k * padded(width) + j] = v; });
		multiply<Precision, W, W, false, false>(net.dz, width, count,
			[&](int p, int k) { return z[static_cast<size_t>(rows[p + which]) * ldz + k]; }, deltas, space,
			[&](int k, int j, float v) { of_z[k * padded(width) + j] = v; });
	}
	sums(d, 0);
}
