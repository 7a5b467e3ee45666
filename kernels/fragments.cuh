// Products of the fused step: of layers that lie in shared memory, by warps that own eight
// columns each. There is no tile of weights in shared memory, since every weight is read by
// one warp of the block only.
//
// Lane 4g+t of a warp holds of a product, in tiles of 16 rows, the entries (16 i + g, 2t),
// (16 i + g, 2t+1), (16 i + g + 8, 2t), (16 i + g + 8, 2t+1) of its columns, as tensor cores
// leave them. Their depth may come in any order that is the same for both factors, so that a
// lane takes neighbours.
#pragma once

#include "precision.cuh"

// The g and t of a lane, and the first column of its warp.
struct Lane {
	int g, t, column;

	__device__ Lane() : g(threadIdx.x % 32 / 4), t(threadIdx.x % 4), column(threadIdx.x / 32 * 8) {}
};

// A layer's rows are layer_pitch floats apart, 4 modulo 32: 8 lanes that read 16 bytes of
// 8 rows meet 32 banks, as do the 32 that read (row 2t, column g).
template <int W>
constexpr int layer_pitch = W + 4;

// Weights are the factor [depth, width] of the way forward, in rows of ld floats: of a column
// from row k on. four fetches the next four entries, as the precision wants them, and goes on
// by `step` rows.
struct Weights {
	const float* at;
	int ld, left;

	__device__ __forceinline__ Weights(const float* w, int ld, int depth, int width, int k, int column)
		: at(w + k * ld + column), ld(ld), left(inside(column, width) ? depth - k : 0) {}

	template <class Precision, int step>
	__device__ __forceinline__ void four(float (&v)[4]) {
#pragma unroll
		for (int q = 0; q < 4; ++q) v[q] = inside(q, left) ? Precision::stage(at[q * ld]) : 0.f;
		at += step * ld;
		left -= step;
	}
};

// Transposed are the same weights on the way back, the factor [depth, width] whose columns are
// rows of ld floats. Their padding is zero.
struct Transposed {
	const float* at;
	int left;

	__device__ __forceinline__ Transposed(const float* w, int ld, int depth, int width, int k, int column)
		: at(w + column * ld + k), left(inside(column, width) ? depth - k : 0) {}

	template <class Precision, int step>
	__device__ __forceinline__ void four(float (&v)[4]) {
		float4 row = make_float4(0, 0, 0, 0);
		if (inside(0, left)) row = *reinterpret_cast<const float4*>(at);
		v[0] = Precision::stage(row.x);
		v[1] = Precision::stage(row.y);
		v[2] = Precision::stage(row.z);
		v[3] = Precision::stage(row.w);
		at += step;
		left -= step;
	}
};

__device__ __forceinline__ void read4(float (&v)[4], const float* p) {
	const float4 all = *reinterpret_cast<const float4*>(p);
	v[0] = all.x;
	v[1] = all.y;
	v[2] = all.z;
	v[3] = all.w;
}

template <class Precision>
struct Fragments;

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800

// add_fragments adds the product of tiles of a with one of b, of a depth of 8. What is staged
// is rounded to TF32 already; TF32x3 splits what was not.
template <class Precision, int tiles>
__device__ __forceinline__ void add_fragments(float (&sum)[tiles][4], const float (&a)[tiles][4], const float (&b)[2]) {
	if constexpr (Precision::split) {
		float large[tiles][4], small[tiles][4], wide[2], narrow[2];
#pragma unroll
		for (int q = 0; q < 2; ++q) wide[q] = split(b[q], narrow[q]);
#pragma unroll
		for (int i = 0; i < tiles; ++i)
#pragma unroll
			for (int q = 0; q < 4; ++q) large[i][q] = split(a[i][q], small[i][q]);
		add_corrected<tiles>(sum, large, small, wide, narrow);
	} else {
		mma_tf32<tiles>(sum, a, b);
	}
}

