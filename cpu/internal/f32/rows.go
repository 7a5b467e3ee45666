package f32

// The functions of this file take the rows of a matrix, row-major and a
// leading dimension apart, instead of single vectors. They treat every row
// alike: its part of a result depends neither on its place nor on the number
// of rows. Sums over rows are one chain in the order of the rows.

// GatherRows copies row rows[i] of src to row i of dst, cols floats each; the
// rows are lds and ldd floats apart.
func GatherRows(dst []float32, ldd int, src []float32, lds, cols int, rows []int32) {
	if len(rows) == 0 || cols == 0 {
		return
	}
	dst = dst[:extent(len(rows), cols, ldd)]
	for _, r := range rows {
		_ = src[int(r)*lds:][:cols]
	}
	gatherRows(dst, ldd, src, lds, cols, rows)
}

// RowDots sets dst[i] to the product of row i of A with x, plus c. A is
// [len(dst), len(x)], its rows lda floats apart.
func RowDots(dst, a []float32, lda int, x []float32, c float32) {
	if len(dst) == 0 {
		return
	}
	if len(x) == 0 {
		fillWith(dst, c)
		return
	}
	rowDots(dst, a[:extent(len(dst), len(x), lda)], lda, x, c)
}

func fillWith(dst []float32, c float32) {
	for i := range dst {
		dst[i] = c
	}
}

// ColumnSums sets dst[j] to the sum of column j of A, which is
// [rows, len(dst)], its rows lda floats apart.
func ColumnSums(dst []float32, rows int, a []float32, lda int) {
	if len(dst) == 0 {
		return
	}
	if rows <= 0 {
		clear(dst)
		return
	}
	columnSums(dst, rows, a[:extent(rows, len(dst), lda)], lda)
}

// FoldPairs adds up the derivatives of pairs of rows of x and z, given those of
// rows joint pairs (x_i, z_i) and as many marginal pairs (x_i, z_i+1):
//
//	dx[i] = joint[i] + marginal[i]
//	dz[i] = joint[i] + marginal[i-1]
//	sums  = sum_i dx[i]
//
// where a term without a row is left out. The matrices have len(sums) columns,
// dz one row more than the others, and rows that are ld floats apart.
func FoldPairs(dx, dz, sums []float32, rows int, joint, marginal []float32, ld int) {
	if rows <= 0 || len(sums) == 0 {
		clear(sums)
		return
	}
	n := extent(rows, len(sums), ld)
	foldPairs(dx[:n], dz[:n+ld], sums, rows, joint[:n], marginal[:n], ld)
}

// An OutputGrad is the backward pass of scores T[i] = sum_j w[j] h[i][j] whose
// derivatives are s[i]:
//
//	d[i][j] = s[i] w[j] f'(h[i][j])
//	dw[j]  += sum_i s[i] h[i][j]
//	db[j]  += sum_i d[i][j]
//
// with f' the derivative of an activation at the point where its value is h.
// The matrices d and h are [len(s), len(w)], their rows ld floats apart; d may
// be h.
type OutputGrad func(d, h []float32, ld int, s, w, dw, db []float32)

// ReLUOutputGrad is the OutputGrad of ReLU.
func ReLUOutputGrad(d, h []float32, ld int, s, w, dw, db []float32) {
	if d, h, dw, db := outputs(d, h, ld, s, w, dw, db); d != nil {
		reluOutputGrad(d, h, ld, s, w, dw, db)
	}
}

// ELUOutputGrad is the OutputGrad of ELU.
func ELUOutputGrad(d, h []float32, ld int, s, w, dw, db []float32) {
	if d, h, dw, db := outputs(d, h, ld, s, w, dw, db); d != nil {
		eluOutputGrad(d, h, ld, s, w, dw, db)
	}
}

// SoftplusOutputGrad is the OutputGrad of Softplus.
func SoftplusOutputGrad(d, h []float32, ld int, s, w, dw, db []float32) {
	if d, h, dw, db := outputs(d, h, ld, s, w, dw, db); d != nil {
		softplusOutputGrad(d, h, ld, s, w, dw, db)
	}
}

// outputs returns the operands of an OutputGrad at their exact lengths, nil if
// there is nothing to do.
func outputs(d, h []float32, ld int, s, w, dw, db []float32) (d1, h1, dw1, db1 []float32) {
	if len(s) == 0 || len(w) == 0 {
		return nil, nil, nil, nil
	}
	n := extent(len(s), len(w), ld)
	return d[:n], h[:n], dw[:len(w)], db[:len(w)]
}
