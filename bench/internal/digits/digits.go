// Package digits makes and reads labelled pictures of handwritten digits, for
// the experiments that need pictures: [Render] draws them, [Read] reads MNIST's
// files, and [Stack] puts three of either on top of one another.
package digits

import (
	"fmt"

	"gomine/mine/backend"
	"gomine/mine/sampling"
)

// The streams of this package. Their numbers are part of every picture and
// differ from those of package sampling.
const (
	streamPicture sampling.Stream = 0x6401 // the label and the shape of a picture
	streamGrain   sampling.Stream = 0x6402 // the grain of its ink
	streamStack   sampling.Stream = 0x6403 // the three pictures of a stack
)

// Classes is the number of digits.
const Classes = 10

// A Set is n labelled grey pictures of Size x Size pixels.
type Set struct {
	Size int
	// Pixels is [n, Size*Size]: row i is picture i from top to bottom, in lines
	// from left to right, from 0, paper, to 1, full ink.
	Pixels backend.Matrix
	// Labels are the digits of the pictures, 0 to 9.
	Labels []uint8
}

// Stack returns n pictures of three channels, each channel a digit drawn
// evenly and with replacement from a set: pixels is [n, 3*Size*Size], channel
// after channel, and labels[i], from 0 to 999, has the digits of the three
// channels in this order. Row i is a function of set, seed and i alone. It
// panics if n is negative or the set is empty: both are the caller's own, never
// user input.
func Stack(set Set, n int, seed uint64) (pixels backend.Matrix, labels []int) {
	have := len(set.Labels)
	if n < 0 || have == 0 {
		panic(fmt.Sprintf("digits: %d stacks out of %d pictures, want 0 or more out of 1 or more", n, have))
	}
	const channels = 3
	size := set.Pixels.Cols
	pixels, labels = backend.NewMatrix(n, channels*size), make([]int, n)
	for i := range n {
		row := pixels.Row(i)
		for c := range channels {
			// Below have also when the product rounds up.
			k := min(int(float64(have)*sampling.Uniform(seed, streamStack, uint64(i), uint64(c))), have-1)
			copy(row[c*size:], set.Pixels.Row(k))
			labels[i] = Classes*labels[i] + int(set.Labels[k])
		}
	}
	return pixels, labels
}
