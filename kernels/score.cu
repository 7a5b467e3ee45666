// The output layer.
#include "reduce.cuh"

// score stores t[i] = h[i] . w + c[0] for rows i < n of width floats. One warp a
// row: lane l sums columns l, l+32, .., then the lanes are summed as a tree.
// grid n/8, CPU twin f32.RowDots
KERNEL(256) score(float* t, const float* h, const float* w, const float* c, int n, int width, int ldh) {
	const int row = blockIdx.x * 8 + threadIdx.x / 32, lane = threadIdx.x % 32;
	if (!inside(row, n)) return; // a whole warp
	float sum = 0;
	for (int j = lane; j < width; j += 32) sum += h[static_cast<size_t>(row) * ldh + j] * w[j];
	sum = warp_sum(sum);
	if (lane == 0) t[row] = sum + c[0];
}
