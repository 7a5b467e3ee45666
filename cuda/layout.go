//go:build cuda

package cuda

import (
	"gomine/cuda/internal/driver"
	"gomine/mine/backend"
)

// parameters are those of a network and their moments, on the device.
type parameters struct {
	layout       layout
	params, m, v driver.Pointer
}

// param returns the address of a block of the parameters.
func (p *parameters) param(name string) driver.Pointer {
	return p.params.Float(p.layout.at(name).start)
}

// read copies all from the device into the arrays of a state, write from there
// to the device.
func (p *parameters) read(s backend.State) error {
	device := make([]float32, p.layout.size)
	return p.each(s, func(array driver.Pointer, flat []float32) error {
		if err := driver.Download(device, array); err != nil {
			return err
		}
		p.layout.gather(device, flat)
		return nil
	})
}

func (p *parameters) write(s backend.State) error {
	return p.each(s, func(array driver.Pointer, flat []float32) error {
		return driver.Upload(array, p.layout.spread(flat))
	})
}

func (p *parameters) each(s backend.State, f func(array driver.Pointer, flat []float32) error) error {
	for _, part := range []struct {
		array driver.Pointer
		flat  []float32
	}{{p.params, s.Params}, {p.m, s.M}, {p.v, s.V}} {
		if err := f(part.array, part.flat); err != nil {
			return err
		}
	}
	return nil
}

// layout is where the parameters lie on the device: the blocks of a network one
// after the other, rows padded to four floats, a critic's output weights as one
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

func newLayout(blocks []backend.Block) layout {
	var l layout
	for _, b := range blocks {
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
