// From the scores of a batch to the objective's value and its derivatives.
#include "objective.cuh"
#include "reduce.cuh"

// objective stores weights[p] = dV/dJ_p and weights[n+p] = dV/dM_p, negative, for
// joint scores J = t[0:n] and marginal ones M = t[n:2n] of step clock[0]+i, V in
// values[clock[1]+i], and the log moving average behind the one before in
// ema[clock[1]+i+1] (the same again unless kind is MINE).
// grid 1, CPU twin cpu/objective.go
KERNEL(1024) objective(float* weights, double* values, double* ema, const float* t, const unsigned long long* clock, int i, int n, int kind, double alpha) {
	__shared__ double space[33];
	__shared__ float narrow[33];
	const unsigned long long ring = clock[1] + i;
	const float* joint = t;
	const float* marginal = t + n;
	double sum = 0;
	if (kind == js_code) {
		for (int p = threadIdx.x; p < n; p += 1024) {
			sum -= softplus_of(-static_cast<double>(joint[p])) + softplus_of(marginal[p]);
			weights[p] = sigmoid(-joint[p]) / n;
			weights[n + p] = -sigmoid(marginal[p]) / n;
		}
		sum = block_sum(sum, space);
		if (threadIdx.x == 0) {
			values[ring] = sum / n;
			ema[ring + 1] = ema[ring];
		}
		return;
	}
	float most = -INFINITY;
	for (int p = threadIdx.x; p < n; p += 1024) {
		sum += joint[p];
		most = greater(most, marginal[p]);
	}
	const double mean = block_sum(sum, space) / n;
	// NWJ has the shift 1 of its formula; the others any that prevents overflow.
	const float shift = kind == nwj_code ? 1 : block_max(most, narrow);
	sum = 0;
	for (int p = threadIdx.x; p < n; p += 1024) sum += expf(marginal[p] - shift);
	sum = block_sum(sum, space);
	const double lme = shift + log(sum / n);
	double next = ema[ring], scale = 1.0 / n;
	if (kind == dv_code) scale = 1 / sum;
	if (kind == mine_code) {
		next = next_ema(next, lme, alpha, clock[0] + i == 0);
		scale = exp(shift - next) / n;
	}
	for (int p = threadIdx.x; p < n; p += 1024) {
		weights[p] = 1.f / n;
		weights[n + p] = -static_cast<float>(scale) * expf(marginal[p] - shift);
	}
	if (threadIdx.x == 0) {
		values[ring] = kind == nwj_code ? mean - sum / n : mean - lme;
		ema[ring + 1] = next;
	}
}
