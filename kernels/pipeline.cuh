// Tiles of 128 x 128 on tensor cores.
//
// A block works in chunks of depth 16, which asynchronous copies bring straight to shared
// memory, three ahead of the one that is multiplied, with one barrier a chunk. Two rows
// of warps have 64 rows each, as four tiles of 16 x 8 one below the other and as many
// columns of these as their precision takes: eight for 128 threads, or four for 256.
#pragma once

#include "operands.cuh"

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800

constexpr int stages = 4, row_tiles = 4;

// A Feed brings chunks of an operand to shared memory, and reads fragments of depth 8
// there: left those of a tile [16, 8] of the first factor, right those of two tiles
// [8, 8] of the second. row says which of the 16 rows row g of half h of a tile is. Each
// of a block's threads copies 16 bytes some times.
template <class Operand, int threads>
struct Feed;

// An Across operand keeps its layout, [128, 16] with rows 20 floats apart. Eight rows of
// 16 bytes, which a matrix is loaded by, begin at 4 times 0, 5, 2, 7, 4, 1, 6, 3 modulo
// 32: they meet all banks. So do the two rows of 64 bytes that eight lanes copy, since
// they are four apart.
template <int threads>
struct Feed<Across, threads> {
	static constexpr int times = tile * depth / 4 / threads, step = threads / 4;
	static constexpr int pitch = depth + 4, floats = tile * pitch;
	const float* rows[times]; // of which this thread copies 16 bytes each, step rows apart
	int present;              // how many of them there are; the others are zero
	int to, k, depths;        // where in a chunk, and at which depth

	__device__ __forceinline__ Feed(const Across& o, int first, int) : depths(o.depths) {
		const int lane = threadIdx.x % 32, own = threadIdx.x / 32 * 8 + lane / 4 % 2 * 4 + lane / 8;
		k = lane % 4 * 4;
		to = own * pitch + k;
		present = (o.width - first - own + step - 1) / step;
#pragma unroll
		for (int i = 0; i < times; ++i) {
			const int at = first + own + step * i;
			const size_t row = inside(at, o.width) ? (o.rows != nullptr ? o.rows[at] : at) : 0;
			rows[i] = o.p + row * o.ld + k;
		}
	}

	// copy begins to copy the depths from `from` on.
	__device__ __forceinline__ void copy(int from, float* shared) {
		const bool valid = inside(from + k, depths);
#pragma unroll
		for (int i = 0; i < times; ++i) copy_async(shared + to + i * step * pitch, rows[i] + from, valid && i < present ? 16 : 0);
	}

	__device__ static __forceinline__ int row(int h, int g) { return 8 * h + g; }
	__device__ static __forceinline__ void left(float (&x)[4], const float* shared, int first, int k) {
		const int lane = threadIdx.x % 32;
		load_matrices(x, shared + (first + lane % 16) * pitch + k + lane / 16 * 4);
	}
	__device__ static __forceinline__ void right(float (&y)[2][2], const float* shared, int first, int k) {
		const int lane = threadIdx.x % 32;
		float x[4];
		load_matrices(x, shared + (first + lane / 16 * 8 + lane % 8) * pitch + k + lane / 8 % 2 * 4);
		y[0][0] = x[0], y[0][1] = x[1], y[1][0] = x[2], y[1][1] = x[3];
	}
};

// An Along operand keeps its layout too, [16, 128] with rows 136 floats apart, 8 modulo
// 32. Four depths of eight neighbours, or of four pairs of neighbours, meet all banks,
// and so does a row that is copied.
template <int threads>
struct Feed<Along, threads> {
	static constexpr int times = tile * depth / 4 / threads, step = threads / 32;
	static constexpr int pitch = tile + 8, floats = depth * pitch;
	const float* column;
	const int* rows;
	int index[times]; // where rows are gathered, those of the next chunk that this thread copies
	int to, k, depths, ld, bytes;

