// The objectives' functions of one score, as package mine/objective has them.
#pragma once

#include "device.cuh"

// A Term is what one score contributes: to the value, and what its weight is made of.
struct Term {
	double value;
	float weight;
};

// In double, of a score: log(1 + e^t), and 1/(1 + e^-t) rounded to float.
__device__ OUT_OF_LINE double softplus_of(double t) { return (t > 0 ? t : 0) + log1p(exp(-fabs(t))); }
__device__ OUT_OF_LINE float sigmoid_of(double t) { return static_cast<float>(1 / (1 + exp(-t))); }

__device__ __forceinline__ Term dv_term(float t, double, bool) { return Term{t, 1}; }

__device__ __forceinline__ Term mine_term(float t, double, bool) { return Term{t, 1}; }

__device__ __forceinline__ Term nwj_term(float t, double, bool marginal) {
	if (!marginal) return Term{t, 1};
	const float e = expf(t - 1);
	return Term{e, e};
}

__device__ __forceinline__ Term js_term(float t, double, bool marginal) {
	if (!marginal) return Term{-softplus_of(-static_cast<double>(t)), sigmoid_of(-static_cast<double>(t))};
	return Term{softplus_of(t), sigmoid_of(t)};
}

__device__ __forceinline__ Term smile_term(float t, double tau, bool marginal) {
	if (!marginal) return Term{t, sigmoid_of(-static_cast<double>(t))};
	// Written so that NaN stays what it is.
	return Term{t < -tau ? -tau : t > tau ? tau : static_cast<double>(t), sigmoid_of(t)};
}

__device__ __forceinline__ Term nce_term(float t, double nu, bool marginal) {
	const double odds = t - log(nu);
	if (!marginal) return Term{-softplus_of(-odds), sigmoid_of(-odds)};
	return Term{nu * softplus_of(odds), static_cast<float>(nu) * sigmoid_of(odds)};
}
