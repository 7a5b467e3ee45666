// Tiles of 128 x 128 on tensor cores.
//
// A block works in chunks of depth 32, which asynchronous copies bring straight to shared
// memory, two ahead of the one that is multiplied, with one barrier a chunk. Two rows of
// warps have 64 rows each, and as many columns as their precision takes: 64 for 128
// threads, or 32 for 256. While a warp multiplies the fragments of some depths, it reads
// those of the next ones, those of the next chunk included.
#pragma once

#include "feed.cuh"

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800

constexpr int stages = 3;

// A precision's Fragments are a warp's factors of `depths` depths of a chunk. begin reads the
// first ones; advance adds the product of these to the warp's sums, sums[j][i] being that of
// tile (i, j), and meanwhile reads the next ones. left(x, k) reads those of eight depths from
// k on, right(y, j, k) those of column_group tiles from tile j on.
template <class Precision>
struct Fragments;

template <>
struct Fragments<TF32> {
	static constexpr int column_tiles = 8, depths = 8;
	float a[2][row_tiles][4], b[column_tiles][2];

	template <class Left, class Right>
	__device__ __forceinline__ void begin(Left left, Right right) {
		left(a[0], 0);
#pragma unroll
		for (int j = 0; j < column_tiles; j += column_group) right(b + j, j, 0);
	}
	template <int turn, class Left, class Right>
	__device__ __forceinline__ void advance(float (&sums)[column_tiles][row_tiles][4], Left left, Right right, int k) {
		left(a[1 - turn], k);
#pragma unroll
		for (int i = 0; i < row_tiles; ++i)
#pragma unroll
			for (int q = 0; q < 4; ++q) a[turn][i][q] = for_tf32(a[turn][i][q]);
#pragma unroll
		for (int j = 0; j < column_tiles; j += column_group) {
#pragma unroll
			for (int e = j; e < j + column_group; ++e) {
				const float rounded[2] = {for_tf32(b[e][0]), for_tf32(b[e][1])};
				mma_tf32<row_tiles>(sums[e], a[turn], rounded);
			}
			right(b + j, j, k);
		}
	}
};

// The products of factors in two parts are those of add_corrected, for eight tiles in turn, so
// that each waits less for the one that it adds to.
template <>
struct Fragments<TF32x3> {
	static constexpr int column_tiles = 4, depths = 8; // more columns would take more registers than there are
	float a[row_tiles][4], b[column_tiles][2];

	template <class Left, class Right>
	__device__ __forceinline__ void begin(Left left, Right right) {
		left(a, 0);
		right(b, 0, 0);
	}
	template <int turn, class Left, class Right>
	__device__ __forceinline__ void advance(float (&sums)[column_tiles][row_tiles][4], Left left, Right right, int k) {
		static_assert(column_tiles == column_group, "");
		float large[row_tiles][4], small[row_tiles][4], wide[column_tiles][2], narrow[column_tiles][2];
#pragma unroll
		for (int j = 0; j < column_tiles; ++j)
#pragma unroll
			for (int q = 0; q < 2; ++q) wide[j][q] = split(b[j][q], narrow[j][q]);
		right(b, 0, k);
#pragma unroll
		for (int i = 0; i < row_tiles; ++i)
#pragma unroll
			for (int q = 0; q < 4; ++q) large[i][q] = split(a[i][q], small[i][q]);
		left(a, k);
#pragma unroll
		for (int i = 0; i < row_tiles; i += 2) {
			float part[column_tiles][2][4] = {};
#pragma unroll
			for (int j = 0; j < column_tiles; ++j) mma_tf32<2>(part[j], small + i, wide[j]);
#pragma unroll
			for (int j = 0; j < column_tiles; ++j) mma_tf32<2>(part[j], large + i, narrow[j]);
#pragma unroll
			for (int j = 0; j < column_tiles; ++j) mma_tf32<2>(part[j], large + i, wide[j]);
#pragma unroll
			for (int j = 0; j < column_tiles; ++j)
#pragma unroll
				for (int e = 0; e < 2; ++e)
#pragma unroll
					for (int q = 0; q < 4; ++q) sums[j][i + e][q] += part[j][e][q];
		}
	}
};

// Words take depths 4 apart, which either factor's fragments have: the order of the
// depth in a sum is free.
template <>
struct Fragments<BF16> {
	static constexpr int column_tiles = 8, depths = 16;
	unsigned a[2][row_tiles][4], b[column_tiles][2];

	template <class Left>
	__device__ static __forceinline__ void read(unsigned (&to)[row_tiles][4], Left left, int half, int k) {
		float x[row_tiles][4];
		left(x, k + 8 * half);
#pragma unroll
		for (int i = 0; i < row_tiles; ++i) {
			to[i][2 * half] = pack_bf16(x[i][0], x[i][2]);
			to[i][2 * half + 1] = pack_bf16(x[i][1], x[i][3]);
		}
	}
	template <class Right>
	__device__ static __forceinline__ void read(unsigned (*to)[2], Right right, int j, int k) {
#pragma unroll
		for (int e = 0; e < 2; ++e) {
			float y[column_group][2];
			right(y, j, k + 8 * e);
#pragma unroll
			for (int q = 0; q < column_group; ++q) to[q][e] = pack_bf16(y[q][0], y[q][1]);
		}
	}
	template <class Left, class Right>
	__device__ __forceinline__ void begin(Left left, Right right) {
		read(a[0], left, 0, 0);
		read(a[0], left, 1, 0);
#pragma unroll
		for (int j = 0; j < column_tiles; j += column_group) read(b + j, right, j, 0);
	}
	template <int turn, class Left, class Right>
	__device__ __forceinline__ void advance(float (&sums)[column_tiles][row_tiles][4], Left left, Right right, int k) {
		static_assert(column_tiles == 2 * column_group, "");
#pragma unroll
		for (int j = 0; j < column_tiles; j += column_group) {
			read(a[1 - turn], left, j / column_group, k);
#pragma unroll
			for (int e = j; e < j + column_group; ++e) mma_bf16<row_tiles>(sums[e], a[turn], b[e]);
			read(b + j, right, j, k);
		}
	}
};

