// The fused step on tensor cores: TF32, see fused.cuh.
//
// arch: 80
#include "fused.cuh"

// A step on the rows of 16 positions a block, which `rows` has in their order, for widths up to 64.
// grid batch/16, dynamic shared by layers: fused_floats<16, 64>
KERNEL(256, 2) fused_r16_w64_tf32(float* partials, double* stats, const float* params, const float* x, const float* z, const int* rows, int batch, int dx, int dz, int h1, int h2, int h3, int h4, int kind, double param, int activation) {
	DYNAMIC_SHARED(float, shared);
	fused<TF32, 16, 64>(partials, stats, params, x, z, rows, batch, Small(dx, dz, h1, h2, h3, h4), kind, param, activation, shared);
}

// A step on the rows of 16 positions a block, which `rows` has in their order, for widths up to 128.
// grid batch/16, dynamic shared by layers: fused_floats<16, 128>
KERNEL(512) fused_r16_w128_tf32(float* partials, double* stats, const float* params, const float* x, const float* z, const int* rows, int batch, int dx, int dz, int h1, int h2, int h3, int h4, int kind, double param, int activation) {
	DYNAMIC_SHARED(float, shared);
	fused<TF32, 16, 128>(partials, stats, params, x, z, rows, batch, Small(dx, dz, h1, h2, h3, h4), kind, param, activation, shared);
}

// A step on the rows of 32 positions a block, which `rows` has in their order, for widths up to 128.
// grid batch/32, dynamic shared by layers: fused_floats<32, 128>
KERNEL(512) fused_r32_w128_tf32(float* partials, double* stats, const float* params, const float* x, const float* z, const int* rows, int batch, int dx, int dz, int h1, int h2, int h3, int h4, int kind, double param, int activation) {
	DYNAMIC_SHARED(float, shared);
	fused<TF32, 32, 128>(partials, stats, params, x, z, rows, batch, Small(dx, dz, h1, h2, h3, h4), kind, param, activation, shared);
}
