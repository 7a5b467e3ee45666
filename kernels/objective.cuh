// The objectives by the numbers of backend.Objective, see there for formulas.
#pragma once

#include "device.cuh"

constexpr int dv_code = 0, mine_code = 1, nwj_code = 2, js_code = 3;

// In double, of a score: log(1 + e^t), and 1/(1 + e^-t) rounded to float.
__device__ OUT_OF_LINE double softplus_of(double t) { return (t > 0 ? t : 0) + log1p(exp(-fabs(t))); }
__device__ OUT_OF_LINE float sigmoid(float t) { return static_cast<float>(1 / (1 + exp(-static_cast<double>(t)))); }

// next_ema returns log((1-alpha) e^ema + alpha e^lme); in the first step lme.
__device__ OUT_OF_LINE double next_ema(double ema, double lme, double alpha, bool first) {
	if (first) return lme;
	const double a = log1p(-alpha) + ema, b = log(alpha) + lme;
	return a < b ? b + log1p(exp(a - b)) : a + log1p(exp(b - a));
}