// each_step calls f(Step, last) for the steps of a chunk. Fragments take turns.
template <int number_>
struct Step {
	static constexpr int number = number_, turn = number_ % 2;
};
template <int steps, int first = 0, class F>
__device__ __forceinline__ void each_step(F f) {
	if constexpr (first < steps) {
		f(Step<first>(), first == steps - 1);
		each_step<steps, first + 1>(f);
	}
}

template <class Precision>
struct Gemm {
	using Factors = Fragments<Precision>;
	static constexpr int column_tiles = Factors::column_tiles, threads = 1024 / column_tiles;
	static constexpr bool unguarded = true;
	static constexpr int row_lanes = 32;

	template <class A, class B, class Finish>
	__device__ static __forceinline__ void multiply(const A& a, const B& b, int from, int to, float* shared, Finish finish) {
		using Rows = Left<A, threads>;
		using Columns = Right<B, threads>;
		const int m0 = blockIdx.y * tile, n0 = blockIdx.x * tile;
		const int warp = threadIdx.x / 32, row = warp % 2 * 16 * row_tiles, column = warp / 2 * 8 * column_tiles;
		float sums[column_tiles][row_tiles][4] = {};
		Rows rows(a, m0, from);
		Columns columns(b, n0, from);
		int slot = 0, behind = stages - 1;
		const int left_place = Rows::place(row), right_place = Columns::place(column);
		const auto left = [&](auto& x, int k) { Rows::read(x, shared + slot * 2 * chunk_floats, left_place, k); };
		const auto right = [&](auto* y, int j, int k) { Columns::read(y, shared + slot * 2 * chunk_floats + chunk_floats, right_place, j, k); };
		Factors factors;
		constexpr bool apart = column_tiles == 8; // or all copies' addresses would take too many registers
#pragma unroll
		for (int s = 0; s < stages - 1; ++s) {
			rows.copy(shared + s * 2 * chunk_floats);
			columns.copy(shared + s * 2 * chunk_floats + chunk_floats);
			commit_copies();
		}
		wait_copies<stages - 2>();
		__syncthreads();
		factors.begin(left, right);
		for (int k = from; k < to; k += chunk_depth) {
			each_step<chunk_depth / Factors::depths>([&](auto step, bool last) {
				if (last) {
					wait_copies<stages - 2>();
					__syncthreads(); // the next chunk is there for all, and all have read this one
					behind = slot;
					slot = slot == stages - 1 ? 0 : slot + 1;
				}
				if (step.number == 0 && apart) rows.copy(shared + behind * 2 * chunk_floats);
				factors.template advance<step.turn>(sums, left, right, last ? 0 : (step.number + 1) * Factors::depths);
				if (step.number != 0) return;
				if (!apart) rows.copy(shared + behind * 2 * chunk_floats);
				columns.copy(shared + behind * 2 * chunk_floats + chunk_floats);
				commit_copies();
			});
		}
		wait_copies<0>(); // for copies of nothing
		__syncthreads();  // before the chunks' place is used again
		put<Rows>(sums, row, column, shared);
		__syncthreads();
		finish([&](auto store, auto... done) {
#pragma unroll 8
			for (int i = threadIdx.x / 32; i < tile; i += threads / 32) {
				const int lane = threadIdx.x % 32;
				const float4 v = *reinterpret_cast<const float4*>(shared + i * tile + 4 * (lane ^ swizzle(i)));
				const float values[4] = {v.x, v.y, v.z, v.w};
				store(m0 + i, n0 + 4 * lane, values);
				(done(m0 + i), ...);
			}
		});
	}

	// put stores a warp's sums in the tile, [128, 128], of which each warp then takes whole rows:
	// what comes after the product is a loop, and not that many times the same code. Eight
	// lanes that store vectors have two rows, 1 or 4 apart, and every other vector of them.
	template <class Rows>
	__device__ static __forceinline__ void put(const float (&sums)[column_tiles][row_tiles][4], int row, int column, float* to) {
		const int g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
#pragma unroll
		for (int i = 0; i < row_tiles; ++i)
#pragma unroll
			for (int h = 0; h < 2; ++h) {
				const int at = row + Rows::row_of(i, h, g);
#pragma unroll
				for (int j = 0; j < column_tiles; j += column_group)
#pragma unroll
					for (int q = 0; q < 2; ++q) {
						float4* vectors = reinterpret_cast<float4*>(to + at * tile + column + 8 * j);
						vectors[(2 * t + q) ^ swizzle(at)] = make_float4(sums[j][i][2 * h + q], sums[j + 1][i][2 * h + q], sums[j + 2][i][2 * h + q], sums[j + 3][i][2 * h + q]);
					}
			}
	}
	__device__ static __forceinline__ int swizzle(int row) { return (row ^ row / 4) & 1; }
};

#endif
