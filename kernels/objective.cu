// From the scores of a batch to the objective's value and its derivatives: in one
// block, or, of many scores, in two kernels of many blocks.
#include "average.cuh"
#include "objectives.cuh"
#include "reduce.cuh"

// What some threads know of the scores: the sums of the joint terms and of the marginal
// ones; these, if the objective has a log-mean-exp, of e^(term - most).
struct Sums {
	double joint, most, marginal;
};

// sums_of returns the sums of every stride-th score from number first on, over a block,
// and stores the weights of its joint pairs, to which nothing is missing.
__device__ __forceinline__ Sums sums_of(float* weights, const float* t, int n, int m, int kind, double param, int first, int stride, double* space) {
	const float* marginal = t + n;
	const bool by_log = log_mean(kind);
	double sum = 0;
	for (int p = first; p < n; p += stride) {
		const Term term = term_of(kind, t[p], param, false);
		sum += term.value;
		weights[p] = term.weight / n;
	}
	Sums s = {block_sum(sum, space), 0, 0};
	if (by_log) {
		double most = -INFINITY;
		for (int q = first; q < m; q += stride) most = greater(most, term_of(kind, marginal[q], param, true).value);
		s.most = block_max(most, space);
	}
	sum = 0;
	for (int q = first; q < m; q += stride) {
		const double value = term_of(kind, marginal[q], param, true).value;
		sum += by_log ? static_cast<double>(expf(static_cast<float>(value - s.most))) : value;
	}
	s.marginal = block_sum(sum, space);
	return s;
}

// settle stores, from the sums of all scores, the value of step clock[0]+i and the
// moving average, and the weights of every stride-th marginal pair from number first on.
__device__ __forceinline__ void settle(float* weights, double* values, double* ema, const float* t, const unsigned long long* clock, int i, int n, int m, int kind, double param, const Sums& s, int first, int stride) {
	const unsigned long long ring = clock[1] + i;
	const int normaliser = weighting(kind);
	const double a = log_mean(kind) ? s.most + log(s.marginal / m) : s.marginal / m;
	double next = ema[ring], scale = 1;
	if (normaliser == of_average) next = next_ema(next, a, param, clock[0] + i == 0);
	if (normaliser != pointwise) scale = exp(s.most - (normaliser == of_average ? next : a));
	for (int q = first; q < m; q += stride) {
		const Term term = term_of(kind, t[n + q], param, true);
		const float e = normaliser == pointwise ? 1.f : expf(static_cast<float>(term.value - s.most));
		weights[n + q] = -static_cast<float>(scale / m) * term.weight * e;
	}
	if (first == 0) {
		values[ring] = s.joint / n - a;
		ema[ring + 1] = next;
	}
}

// objective stores weights[p] = dV/dJ_p and weights[n+q] = dV/dM_q, negative, for n
// joint scores J = t[0:n] and m marginal ones M = t[n:n+m] of step clock[0]+i, V in
// values[clock[1]+i], and the log moving average behind the one before in
// ema[clock[1]+i+1] (the same again unless the objective has one, whose rate is then
// param). See package mine/objective.
// grid 1, CPU twin cpu/objective.go
KERNEL(1024) objective(float* weights, double* values, double* ema, const float* t, const unsigned long long* clock, int i, int n, int m, int kind, double param) {
	__shared__ double space[33];
	const Sums s = sums_of(weights, t, n, m, kind, param, threadIdx.x, 1024, space);
	settle(weights, values, ema, t, clock, i, n, m, kind, param, s, threadIdx.x, 1024);
}

// objective_sums stores in partial[3b ..] block b's share of the sums, and the weights of
// joint pairs.
// grid at most 256, CPU twin cpu/objective.go
KERNEL(256) objective_sums(float* weights, double* partial, const float* t, int n, int m, int kind, double param) {
	__shared__ double space[33];
	const Sums s = sums_of(weights, t, n, m, kind, param, blockIdx.x * 256 + threadIdx.x, gridDim.x * 256, space);
	if (threadIdx.x != 0) return;
	partial[3 * blockIdx.x] = s.joint;
	partial[3 * blockIdx.x + 1] = s.most;
	partial[3 * blockIdx.x + 2] = s.marginal;
}

// objective_weights is the rest of objective, from the sums of all blocks of
// objective_sums, as many as its own.
// grid at most 256, CPU twin cpu/objective.go
KERNEL(256) objective_weights(float* weights, double* values, double* ema, const double* partial, const float* t, const unsigned long long* clock, int i, int n, int m, int kind, double param) {
	__shared__ double space[33];
	const int b = threadIdx.x;
	const bool here = inside(b, gridDim.x);
	Sums s = {0, -INFINITY, 0};
	if (here) s = {partial[3 * b], partial[3 * b + 1], partial[3 * b + 2]};
	const double own = s.most;
	s.joint = block_sum(s.joint, space);
	s.most = block_max(own, space);
	// A block that had no marginal score has the sum 0 of e^(term + infinity).
	if (log_mean(kind)) s.marginal = own == -INFINITY ? 0 : s.marginal * exp(own - s.most);
	s.marginal = block_sum(s.marginal, space);
	settle(weights, values, ema, t, clock, i, n, m, kind, param, s, blockIdx.x * 256 + threadIdx.x, gridDim.x * 256);
}
