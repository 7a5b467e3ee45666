// Kernels with faults, to show that the emulator finds them, and such as show how it
// computes: faulty NAME SEED prints what the kernel computed, and what went wrong.
#include "launch.h"
#include "../../device.cuh"

#include <cstdio>
#include <cstdlib>
#include <string>

// reverse reverses 64 values through shared memory; without its barrier some
// orders of threads read what is not there yet.
template <bool with_barrier>
void reverse(float* out) {
	__shared__ float values[64];
	values[threadIdx.x] = threadIdx.x;
	if (with_barrier) __syncthreads();
	out[threadIdx.x] = values[63 - threadIdx.x];
}

void divergent(float*) {
	if (threadIdx.x < 10) __syncthreads();
}

void different(float*) {
	if (threadIdx.x < 10)
		__syncthreads();
	else
		__syncthreads();
}

void unset(float* out) {
	DYNAMIC_SHARED(float, values);
	out[threadIdx.x] = values[threadIdx.x];
}

void partial_shuffle(float* out) {
	if (threadIdx.x % 2 == 0) out[threadIdx.x] = __shfl_xor_sync(all_lanes, 1.f, 1);
}

void beyond_shared(float* out) {
	DYNAMIC_SHARED(float, values);
	values[threadIdx.x + 1] = 1; // the last one is outside
	__syncthreads();
	out[threadIdx.x] = values[threadIdx.x];
}

void beyond_global(float* out) { out[threadIdx.x + 1] = 1; }

// copied takes values through shared memory by asynchronous copies, and reverses them.
// What can be wrong: to read with the group still on its way, to copy to where another
// thread still reads, to end without waiting, an address that is not aligned.
enum Copies { in_order, too_early, too_soon, no_wait, misaligned, half };

void copied(float* out, Copies how) {
	alignas(16) static const float source[68] = {
		0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
		32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
	DYNAMIC_SHARED(float, values);
	const int at = 4 * threadIdx.x;
	if (at < 64) copy_async(values + at, source + at + (how == misaligned), how == half ? 8 : 16);
	commit_copies();
	if (how == too_early)
		wait_copies<1>();
	else if (how != no_wait)
		wait_copies<0>();
	__syncthreads();
	if (how == too_soon && at < 64) copy_async(values + at, source + at, 16);
	commit_copies();
	out[threadIdx.x] = values[63 - threadIdx.x];
	__syncthreads();
	if (how != no_wait) wait_copies<0>();
}

// matrices loads the 16 rows of four values as two matrices, twice, and stores the sum
// of m times what a lane gets of matrix m, from 1 on.
void matrices(float* out, int from) {
	DYNAMIC_SHARED(float, values);
	values[threadIdx.x] = threadIdx.x;
	__syncthreads();
	float x[4];
	load_matrices(x, values + 4 * (threadIdx.x % 16) + from);
	out[threadIdx.x] = x[0] + 2 * x[1] + 3 * x[2] + 4 * x[3];
}

// tensor adds 1 and four products of value on a tensor core, and stores how many units of
// 2^-24 the sum lies above 1.
void tensor(float* out, float value) {
	float d[1][4] = {{1, 1, 1, 1}};
	const float a[1][4] = {{value, value, 0, 0}}, b[2] = {1, 1};
	mma_tf32<1>(d, a, b);
	out[1] = (d[0][0] - 1) * 16777216;
}

int main(int argc, char** argv) {
	if (argc != 3) return 2;
	const std::string name = argv[1];
	float* out = static_cast<float*>(std::calloc(64, sizeof(float)));
	void (*kernel)(float*) = nullptr;
	if (name == "right") kernel = reverse<true>;
	if (name == "no-barrier") kernel = reverse<false>;
	if (name == "divergent") kernel = divergent;
	if (name == "different") kernel = different;
	if (name == "unset") kernel = unset;
	if (name == "partial-shuffle") kernel = partial_shuffle;
	if (name == "beyond-shared") kernel = beyond_shared;
	if (name == "beyond-global") kernel = beyond_global;
	if (name == "copied") kernel = [](float* out) { copied(out, in_order); };
	if (name == "copy-read-early") kernel = [](float* out) { copied(out, too_early); };
	if (name == "copy-over-read") kernel = [](float* out) { copied(out, too_soon); };
	if (name == "copy-no-wait") kernel = [](float* out) { copied(out, no_wait); };
	if (name == "copy-misaligned") kernel = [](float* out) { copied(out, misaligned); };
	if (name == "copy-half") kernel = [](float* out) { copied(out, half); };
	if (name == "matrices") kernel = [](float* out) { matrices(out, 0); };
	if (name == "matrices-misaligned") kernel = [](float* out) { matrices(out, 1); };
	if (name == "tensor-kept") kernel = [](float* out) { tensor(out, 1.f / (1 << 24)); };
	if (name == "tensor-dropped") kernel = [](float* out) { tensor(out, 1.f / (1 << 25)); };
	if (name == "tensor-truncated") kernel = [](float* out) { tensor(out, 1.75f / (1 << 24)); };
	if (name == "tensor-negative") kernel = [](float* out) { tensor(out, -1.f / (1 << 25)); };
	if (kernel == nullptr) return 2;
	const std::string failure =
		emulator::run([=] { kernel(out); }, dim3(1), dim3(64), 64 * sizeof(float), unsigned(std::atoi(argv[2])));
	double sum = 0;
	for (int i = 0; i < 64; ++i) sum += i * out[i];
	std::printf("%.9g\n%s\n", sum, failure.c_str());
	std::free(out);
	return 0;
}
