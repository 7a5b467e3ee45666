// Matrix products in tiles of 128 x 128, with what comes before and after them
// in a step: gathered rows, bias and activation, derivative, splitting.
#pragma once

#include "activation.cuh"
#include "operands.cuh"
#include "pipeline.cuh"

// Gemm<Precision>::multiply computes the block's tile over depths [from, to) and calls
// finish(each) once; each(store) calls store(row, column, sums) for groups of neighbouring
// columns, each(store, done) also done(row) after a thread's last ones of a row, in all
// lanes of a warp at once. A row of the tile is spread over row_lanes neighbouring lanes
// of one warp. On tensor cores see pipeline.cuh.
//
// In FP32 a block of 256 threads works in chunks of depth 16; the next chunk is on its
// way from global memory to registers while the present one is multiplied, and there
// are two chunks in shared memory, so that one barrier a chunk is enough. Every sum
// runs over the depth in its natural order.
template <>
struct Gemm<FP32> {
	static constexpr int shared_floats = 4 * depth * pitch<tile>;
	static constexpr bool unguarded = false;
	static constexpr int row_lanes = 16;

	template <class A, class B, class Finish>
	__device__ static __forceinline__ void multiply(const A& a, const B& b, int from, int to, float* shared, Finish finish) {
		const int m0 = blockIdx.y * tile, n0 = blockIdx.x * tile;
		Product<FP32, tile, tile> product;
		if (from < to) {
			Chunk x = a.load(m0, from), y = b.load(n0, from);
			float* even = shared;
			float* odd = shared + 2 * depth * pitch<tile>;
			for (int k = from; k < to; k += depth) {
				a.store(x, even);
				b.store(y, even + depth * pitch<tile>);
				__syncthreads();
				if (k + depth < to) {
					x = a.load(m0, k + depth);
					y = b.load(n0, k + depth);
				}
				product.add(even, even + depth * pitch<tile>);
				float* swap = even;
				even = odd;
				odd = swap;
			}
		}
		finish([&](auto store, auto... done) {
			product.each([&](int i, int j, const auto& sums) { store(m0 + i, n0 + j, sums); }, [&](int i) { (done(m0 + i), ...); });
		});
	}
};

// whole says that all of the block's tile lies within [m, n]. What then comes after the
// product has no guards, and no switch for each value.
__device__ __forceinline__ bool whole(int m, int n) {
	return inside(blockIdx.y * tile + tile - 1, m) && inside(blockIdx.x * tile + tile - 1, n);
}

// read and write move 2 or 4 neighbouring values of a row, aligned to as many floats.
// What read reads stays as it is while the kernel runs.
template <int count>
__device__ __forceinline__ void read(const float* row, int column, float (&values)[count]) {
	if constexpr (count == 4) {
		const float4 v = __ldg(reinterpret_cast<const float4*>(row + column));
		values[0] = v.x, values[1] = v.y, values[2] = v.z, values[3] = v.w;
	} else {
		const float2 v = __ldg(reinterpret_cast<const float2*>(row + column));
		values[0] = v.x, values[1] = v.y;
	}
}

template <int count>
__device__ __forceinline__ void write(float* row, int column, const float (&v)[count]) {
	if constexpr (count == 4)
		*reinterpret_cast<float4*>(row + column) = make_float4(v[0], v[1], v[2], v[3]);
	else
		*reinterpret_cast<float2*>(row + column) = make_float2(v[0], v[1]);
}

// write_within writes where a row may end; columns in the padding stay zero.
template <int count>
__device__ __forceinline__ void write_within(float* row, int column, int width, const float (&values)[count]) {
	float v[count];
#pragma unroll
	for (int q = 0; q < count; ++q) v[q] = inside(column + q, width) ? values[q] : 0.f;
	write(row, column, v);
}

// RowSums sums up the rows of a block's tile: first what each thread adds up of a row, then
// the lanes as a tree.
template <class Precision>
struct RowSums {
	using Of = Gemm<Precision>;
	float* space; // [row_floats], shared
	float sum = 0;

	// done ends a row, for all lanes of a warp.
	__device__ __forceinline__ void done(int row) {
#pragma unroll
		for (int lanes = Of::row_lanes / 2; lanes > 0; lanes /= 2) sum += __shfl_xor_sync(all_lanes, sum, lanes);
		if (threadIdx.x % Of::row_lanes == 0) space[row % tile] = sum;
		sum = 0;
	}

	// store stores offset plus the sums of the rows below m, for all threads of the block.
	__device__ __forceinline__ void store(float* to, int m, float offset) const {
		__syncthreads();
		const int row = blockIdx.y * tile + threadIdx.x;
		if (threadIdx.x >= tile || !inside(row, m)) return;
		to[row] = offset + space[threadIdx.x];
	}
};

// row_floats is the shared memory of RowSums.
constexpr int row_floats = tile;

// Whether gemm_nn's result is scored, chosen once for a block.
struct Scored {
	static constexpr bool scores = true;
};
struct Unscored {
	static constexpr bool scores = false;
};

