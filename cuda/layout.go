//go:build cuda

package cuda

import "gomine/mine/backend"

// layout is where the parameters lie on the device: the blocks of the network
// one after the other, rows padded to four floats, the output's weights as one
// row.
type layout struct {
	blocks []placed
	size   int // in floats
}

// placed is a block of the parameters: rows of cols floats, ld apart, from start
// on.
type placed struct {
	backend.Block
	rows, cols, ld, start int
}

func newLayout(n backend.Network) layout {
	var l layout
	for _, b := range n.Blocks() {
		p := placed{Block: b, rows: b.Rows, cols: b.Cols, start: l.size}
		if b.Name == "w" {
			p.rows, p.cols = 1, b.Rows
		}
		p.ld = padded(p.cols)
		l.size += p.len()
		l.blocks = append(l.blocks, p)
	}
	return l
}

func (p placed) len() int { return p.rows * p.ld }

// decays says whether weight decay applies: not to the biases b1, b2, .. and c.
func (p placed) decays() bool { return p.Name[0] != 'b' && p.Name != "c" }

// at returns the place of a block by its name.
func (l layout) at(name string) placed {
	for _, p := range l.blocks {
		if p.Name == name {
			return p
		}
	}
	return placed{}
}

// spread copies the parameters from the contract's layout, gather to it.
func (l layout) spread(flat []float32) []float32 {
	device := make([]float32, l.size)
	l.each(func(f, d int, cols int) { copy(device[d:d+cols], flat[f:]) })
	return device
}

func (l layout) gather(device, flat []float32) {
	l.each(func(f, d int, cols int) { copy(flat[f:f+cols], device[d:]) })
}

func (l layout) each(f func(flat, device, cols int)) {
	for _, p := range l.blocks {
		for i := range p.rows {
			f(p.Offset+i*p.cols, p.start+i*p.ld, p.cols)
		}
	}
}
