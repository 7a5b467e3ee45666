// The end of a step: gradients out of their parts, and the update.
#include "adam.cuh"

// adam adds up the gradient of every parameter and takes step clock[0]+i of Adam
// with control[4 (clock[1]+i) ..]; if grad is not null it stores the gradient
// there instead. Segment g of 6 numbers {start, length, parts, offset, stride,
// decays} says that parameters [start, start+length) have their gradients in parts
// q = 0, 1, .. at partials[offset + q stride ..]. Block b takes the 256 parameters
// from slices[2b+1] on of segment slices[2b].
// grid slices
KERNEL(256) adam(float* params, float* m, float* v, float* grad, const float* partials, const long long* segments, const int* slices, const float* control, const unsigned long long* clock, int i, float beta1, float gain1, float beta2, float gain2, float epsilon) {
	const long long* segment = segments + 6 * slices[2 * blockIdx.x];
	const int at = slices[2 * blockIdx.x + 1] + threadIdx.x;
	if (!inside(at, static_cast<int>(segment[1]))) return;
	const int parts = static_cast<int>(segment[2]);
	const float* p = partials + segment[3] + at;
	float g = 0;
#pragma unroll 8
	for (int q = 0; q < parts; ++q) g += p[q * segment[4]];
	const size_t e = static_cast<size_t>(segment[0]) + at;
	if (grad != nullptr)
		grad[e] = g;
	else
		adam_step(params, m, v, e, Moments{m[e], v[e], params[e]}, g, control + 4 * (clock[1] + i), segment[5] != 0, beta1, gain1, beta2, gain2, epsilon);
}
