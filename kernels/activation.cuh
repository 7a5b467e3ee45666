// The non-linearities by the numbers of backend.Activation; -1 is none.
#pragma once

#include "device.cuh"

constexpr int softplus_code = 0, elu_code = 1, relu_code = 2;

// softplus is log(1 + e^a).
__device__ __forceinline__ float softplus(float a) { return (a > 0 ? a : 0) + log1pf(expf(-fabsf(a))); }

// activate returns f(a).
__device__ OUT_OF_LINE float activate(float a, int activation) {
	switch (activation) {
	case softplus_code:
		return softplus(a);
	case elu_code:
		return a > 0 ? a : expm1f(a);
	case relu_code:
		return a < 0 ? 0.f : a;
	}
	return a;
}

// backward returns g f'(a) from h = f(a): f' is 1 - e^-h for softplus, without
// cancellation; 1 or h + 1 for ELU. Where ReLU is 0 the result is, whatever g.
__device__ OUT_OF_LINE float backward(float g, float h, int activation) {
	switch (activation) {
	case softplus_code:
		return g * -expm1f(-h);
	case elu_code:
		return g * (h > 0 ? 1.f : h + 1);
	case relu_code:
		return h <= 0 ? 0.f : g;
	}
	return g;
}
