// Sums and maxima over a warp and a block, in an order that depends on nothing
// but the shape.
#pragma once

#include "device.cuh"

template <class T>
__device__ __forceinline__ T warp_sum(T v) {
	for (int lanes = 16; lanes > 0; lanes /= 2) v += __shfl_xor_sync(all_lanes, v, lanes);
	return v;
}

// greater is the larger of two values, or NaN if one of them is.
template <class T>
__device__ __forceinline__ T greater(T a, T b) { return a > b || a != a ? a : b; }

template <class T>
__device__ __forceinline__ T warp_max(T v) {
	for (int lanes = 16; lanes > 0; lanes /= 2) v = greater(v, __shfl_xor_sync(all_lanes, v, lanes));
	return v;
}

// block_sum returns the sum over a block of whole warps in every thread; space
// is for 33 values.
template <class T>
__device__ __forceinline__ T block_sum(T v, T* space) {
	const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
	v = warp_sum(v);
	if (lane == 0) space[warp] = v;
	__syncthreads();
	if (warp == 0) {
		v = warp_sum(lane < warps ? space[lane] : T(0));
		if (lane == 0) space[32] = v;
	}
	__syncthreads();
	v = space[32];
	__syncthreads(); // before space is used again
	return v;
}

// block_max is the same for the maximum.
template <class T>
__device__ __forceinline__ T block_max(T v, T* space) {
	const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
	v = warp_max(v);
	if (lane == 0) space[warp] = v;
	__syncthreads();
	if (warp == 0) {
		v = warp_max(lane < warps ? space[lane] : T(-INFINITY));
		if (lane == 0) space[32] = v;
	}
	__syncthreads();
	v = space[32];
	__syncthreads(); // before space is used again
	return v;
}
