// What every kernel stands on: the one header that knows whether a GPU or the
// emulator of kernels/emulator runs it.
//
//	KERNEL(threads) name(outputs, inputs, sizes, scalars) { .. }
//
// declares a kernel for blocks of at most that many threads; KERNEL(threads, 2) one
// that leaves registers for two blocks per SM. The tools of this folder find kernels
// by this line.
#pragma once

#ifdef GOMINE_EMULATOR

#include "emulator/emulator.h"

#else

#ifndef INFINITY
#define INFINITY __int_as_float(0x7f800000)
#endif

#define OUT_OF_LINE inline __noinline__

#define KERNEL(...) extern "C" __global__ void __launch_bounds__(__VA_ARGS__)

// DYNAMIC_SHARED names the block's dynamic shared memory, aligned for float4.
#define DYNAMIC_SHARED(T, name) extern __shared__ __align__(16) T name[]

// warm loads the 128 bytes at p into the cache of the SM, and waits for nothing.
__device__ __forceinline__ void warm(const float* p) {
	asm volatile("{ .reg .f32 unused; ld.global.ca.f32 unused, [%0]; }" ::"l"(p));
}

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800

// to_tf32 rounds to the nearest of TF32's 10 bits of mantissa, ties away from 0.
__device__ __forceinline__ float to_tf32(float x) {
	unsigned u;
	asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(u) : "f"(x));
	return __uint_as_float(u);
}

// for_tf32 makes a factor of mma_tf32 that is rounded likewise, in half the instructions: the
// core cuts the bits behind TF32's, so that half of the last bit is added and no more. It is
// of no other use: 0 becomes a number. The NaN that arithmetic returns is the largest
// integer, which must not become a number by this; of other NaN only those of the largest 4,096
// words would, which nothing computes, and which data, being finite, do not hold.
__device__ __forceinline__ float for_tf32(float x) {
	return __int_as_float(min(__float_as_int(x), 0x7fffefff) + 0x1000);
}

// mma_tf32 adds a b to d across a warp, for a column of tiles [16, 8] of a and d and
// one tile [8, 8] of b. Lane 4g+t holds of each tile of a the entries (g, t), (g+8, t),
// (g, t+4), (g+8, t+4), of b (t, g) and (t+4, g), and of d [16, 8] (g, 2t), (g, 2t+1),
// (g+8, 2t), (g+8, 2t+1) (PTX ISA, "Matrix fragments for mma.m16n8k8").
template <int rows>
__device__ __forceinline__ void mma_tf32(float (*d)[4], const float (*a)[4], const float (&b)[2]) {
#pragma unroll
	for (int i = 0; i < rows; ++i)
		asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
			: "+f"(d[i][0]), "+f"(d[i][1]), "+f"(d[i][2]), "+f"(d[i][3])
			: "r"(__float_as_uint(a[i][0])), "r"(__float_as_uint(a[i][1])), "r"(__float_as_uint(a[i][2])), "r"(__float_as_uint(a[i][3])),
			  "r"(__float_as_uint(b[0])), "r"(__float_as_uint(b[1])));
}

// pack_bf16 rounds two numbers to BF16's 7 bits of mantissa, to nearest, ties to even,
// and returns them in one word, the first one in its low half.
__device__ __forceinline__ unsigned pack_bf16(float low, float high) {
	unsigned u;
	asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(u) : "f"(high), "f"(low));
	return u;
}

// mma_bf16 is mma_tf32 for tiles [16, 16] of a and [16, 8] of b of BF16, two neighbours
// along the depth in a word: lane 4g+t holds of a the words that begin at (g, 2t),
// (g+8, 2t), (g, 2t+8), (g+8, 2t+8), and of b at (2t, g) and (2t+8, g) (PTX ISA,
// "Matrix fragments for mma.m16n8k16").
template <int rows>
__device__ __forceinline__ void mma_bf16(float (*d)[4], const unsigned (*a)[4], const unsigned (&b)[2]) {
#pragma unroll
	for (int i = 0; i < rows; ++i)
		asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
			: "+f"(d[i][0]), "+f"(d[i][1]), "+f"(d[i][2]), "+f"(d[i][3])
			: "r"(a[i][0]), "r"(a[i][1]), "r"(a[i][2]), "r"(a[i][3]), "r"(b[0]), "r"(b[1]));
}

// load_matrices loads four matrices of 8 x 4 floats from shared memory: lane 8m+r gives
// the address of row r of matrix m, 16 bytes aligned to 16, and lane 4g+t gets entry
// (g, t) of each (PTX ISA, "ldmatrix", for which it is 8 x 8 of 16 bits).
__device__ __forceinline__ void load_matrices(float (&entries)[4], const float* row) {
	const unsigned shared = static_cast<unsigned>(__cvta_generic_to_shared(row));
	asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
		: "=f"(entries[0]), "=f"(entries[1]), "=f"(entries[2]), "=f"(entries[3])
		: "r"(shared)
		: "memory");
}

// copy_async begins a copy of 16 bytes from global to shared memory, both aligned to 16
// bytes, of which those behind the given number are set to zero. commit_copies makes a
// group of the copies that a thread began since its last one, wait_copies waits for all
// its groups but the last `behind`; for those of other threads a barrier must follow.
__device__ __forceinline__ void copy_async(void* to, const void* from, int bytes) {
	const unsigned shared = static_cast<unsigned>(__cvta_generic_to_shared(to));
	asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared), "l"(from), "r"(bytes) : "memory");
}
__device__ __forceinline__ void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int behind>
__device__ __forceinline__ void wait_copies() { asm volatile("cp.async.wait_group %0;" ::"n"(behind) : "memory"); }

#endif

#endif

// inside says whether i lies below n. All guards of tails are written with it;
// the mutation check of the emulator replaces each by true.
__device__ __forceinline__ bool inside(int i, int n) { return i < n; }

// vary tells the compiler that i may be another number from here on, so that it computes
// nothing of i beforehand.
__device__ __forceinline__ void vary(unsigned& i) { asm volatile("" : "+r"(i)); }

// All lanes of a warp.
constexpr unsigned all_lanes = 0xffffffffu;

// padded rounds a number of columns up to the 4 floats of a 16-byte access: the
// distance between rows.
__device__ __forceinline__ int padded(int columns) { return (columns + 3) / 4 * 4; }
