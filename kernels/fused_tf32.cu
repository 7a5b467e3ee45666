// The fused step on tensor cores: TF32, see fused.cuh.
//
// arch: 80
#include "fused.cuh"

// Step clock[0]+i on 16 positions a block, for widths up to 64.
// grid batch/16, dynamic shared by layers: fused_floats<16, 64>
KERNEL(256, 2) fused_r16_w64_tf32(float* partials, double* stats, const float* params, const float* x, const float* z, const int* index, const unsigned long long* clock, unsigned long long seed, int i, int n, int first, int batch, int streamed, int dx, int dz, int h1, int h2, int h3, int h4, int kind, double param, int activation) {
	DYNAMIC_SHARED(float, shared);
	fused<TF32, 16, 64>(partials, stats, params, x, z, index, clock, seed, i, n, first, batch, streamed, Small(dx, dz, h1, h2, h3, h4), kind, param, activation, shared);
}

// Step clock[0]+i on 16 positions a block, for widths up to 128.
// grid batch/16, dynamic shared by layers: fused_floats<16, 128>
KERNEL(256) fused_r16_w128_tf32(float* partials, double* stats, const float* params, const float* x, const float* z, const int* index, const unsigned long long* clock, unsigned long long seed, int i, int n, int first, int batch, int streamed, int dx, int dz, int h1, int h2, int h3, int h4, int kind, double param, int activation) {
	DYNAMIC_SHARED(float, shared);
	fused<TF32, 16, 128>(partials, stats, params, x, z, index, clock, seed, i, n, first, batch, streamed, Small(dx, dz, h1, h2, h3, h4), kind, param, activation, shared);
}

// Step clock[0]+i on 32 positions a block, for widths up to 128.
// grid batch/32, dynamic shared by layers: fused_floats<32, 128>
KERNEL(256) fused_r32_w128_tf32(float* partials, double* stats, const float* params, const float* x, const float* z, const int* index, const unsigned long long* clock, unsigned long long seed, int i, int n, int first, int batch, int streamed, int dx, int dz, int h1, int h2, int h3, int h4, int kind, double param, int activation) {
	DYNAMIC_SHARED(float, shared);
	fused<TF32, 32, 128>(partials, stats, params, x, z, index, clock, seed, i, n, first, batch, streamed, Small(dx, dz, h1, h2, h3, h4), kind, param, activation, shared);
}
