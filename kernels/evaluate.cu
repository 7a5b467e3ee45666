// The averages of backend.Evaluation. Rows are counted by their positions in the
// evaluation.
#include "reduce.cuh"
#include "terms.cuh"

__device__ __forceinline__ bool finite(float t) { return t - t == 0; }

// place_scores stores the scores t[q], q < count, by the rows of their pairs:
// by_x[k n + xs[q]] = t[q], with k = q / part, and without xs by_x[q]; likewise by_z, if that is
// not null. It sets bad[0] if one is not finite.
// grid count/256
KERNEL(256) place_scores(float* by_x, float* by_z, int* bad, const float* t, const int* xs, const int* zs, int n, int part, int count) {
	const int q = blockIdx.x * 256 + threadIdx.x;
	if (!inside(q, count)) return;
	if (!finite(t[q])) atomicOr(bad, 1);
	const size_t row = static_cast<size_t>(q / part) * n;
	by_x[xs != nullptr ? row + xs[q] : q] = t[q];
	if (by_z != nullptr) by_z[row + zs[q]] = t[q];
}

// accumulate adds, pairing by pairing, the scores t = by_x[k n + i] of the pairs that x row i < n is in,
// k < pairings, and those by_z[k n + i] of z row i, to what is kept of the rows: us[i] e^um[i] and
// vs[i] e^vm[i] sum up e^t of the one and of the other, uq[i] e^(2 um[i]) e^2t and js[i]
// softplus(t) of the one: a batched log-sum-exp by x row and by z row. Scores that are not
// finite are left out. One half of the blocks has the x rows.
// grid 2 ceil(n/128), CPU twin evaluation.addExponentials
KERNEL(128) accumulate(float* um, double* us, double* uq, float* vm, double* vs, double* js, const float* by_x, const float* by_z, int n, int pairings) {
	const bool of_x = blockIdx.x % 2 == 0;
	const int i = blockIdx.x / 2 * 128 + threadIdx.x;
	if (!inside(i, n)) return;
	float* const most = of_x ? um : vm;
	double* const sums = of_x ? us : vs;
	const float* t = (of_x ? by_x : by_z) + i;
	float m = most[i];
	double sum = sums[i], squares = of_x ? uq[i] : 0, soft = of_x ? js[i] : 0;
	for (int k = 0; k < pairings; ++k, t += n) {
		if (!finite(*t)) continue;
		const float now = greater(m, *t), kept = expf(m - now), e = expf(*t - now);
		sum = sum * kept + e;
		m = now;
		if (!of_x) continue;
		squares = squares * (static_cast<double>(kept) * kept) + static_cast<double>(e) * e;
		soft += softplus_of(*t);
	}
	most[i] = m;
	sums[i] = sum;
	if (!of_x) return;
	uq[i] = squares;
	js[i] = soft;
}

// sum_scores stores the sums of scores t[k n + i], i < n, of pairing k by parts of so many rows, one
// a block, one pairing after the other.
// grid pairings ceil(n/rows)
KERNEL(1024) sum_scores(double* sums, const float* t, int n, int rows) {
	__shared__ double space[33];
	const int parts = (n - 1) / rows + 1, first = blockIdx.x % parts * rows;
	const float* const scores = t + static_cast<size_t>(blockIdx.x / parts) * n + first;
	double sum = 0;
	for (int i = threadIdx.x; i < min(rows, n - first); i += 1024) sum += scores[i];
	sum = block_sum(sum, space);
	if (threadIdx.x == 0) sums[blockIdx.x] = sum;
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
