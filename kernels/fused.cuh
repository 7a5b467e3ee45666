// A training step of a small network but for the choice of its rows and the update:
// forward, objective, backward, gradients, in one kernel.
//
// Block b takes positions [b R, b R + R) of the batch, n of them within it. It
// keeps the layers of their 2R pairs, joint before marginal, in shared memory; layer 1 is
// one like the others, whose inputs are the columns of x and then those of z, W at a time,
// and whose weights follow one another likewise.
// What follows the scores is linear in their weights, so it needs nothing from
// the other blocks: where the weights of marginal pairs are normalised over the
// batch they are relative to the block's own largest value, and fused_adam scales
// what comes out.
//
// Steps are short: what counts is how long one takes from end to end, not how much is done
// at a time. So loops are short enough to stay in the cache of instructions, loads that do
// not need one another are begun together, and barriers are few.
#pragma once

#include "activation.cuh"
#include "fragments.cuh"
#include "objectives.cuh"
#include "reduce.cuh"
#include "small.cuh"

// A block has a warp for every eight columns of the widest layer.
template <int W>
constexpr int fused_threads = 4 * W;

// fused_floats returns the floats of shared memory that a step takes, of 2R pairs: the
// inputs, the layers, and two more for the way back.
template <int R, int W>
constexpr int fused_floats(int layers) {
	return (layers + 3) * 2 * R * layer_pitch<W>;
}

// Fused is the work of a block. Rows and columns of its arrays that belong to no position
// and no unit are zero.
template <class Precision, int R, int W>
struct Fused {
	static constexpr int pairs = 2 * R, ld = layer_pitch<W>, threads = fused_threads<W>, warps = threads / 32, tiles = pairs / 16;

	const Small& net;
	const float* params;
	float* shared;
	float* parts; // the block's two gradients: of its joint pairs and of its marginal ones
	int count;	  // positions within the batch
	int activation;

	__device__ float* inputs() const { return shared; }
	__device__ float* layer(int l) const { return shared + (1 + l) * pairs * ld; }
	__device__ float* back(int l) const { return shared + (1 + net.layers + l % 2) * pairs * ld; }
	__device__ float* part(int which) const { return parts + static_cast<size_t>(which) * net.size(); }
	__device__ bool present(int pair) const { return inside(pair % R, count); }
	__device__ int top() const { return net.layers - 1; }

	// gather fetches inputs [from, from + W) of all pairs, those that there are. It reads
	// something for the others too, so that no load waits for a branch.
	__device__ __forceinline__ void gather(const float* x, const float* z, const int* rows, int lo, int batch, int from) const {
		constexpr int each = pairs / warps;
		const int first = threadIdx.x / 32, inputs = net.inputs(0), ldx = padded(net.dx), ldz = padded(net.dz);
		int of_x[each], of_z[each];
#pragma unroll
		for (int i = 0; i < each; ++i) {
			const int pair = first + i * warps, q = present(pair) ? lo + pair % R : lo, next = q + pair / R;
			of_x[i] = rows[q];
			of_z[i] = rows[next == batch ? 0 : next];
		}
		for (int j = threadIdx.x % 32; j < min(W, (inputs - from + 15) / 16 * 16); j += 32) {
			const int column = min(from + j, inputs - 1);
			float v[each];
#pragma unroll
			for (int i = 0; i < each; ++i)
				v[i] = *(column < net.dx ? x + static_cast<size_t>(of_x[i]) * ldx + column : z + static_cast<size_t>(of_z[i]) * ldz + column - net.dx);
#pragma unroll
			for (int i = 0; i < each; ++i) {
				const int pair = first + i * warps;
				this->inputs()[pair * ld + j] = present(pair) && inside(from + j, inputs) ? Precision::stage(v[i]) : 0.f;
			}
		}
	}

	// bend replaces the entries of the warp's columns by use(f, entry, pair, column), with f
	// the non-linearity. In a loop: straight code for all of a thread's entries and
	// every non-linearity would be most of the kernel.
	template <class Use>
	__device__ __forceinline__ void bend(float* values, int width, Use use) const {
		const Lane lane;
		by_inlined_activation(activation, [&](auto f) {
#pragma unroll tiles > 2 ? 2 : 4
			for (int i = 0; i < 4 * tiles; ++i) {
				const int pair = i / 2 * 8 + lane.g, column = lane.column + 2 * lane.t + i % 2;
				float& v = values[pair * ld + column];
				v = present(pair) && inside(column, width) ? use(f, v, pair, column) : 0.f;
			}
		});
	}

