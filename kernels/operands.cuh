// Operands of the matrix products: where their entries lie, and how a block that
// computes in FP32 brings a chunk of them to shared memory.
#pragma once

#include "tile.cuh"

constexpr int tile = 128;

// Gemm is how a tile of 128 x 128 is computed, see gemm.cuh.
template <class Precision>
struct Gemm;

// A Chunk is a thread's part of a chunk on its way into shared memory: two
// vectors of four.
struct Chunk {
	float4 v[2];
};

__device__ __forceinline__ float4 load4(const float* p, bool valid) {
	return valid ? *reinterpret_cast<const float4*>(p) : make_float4(0, 0, 0, 0);
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
	__device__ __forceinline__ void store(const Chunk& c, float* shared) const {
#pragma unroll
		for (int i = 0; i < 2; ++i)
			*reinterpret_cast<float4*>(shared + (threadIdx.x / 32 + 8 * i) * pitch<tile> + threadIdx.x % 32 * 4) = c.v[i];
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
	__device__ __forceinline__ void store(const Chunk& c, float* shared) const {
#pragma unroll
		for (int i = 0; i < 2; ++i) {
			float* to = shared + (threadIdx.x / tile * 4 + 8 * i) * pitch<tile> + threadIdx.x % tile;
			const float4 v = c.v[i];
			to[0] = v.x;
			to[pitch<tile>] = v.y;
			to[2 * pitch<tile>] = v.z;
			to[3 * pitch<tile>] = v.w;
		}
	}
};

// An Ungathered operand is Across with rows null.
struct Ungathered : Across {};
