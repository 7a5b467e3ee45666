// The start of the way back, and sums over rows.
#include "activation.cuh"

// A block shares its rows between groups of threads, as many as the columns take with four
// of them, or every 2048th four, for each: a group has neighbouring rows [from, to).
constexpr int column_threads = 512;

struct Share {
	int lanes, groups, group, column, from, to;

	__device__ __forceinline__ Share(int width, int rows) {
		lanes = min(column_threads, (width + 127) / 128 * 32);
		groups = column_threads / lanes;
		group = threadIdx.x / lanes;
		column = threadIdx.x % lanes * 4;
		const int each = (rows + groups - 1) / groups;
		from = min(rows, group * each);
		to = min(rows, from + each);
	}

	// add adds up v over the groups, in their order, for threads of the first one; all of a
	// block must call it. space is for column_threads values.
	__device__ __forceinline__ void add(float (&v)[4], float4* space) const {
		if (groups == 1) return;
		__syncthreads(); // before space is used again
		space[threadIdx.x] = make_float4(v[0], v[1], v[2], v[3]);
		__syncthreads();
		for (int g = 1; g < groups && group == 0; ++g) {
			const float4 other = space[g * lanes + threadIdx.x];
			v[0] += other.x, v[1] += other.y, v[2] += other.z, v[3] += other.w;
		}
	}
};

__device__ __forceinline__ void store4(float* to, const float (&v)[4]) { *reinterpret_cast<float4*>(to) = make_float4(v[0], v[1], v[2], v[3]); }

// A thread has this many rows on their way from memory at once, in top and in column_sums.
constexpr int top_rows = 4, sum_rows = 8;

// What top sums up over rows, for four columns.
struct TopSums {
	float of_w[4] = {}, of_bias[4] = {}, of_c[4] = {}; // the last one's first is that of all columns
};

// top_columns is top for four columns from j on, of rows [from, to). The padding of h and w
// is zero, and so is what comes of it.
template <class Activation>
__device__ __forceinline__ void top_columns(Activation f, TopSums& sums, float* d, const float* h, const float* weights, const float* w, int j, int from, int to, int ldh) {
	const float4 of = __ldg(reinterpret_cast<const float4*>(w + j));
	const float out[4] = {of.x, of.y, of.z, of.w};
	for (int r = from; r < to; r += top_rows) {
		float4 value[top_rows];
		float weight[top_rows];
#pragma unroll
		for (int q = 0; q < top_rows; ++q) {
			const int at = min(r + q, to - 1);
			value[q] = __ldg(reinterpret_cast<const float4*>(h + static_cast<size_t>(at) * ldh + j));
			weight[q] = __ldg(weights + at);
		}
#pragma unroll
		for (int q = 0; q < top_rows; ++q) {
			if (!inside(r + q, to)) break;
			const float v[4] = {value[q].x, value[q].y, value[q].z, value[q].w};
			float back[4];
#pragma unroll
			for (int c = 0; c < 4; ++c) {
				back[c] = f.back(weight[q] * out[c], v[c]);
				sums.of_w[c] += weight[q] * v[c];
				sums.of_bias[c] += back[c];
			}
			store4(d + static_cast<size_t>(r + q) * ldh + j, back);
			sums.of_c[0] += weight[q];
		}
	}
}

// top stores d[r,j] = weights[r] w[j] f'(h[r,j]), the derivative with respect to
// the input of the last activation. Block b also sums, over its block_rows rows:
// partial[b (2 ldh + 4) + j] = sum weights[r] h[r,j],
// partial[.. + ldh + j] = sum d[r,j], partial[.. + 2 ldh] = sum weights[r].
// partial may be null. What it reads overlaps nothing that it writes.
// grid n/block_rows, CPU twin f32.SoftplusOutputGrad
KERNEL(512, 2) top(float* d, float* partial, const float* h, const float* weights, const float* w, int n, int width, int ldh, int block_rows, int activation) {
	__shared__ float4 space[column_threads];
	const int first = blockIdx.x * block_rows;
	const Share share(width, min(block_rows, n - first));
	if (partial != nullptr) partial += static_cast<size_t>(blockIdx.x) * (2 * ldh + 4);
	d += static_cast<size_t>(first) * ldh;
	h += static_cast<size_t>(first) * ldh;
	for (int begin = 0; begin < width; begin += 4 * column_threads) { // for all threads
		const int j = begin + share.column;
		TopSums sums;
		if (inside(j, width) && share.group < share.groups)
			by_activation(activation, [&](auto f) { top_columns(f, sums, d, h, weights + first, w, j, share.from, share.to, ldh); });
		if (partial == nullptr) continue;
		share.add(sums.of_w, space);
		share.add(sums.of_bias, space);
		share.add(sums.of_c, space);
		if (share.group != 0 || !inside(j, width)) continue;
		store4(partial + j, sums.of_w);
		store4(partial + ldh + j, sums.of_bias);
		if (j == 0) partial[2 * ldh] = sums.of_c[0];
	}
}

// column_sums stores partial[b ld + j] = the sum of d[r,j] over the rows r of block b. The
// padding of d is zero, and so is what comes of it.
// grid n/block_rows, CPU twin f32.ColumnSums
KERNEL(512, 2) column_sums(float* partial, const float* d, int n, int width, int ld, int block_rows) {
	__shared__ float4 space[column_threads];
	const int first = blockIdx.x * block_rows;
	const Share share(width, max(0, min(block_rows, n - first)));
	d += static_cast<size_t>(first) * ld;
	for (int begin = 0; begin < width; begin += 4 * column_threads) { // for all threads
		const int j = begin + share.column;
		const bool here = inside(j, width) && share.group < share.groups;
		float sum[4] = {};
		for (int r = share.from; here && r < share.to; r += sum_rows) {
			float4 value[sum_rows];
#pragma unroll
			for (int q = 0; q < sum_rows; ++q)
				value[q] = inside(r + q, share.to) ? *reinterpret_cast<const float4*>(d + static_cast<size_t>(r + q) * ld + j) : make_float4(0, 0, 0, 0);
#pragma unroll
			for (int q = 0; q < sum_rows; ++q) sum[0] += value[q].x, sum[1] += value[q].y, sum[2] += value[q].z, sum[3] += value[q].w;
		}
		share.add(sum, space);
		if (share.group == 0 && inside(j, width)) store4(partial + static_cast<size_t>(blockIdx.x) * ld + j, sum);
	}
}
