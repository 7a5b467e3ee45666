//go:build !purego

package f32

// readInPlace tells whether A transposed and B are to be read where they are.
func (p *product) readInPlace() bool { return false }

// multiply computes the [m, n] block.
func (t *tiles) multiply(m, n int) { t.run(m, n) }
