// The start of the way back, and sums over rows.
#include "activation.cuh"

// A thread of top has this many rows on their way from memory at once.
constexpr int top_rows = 8;

// top_columns is top for four columns from j on, of a block's rows. The padding of h
// and w is zero, and so is what comes of it.
template <class Activation>
__device__ __forceinline__ void top_columns(Activation f, float* d, float* partial, const float* h, const float* weights, const float* w, int j, int rows, int ldh) {
	const float4 of = __ldg(reinterpret_cast<const float4*>(w + j));
	const float out[4] = {of.x, of.y, of.z, of.w};
	float of_w[4] = {}, of_bias[4] = {}, of_c = 0;
	for (int r = 0; r < rows; r += top_rows) {
		float4 value[top_rows];
		float weight[top_rows];
#pragma unroll
		for (int q = 0; q < top_rows; ++q) {
			const int at = min(r + q, rows - 1);
			value[q] = __ldg(reinterpret_cast<const float4*>(h + static_cast<size_t>(at) * ldh + j));
			weight[q] = __ldg(weights + at);
		}
#pragma unroll
		for (int q = 0; q < top_rows; ++q) {
			if (!inside(r + q, rows)) break;
			const float v[4] = {value[q].x, value[q].y, value[q].z, value[q].w};
			float back[4];
#pragma unroll
			for (int c = 0; c < 4; ++c) {
				back[c] = f.back(weight[q] * out[c], v[c]);
				of_w[c] += weight[q] * v[c];
				of_bias[c] += back[c];
			}
			*reinterpret_cast<float4*>(d + static_cast<size_t>(r + q) * ldh + j) = make_float4(back[0], back[1], back[2], back[3]);
			of_c += weight[q];
		}
	}
	if (partial == nullptr) return;
	*reinterpret_cast<float4*>(partial + j) = make_float4(of_w[0], of_w[1], of_w[2], of_w[3]);
	*reinterpret_cast<float4*>(partial + ldh + j) = make_float4(of_bias[0], of_bias[1], of_bias[2], of_bias[3]);
	if (j == 0) partial[2 * ldh] = of_c;
}

// top stores d[r,j] = weights[r] w[j] f'(h[r,j]), the derivative with respect to
// the input of the last activation. Block b also sums, in their order, over its
// block_rows rows: partial[b (2 ldh + 4) + j] = sum weights[r] h[r,j],
// partial[.. + ldh + j] = sum d[r,j], partial[.. + 2 ldh] = sum weights[r].
// partial may be null. What it reads overlaps nothing that it writes.
// grid n/block_rows, CPU twin f32.SoftplusOutputGrad
KERNEL(256) top(float* d, float* partial, const float* h, const float* weights, const float* w, int n, int width, int ldh, int block_rows, int activation) {
	const int first = blockIdx.x * block_rows, rows = min(block_rows, n - first);
	if (partial != nullptr) partial += static_cast<size_t>(blockIdx.x) * (2 * ldh + 4);
	d += static_cast<size_t>(first) * ldh;
	h += static_cast<size_t>(first) * ldh;
	by_activation(activation, [&](auto f) {
		for (int j = 4 * threadIdx.x; j < width; j += 4 * 256) top_columns(f, d, partial, h, weights + first, w, j, rows, ldh);
	});
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
