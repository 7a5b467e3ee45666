// One parameter's step of Adam, upwards, as backend.Adam has it.
#pragma once

#include "device.cuh"

// What Adam knows of a parameter.
struct Moments {
	float first, second, param;
};

// adam_step moves parameter e, of which it knows as much, along its gradient g. control holds the rate over
// 1 - Beta1^s, 1/(1 - Beta2^s), what decay leaves of a parameter, and a factor of
// the gradient. If that is 0 the gradient is taken as 0, finite or not.
__device__ __forceinline__ void adam_step(float* params, float* m, float* v, size_t e, Moments old, float g, const float* control, bool decays,
	float beta1, float gain1, float beta2, float gain2, float epsilon) {
	g = control[3] == 0 ? 0 : control[3] * g;
	const float first = beta1 * old.first + gain1 * g, second = beta2 * old.second + gain2 * (g * g);
	m[e] = first;
	v[e] = second;
	const float kept = decays ? old.param * control[2] : old.param;
	params[e] = kept + control[0] * first / (sqrtf(second * control[1]) + epsilon);
}
