package cpu

import "gomine/mine/backend"

// block is positions [lo, hi) of the batch, the id-th range of such. Its last
// marginal pairs take their z from the over positions behind it.
type block struct{ id, lo, hi, over int }

func (b block) len() int { return b.hi - b.lo }

// first returns the block's first row in arrays that have, per block, a row for
// every position and every one behind it.
func (b block) first() int { return b.lo + b.id*b.over }

// behind returns the row there of the first position behind the block.
func (b block) behind() int { return b.first() + b.len() }

// layer returns the block's first row in its layers, and how many it has: the
// joint pairs, then the marginal pairs with the next position, with the one after
// it, and so on.
func (b block) layer() (lo, n int) { return b.lo * (1 + b.over), b.len() * (1 + b.over) }

// chunk is a number of consecutive blocks and the gradients of the matrices
// over these.
type chunk struct {
	blocks []block
	grad   *params
}

const (
	// layerRows is the number of rows of a block's layers at most: they then stay
	// in the second-level cache from one product to the next, also when they are
	// 512 wide.
	layerRows = 128

	// leastPositions is the number of positions in a block for which this does
	// not count: shorter blocks would project each z many times over.
	leastPositions = 16

	// chunkFloats is how many floats the gradients of all chunks may take, more
	// than two chunks at least: what adding them up may cost.
	chunkFloats = 1 << 17
)

// newBlocks cuts n positions with so many marginal pairs each into blocks as
// equal as possible.
func newBlocks(n, marginals int) []block {
	most := max(layerRows/(1+marginals), leastPositions)
	blocks := make([]block, (n+most-1)/most)
	for i := range blocks {
		blocks[i] = block{i, i * n / len(blocks), (i + 1) * n / len(blocks), marginals}
	}
	return blocks
}

// newChunks distributes the blocks over a power of two of chunks.
func newChunks(blocks []block, net backend.Network) []chunk {
	n := 1
	for 2*n <= len(blocks) && (n == 1 || 2*n*net.NumParams() <= chunkFloats) {
		n *= 2
	}
	chunks := make([]chunk, n)
	for i := range chunks {
		chunks[i] = chunk{blocks[i*len(blocks)/n : (i+1)*len(blocks)/n], newParams(net)}
	}
	return chunks
}

// stepFLOP returns the floating-point operations of the products of a step.
func stepFLOP(n backend.Network, batch, marginals int) int {
	flop := 4 * batch * (n.DX + n.DZ) * n.Hidden[0]
	for k := 1; k < len(n.Hidden); k++ {
		flop += 6 * batch * (1 + marginals) * n.Hidden[k-1] * n.Hidden[k]
	}
	return flop
}