// Fragments multiply on tensor cores.
template <class Precision>
struct Fragments {
	// along adds a b to the sums of 16 rows of a times `tiles`: a [16 tiles, over] lies in
	// rows of ld floats, zero from over up to the next multiple of 16, b [over, width] at w.
	template <class B, int tiles>
	__device__ static __forceinline__ void along(float (&sum)[tiles][4], const float* a, int ld, int over, const float* w, int ldw, int width) {
		const Lane lane;
		B b(w, ldw, over, width, 4 * lane.t, lane.column + lane.g);
		a += lane.g * ld + 4 * lane.t;
#pragma unroll tiles > 2 ? 1 : Precision::split ? 2 : 4 // as registers allow
		for (int k = 0; k < over; k += 16) {
			float right[4], x[tiles][2][4];
			b.template four<Precision, 16>(right);
#pragma unroll
			for (int i = 0; i < tiles; ++i)
#pragma unroll
				for (int half = 0; half < 2; ++half) read4(x[i][half], a + (16 * i + 8 * half) * ld + k);
#pragma unroll
			for (int q = 0; q < 4; q += 2) {
				float left[tiles][4];
#pragma unroll
				for (int i = 0; i < tiles; ++i) {
					left[i][0] = x[i][0][q];
					left[i][1] = x[i][1][q];
					left[i][2] = x[i][0][q + 1];
					left[i][3] = x[i][1][q + 1];
				}
				const float two[2] = {right[q], right[q + 1]};
				add_fragments<Precision, tiles>(sum, left, two);
			}
		}
	}

	// across sets sum to the product of a^T and b over R rows of both, for 16 columns of a.
	template <int R>
	__device__ static __forceinline__ void across(float (&sum)[1][4], const float* a, const float* b, int ld) {
		const Lane lane;
#pragma unroll
		for (int p = 0; p < R; p += 8) {
			const float* of_a = a + (p + 2 * lane.t) * ld + lane.g;
			const float* of_b = b + (p + 2 * lane.t) * ld + lane.column + lane.g;
			const float left[1][4] = {{of_a[0], of_a[8], of_a[ld], of_a[ld + 8]}};
			const float right[2] = {of_b[0], of_b[ld]};
			add_fragments<Precision, 1>(sum, left, right);
		}
	}
};

#endif

// FP32 multiplies on the ordinary units, a lane its entries by itself.
template <>
struct Fragments<FP32> {
	template <class B, int tiles>
	__device__ static __forceinline__ void along(float (&sum)[tiles][4], const float* a, int ld, int over, const float* w, int ldw, int width) {
		const Lane lane;
		B b(w, ldw, over, width, 0, lane.column + 2 * lane.t), c(w, ldw, over, width, 0, lane.column + 2 * lane.t + 1);
		a += lane.g * ld;
#pragma unroll tiles > 2 ? 1 : 4
		for (int k = 0; k < over; k += 4) {
			float right[2][4];
			b.template four<FP32, 4>(right[0]);
			c.template four<FP32, 4>(right[1]);
#pragma unroll
			for (int i = 0; i < 2 * tiles; ++i) {
				float x[4];
				read4(x, a + 8 * i * ld + k);
#pragma unroll
				for (int q = 0; q < 4; ++q) {
					sum[i / 2][i % 2 * 2] += x[q] * right[0][q];
					sum[i / 2][i % 2 * 2 + 1] += x[q] * right[1][q];
				}
			}
		}
	}

	template <int R>
	__device__ static __forceinline__ void across(float (&sum)[1][4], const float* a, const float* b, int ld) {
		const Lane lane;
#pragma unroll 8
		for (int p = 0; p < R; ++p) {
			const float* of_a = a + p * ld + lane.g;
			const float2 of_b = *reinterpret_cast<const float2*>(b + p * ld + lane.column + 2 * lane.t);
			sum[0][0] += of_a[0] * of_b.x;
			sum[0][1] += of_a[0] * of_b.y;
			sum[0][2] += of_a[8] * of_b.x;
			sum[0][3] += of_a[8] * of_b.y;
		}
	}
};
