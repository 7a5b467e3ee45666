// Products of tiles in shared memory in FP32.
//
// A block of 256 threads multiplies a [M, depth] and b [depth, N], which lie in
// shared memory with the depth as the row index: a as [depth][M], b as
// [depth][N], in rows of pitch<M> and pitch<N> floats.
#pragma once

#include "precision.cuh"

constexpr int depth = 16;

// pitch is 8 modulo 32 for widths that are multiples of 32.
template <int width>
constexpr int pitch = width + 8;

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
