// How a block on tensor cores brings chunks of its operands to shared memory, and how its
// warps read fragments there.
#pragma once

#include "operands.cuh"

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800

// A warp has 64 rows of the tile, as four tiles of 16 x 8 one below the other. A chunk is 32
// deep: a row along the depth is then a whole line of 128 bytes, which the L2 cache gives
// twice as fast as two halves of one.
constexpr int row_tiles = 4, chunk_depth = 32, chunk_floats = tile * chunk_depth, column_group = 4;

// A Left feeds the first factor, a Right the second. Which rows of a tile [16, 8] and which
// columns of a tile [8, 8] a lane has is free as long as the result goes where they belong:
// four neighbouring tiles of columns interleave, column c of tile j being 4c + j of the 32
// columns that they have, so that the result, and an operand that lies along the columns,
// is read and written by 16 bytes. row_of says which of a warp's rows row g of half h of
// tile i is.
//
// Shared memory has 32 banks of 4 bytes. What eight lanes read of 16 bytes each would meet
// the same banks again and again, so that vectors lie permuted in their row: vector v of
// row r at v ^ swizzle(r). Each of a block's threads copies 16 bytes some times.

// An Across operand keeps its layout, [128, 32]: eight lanes copy a row. Rows that are read
// together are `group` apart.
template <int threads, int group>
struct FeedRows {
	static constexpr int times = chunk_floats / 4 / threads, step = threads / 8;
	const float4* next; // the vector of this thread in the next chunk, of row 0 or of its first one
	int k, depths;      // the vector's first depth
	int first_to;       // where in a chunk it goes, of the first row

	__device__ __forceinline__ FeedRows(const Across& o, int from) : k(from + threadIdx.x % 8 * 4), depths(o.depths) {
		next = reinterpret_cast<const float4*>(o.p + k);
		first_to = row(0) * chunk_depth + 4 * (threadIdx.x % 8 ^ row(0) / group % 8);
	}
	__device__ static __forceinline__ int row(int i) { return threadIdx.x / 8 + step * i; }
	// Between two rows the swizzle changes by 0 or 4, modulo 8.
	__device__ __forceinline__ float* to(float* chunk, int i) const { return chunk + (first_to ^ 4 * (step / group * i % 8)) + i * step * chunk_depth; }
	__device__ __forceinline__ bool here() const { return inside(k, depths); }
	__device__ __forceinline__ void advance() { next += chunk_depth / 4, k += chunk_depth; }
};

// Rows beyond the width are copies of another one, whose products are not stored.
template <class Operand, int threads, int group>
struct FeedAcross : FeedRows<threads, group> {
	using Base = FeedRows<threads, group>;
	unsigned begin[Base::times]; // of rows of which this thread copies a vector each, in vectors: of 64 GiB at most, see mostFloats in cuda/data.go

	__device__ __forceinline__ FeedAcross(const Across& o, int first, int from) : Base(o, from) {
#pragma unroll
		for (int i = 0; i < Base::times; ++i) {
			const int at = first + Base::row(i), row = inside(at, o.width) ? (o.rows != nullptr ? o.rows[at] : at) : 0;
			begin[i] = static_cast<unsigned>(row) * static_cast<unsigned>(o.ld / 4);
		}
	}

	// copy begins to copy the next chunk.
	__device__ __forceinline__ void copy(float* shared) {
		const int bytes = Base::here() ? 16 : 0;
#pragma unroll
		for (int i = 0; i < Base::times; ++i) copy_async(Base::to(shared, i), Base::next + begin[i], bytes);
		Base::advance();
	}
};

// Without an index the rows are as far apart as each other.
template <int threads, int group>
struct FeedAcross<Ungathered, threads, group> : FeedRows<threads, group> {
	using Base = FeedRows<threads, group>;
	unsigned stride; // in vectors
	int present;     // how many of this thread's rows there are; the others are zero

	__device__ __forceinline__ FeedAcross(const Across& o, int first, int from) : Base(o, from), stride(Base::step * (o.ld / 4)) {
		const int at = first + Base::row(0);
		Base::next += static_cast<size_t>(at) * (o.ld / 4);
		present = (o.width - at + Base::step - 1) / Base::step;
	}

	__device__ __forceinline__ void copy(float* shared) {
		const int copied = Base::here() ? present : 0;
		const float4* from = Base::next;
		vary(stride); // or its multiples would take registers
#pragma unroll
		for (int i = 0; i < Base::times; ++i, from += stride) copy_async(Base::to(shared, i), from, i < copied ? 16 : 0);
		Base::advance();
	}
};

// An Along operand keeps its layout too, [32, 128]: a warp copies a row. Columns beyond the
// width are copies of others.
template <int threads>
struct FeedAlong {
	static constexpr int times = chunk_floats / 4 / threads, step = threads / 32;
	const float* column;
	const int* rows;
	int index[times]; // where rows are gathered, those of the next chunk that this thread copies
	int to, k, depths, ld;

