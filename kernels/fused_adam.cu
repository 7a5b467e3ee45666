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
// grid parameters/32, dynamic shared: 4 blocks
KERNEL(256) fused_adam(float* params, float* m, float* v, float* grad, const float* partials, const double* stats, double* values, double* ema, const float* control, const unsigned long long* clock, int i, int blocks, int batch, int kind, double param, int dx, int dz, int h1, int h2, int h3, int h4, float beta1, float gain1, float beta2, float gain2, float epsilon) {
	DYNAMIC_SHARED(float, scale); // of each block's marginal part
	__shared__ double space[33];
	__shared__ float sums[256];
	const Small net(dx, dz, h1, h2, h3, h4);
	const unsigned long long ring = clock[1] + i;

	double joint = 0, marginal = 0, most = -INFINITY;
	for (int b = threadIdx.x; b < blocks; b += 256) {
		most = greater(most, stats[4 * b]);
		joint += stats[4 * b + 1];
	}
	joint = block_sum(joint, space);
	most = block_max(most, space);
	for (int b = threadIdx.x; b < blocks; b += 256)
		marginal += stats[4 * b + 2] * (log_mean(kind) ? exp(stats[4 * b] - most) : 1);
	marginal = block_sum(marginal, space);

	const double a = log_mean(kind) ? most + log(marginal / batch) : marginal / batch;
	const double next = weighting(kind) == of_average ? next_ema(ema[ring], a, param, clock[0] + i == 0) : ema[ring];
	if (blockIdx.x == 0 && threadIdx.x == 0) {
		values[ring] = joint / batch - a;
		ema[ring + 1] = next;
	}
	for (int b = threadIdx.x; b < blocks; b += 256) {
		double s = 1;
		if (weighting(kind) != pointwise) s = exp(stats[4 * b] - (weighting(kind) == of_average ? next : a));
		scale[b] = -static_cast<float>(s / batch);
	}
	__syncthreads();

	const int e = blockIdx.x * 32 + threadIdx.x % 32, size = net.size();
	float sum = 0;
	if (inside(e, size)) {
		const float each = 1.f / batch;
#pragma unroll 4
		for (int b = threadIdx.x / 32; b < blocks; b += 8) {
			const float* part = partials + static_cast<size_t>(b) * 2 * size + e;
			sum += each * part[0] + scale[b] * part[size];
		}
	}
	sums[threadIdx.x] = sum;
	__syncthreads();
	if (threadIdx.x >= 32 || !inside(e, size)) return;
	for (int g = 1; g < 8; ++g) sum += sums[32 * g + threadIdx.x];
	if (grad != nullptr)
		grad[e] = sum;
	else
		adam_step(params, m, v, e, sum, control + 4 * ring, net.decays(e), beta1, gain1, beta2, gain2, epsilon);
}