	// store writes sums to the warp's columns, each thread to the entries that it bends
	// afterwards: no barrier is needed in between.
	__device__ __forceinline__ void store(float* to, const float (&sum)[tiles][4]) const {
		const Lane lane;
		to += lane.g * ld + lane.column + 2 * lane.t;
#pragma unroll
		for (int i = 0; i < tiles; ++i) {
			*reinterpret_cast<float2*>(to + 16 * i * ld) = make_float2(sum[i][0], sum[i][1]);
			*reinterpret_cast<float2*>(to + (16 * i + 8) * ld) = make_float2(sum[i][2], sum[i][3]);
		}
	}

	// bent applies bias and non-linearity to a layer's sums. Those that are factors of
	// another product are staged for it.
	__device__ __forceinline__ void bent(int l) const {
		const float* bias = params + net.bias(l);
		const bool factor = l < top();
		bend(layer(l), net.width(l), [&](auto f, float v, int, int column) {
			const float h = f.value(v + bias[column]);
			return factor ? Precision::stage(h) : h;
		});
	}

	// scores stores the scores of all pairs in t, a warp several.
	__device__ __forceinline__ void scores(float* t) const {
		constexpr int each = pairs / warps;
		const int lane = threadIdx.x % 32, first = threadIdx.x / 32 * each, width = net.width(top());
		const float* h = layer(top()) + first * ld;
		const float* w = params + net.out();
		float sum[each] = {};
#pragma unroll
		for (int j = 0; j < W; j += 32) {
			const float of = inside(j + lane, width) ? w[j + lane] : 0.f;
#pragma unroll
			for (int i = 0; i < each; ++i) sum[i] += of * h[i * ld + j + lane];
		}
		const float offset = params[net.offset()];
#pragma unroll
		for (int i = 0; i < each; ++i) {
			sum[i] = warp_sum(sum[i]);
			if (lane == 0) t[first + i] = sum[i] + offset;
		}
	}

	// weigh stores the weights of all scores: what those of this block say; their sums, and
	// the gradients of the offset. R <= 32 pairs of a kind fit a warp: the first one
	// has the joint ones, the second one the marginal ones.
	__device__ __forceinline__ void weigh(const float* t, float* weight, double* stats, int kind, double param) const {
		const int which = threadIdx.x / 32, p = threadIdx.x % 32;
		if (which > 1) return;
		const bool here = p < R && inside(p, count), log = which == 1 && log_mean(kind);
		Term term = {log ? -INFINITY : 0., 0};
		if (here) term = term_of(kind, t[which * R + p], param, which == 1);
		double most = 0;
		if (log) {
			most = warp_max(term.value);
			const float e = here ? expf(static_cast<float>(term.value - most)) : 0.f;
			term.value = e;
			if (weighting(kind) != pointwise) term.weight *= e;
		}
		if (here) weight[which * R + p] = term.weight;
		const double value = warp_sum(term.value);
		const float of_offset = warp_sum(term.weight);
		if (p != 0) return;
		part(which)[net.offset()] = of_offset;
		if (which == 1) stats[4 * blockIdx.x] = most;
		stats[4 * blockIdx.x + 1 + which] = value;
	}

	// descend stores the gradients of the output's weights, and the way back to the last
	// layer's activation.
	__device__ __forceinline__ void descend(const float* weight) const {
		const int width = net.width(top());
		const float* h = layer(top());
		const float* w = params + net.out();
		for (int e = threadIdx.x; e < 2 * W; e += threads) {
			const int which = e / W, j = e % W;
			float sum = 0;
#pragma unroll 8
			for (int p = which * R; p < which * R + R; ++p)
				if (present(p)) sum += weight[p] * h[p * ld + j];
			if (inside(j, width)) part(which)[net.out() + j] = sum;
		}
		const int j = threadIdx.x % W;
		const float of = inside(j, width) ? w[j] : 0.f;
		by_inlined_activation(activation, [&](auto f) {
#pragma unroll 4
			for (int p = threadIdx.x / W; p < pairs; p += threads / W)
				back(top())[p * ld + j] = present(p) ? Precision::stage(f.back(weight[p] * of, h[p * ld + j])) : 0.f;
		});
	}

