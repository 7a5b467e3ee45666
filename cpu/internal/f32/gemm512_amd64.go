//go:build !purego

package f32

// fewRows is up to how many rows of C it does not pay the kernels of AVX-512
// to pack what they can read where it is: packing B costs about as much as
// three rows.
const fewRows = 192

// readInPlace tells whether A transposed and B are to be read where they are.
func (p *product) readInPlace() bool { return useAVX512 && p.m <= fewRows }

// multiply computes the [m, n] block.
func (t *tiles) multiply(m, n int) {
	if useAVX512 {
		t.run512(m, n)
	} else {
		t.run(m, n)
	}
}

// run512 computes the [m, n] block in tiles of up to 24 registers of 16 floats:
// where there are few rows they are wider, since fewer than eight chains of
// multiply-adds leave the units waiting for their own results.
func (t *tiles) run512(m, n int) {
	kernels := &rows512
	if t.transposed {
		kernels = &columns512
	}
	for j := 0; j < n; {
		vectors, rows := 2, 12
		switch left := n - j; {
		case left <= 16:
			vectors = 1
		case left > 48 && m <= 6:
			vectors, rows = 4, 6
		}
		cols := min(16*vectors, n-j)
		i := 0
		for _, part := range cut(m, rows) {
			if part.panels > 0 {
				at := i * t.lda
				if t.transposed {
					at = i
				}
				var h *float32
				if t.derivative != nil {
					h = &t.derivative[i*t.ldc+j]
				}
				kernels[part.rows-1][vectors/2](part.panels, t.k, &t.a[at], t.lda, &t.b[j/tileCols*t.panel], t.ldb, t.panel, &t.c[i*t.ldc+j], t.ldc, cols, t.biasAt(j), t.accumulate, t.relu, h)
				i += part.panels * part.rows
			}
		}
		j += cols
	}
}

// kernel512 is a kernel of gemmTile512.
type kernel512 func(panels, k int, a *float32, lda int, b *float32, ldb, panel int, c *float32, ldc, cols int, bias *float32, accumulate, relu bool, h *float32)

// rows512 and columns512 are those by the rows of a tile less one and half its
// vectors, for A as it is and transposed.
var (
	rows512 = [12][3]kernel512{
		{gemm512x1x16, gemm512x1x32, gemm512x1x64},
		{gemm512x2x16, gemm512x2x32, gemm512x2x64},
		{gemm512x3x16, gemm512x3x32, gemm512x3x64},
		{gemm512x4x16, gemm512x4x32, gemm512x4x64},
		{gemm512x5x16, gemm512x5x32, gemm512x5x64},
		{gemm512x6x16, gemm512x6x32, gemm512x6x64},
		{gemm512x7x16, gemm512x7x32, nil},
		{gemm512x8x16, gemm512x8x32, nil},
		{gemm512x9x16, gemm512x9x32, nil},
		{gemm512x10x16, gemm512x10x32, nil},
		{gemm512x11x16, gemm512x11x32, nil},
		{gemm512x12x16, gemm512x12x32, nil},
	}
	columns512 = [12][3]kernel512{
		{gemm512x1x16T, gemm512x1x32T, gemm512x1x64T},
		{gemm512x2x16T, gemm512x2x32T, gemm512x2x64T},
		{gemm512x3x16T, gemm512x3x32T, gemm512x3x64T},
		{gemm512x4x16T, gemm512x4x32T, gemm512x4x64T},
		{gemm512x5x16T, gemm512x5x32T, gemm512x5x64T},
		{gemm512x6x16T, gemm512x6x32T, gemm512x6x64T},
		{gemm512x7x16T, gemm512x7x32T, nil},
		{gemm512x8x16T, gemm512x8x32T, nil},
		{gemm512x9x16T, gemm512x9x32T, nil},
		{gemm512x10x16T, gemm512x10x32T, nil},
		{gemm512x11x16T, gemm512x11x32T, nil},
		{gemm512x12x16T, gemm512x12x32T, nil},
	}
)
