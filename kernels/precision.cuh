// The precisions of products: what the matrix kernels and the fused step have in common.
#pragma once

#include "device.cuh"

// The precisions. FP32 multiplies on the ordinary units. TF32 rounds both
// factors to 10 bits of mantissa and multiplies on tensor cores. TF32x3 splits
// each factor into a TF32 number and the TF32 of what is left, and adds the three
// larger products of the four, the small ones first: about FP32's accuracy, see
// add_corrected. BF16 rounds to 7 bits of mantissa, for tensor cores twice as fast; the
// sums are FP32 with all of these.
// stage is what an entry becomes on its way into the fused step's shared memory: TF32 rounds
// it there, once, and not for each of the warps that read it.
struct FP32 {
	__device__ static __forceinline__ float stage(float x) { return x; }
};
struct TF32;
struct TF32x3 : FP32 {
	static constexpr bool split = true;
};
struct BF16;

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

#endif
