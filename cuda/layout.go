//go:build cuda

package cuda

import (
	"fmt"

	"gomine/cuda/internal/driver"
	"gomine/mine/backend"
)

// parameters are those of a network and their moments, on the device.
type parameters struct {
	layout       layout
	params, m, v driver.Pointer
}

// param returns the address of a block of the parameters.
func (p *parameters) param(b id) driver.Pointer { return p.params.Float(p.layout.at(b).start) }

// read copies all from the device into the arrays of a state, write from there
// to the device.
func (p *parameters) read(from *driver.Stream, s backend.State) error {
	device := make([]float32, p.layout.size)
	return p.each(s, func(array driver.Pointer, flat []float32) error {
		if err := driver.Download(from, device, array); err != nil {
			return err
		}
		p.layout.gather(device, flat)
		return nil
	})
}

func (p *parameters) write(to *driver.Stream, s backend.State) error {
	return p.each(s, func(array driver.Pointer, flat []float32) error {
		return driver.Upload(to, array, p.layout.spread(flat))
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
		if b.Kind == backend.OutputWeight {
			p.rows, p.cols = 1, b.Rows
		}
		p.ld = padded(p.cols)
		l.size += p.len()
		l.blocks = append(l.blocks, p)
	}
	return l
}

func (p placed) len() int { return p.rows * p.ld }

// An id tells the blocks of a network apart.
type id struct {
	kind  backend.BlockKind
	layer int
}

// The blocks of a critic's first layer, and those of layer k of any network.
var (
	weightsX = id{backend.WeightsX, 1}
	weightsZ = id{backend.WeightsZ, 1}
)

func weights(k int) id { return id{backend.Weights, k} }
func bias(k int) id    { return id{backend.Bias, k} }

func (p placed) id() id { return id{p.Kind, p.Layer} }

// at returns the place of a block, which must be one of the network's.
func (l layout) at(b id) placed {
	for _, p := range l.blocks {
		if p.id() == b {
			return p
		}
	}
	panic(fmt.Sprintf("cuda: no block of kind %d in layer %d", b.kind, b.layer))
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