	__device__ __forceinline__ Feed(const Along& o, int first, int from) : rows(o.rows), depths(o.depths), ld(o.ld) {
		const int at = threadIdx.x % 32 * 4;
		k = threadIdx.x / 32;
		to = k * pitch + at;
		column = o.p + first + at;
		bytes = inside(first + at, o.width) ? 16 : 0;
		if (rows != nullptr) find(from);
	}
	__device__ __forceinline__ void find(int from) {
#pragma unroll
		for (int i = 0; i < times; ++i) index[i] = inside(from + k + step * i, depths) ? rows[from + k + step * i] : 0;
	}

	__device__ __forceinline__ void copy(int from, float* shared) {
#pragma unroll
		for (int i = 0; i < times; ++i) {
			const size_t row = rows != nullptr ? index[i] : from + k + step * i;
			copy_async(shared + to + i * step * pitch, column + row * ld, inside(from + k + step * i, depths) ? bytes : 0);
		}
		if (rows != nullptr) find(from + depth);
	}

	// Neighbours are a vector: rows g of both halves.
	__device__ static __forceinline__ int row(int h, int g) { return 2 * g + h; }
	__device__ static __forceinline__ void left(float (&x)[4], const float* shared, int first, int k) {
		const int g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
#pragma unroll
		for (int e = 0; e < 2; ++e) {
			const float2 v = *reinterpret_cast<const float2*>(shared + (k + t + 4 * e) * pitch + first + 2 * g);
			x[2 * e] = v.x, x[2 * e + 1] = v.y;
		}
	}
	__device__ static __forceinline__ void right(float (&y)[2][2], const float* shared, int first, int k) {
		const int g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
#pragma unroll
		for (int j = 0; j < 2; ++j)
#pragma unroll
			for (int e = 0; e < 2; ++e) y[j][e] = shared[(k + t + 4 * e) * pitch + first + 8 * j + g];
	}
};

// A precision's Fragments add the product of a chunk to a warp's sums: sums[j][i] is
// the fragment of tile (i, j), left(x, i, k) and right(y, j, k) read those of the factors.
template <class Precision>
struct Fragments;

template <>
struct Fragments<TF32> {
	static constexpr int column_tiles = 8;

	template <class Left, class Right>
	__device__ static __forceinline__ void add(float (&sums)[column_tiles][row_tiles][4], Left left, Right right) {
#pragma unroll
		for (int k = 0; k < depth; k += 8) {
			float a[row_tiles][4];
#pragma unroll
			for (int i = 0; i < row_tiles; ++i) {
				left(a[i], i, k);
#pragma unroll
				for (int q = 0; q < 4; ++q) a[i][q] = to_tf32(a[i][q]);
			}
#pragma unroll
			for (int j = 0; j < column_tiles; j += 2) {
				float b[2][2];
				right(b, j, k);
#pragma unroll
				for (int e = 0; e < 2; ++e) {
					const float rounded[2] = {to_tf32(b[e][0]), to_tf32(b[e][1])};
					mma_tf32<row_tiles>(sums[j + e], a, rounded);
				}
			}
		}
	}
};

template <>
struct Fragments<TF32x3> {
	static constexpr int column_tiles = 4; // more would take more registers than there are

	template <class Left, class Right>
	__device__ static __forceinline__ void add(float (&sums)[column_tiles][row_tiles][4], Left left, Right right) {
#pragma unroll
		for (int k = 0; k < depth; k += 8) {
			float large[row_tiles][4], small[row_tiles][4];
#pragma unroll
			for (int i = 0; i < row_tiles; ++i) {
				float a[4];
				left(a, i, k);
#pragma unroll
				for (int q = 0; q < 4; ++q) large[i][q] = split(a[q], small[i][q]);
			}
#pragma unroll
			for (int j = 0; j < column_tiles; j += 2) {
				float b[2][2];
				right(b, j, k);
#pragma unroll
				for (int e = 0; e < 2; ++e) {
					float wide[2], narrow[2];
#pragma unroll
					for (int q = 0; q < 2; ++q) wide[q] = split(b[e][q], narrow[q]);
					add_corrected<row_tiles>(sums[j + e], large, small, wide, narrow);
				}
			}
		}
	}
};

