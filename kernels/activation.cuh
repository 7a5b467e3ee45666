// The non-linearities by the numbers of backend.Activation; -1 is none.
//
// A kernel chooses once, outside of its loops, with by_activation. activate and
// backward choose for each value: they are for code that would grow too large
// fourfold.
#pragma once

#include "device.cuh"

constexpr int softplus_code = 0, elu_code = 1, relu_code = 2;

// Each has value, f(a), and back, g f'(a) from h = f(a); bent says whether back needs h.

struct Identity {
	static constexpr bool bent = false;
	__device__ static __forceinline__ float value(float a) { return a; }
	__device__ static __forceinline__ float back(float g, float) { return g; }
};

// softplus is log(1 + e^a), elu is a, or e^a - 1 below 0; inline where a short loop has
// several on their way at once. Else they are calls, since inline they would make up most of
// a kernel.
__device__ __forceinline__ float inline_softplus(float a) { return (a > 0 ? a : 0) + log1pf(expf(-fabsf(a))); }
__device__ __forceinline__ float inline_elu(float a) { return a > 0 ? a : expm1f(a); }
__device__ OUT_OF_LINE float softplus(float a) { return inline_softplus(a); }
__device__ OUT_OF_LINE float elu(float a) { return inline_elu(a); }

// The derivative of softplus is 1 - e^-h, here without cancellation.
struct Softplus {
	static constexpr bool bent = true;
	__device__ static __forceinline__ float value(float a) { return softplus(a); }
	__device__ static __forceinline__ float back(float g, float h) { return g * -expm1f(-h); }
};

// The derivative of elu is 1, or h + 1.
struct ELU {
	static constexpr bool bent = true;
	__device__ static __forceinline__ float value(float a) { return elu(a); }
	__device__ static __forceinline__ float back(float g, float h) { return g * (h > 0 ? 1.f : h + 1); }
};

// max(a, 0), and NaN for NaN. Where it is 0 the way back is, whatever g.
struct ReLU {
	static constexpr bool bent = true;
	__device__ static __forceinline__ float value(float a) { return a < 0 ? 0.f : a; }
	__device__ static __forceinline__ float back(float g, float h) { return h <= 0 ? 0.f : g; }
};

// by_activation calls use with the non-linearity of that number.
template <class Use>
__device__ __forceinline__ void by_activation(int activation, Use use) {
	switch (activation) {
	case softplus_code:
		return use(Softplus());
	case elu_code:
		return use(ELU());
	case relu_code:
		return use(ReLU());
	}
	use(Identity());
}

struct InlineSoftplus : Softplus {
	__device__ static __forceinline__ float value(float a) { return inline_softplus(a); }
};

struct InlineELU : ELU {
	__device__ static __forceinline__ float value(float a) { return inline_elu(a); }
};

// by_inlined_activation is by_activation without calls.
template <class Use>
__device__ __forceinline__ void by_inlined_activation(int activation, Use use) {
	switch (activation) {
	case softplus_code:
		return use(InlineSoftplus());
	case elu_code:
		return use(InlineELU());
	}
	use(ReLU());
}

// activate returns f(a).
__device__ OUT_OF_LINE float activate(float a, int activation) {
	float value;
	by_activation(activation, [&](auto f) { value = f.value(a); });
	return value;
}

// backward returns g f'(a) from h = f(a).
__device__ OUT_OF_LINE float backward(float g, float h, int activation) {
	float value;
	by_activation(activation, [&](auto f) { value = f.back(g, h); });
	return value;
}
