// Products of tiles in shared memory: what the matrix kernels and the fused step
// have in common.
//
// A block of 256 threads multiplies a [M, depth] and b [depth, N], which lie in
// shared memory with the depth as the row index: a as [depth][M], b as
// [depth][N], in rows of pitch<M> and pitch<N> floats.
#pragma once

#include "device.cuh"

constexpr int tile_threads = 256, depth = 16;

// pitch is 8 modulo 32 for widths that are multiples of 32: the 4 x 8 entries
// that a warp's fragments of a tensor core product read lie in 32 banks.
template <int width>
constexpr int pitch = width + 8;

// The precisions. FP32 multiplies on the ordinary units. TF32 rounds both
// factors to 10 bits of mantissa and multiplies on tensor cores. TF32x3 splits
// each factor into a TF32 number and the TF32 of what is left, and adds the three
// larger products of the four, the small ones first: about FP32's accuracy, see
// add_corrected. BF16 rounds to 7 bits of mantissa, for tensor cores twice as fast; the
// sums are FP32 with all of these.
// stage is what an entry becomes on its way into shared memory: TF32 rounds it
// there, once, and not for each of the warps that read it.
struct FP32 {
	__device__ static __forceinline__ float stage(float x) { return x; }
};
struct TF32;
struct TF32x3 : FP32 {
	static constexpr bool split = true;
};
struct BF16;

// A Product accumulates a tile [M, N], spread over the registers of a block.
template <class Precision, int M, int N>
struct Product;

// FP32: 16 x 16 threads, each with M/16 rows and N/16 columns, of which up to
// four lie side by side.
template <int M, int N>
struct Product<FP32, M, N> {
	static constexpr int rows = M / 16, columns = N / 16;
	static constexpr int row_group = rows < 4 ? rows : 4, column_group = columns < 4 ? columns : 4;
	float sum[rows][columns] = {};

	__device__ __forceinline__ void add(const float* a, const float* b) {
		const int ty = threadIdx.x / 16 * row_group, tx = threadIdx.x % 16 * column_group;
#pragma unroll
		for (int k = 0; k < depth; ++k) {
			float x[rows], y[columns];
#pragma unroll
			for (int i = 0; i < rows; ++i) x[i] = a[k * pitch<M> + i / row_group * 16 * row_group + ty + i % row_group];
#pragma unroll
			for (int j = 0; j < columns; ++j) y[j] = b[k * pitch<N> + j / column_group * 16 * column_group + tx + j % column_group];
#pragma unroll
			for (int i = 0; i < rows; ++i)
#pragma unroll
				for (int j = 0; j < columns; ++j) sum[i][j] += x[i] * y[j];
		}
	}

	// each calls store(row, column, values) for groups of neighbouring columns, and done(row)
	// after the last ones of a row, if it is given.
	template <class Store, class... Done>
	__device__ __forceinline__ void each(Store store, Done... done) const {
		const int ty = threadIdx.x / 16 * row_group, tx = threadIdx.x % 16 * column_group;
#pragma unroll
		for (int i = 0; i < rows; ++i) {
			const int row = i / row_group * 16 * row_group + ty + i % row_group;
#pragma unroll
			for (int j = 0; j < columns; j += column_group) {
				float values[column_group];
#pragma unroll
				for (int q = 0; q < column_group; ++q) values[q] = sum[i][j + q];
				store(row, j * 16 + tx, values);
			}
			(done(row), ...);
		}
	}
};

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800

struct TF32 {
	static constexpr bool split = false;
	__device__ static __forceinline__ float stage(float x) { return to_tf32(x); }
};

// split returns x rounded to TF32, ties away from 0, and what is left, of at most 12
// bits: the tensor core sees 11 of them, which loses less than 2^-23 of x. Not by
// to_tf32, which looks for NaN: here the rest is NaN whatever is rounded.
__device__ __forceinline__ float split(float x, float& rest) {
	const float large = __uint_as_float((__float_as_uint(x) + 0x1000u) & 0xffffe000u);
	rest = x - large;
	return large;
}

// add_corrected adds (large + small) (wide + narrow) but for the product of the
// rests, for a column of tiles. Tensor cores truncate when they add, which over a long
// depth would lose more than FP32 does: each tile's product of this depth of 8 starts
// from zero, and is added in FP32, rounded to nearest.
template <int rows>
__device__ __forceinline__ void add_corrected(float (*sum)[4], const float (*large)[4], const float (*small)[4],
	const float (&wide)[2], const float (&narrow)[2]) {
	float part[rows][4] = {};
	mma_tf32<rows>(part, small, wide);
	mma_tf32<rows>(part, large, narrow);
	mma_tf32<rows>(part, large, wide);
#pragma unroll
	for (int i = 0; i < rows; ++i)
#pragma unroll
		for (int q = 0; q < 4; ++q) sum[i][q] += part[i][q];
}

// Tensor cores: 2 x 4 warps, each with M/32 x N/32 tiles of 16 x 8.
template <int M, int N, bool corrected>
struct TensorProduct {
	static constexpr int row_tiles = M / 32, tiles = N / 32;
	float sum[tiles][row_tiles][4] = {};

	__device__ __forceinline__ int row() const { return threadIdx.x / 32 % 2 * 16 * row_tiles + threadIdx.x % 32 / 4; }
	__device__ __forceinline__ int column() const { return threadIdx.x / 64 * 8 * tiles; }

	__device__ __forceinline__ void add(const float* a, const float* b) {
		const int g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
#pragma unroll 1 // two at a time would take the registers of a second block per SM
		for (int k = 0; k < depth; k += 8) {
			float large[row_tiles][4], small[row_tiles][4];
#pragma unroll
			for (int i = 0; i < row_tiles; ++i)
#pragma unroll
				for (int q = 0; q < 4; ++q) {
					const float v = a[(k + t + q / 2 * 4) * pitch<M> + row() + i * 16 + q % 2 * 8];
					large[i][q] = corrected ? split(v, small[i][q]) : v;
				}
#pragma unroll
			for (int j = 0; j < tiles; ++j) {
				float wide[2], narrow[2];
#pragma unroll
				for (int q = 0; q < 2; ++q) {
					const float v = b[(k + t + q * 4) * pitch<N> + column() + j * 8 + g];
					wide[q] = corrected ? split(v, narrow[q]) : v;
				}
				if constexpr (corrected)
					add_corrected<row_tiles>(sum[j], large, small, wide, narrow);
				else
					mma_tf32<row_tiles>(sum[j], large, wide);
			}
		}
	}

	template <class Store>
	__device__ __forceinline__ void each(Store store) const {
		const int t = threadIdx.x % 4;
#pragma unroll
		for (int i = 0; i < row_tiles; ++i)
#pragma unroll
			for (int j = 0; j < tiles; ++j)
#pragma unroll
				for (int half = 0; half < 2; ++half) {
					const float values[2] = {sum[j][i][2 * half], sum[j][i][2 * half + 1]};
					store(row() + i * 16 + half * 8, column() + j * 8 + 2 * t, values);
				}
	}
};

template <int M, int N>
struct Product<TF32, M, N> : TensorProduct<M, N, false> {};
template <int M, int N>
struct Product<TF32x3, M, N> : TensorProduct<M, N, true> {};

#endif
