// The other half of a step of a small network: fused.cuh.
#include "adam.cuh"
#include "average.cuh"
#include "objectives.cuh"
#include "reduce.cuh"
#include "small.cuh"

// fused_adam puts the parts of the gradient together that the blocks of the fused
// kernel left in partials and stats, and takes step clock[0]+i of Adam, or stores
// the gradient in grad if that is not null. Joint parts are scaled by 1/batch, and
// marginal ones, with m_b what the block's weights are relative to, by
//
//	pointwise   -1/batch
//	of_batch    -exp(m_b - A)/batch
//	of_average  -exp(m_b - log ema)/batch
//
// (see objectives.cuh). Block 0 stores the objective's value in
// values[clock[1]+i] and the log moving average in ema[clock[1]+i+1]. Eight
// threads share a parameter: thread (g, e) adds up blocks g, g+8, ..
//
// What is read is on its way while the scale is computed, which every warp does for itself:
// there is one barrier before the sums, and one behind.
// grid parameters/32, dynamic shared: 4 blocks
KERNEL(256) fused_adam(float* params, float* m, float* v, float* grad, const float* partials, const double* stats, double* values, double* ema, const float* control, const unsigned long long* clock, int i, int blocks, int batch, int kind, double param, int dx, int dz, int h1, int h2, int h3, int h4, float beta1, float gain1, float beta2, float gain2, float epsilon) {
	DYNAMIC_SHARED(float, scale); // of each block's marginal part
	__shared__ float sums[256];
	const Small net(dx, dz, h1, h2, h3, h4);
	const int lane = threadIdx.x % 32, group = threadIdx.x / 32, e = blockIdx.x * 32 + lane, size = net.size();
	const bool here = inside(e, size);
	const unsigned long long ring = clock[1] + i;
	const auto part = [&](int b, int which) { return partials[static_cast<size_t>(2 * b + which) * size + e]; };

	constexpr int held = 4;
	float marginal[held] = {}, sum = 0;
#pragma unroll
	for (int q = 0; q < held; ++q)
		if (here && group + 8 * q < blocks) marginal[q] = part(group + 8 * q, 1);
	if (here) {
#pragma unroll 8
		for (int b = group; b < blocks; b += 8) sum += part(b, 0);
	}
	Moments old = {};
	if (group == 0 && here) old = Moments{m[e], v[e], params[e]};

	double most = 0, total = 0;
	if (log_mean(kind)) {
		most = -INFINITY;
		for (int b = lane; b < blocks; b += 32) most = greater(most, stats[4 * b]);
		most = warp_max(most);
	}
	for (int b = lane; b < blocks; b += 32) total += stats[4 * b + 2] * (log_mean(kind) ? exp(stats[4 * b] - most) : 1);
	total = warp_sum(total);
	const double a = log_mean(kind) ? most + log(total / batch) : total / batch;
	const double next = weighting(kind) == of_average ? next_ema(ema[ring], a, param, clock[0] + i == 0) : ema[ring];
	for (int b = threadIdx.x; b < blocks; b += 256) {
		double s = 1;
		if (weighting(kind) != pointwise) s = exp(stats[4 * b] - (weighting(kind) == of_average ? next : a));
		scale[b] = -static_cast<float>(s / batch);
	}
	__syncthreads();

	sum *= 1.f / batch;
#pragma unroll
	for (int q = 0; q < held; ++q)
		if (group + 8 * q < blocks) sum += scale[group + 8 * q] * marginal[q];
	if (here) {
#pragma unroll 8
		for (int b = group + 8 * held; b < blocks; b += 8) sum += scale[b] * part(b, 1);
	}
	sums[threadIdx.x] = sum;
	__syncthreads();
	if (group > 0) return;
	if (blockIdx.x == 0) {
		double joint = 0;
		for (int b = lane; b < blocks; b += 32) joint += stats[4 * b + 1];
		joint = warp_sum(joint);
		if (lane == 0) {
			values[ring] = joint / batch - a;
			ema[ring + 1] = next;
		}
	}
	if (!here) return;
	for (int g = 1; g < 8; ++g) sum += sums[32 * g + lane];
	if (grad != nullptr)
		grad[e] = sum;
	else
		adam_step(params, m, v, e, old, sum, control + 4 * ring, net.decays(e), beta1, gain1, beta2, gain2, epsilon);
}
