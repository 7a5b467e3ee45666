// The device side of the emulator: what a .cu file needs to be compiled by g++
// and run on the host, one block at a time, one fiber per thread. A fiber runs
// until it waits: at a barrier, in a warp operation, or at its end. Which runs
// next is a matter of a seed, and must not matter.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#define __global__
#define __device__
#define __forceinline__ inline __attribute__((always_inline))
// Static shared memory lies in a section of its own, which is poisoned before
// every block.
#define __shared__ static __attribute__((section("emulated_shared")))
#define OUT_OF_LINE inline __attribute__((noinline))
#define KERNEL(...) extern "C" void
#define DYNAMIC_SHARED(T, name) T* name = static_cast<T*>(emulator::dynamic_shared())

struct dim3 {
	unsigned x, y, z;
	dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(8) int2 { int x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline int2 make_int2(int x, int y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

namespace emulator {

constexpr unsigned warp_size = 32;

// A Copy is an asynchronous one that has not taken place.
struct Copy {
	void* to;
	const void* from;
	int bytes;
	unsigned group;
};

struct Thread {
	dim3 index;
	unsigned linear;
	std::vector<Copy> copies;
	unsigned groups; // of copies that are complete
};

// The running block and thread.
struct Here {
	Thread* thread;
	dim3 block, block_size, grid_size;
};
extern Here here;

void* dynamic_shared();

// fail ends the kernel with a message.
[[noreturn]] void fail(const std::string& what);

// barrier waits for all threads of the block that have not ended; where says
// which barrier it is, and all must have come to the same.
void barrier(const char* where);

// warp_barrier waits for the lanes of mask that have not ended.
void warp_barrier(unsigned mask, const char* where);

// exchange sets the result of each lane of mask to the value of the lane that it names.
struct Exchange {
	const void* value;
	void* result;
	unsigned from;
};
void exchange(unsigned mask, const Exchange& mine, size_t size);

// together waits for all lanes of a warp; the last one to come does the work, on
// what each of them gave.
void together(const char* where, const void* given, void (*work)(const void* const given[warp_size]));

// multiply_tf32 is mma.m16n8k8 of a whole warp, for each of rows tiles of a; each lane
// gives its fragments, see device.cuh and tensor.cc.
void multiply_tf32(float* d, const float* a, const float* b, int rows);

// multiply_bf16 is the same of mma.m16n8k16.
void multiply_bf16(float* d, const unsigned* a, const unsigned* b, int rows);

// load_matrices is ldmatrix of a whole warp, see device.cuh.
void load_matrices(float* entries, const float* row);

// copy_async begins a copy of 16 bytes, of which those behind the given number are
// set to zero; commit_copies makes a group of those begun since the last one;
// wait_copies waits for all groups but the last `behind`. See copies.cc.
constexpr int copy_bytes = 16;
void copy_async(void* to, const void* from, int bytes);
void commit_copies();
void wait_copies(unsigned behind);

template <class T, class Source>
inline T shuffle(unsigned mask, T value, Source source) {
	T result;
	exchange(mask, {&value, &result, source(here.thread->linear % warp_size)}, sizeof value);
	return result;
}

} // namespace emulator

#define threadIdx (emulator::here.thread->index)
#define blockIdx (emulator::here.block)
#define blockDim (emulator::here.block_size)
#define gridDim (emulator::here.grid_size)

#define EMULATOR_TEXT_(x) #x
#define EMULATOR_TEXT(x) EMULATOR_TEXT_(x)
#define EMULATOR_HERE __FILE__ ":" EMULATOR_TEXT(__LINE__)
#define __syncthreads() emulator::barrier(EMULATOR_HERE)
#define __syncwarp(...) emulator::warp_barrier(0xffffffffu, EMULATOR_HERE)

template <class T>
inline T __shfl_xor_sync(unsigned mask, T value, int other) {
	return emulator::shuffle(mask, value, [=](unsigned lane) { return (lane ^ other) % emulator::warp_size; });
}
template <class T>
inline T __shfl_sync(unsigned mask, T value, int source) {
	return emulator::shuffle(mask, value, [=](unsigned) { return unsigned(source) % emulator::warp_size; });
}
template <class T>
inline T __shfl_down_sync(unsigned mask, T value, int delta) {
	return emulator::shuffle(mask, value,
		[=](unsigned lane) { return lane + delta < emulator::warp_size ? lane + delta : lane; });
}

inline unsigned __umulhi(unsigned a, unsigned b) { return unsigned((uint64_t(a) * b) >> 32); }
inline float __uint_as_float(unsigned u) { float f; std::memcpy(&f, &u, 4); return f; }
inline unsigned __float_as_uint(float f) { unsigned u; std::memcpy(&u, &f, 4); return u; }
inline float __int_as_float(int i) { return __uint_as_float(unsigned(i)); }
inline int __float_as_int(float f) { return int(__float_as_uint(f)); }
template <class T> inline T __ldg(const T* p) { return *p; }
template <class T> inline T min(T a, T b) { return b < a ? b : a; }
template <class T> inline T max(T a, T b) { return a < b ? b : a; }
inline int atomicOr(int* p, int v) { int old = *p; *p = old | v; return old; }

inline void warm(const float*) {}

inline float to_tf32(float x) {
	if (!(std::fabs(x) < INFINITY)) return x;
	return __uint_as_float((__float_as_uint(x) + 0x1000u) & 0xffffe000u);
}

inline float for_tf32(float x) { return __int_as_float(min(__float_as_int(x), 0x7fffefff) + 0x1000); }

template <int rows>
inline void mma_tf32(float (*d)[4], const float (*a)[4], const float (&b)[2]) {
	emulator::multiply_tf32(d[0], a[0], b, rows);
}
template <int rows>
inline void mma_bf16(float (*d)[4], const unsigned (*a)[4], const unsigned (&b)[2]) {
	emulator::multiply_bf16(d[0], a[0], b, rows);
}

inline unsigned to_bf16(float x) {
	const unsigned u = __float_as_uint(x);
	return x == x ? (u + 0x7fffu + (u >> 16 & 1)) >> 16 : 0x7fff;
}
inline unsigned pack_bf16(float low, float high) { return to_bf16(low) | to_bf16(high) << 16; }

inline void load_matrices(float (&entries)[4], const float* row) { emulator::load_matrices(entries, row); }

inline void copy_async(void* to, const void* from, int bytes) { emulator::copy_async(to, from, bytes); }
inline void commit_copies() { emulator::commit_copies(); }
template <int behind>
inline void wait_copies() { emulator::wait_copies(behind); }