// The three products, see gemm_f32.cu. Nothing that they read overlaps c or t.
template <class Precision>
__device__ __forceinline__ void gemm_nn(float* c, float* t, const float* a, const float* b, const float* bias, const int* rows,
	const float* w, const float* offset, int m, int n, int k, int lda, int ldb, int ldc, int ldt, int activation, float* shared) {
	RowSums<Precision> scores{shared};
	const auto within = [&](auto f, auto is, const auto& each) {
		const auto store = [&](int i, int j, const auto& sums) {
			constexpr int count = sizeof(sums) / sizeof(float);
			float values[count] = {};
			if (bias != nullptr) read(bias, j, values);
#pragma unroll
			for (int q = 0; q < count; ++q) values[q] = f.value(sums[q] + values[q]);
			if (!is.scores || c != nullptr) write(c + static_cast<size_t>(i) * ldc, j, values);
			if (!is.scores) return;
			float factors[count];
			read(w, j, factors);
#pragma unroll
			for (int q = 0; q < count; ++q) scores.sum += values[q] * factors[q];
		};
		each(store, [&](int i) {
			if (is.scores) scores.done(i);
		});
	};
	const auto edge = [&](int i, int j, const auto& sums) {
		if (!inside(i, m) || !inside(j, n)) return;
		constexpr int count = sizeof(sums) / sizeof(float);
		float values[count];
#pragma unroll
		for (int q = 0; q < count; ++q) {
			const bool here = inside(j + q, n);
			values[q] = activate(sums[q] + (bias != nullptr && here ? bias[j + q] : 0.f), activation);
			if (t != nullptr && here) scores.sum += values[q] * w[j + q];
		}
		if (c != nullptr) write_within(c + static_cast<size_t>(i) * ldc, j, n, values);
	};
	Gemm<Precision>::multiply(Across{a, rows, k, m, lda}, Along{b, nullptr, k, n, ldb}, 0, k, shared + row_floats, [&](const auto& each) {
		if (!whole(m, n))
			each(edge, [&](int i) {
				if (t != nullptr) scores.done(i);
			});
		else if (t != nullptr)
			by_activation(activation, [&](auto f) { within(f, Scored(), each); });
		else
			by_activation(activation, [&](auto f) { within(f, Unscored(), each); });
	});
	if (t != nullptr) scores.store(t + static_cast<size_t>(blockIdx.x) * ldt, m, blockIdx.x == 0 ? offset[0] : 0.f);
}

// back is f.back. Softplus' is a call: inline it would make up most of the kernel.
__device__ OUT_OF_LINE float softplus_back(float g, float h) { return Softplus::back(g, h); }
template <class F>
__device__ __forceinline__ float back(F, float g, float h) { return F::back(g, h); }
__device__ __forceinline__ float back(Softplus, float g, float h) { return softplus_back(g, h); }

// Not all precisions have a way without guards: in FP32 it would spill registers on sm_70,
// where two blocks per SM leave 128 to a thread.
template <class Precision>
__device__ __forceinline__ void gemm_nt(float* c, const float* a, const float* b, const float* h, int m, int n, int k,
	int lda, int ldb, int ldc, int ldh, int activation, float* shared) {
	const auto within = [&](auto f, const auto& each) {
		each([&](int i, int j, const auto& sums) {
			constexpr int count = sizeof(sums) / sizeof(float);
			float values[count] = {};
			if (f.bent) read(h + static_cast<size_t>(i) * ldh, j, values);
#pragma unroll
			for (int q = 0; q < count; ++q) values[q] = back(f, sums[q], values[q]);
			write(c + static_cast<size_t>(i) * ldc, j, values);
		});
	};
	const auto edge = [&](int i, int j, const auto& sums) {
		if (!inside(i, m) || !inside(j, n)) return;
		constexpr int count = sizeof(sums) / sizeof(float);
		float values[count];
#pragma unroll
		for (int q = 0; q < count; ++q)
			values[q] = h != nullptr ? backward(sums[q], h[static_cast<size_t>(i) * ldh + j + q], activation) : sums[q];
		write_within(c + static_cast<size_t>(i) * ldc, j, n, values);
	};
	Gemm<Precision>::multiply(Ungathered{{a, nullptr, k, m, lda}}, Ungathered{{b, nullptr, k, n, ldb}}, 0, k, shared, [&](const auto& each) {
		if (Gemm<Precision>::unguarded && whole(m, n))
			by_activation(h != nullptr ? activation : -1, [&](auto f) { within(f, each); });
		else
			each(edge);
	});
}

template <class Precision>
__device__ __forceinline__ void gemm_tn(float* c, const float* a, const float* b, const int* rows, int m, int n, int k,
	int lda, int ldb, int ldc, int split, unsigned long long part, float* shared) {
	const int share = ((k + split - 1) / split + 31) / 32 * 32;
	const int from = min(k, static_cast<int>(blockIdx.z) * share), to = min(k, from + share);
	c += blockIdx.z * part;
	Gemm<Precision>::multiply(Along{a, rows, to, m, lda}, Along{b, nullptr, to, n, ldb}, from, to, shared, [&](const auto& each) {
		each([&](int i, int j, const auto& sums) {
			if (inside(i, m) && inside(j, n)) write_within(c + static_cast<size_t>(i) * ldc, j, n, sums);
		});
	});
}
