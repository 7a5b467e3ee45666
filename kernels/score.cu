// The scores of a wide critic.
#include "device.cuh"

// score makes scores of their parts, which gemm_nn or pair_forward left: to t[i], i < n,
// it adds t[p ldt + i] for p = 1 .. parts-1, in that order.
// grid n/256
KERNEL(256) score(float* t, int n, int parts, int ldt) {
	const int i = blockIdx.x * 256 + threadIdx.x;
	if (!inside(i, n)) return;
	float sum = t[i];
	for (int p = 1; p < parts; ++p) sum += t[static_cast<size_t>(p) * ldt + i];
	t[i] = sum;
}
