// The averages of backend.Evaluation.
#include "objective.cuh"
#include "reduce.cuh"

__device__ __forceinline__ bool finite(float t) { return t - t == 0; }

// extend adds e^t to sum e^maximum.
__device__ __forceinline__ void extend(float& maximum, double& sum, float t) {
	const float most = greater(maximum, t);
	sum = sum * expf(maximum - most) + expf(t - most);
	maximum = most;
}

// gather_scores stores joint[rows[q] - first] = t[q] for q < count, and sets
// bad[0] if one is not finite.
// grid count/256
KERNEL(256) gather_scores(float* joint, int* bad, const float* t, const int* rows, int first, int count) {
	const int q = blockIdx.x * 256 + threadIdx.x;
	if (!inside(q, count)) return;
	joint[rows[q] - first] = t[q];
	if (!finite(t[q])) atomicOr(bad, 1);
}

// accumulate adds the score t[q] of the marginal pair of x row rows[q] and z row
// rows[q+1], q < count, to what is kept of these rows: with i and j counted from
// first, u_i = us[i] e^um[i] and v_j = vs[j] e^vm[j] sum up e^t, js[i] softplus(t).
// A launch has every i and every j at most once.
// grid count/256, CPU twin evaluation.add
KERNEL(256) accumulate(float* um, double* us, float* vm, double* vs, double* js, int* bad, const float* t, const int* rows, int first, int count) {
	const int q = blockIdx.x * 256 + threadIdx.x;
	if (!inside(q, count)) return;
	const int i = rows[q] - first, j = rows[q + 1] - first;
	if (!finite(t[q])) {
		atomicOr(bad, 1);
		return;
	}
	extend(um[i], us[i], t[q]);
	extend(vm[j], vs[j], t[q]);
	js[i] += softplus_of(t[q]);
}

// moments_max stores in partial[2b] the largest of block b's share of um, and in
// partial[2b+1] of its share of joint and um together.
// grid 256
KERNEL(256) moments_max(double* partial, const float* joint, const float* um, int n) {
	__shared__ float space[33];
	float shift = -INFINITY, most = -INFINITY;
	for (long long i = blockIdx.x * 256 + threadIdx.x; i < n; i += 256 * 256) {
		shift = greater(shift, um[i]);
		most = greater(most, greater(joint[i], um[i]));
	}
	shift = block_max(shift, space);
	most = block_max(most, space);
	if (threadIdx.x != 0) return;
	partial[2 * blockIdx.x] = shift;
	partial[2 * blockIdx.x + 1] = most;
}

// moments_mean stores in partial[4b ..] block b's share of the sums of joint, of
// softplus(-joint), of js, and of u e^-shift.
// grid 256
KERNEL(256) moments_mean(double* partial, const float* joint, const float* um, const double* us, const double* js, int n, double shift) {
	__shared__ double space[33];
	double scores = 0, positive = 0, negative = 0, total = 0;
	for (long long i = blockIdx.x * 256 + threadIdx.x; i < n; i += 256 * 256) {
		scores += joint[i];
		positive += softplus_of(-static_cast<double>(joint[i]));
		negative += js[i];
		total += us[i] * exp(um[i] - shift);
	}
	scores = block_sum(scores, space);
	positive = block_sum(positive, space);
	negative = block_sum(negative, space);
	total = block_sum(total, space);
	if (threadIdx.x != 0) return;
	partial[4 * blockIdx.x] = scores;
	partial[4 * blockIdx.x + 1] = positive;
	partial[4 * blockIdx.x + 2] = negative;
	partial[4 * blockIdx.x + 3] = total;
}

// moments_central stores in partial[3b ..] block b's share of the sums of dt^2,
// dw^2 and dt dw, with dt = joint - mean and dw = (u + v) e^-shift scale - 2.
// grid 256
KERNEL(256) moments_central(double* partial, const float* joint, const float* um, const double* us, const float* vm, const double* vs, int n, double shift, double mean, double scale) {
	__shared__ double space[33];
	double tt = 0, ww = 0, tw = 0;
	for (long long i = blockIdx.x * 256 + threadIdx.x; i < n; i += 256 * 256) {
		double w = 0;
#pragma unroll 1
		for (int side = 0; side < 2; ++side) w += (side == 0 ? us : vs)[i] * exp((side == 0 ? um : vm)[i] - shift);
		const double dt = joint[i] - mean, dw = w * scale - 2;
		tt += dt * dt;
		ww += dw * dw;
		tw += dt * dw;
	}
	tt = block_sum(tt, space);
	ww = block_sum(ww, space);
	tw = block_sum(tw, space);
	if (threadIdx.x != 0) return;
	partial[3 * blockIdx.x] = tt;
	partial[3 * blockIdx.x + 1] = ww;
	partial[3 * blockIdx.x + 2] = tw;
}
