// From projected rows to pairs, and back.
#include "activation.cuh"

// pair_forward stores h[i] = f(px[xs[i]] + pz[zs[i]]) for i < n; without xs it is
// row i of px, without zs row (i + shift) mod nz of pz. The padding of h is zero.
// grid n ldh/1024, CPU twin f32.AddSoftplus
KERNEL(256) pair_forward(float* h, const float* px, const float* pz, const int* xs, const int* zs, int n, int nz, int shift, int width, int ldp, int ldh, int activation) {
	const long long at = static_cast<long long>(blockIdx.x) * 256 + threadIdx.x;
	const int quads = ldh / 4, row = static_cast<int>(at / quads), column = static_cast<int>(at % quads) * 4;
	if (!inside(row, n)) return;
	const size_t x = xs != nullptr ? xs[row] : row;
	const size_t z = zs != nullptr ? zs[row] : (row + shift) % nz;
	const float4 a = *reinterpret_cast<const float4*>(px + x * ldp + column);
	const float4 b = *reinterpret_cast<const float4*>(pz + z * ldp + column);
	float4 r;
	r.x = activate(a.x + b.x, activation);
	r.y = inside(column + 1, width) ? activate(a.y + b.y, activation) : 0;
	r.z = inside(column + 2, width) ? activate(a.z + b.z, activation) : 0;
	r.w = inside(column + 3, width) ? activate(a.w + b.w, activation) : 0;
	*reinterpret_cast<float4*>(h + static_cast<size_t>(row) * ldh + column) = r;
}

// pair_backward takes d [2n], joint pairs before marginal ones, back to the
// projections: dx[p] = d[p] + d[n+p], dz[p] = d[p] + d[n + (p-1) mod n].
// grid n ld/1024
KERNEL(256) pair_backward(float* dx, float* dz, const float* d, int n, int ld) {
	const long long at = static_cast<long long>(blockIdx.x) * 256 + threadIdx.x;
	const int quads = ld / 4, row = static_cast<int>(at / quads), column = static_cast<int>(at % quads) * 4;
	if (!inside(row, n)) return;
	const auto load = [&](int r) { return *reinterpret_cast<const float4*>(d + static_cast<size_t>(r) * ld + column); };
	const float4 joint = load(row), own = load(n + row), before = load(n + (row == 0 ? n - 1 : row - 1));
	const size_t to = static_cast<size_t>(row) * ld + column;
	*reinterpret_cast<float4*>(dx + to) = make_float4(joint.x + own.x, joint.y + own.y, joint.z + own.z, joint.w + own.w);
	*reinterpret_cast<float4*>(dz + to) = make_float4(joint.x + before.x, joint.y + before.y, joint.z + before.z, joint.w + before.w);
}
