// From the scores of a batch to the objective's value and its derivatives.
#include "average.cuh"
#include "objectives.cuh"
#include "reduce.cuh"

// objective stores weights[p] = dV/dJ_p and weights[n+q] = dV/dM_q, negative, for n
// joint scores J = t[0:n] and m marginal ones M = t[n:n+m] of step clock[0]+i, V in
// values[clock[1]+i], and the log moving average behind the one before in
// ema[clock[1]+i+1] (the same again unless the objective has one, whose rate is then
// param). See package mine/objective.
// grid 1, CPU twin cpu/objective.go
KERNEL(1024) objective(float* weights, double* values, double* ema, const float* t, const unsigned long long* clock, int i, int n, int m, int kind, double param) {
	__shared__ double space[33];
	const unsigned long long ring = clock[1] + i;
	const float* marginal = t + n;
	const bool by_log = log_mean(kind);
	const int normaliser = weighting(kind);

	double sum = 0;
	for (int p = threadIdx.x; p < n; p += 1024) {
		const Term term = term_of(kind, t[p], param, false);
		sum += term.value;
		weights[p] = term.weight / n;
	}
	const double mean = block_sum(sum, space) / n;

	// A, by a shift that prevents overflow if it is a log-mean-exp.
	double shift = 0;
	if (by_log) {
		double most = -INFINITY;
		for (int q = threadIdx.x; q < m; q += 1024) most = greater(most, term_of(kind, marginal[q], param, true).value);
		shift = block_max(most, space);
	}
	sum = 0;
	for (int q = threadIdx.x; q < m; q += 1024) {
		const double value = term_of(kind, marginal[q], param, true).value;
		sum += by_log ? static_cast<double>(expf(static_cast<float>(value - shift))) : value;
	}
	sum = block_sum(sum, space);
	const double a = by_log ? shift + log(sum / m) : sum / m;

	double next = ema[ring], scale = 1;
	if (normaliser == of_average) next = next_ema(next, a, param, clock[0] + i == 0);
	if (normaliser != pointwise) scale = exp(shift - (normaliser == of_average ? next : a));
	for (int q = threadIdx.x; q < m; q += 1024) {
		const Term term = term_of(kind, marginal[q], param, true);
		const float e = normaliser == pointwise ? 1.f : expf(static_cast<float>(term.value - shift));
		weights[n + q] = -static_cast<float>(scale / m) * term.weight * e;
	}
	if (threadIdx.x == 0) {
		values[ring] = mean - a;
		ema[ring + 1] = next;
	}
}
