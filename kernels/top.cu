// The start of the way back, and sums over rows.
#include "activation.cuh"

// top stores d[r,j] = weights[r] w[j] f'(h[r,j]), the derivative with respect to
// the input of the last activation. Block b also sums, in their order, over its
// block_rows rows: partial[b (2 ldh + 4) + j] = sum weights[r] h[r,j],
// partial[.. + ldh + j] = sum d[r,j], partial[.. + 2 ldh] = sum weights[r].
// partial may be null.
// grid n/block_rows, CPU twin f32.SoftplusOutputGrad
KERNEL(256) top(float* d, float* partial, const float* h, const float* weights, const float* w, int n, int width, int ldh, int block_rows, int activation) {
	const int first = blockIdx.x * block_rows, rows = min(block_rows, n - first);
	if (partial != nullptr) partial += static_cast<size_t>(blockIdx.x) * (2 * ldh + 4);
	for (int j = threadIdx.x; j < width; j += 256) {
		float of_w = 0, of_bias = 0, of_c = 0;
		for (int r = 0; r < rows; ++r) {
			const size_t at = static_cast<size_t>(first + r) * ldh + j;
			const float weight = weights[first + r], value = h[at], back = backward(weight * w[j], value, activation);
			d[at] = back;
			of_w += weight * value;
			of_bias += back;
			of_c += weight;
		}
		if (partial == nullptr) continue;
		partial[j] = of_w;
		partial[ldh + j] = of_bias;
		if (j == 0) partial[2 * ldh] = of_c;
	}
}

// column_sums stores partial[b ld + j] = the sum of d[r,j] over the rows r of
// block b, in their order.
// grid n/block_rows, CPU twin f32.ColumnSums
KERNEL(256) column_sums(float* partial, const float* d, int n, int width, int ld, int block_rows) {
	const int first = blockIdx.x * block_rows, rows = min(block_rows, n - first);
	for (int j = threadIdx.x; j < width; j += 256) {
		float sum = 0;
		for (int r = 0; r < rows; ++r) sum += d[static_cast<size_t>(first + r) * ld + j];
		partial[static_cast<size_t>(blockIdx.x) * ld + j] = sum;
	}
}