	// Four depths and two vectors are read together.
	__device__ static __forceinline__ int swizzle(int k) { return 2 * (k % 4); }

	__device__ __forceinline__ FeedAlong(const Along& o, int first, int from)
		: rows(o.rows), k(from + threadIdx.x / 32), depths(o.depths), ld(o.ld) {
		const int at = threadIdx.x % 32 * 4, row = threadIdx.x / 32;
		to = row * tile + (at ^ 4 * swizzle(row));
		column = o.p + (inside(first + at, o.width) ? first + at : 0);
		if (rows != nullptr) find();
	}
	__device__ __forceinline__ void find() {
#pragma unroll
		for (int i = 0; i < times; ++i) index[i] = inside(k + step * i, depths) ? rows[k + step * i] : 0;
	}

	__device__ __forceinline__ void copy(float* shared) {
#pragma unroll
		for (int i = 0; i < times; ++i) {
			const size_t row = rows != nullptr ? index[i] : k + step * i;
			copy_async(shared + to + i * step * tile, column + row * ld, inside(k + step * i, depths) ? 16 : 0);
		}
		k += chunk_depth;
		if (rows != nullptr) find();
	}

	// vector is where lane 4g+t finds vector g of depth t.
	__device__ static __forceinline__ int vector() {
		const int g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
		return t * tile + 4 * (g ^ swizzle(t));
	}
};

// place is where a lane begins to read in a chunk, for rows or columns from `first` on; read
// reads its fragments of depths [k, k+8) there: of tiles i, or of column_group tiles from
// tile j on.
template <class Operand, int threads>
struct Left : FeedAcross<Operand, threads, 1> {
	using FeedAcross<Operand, threads, 1>::FeedAcross;
	__device__ static __forceinline__ int row_of(int i, int h, int g) { return 16 * i + 8 * h + g; }
	__device__ static __forceinline__ int place(int first) {
		const int lane = threadIdx.x % 32;
		return (first + lane % 16) * chunk_depth + 4 * (lane / 16 ^ lane % 8);
	}
	__device__ static __forceinline__ void read(float (&x)[row_tiles][4], const float* chunk, int place, int k) {
		const float* from = chunk + (place ^ k);
#pragma unroll
		for (int i = 0; i < row_tiles; ++i) load_matrices(x[i], from + 16 * i * chunk_depth);
	}
};

template <int threads>
struct Left<Along, threads> : FeedAlong<threads> {
	using FeedAlong<threads>::FeedAlong;
	__device__ static __forceinline__ int row_of(int i, int h, int g) { return i / 2 * 32 + 4 * g + i % 2 * 2 + h; }
	__device__ static __forceinline__ int place(int first) { return first + FeedAlong<threads>::vector(); }
	__device__ static __forceinline__ void read(float (&x)[row_tiles][4], const float* chunk, int place, int k) {
		const float* from = chunk + place + k * tile;
#pragma unroll
		for (int i = 0; i < row_tiles; i += 2)
#pragma unroll
			for (int e = 0; e < 2; ++e) {
				const float4 v = *reinterpret_cast<const float4*>(from + 4 * e * tile + 16 * i);
				x[i][2 * e] = v.x, x[i][2 * e + 1] = v.y, x[i + 1][2 * e] = v.z, x[i + 1][2 * e + 1] = v.w;
			}
	}
};

template <class Operand, int threads>
struct Right : FeedAcross<Operand, threads, 4> {
	using FeedAcross<Operand, threads, 4>::FeedAcross;
	__device__ static __forceinline__ int place(int first) {
		const int lane = threadIdx.x % 32;
		return (first + lane % 8 * 4 + lane / 16) * chunk_depth + 4 * (lane / 8 % 2 ^ lane % 8);
	}
	__device__ static __forceinline__ void read(float (*y)[2], const float* chunk, int place, int j, int k) {
		const float* from = chunk + (place ^ k) + 8 * j * chunk_depth;
#pragma unroll
		for (int c = 0; c < column_group; c += 2) {
			float x[4];
			load_matrices(x, from + c * chunk_depth);
			y[c][0] = x[0], y[c][1] = x[1], y[c + 1][0] = x[2], y[c + 1][1] = x[3];
		}
	}
};

template <int threads>
struct Right<Along, threads> : FeedAlong<threads> {
	using FeedAlong<threads>::FeedAlong;
	__device__ static __forceinline__ int place(int first) { return first + FeedAlong<threads>::vector(); }
	__device__ static __forceinline__ void read(float (*y)[2], const float* chunk, int place, int j, int k) {
		const float* from = chunk + place + k * tile + 8 * j;
#pragma unroll
		for (int e = 0; e < 2; ++e) {
			const float4 v = *reinterpret_cast<const float4*>(from + 4 * e * tile);
			y[0][e] = v.x, y[1][e] = v.y, y[2][e] = v.z, y[3][e] = v.w;
		}
	}
};

#endif
