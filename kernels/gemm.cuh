// Matrix products in tiles of 128 x 128, with what comes before and after them
// in a step: gathered rows, bias and activation, derivative, splitting.
//
// A block of 256 threads computes one tile in chunks of depth 16; the next chunk
// is on its way from global memory to registers while the present one is
// multiplied, and there are two chunks in shared memory, so that one barrier a
// chunk is enough. Every sum runs over the depth in its natural order.
#pragma once

#include "activation.cuh"
#include "tile.cuh"

constexpr int tile = 128;

// A Chunk is a thread's part of a chunk on its way into shared memory: two
// vectors of four.
struct Chunk {
	float4 v[2];
};

__device__ __forceinline__ float4 load4(const float* p, bool valid) {
	return valid ? *reinterpret_cast<const float4*>(p) : make_float4(0, 0, 0, 0);
}

template <class Precision>
__device__ __forceinline__ float4 stage(float4 v) {
	return make_float4(Precision::stage(v.x), Precision::stage(v.y), Precision::stage(v.z), Precision::stage(v.w));
}

// An Along operand has the depth as its row index: p is [depths, width] with
// rows ld apart, or with rows rows[k] where rows is not null. The vectors lie
// along the width; the padding behind it is zero.
struct Along {
	const float* p;
	const int* rows;
	int depths, width, ld;

	__device__ __forceinline__ Chunk load(int from, int first) const {
		Chunk c;
#pragma unroll
		for (int i = 0; i < 2; ++i) {
			const int k = first + threadIdx.x / 32 + 8 * i, column = from + threadIdx.x % 32 * 4;
			const bool valid = inside(k, depths) && inside(column, width);
			const size_t row = valid ? (rows != nullptr ? rows[k] : k) : 0;
			c.v[i] = load4(p + row * ld + column, valid);
		}
		return c;
	}
	template <class Precision>
	__device__ __forceinline__ void store(const Chunk& c, float* shared) const {
#pragma unroll
		for (int i = 0; i < 2; ++i)
			*reinterpret_cast<float4*>(shared + (threadIdx.x / 32 + 8 * i) * pitch<tile> + threadIdx.x % 32 * 4) = stage<Precision>(c.v[i]);
	}
};

// An Across operand has the depth as its column index: p is [width, depths].
// The vectors lie along the depth; neighbouring threads take neighbouring rows,
// so that storing the vectors transposed meets 32 banks.
struct Across {
	const float* p;
	const int* rows;
	int depths, width, ld;

	__device__ __forceinline__ Chunk load(int from, int first) const {
		Chunk c;
		const int at = from + threadIdx.x % tile;
#pragma unroll
		for (int i = 0; i < 2; ++i) {
			const int k = first + threadIdx.x / tile * 4 + 8 * i;
			const bool valid = inside(at, width) && inside(k, depths);
			const size_t row = valid ? (rows != nullptr ? rows[at] : at) : 0;
			c.v[i] = load4(p + row * ld + k, valid);
		}
		return c;
	}
	template <class Precision>
	__device__ __forceinline__ void store(const Chunk& c, float* shared) const {
#pragma unroll
		for (int i = 0; i < 2; ++i) {
			float* to = shared + (threadIdx.x / tile * 4 + 8 * i) * pitch<tile> + threadIdx.x % tile;
			const float4 v = stage<Precision>(c.v[i]);
			to[0] = v.x;
			to[pitch<tile>] = v.y;
			to[2 * pitch<tile>] = v.z;
			to[3 * pitch<tile>] = v.w;
		}
	}
};

// Floats of shared memory that gemm takes.
constexpr int gemm_shared = 4 * depth * pitch<tile>;

// gemm computes the block's tile over depths [from, to) and hands it to store.
template <class Precision, class A, class B, class Store>
__device__ __forceinline__ void gemm(const A& a, const B& b, int from, int to, float* shared, Store store) {
	const int m0 = blockIdx.y * tile, n0 = blockIdx.x * tile;
	Product<Precision, tile, tile> product;
	if (from < to) {
		Chunk x = a.load(m0, from), y = b.load(n0, from);
		float* even = shared;
		float* odd = shared + 2 * depth * pitch<tile>;
		for (int k = from; k < to; k += depth) {
			a.template store<Precision>(x, even);
			b.template store<Precision>(y, even + depth * pitch<tile>);
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
	gemm<Precision>(Across{a, rows, k, m, lda}, Along{b, nullptr, k, n, ldb}, 0, k, shared, [&](int i, int j, const auto& sums) {
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
	gemm<Precision>(Across{a, nullptr, k, m, lda}, Across{b, nullptr, k, n, ldb}, 0, k, shared, [&](int i, int j, const auto& sums) {
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
	gemm<Precision>(Along{a, rows, to, m, lda}, Along{b, nullptr, to, n, ldb}, from, to, shared, [&](int i, int j, const auto& sums) {
		if (inside(i, m) && inside(j, n)) write(c + static_cast<size_t>(i) * ldc, j, n, sums);
	});
}
