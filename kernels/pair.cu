// From projected rows to pairs, and back.
#include "activation.cuh"
#include "reduce.cuh"

// pair_columns is f of the sum of four columns of a pair's projections.
__device__ __forceinline__ float4 pair_columns(const float* px, const float* pz, const int* xs, const int* zs, int row, int column, int nz, int shift, int width, int ldp, int activation) {
	const size_t x = xs != nullptr ? xs[row] : row;
	const size_t z = zs != nullptr ? zs[row] : (row + shift) % nz;
	const float4 a = *reinterpret_cast<const float4*>(px + x * ldp + column);
	const float4 b = *reinterpret_cast<const float4*>(pz + z * ldp + column);
	float4 r;
	by_activation(activation, [&](auto f) {
		r.x = f.value(a.x + b.x);
		r.y = inside(column + 1, width) ? f.value(a.y + b.y) : 0;
		r.z = inside(column + 2, width) ? f.value(a.z + b.z) : 0;
		r.w = inside(column + 3, width) ? f.value(a.w + b.w) : 0;
	});
	return r;
}

// pair_forward stores h[i] = f(px[xs[i]] + pz[zs[i]]) for i < n; without xs it is
// row i of px, without zs row (i + shift) mod nz of pz. The padding of h is zero. With
// t it also stores t[p ldt + i] = sum_j h[i,j] w[j], over columns 128p <= j < 128(p+1), to
// which for p = 0 it adds offset[0]; the padding of w is zero. Without h only these. A
// warp has 128 columns of a row, whose lanes are summed as a tree.
// grid n ceil(ldh/128)/8, CPU twins f32.AddSoftplus, f32.RowDots
KERNEL(256) pair_forward(float* h, float* t, const float* px, const float* pz, const int* xs, const int* zs, const float* w, const float* offset, int n, int nz, int shift, int width, int ldp, int ldh, int ldt, int activation) {
	const long long at = static_cast<long long>(blockIdx.x) * 8 + threadIdx.x / 32;
	const int parts = (ldh + 127) / 128, row = static_cast<int>(at / parts), part = static_cast<int>(at % parts);
	const int lane = threadIdx.x % 32, column = 128 * part + 4 * lane;
	if (!inside(row, n)) return; // a whole warp
	float sum = 0;
	if (inside(column, ldh)) {
		const float4 r = pair_columns(px, pz, xs, zs, row, column, nz, shift, width, ldp, activation);
		if (h != nullptr) *reinterpret_cast<float4*>(h + static_cast<size_t>(row) * ldh + column) = r;
		if (t != nullptr) {
			const float4 factor = *reinterpret_cast<const float4*>(w + column);
			sum = r.x * factor.x + r.y * factor.y + r.z * factor.z + r.w * factor.w;
		}
	}
	if (t == nullptr) return;
	sum = warp_sum(sum);
	if (lane == 0) t[static_cast<size_t>(part) * ldt + row] = part == 0 ? sum + offset[0] : sum;
}

// pair_backward takes d [(1+k) n], the joint pairs and then, k times, the marginal
// ones with the s-th position after each, s = 1..k, back to the projections:
// dx[p] = d[p] + sum_s d[s n + p], dz[p] = d[p] + sum_s d[s n + (p-s) mod n].
// grid n ld/1024
KERNEL(256) pair_backward(float* dx, float* dz, const float* d, int n, int k, int ld) {
	const long long at = static_cast<long long>(blockIdx.x) * 256 + threadIdx.x;
	const int quads = ld / 4, row = static_cast<int>(at / quads), column = static_cast<int>(at % quads) * 4;
	if (!inside(row, n)) return;
	const auto load = [&](int r) { return *reinterpret_cast<const float4*>(d + static_cast<size_t>(r) * ld + column); };
	const auto add = [](float4& to, float4 by) { to = make_float4(to.x + by.x, to.y + by.y, to.z + by.z, to.w + by.w); };
	float4 of_x = load(row), of_z = of_x;
	for (int s = 1; s <= k; ++s) {
		add(of_x, load(s * n + row));
		add(of_z, load(s * n + (row < s ? n + row - s : row - s)));
	}
	const size_t to = static_cast<size_t>(row) * ld + column;
	*reinterpret_cast<float4*>(dx + to) = of_x;
	*reinterpret_cast<float4*>(dz + to) = of_z;
}
