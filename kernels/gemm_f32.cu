// Matrix products in FP32.
#include "gemm.cuh"

// gemm_nn_f32 stores c[i,j] = f(sum_k a[rows[i],k] b[k,j] + bias[j]) for c [m,n],
// a [.,k] and b [k,n]. Without rows it is row i of a, without bias 0. With t it also stores
// t[p ldt + i] = sum_j c[i,j] w[j], over the columns of block p = 0, 1, .. of 128, to which
// for p = 0 it adds offset[0]: lanes as a tree. Without c only these.
// grid (n/128, m/128), dynamic shared: 35328, CPU twin f32.GemmPacked
KERNEL(256) gemm_nn_f32(float* c, float* t, const float* a, const float* b, const float* bias, const int* rows, const float* w, const float* offset, int m, int n, int k, int lda, int ldb, int ldc, int ldt, int activation) {
	DYNAMIC_SHARED(float, shared);
	gemm_nn<FP32>(c, t, a, b, bias, rows, w, offset, m, n, k, lda, ldb, ldc, ldt, activation, shared);
}

// gemm_nt_f32 stores c[i,j] = (sum_k a[i,k] b[j,k]) f'(h[i,j]) for c and h [m,n],
// a [m,k] and b [n,k]; h holds values of f. Without h the factor is 1.
// grid (n/128, m/128), dynamic shared: 34816, CPU twin f32.GemmPacked
KERNEL(256, 2) gemm_nt_f32(float* c, const float* a, const float* b, const float* h, int m, int n, int k, int lda, int ldb, int ldc, int ldh, int activation) {
	DYNAMIC_SHARED(float, shared);
	gemm_nt<FP32>(c, a, b, h, m, n, k, lda, ldb, ldc, ldh, activation, shared);
}

// gemm_tn_f32 stores, for c [m,n], a [.,m] and b [k,n], in part s of c the sum
// over the s-th range of r of a[rows[r],i] b[r,j]: k is cut into split ranges of
// a multiple of 32 rows, of which the last may be shorter or empty. Parts are
// part floats apart. Without rows it is row r of a.
// grid (n/128, m/128, split), dynamic shared: 34816, CPU twin f32.Gemm
KERNEL(256, 2) gemm_tn_f32(float* c, const float* a, const float* b, const int* rows, int m, int n, int k, int lda, int ldb, int ldc, int split, unsigned long long part) {
	DYNAMIC_SHARED(float, shared);
	gemm_tn<FP32>(c, a, b, rows, m, n, k, lda, ldb, ldc, split, part, shared);
}
