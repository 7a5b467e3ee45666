// The length of a gradient, and what it is shortened by.
#include "reduce.cuh"

// squares stores partial[b] = the sum of block b's share of grad[e]^2, e < n.
// grid 256
KERNEL(256) squares(double* partial, const float* grad, int n) {
	__shared__ double space[33];
	double sum = 0;
	for (long long e = blockIdx.x * 256 + threadIdx.x; e < n; e += 256 * 256) sum += static_cast<double>(grad[e]) * grad[e];
	sum = block_sum(sum, space);
	if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

// clip stores the factor of the gradient of step clock[0]+i where adam_step reads it,
// in control[4 (clock[1]+i) + 3]: limit/length, with length the root of the sum of the
// 256 partial sums of squares, or 1 if that is no shorter. A gradient that is not
// finite gets NaN.
// grid 1, CPU twin cpu/clip.go
KERNEL(256) clip(float* control, const double* partial, const unsigned long long* clock, int i, double limit) {
	__shared__ double space[33];
	const double length = sqrt(block_sum(partial[threadIdx.x], space));
	if (threadIdx.x != 0) return;
	float factor = length > limit ? static_cast<float>(limit / length) : 1.f;
	if (length - length != 0) factor = static_cast<float>(length - length);
	control[4 * (clock[1] + i) + 3] = factor;
}
