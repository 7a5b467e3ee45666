// The averages of backend.Evaluation. Rows are counted by their positions in the
// evaluation.
#include "reduce.cuh"
#include "terms.cuh"

__device__ __forceinline__ bool finite(float t) { return t - t == 0; }

// gather_scores stores joint[positions[q]] = t[q] for q < count, and sets bad[0] if
// one is not finite.
// grid count/256
KERNEL(256) gather_scores(float* joint, int* bad, const float* t, const int* positions, int count) {
	const int q = blockIdx.x * 256 + threadIdx.x;
	if (!inside(q, count)) return;
	joint[positions[q]] = t[q];
	if (!finite(t[q])) atomicOr(bad, 1);
}

// accumulate adds the score t[q] of the marginal pair of x row i = xs[q] and z row
// j = zs[q], q < count, to what is kept of these rows: u_i = us[i] e^um[i] and
// v_j = vs[j] e^vm[j] sum up e^t, uq[i] e^(2 um[i]) e^2t, js[i] softplus(t): a batched
// log-sum-exp by x row and by z row. A launch has every i and every j at most once.
// grid count/256, CPU twin evaluation.addExponentials
KERNEL(256) accumulate(float* um, double* us, double* uq, float* vm, double* vs, double* js, int* bad, const float* t, const int* xs, const int* zs, int count) {
	const int q = blockIdx.x * 256 + threadIdx.x;
	if (!inside(q, count)) return;
	const int i = xs[q], j = zs[q];
	if (!finite(t[q])) {
		atomicOr(bad, 1);
		return;
	}
	const float most_u = greater(um[i], t[q]), most_v = greater(vm[j], t[q]);
	const float kept = expf(um[i] - most_u), e = expf(t[q] - most_u);
	us[i] = us[i] * kept + e;
	uq[i] = uq[i] * (static_cast<double>(kept) * kept) + static_cast<double>(e) * e;
	um[i] = most_u;
	vs[j] = vs[j] * expf(vm[j] - most_v) + expf(t[q] - most_v);
	vm[j] = most_v;
	js[i] += softplus_of(t[q]);
}

// sum_scores stores sums[at] = the sum of t[0:count].
// grid 1
KERNEL(1024) sum_scores(double* sums, const float* t, int count, int at) {
	__shared__ double space[33];
	double sum = 0;
	for (int q = threadIdx.x; q < count; q += 1024) sum += t[q];
	sum = block_sum(sum, space);
	if (threadIdx.x == 0) sums[at] = sum;
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

// moments_central stores in partial[4b ..] block b's share of the sums of dt^2,
// dw^2 and dt dw, with dt = joint - mean and dw = (u + v) e^-shift scale - 2, and of
// uq e^(2 um - 2 shift); and, if influence is not null, influence[i] = dt - dw.
// grid 256
KERNEL(256) moments_central(double* partial, double* influence, const float* joint, const float* um, const double* us, const double* uq, const float* vm, const double* vs, int n, double shift, double mean, double scale) {
	__shared__ double space[33];
	double tt = 0, ww = 0, tw = 0, gg = 0;
	for (long long i = blockIdx.x * 256 + threadIdx.x; i < n; i += 256 * 256) {
		double w = 0;
#pragma unroll 1
		for (int side = 0; side < 2; ++side) {
			const double e = exp((side == 0 ? um : vm)[i] - shift);
			w += (side == 0 ? us : vs)[i] * e;
			if (side == 0) gg += uq[i] * e * e;
		}
		const double dt = joint[i] - mean, dw = w * scale - 2;
		tt += dt * dt;
		ww += dw * dw;
		tw += dt * dw;
		if (influence != nullptr) influence[i] = dt - dw;
	}
	tt = block_sum(tt, space);
	ww = block_sum(ww, space);
	tw = block_sum(tw, space);
	gg = block_sum(gg, space);
	if (threadIdx.x != 0) return;
	partial[4 * blockIdx.x] = tt;
	partial[4 * blockIdx.x + 1] = ww;
	partial[4 * blockIdx.x + 2] = tw;
	partial[4 * blockIdx.x + 3] = gg;
}
