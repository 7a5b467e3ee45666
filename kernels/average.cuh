// The moving average of objectives that have one.
#pragma once

#include "device.cuh"

// next_ema returns log((1-alpha) e^ema + alpha e^lme); in the first step lme.
__device__ OUT_OF_LINE double next_ema(double ema, double lme, double alpha, bool first) {
	if (first) return lme;
	const double a = log1p(-alpha) + ema, b = log(alpha) + lme;
	return a < b ? b + log1p(exp(a - b)) : a + log1p(exp(b - a));
}