// Words take depths 4 apart, which either factor's fragments have: the order of the
// depth in a sum is free.
template <>
struct Fragments<BF16> {
	static constexpr int column_tiles = 8;

	template <class Left, class Right>
	__device__ static __forceinline__ void add(float (&sums)[column_tiles][row_tiles][4], Left left, Right right) {
		unsigned a[row_tiles][4];
#pragma unroll
		for (int i = 0; i < row_tiles; ++i)
#pragma unroll
			for (int k = 0; k < 2; ++k) {
				float x[4];
				left(x, i, 8 * k);
				a[i][2 * k] = pack_bf16(x[0], x[2]);
				a[i][2 * k + 1] = pack_bf16(x[1], x[3]);
			}
#pragma unroll
		for (int j = 0; j < column_tiles; j += 2) {
			float low[2][2], high[2][2];
			right(low, j, 0);
			right(high, j, 8);
#pragma unroll
			for (int e = 0; e < 2; ++e) {
				const unsigned b[2] = {pack_bf16(low[e][0], low[e][1]), pack_bf16(high[e][0], high[e][1])};
				mma_bf16<row_tiles>(sums[j + e], a, b);
			}
		}
	}
};

template <class Precision>
struct Gemm {
	static constexpr int column_tiles = Fragments<Precision>::column_tiles, threads = 1024 / column_tiles;
	static constexpr bool unguarded = true;
	static constexpr int row_lanes = 4, row_warps = threads / 64;

	__device__ static __forceinline__ int row_warp() { return threadIdx.x / 64; }

	template <class A, class B, class Finish>
	__device__ static __forceinline__ void multiply(const A& a, const B& b, int from, int to, float* shared, Finish finish) {
		using Left = Feed<A, threads>;
		using Right = Feed<B, threads>;
		constexpr int stage = Left::floats + Right::floats;
		const int m0 = blockIdx.y * tile, n0 = blockIdx.x * tile;
		const int warp = threadIdx.x / 32, row = warp % 2 * 16 * row_tiles, column = warp / 2 * 8 * column_tiles;
		float sums[column_tiles][row_tiles][4] = {};
		Left rows(a, m0, from);
		Right columns(b, n0, from);
		const auto copy = [&](int k, int slot) {
			if (k < to) {
				rows.copy(k, shared + slot * stage);
				columns.copy(k, shared + slot * stage + Left::floats);
			}
			commit_copies();
		};
#pragma unroll
		for (int s = 0; s < stages - 1; ++s) copy(from + s * depth, s);
		int slot = 0;
		for (int k = from; k < to; k += depth) {
			wait_copies<stages - 2>();
			__syncthreads(); // this chunk is there for all, and all are done with the one before
			copy(k + (stages - 1) * depth, slot == 0 ? stages - 1 : slot - 1);
			const float* chunk = shared + slot * stage;
			Fragments<Precision>::add(sums,
				[&](float (&x)[4], int i, int k) { Left::left(x, chunk, row + 16 * i, k); },
				[&](float (&y)[2][2], int j, int k) { Right::right(y, chunk + Left::floats, column + 8 * j, k); });
			slot = slot == stages - 1 ? 0 : slot + 1;
		}
		const int g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
		finish([&](auto store, auto... done) {
#pragma unroll
			for (int i = 0; i < row_tiles; ++i)
#pragma unroll
				for (int h = 0; h < 2; ++h) {
					const int at = m0 + row + 16 * i + Left::row(h, g);
#pragma unroll
					for (int j = 0; j < column_tiles; ++j) {
						const float pair[2] = {sums[j][i][2 * h], sums[j][i][2 * h + 1]};
						store(at, n0 + column + 8 * j + 2 * t, pair);
					}
					(done(at), ...);
				}
		});
	}
};

#endif
