// Matrix products in tiles of 128 x 128, with what comes before and after them
// in a step: gathered rows, bias and activation, derivative, splitting.
#pragma once

#include "activation.cuh"
#include "operands.cuh"
#include "pipeline.cuh"

// Gemm<Precision>::multiply computes the block's tile over depths [from, to) and hands
// it to store(row, column, values) in groups of neighbouring columns. On tensor cores
// see pipeline.cuh.
//
// In FP32 a block of 256 threads works in chunks of depth 16; the next chunk is on its
// way from global memory to registers while the present one is multiplied, and there
// are two chunks in shared memory, so that one barrier a chunk is enough. Every sum
// runs over the depth in its natural order.
template <>
struct Gemm<FP32> {
	static constexpr int shared_floats = 4 * depth * pitch<tile>;

	template <class A, class B, class Store>
	__device__ static __forceinline__ void multiply(const A& a, const B& b, int from, int to, float* shared, Store store) {
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
		product.each([&](int i, int j, const auto& values) { store(m0 + i, n0 + j, values); });
	}
};

// write stores neighbouring values of a row; columns in the padding stay zero.
template <int count>
__device__ __forceinline__ void write(float* row, int column, int width, const float (&values)[count]) {
	float v[count];
#pragma unroll
	for (int q = 0; q < count; ++q) v[q] = inside(column + q, width) ? values[q] : 0.f;
	if constexpr (count == 4)
		*reinterpret_cast<float4*>(row + column) = make_float4(v[0], v[1], v[2], v[3]);
	else
		*reinterpret_cast<float2*>(row + column) = make_float2(v[0], v[1]);
}

// The three products, see gemm_f32.cu.
template <class Precision>
__device__ __forceinline__ void gemm_nn(float* c, const float* a, const float* b, const float* bias, const int* rows,
	int m, int n, int k, int lda, int ldb, int ldc, int activation, float* shared) {
	Gemm<Precision>::multiply(Across{a, rows, k, m, lda}, Along{b, nullptr, k, n, ldb}, 0, k, shared, [&](int i, int j, const auto& sums) {
		if (!inside(i, m) || !inside(j, n)) return;
		constexpr int count = sizeof(sums) / sizeof(float);
		float values[count];
#pragma unroll
		for (int q = 0; q < count; ++q) {
			const float offset = bias != nullptr && inside(j + q, n) ? bias[j + q] : 0.f;
			values[q] = activate(sums[q] + offset, activation);
		}
		write(c + static_cast<size_t>(i) * ldc, j, n, values);
	});
}

template <class Precision>
__device__ __forceinline__ void gemm_nt(float* c, const float* a, const float* b, const float* h, int m, int n, int k,
	int lda, int ldb, int ldc, int ldh, int activation, float* shared) {
	Gemm<Precision>::multiply(Across{a, nullptr, k, m, lda}, Across{b, nullptr, k, n, ldb}, 0, k, shared, [&](int i, int j, const auto& sums) {
		if (!inside(i, m) || !inside(j, n)) return;
		constexpr int count = sizeof(sums) / sizeof(float);
		float values[count];
#pragma unroll
		for (int q = 0; q < count; ++q)
			values[q] = h != nullptr ? backward(sums[q], h[static_cast<size_t>(i) * ldh + j + q], activation) : sums[q];
		write(c + static_cast<size_t>(i) * ldc, j, n, values);
	});
}

template <class Precision>
__device__ __forceinline__ void gemm_tn(float* c, const float* a, const float* b, const int* rows, int m, int n, int k,
	int lda, int ldb, int ldc, int split, unsigned long long part, float* shared) {
	const int share = ((k + split - 1) / split + 31) / 32 * 32;
	const int from = min(k, static_cast<int>(blockIdx.z) * share), to = min(k, from + share);
	c += blockIdx.z * part;
	Gemm<Precision>::multiply(Along{a, rows, to, m, lda}, Along{b, nullptr, to, n, ldb}, from, to, shared, [&](int i, int j, const auto& sums) {
		if (inside(i, m) && inside(j, n)) write(c + static_cast<size_t>(i) * ldc, j, n, sums);
	});
}