	// differentiate stores the gradients of the weights of layer l that `rows` of its inputs
	// have, from number `from` on.
	__device__ __forceinline__ void differentiate(const float* in, int l, int from, int rows) const {
		const Lane lane;
		const int width = net.width(l), ldw = padded(width);
		if (!inside(lane.column, width)) return; // a whole warp
		const float* d = back(l);
		for (int which = 0; which < 2; ++which) {
			float* to = part(which) + net.weights(l) + from * ldw;
#pragma unroll R > 16 ? 1 : 2
			for (int m = 0; m < rows; m += 16) {
				float sum[1][4] = {};
				Fragments<Precision>::template across<R>(sum, in + which * R * ld + m, d + which * R * ld, ld);
				const int row = m + lane.g, column = lane.column + 2 * lane.t;
				if (inside(column, width) && inside(row, rows)) *reinterpret_cast<float2*>(to + row * ldw + column) = make_float2(sum[0][0], sum[0][1]);
				if (inside(column, width) && inside(row + 8, rows)) *reinterpret_cast<float2*>(to + (row + 8) * ldw + column) = make_float2(sum[0][2], sum[0][3]);
			}
		}
	}

	// differentiate_bias stores the gradients of the biases of layer l.
	__device__ __forceinline__ void differentiate_bias(int l) const {
		for (int e = threadIdx.x; e < 2 * W; e += threads) {
			const int which = e / W, j = e % W;
			const float* d = back(l) + which * R * ld + j;
			float sum = 0;
#pragma unroll 8
			for (int p = 0; p < R; ++p) sum += d[p * ld];
			if (inside(j, net.width(l))) part(which)[net.bias(l) + j] = sum;
		}
	}

	// forward computes all layers.
	__device__ __forceinline__ void forward(const float* x, const float* z, const int* rows, int lo, int batch) const {
		for (int l = 0; l < net.layers; ++l) {
			const int over = net.inputs(l), ldw = padded(net.width(l));
			const float* in = l == 0 ? inputs() : layer(l - 1);
			float sum[tiles][4] = {};
			for (int from = 0; from < over; from += W) { // once but in layer 1 of many columns
				if (l == 0) {
					if (from > 0) __syncthreads(); // the last inputs are no longer needed
					gather(x, z, rows, lo, batch, from);
				}
				__syncthreads();
				const int depth = min(W, over - from);
				Fragments<Precision>::template along<Weights>(sum, in, ld, depth, params + net.weights(l) + from * ldw, ldw, net.width(l));
			}
			store(layer(l), sum);
			bent(l);
		}
		__syncthreads();
	}

	// backward stores the gradients of all hidden layers.
	__device__ __forceinline__ void backward(const float* x, const float* z, const int* rows, int lo, int batch) const {
		for (int l = top(); l >= 1; --l) {
			const float* in = layer(l - 1);
			float sum[tiles][4] = {};
			Fragments<Precision>::template along<Transposed>(sum, back(l), ld, net.width(l), params + net.weights(l), padded(net.width(l)), net.width(l - 1));
			store(back(l - 1), sum);
			bend(back(l - 1), net.width(l - 1), [&](auto f, float v, int pair, int column) {
				return Precision::stage(f.back(v, in[pair * ld + column]));
			});
			differentiate(in, l, 0, net.width(l - 1));
			differentiate_bias(l);
			__syncthreads();
		}
		const int over = net.inputs(0);
		for (int from = 0; from < over; from += W) {
			if (over > W) {
				if (from > 0) __syncthreads();
				gather(x, z, rows, lo, batch, from);
				__syncthreads();
			}
			differentiate(inputs(), 0, from, min(W, over - from));
		}
		differentiate_bias(0);
	}
};

template <class Precision, int R, int W>
__device__ __forceinline__ void fused(float* partials, double* stats, const float* params, const float* x, const float* z, const int* rows,
	int batch, const Small& net, int kind, double param, int activation, float* shared) {
	__shared__ float t[2 * R], weight[2 * R];
	const int lo = blockIdx.x * R;
	const Fused<Precision, R, W> step = {net, params, shared, partials + static_cast<size_t>(blockIdx.x) * 2 * net.size(), min(R, batch - lo), activation};
	for (int e = 32 * threadIdx.x; e < net.size(); e += 32 * fused_threads<W>) warm(params + e);
	step.forward(x, z, rows, lo, batch);
	step.scores(t);
	__syncthreads();
	step.weigh(t, weight, stats, kind, param);
	__syncthreads();
	step.descend(weight);
	__syncthreads();
	step.backward(x, z, rows, lo, batch);
}
