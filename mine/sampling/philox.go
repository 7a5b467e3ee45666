// Package sampling turns (seed, stream, step, index) into random numbers,
// permutations and batch rows, by pure functions without state.
//
// It is the reference for every backend: a kernel that draws the same integers
// gives the same training run. Everything rests on two constructions:
//
//   - Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and
//     Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011);
//   - a Feistel network on the smallest power-of-two domain that holds [0, n),
//     with cycle walking, keyed by Philox: a permutation of [0, n) in O(1)
//     memory, with its inverse (Black and Rogaway, "Ciphers with arbitrary
//     finite domains", CT-RSA 2002).
//
// Only unsigned integer arithmetic is used, so any machine draws the same
// integers, bit for bit.
package sampling

import "math"

// Philox multipliers and Weyl key increments, from the paper, section 3.
const (
	philoxM0 = 0xD2511F53
	philoxM1 = 0xCD9E8D57
	philoxW0 = 0x9E3779B9
	philoxW1 = 0xBB67AE85

	philoxRounds = 10
)

// Philox4x32 returns the Philox4x32-10 block of a 128-bit counter under a
// 64-bit key: four independent uniform 32-bit words.
func Philox4x32(counter [4]uint32, key [2]uint32) [4]uint32 {
	c, k := counter, key
	for range philoxRounds {
		p0 := uint64(philoxM0) * uint64(c[0])
		p1 := uint64(philoxM1) * uint64(c[2])
		c = [4]uint32{
			uint32(p1>>32) ^ c[1] ^ k[0],
			uint32(p1),
			uint32(p0>>32) ^ c[3] ^ k[1],
			uint32(p0),
		}
		k[0] += philoxW0
		k[1] += philoxW1
	}
	return c
}

// Stream separates the uses of one seed: draws of different streams are
// independent.
type Stream uint32

// The streams. Their numbers are part of every result and never change.
const (
	StreamSplit    Stream = 1 // order of the rows before the train/validation/test split
	StreamEpoch    Stream = 2 // order of the training rows within an epoch
	StreamMarginal Stream = 3 // marginal cycle of a training batch
	StreamEvaluate Stream = 4 // marginal cycles of an evaluation
	StreamInit     Stream = 5 // initial parameters
	StreamTies     Stream = 6 // order of equal values in ranks
	StreamPermute  Stream = 7 // pairings of a permutation test
	StreamResidual Stream = 8 // places of randomised quantile residuals
)

// block returns the Philox block number block of (seed, stream, step). The
// counter holds a 48-bit step and a 48-bit block beside the 32-bit stream.
func block(seed uint64, stream Stream, step, block uint64) [4]uint32 {
	return Philox4x32(
		[4]uint32{
			uint32(block),
			uint32(block>>32)&0xFFFF | uint32(step>>32)<<16,
			uint32(step),
			uint32(stream),
		},
		[2]uint32{uint32(seed), uint32(seed >> 32)},
	)
}

// Uniform returns draw number i of (seed, stream, step): uniform on the open
// interval (0, 1), with 52 bits.
func Uniform(seed uint64, stream Stream, step, i uint64) float64 {
	b := block(seed, stream, step, i)
	return unit(b[0], b[1])
}

// Normal returns draw number i of (seed, stream, step): standard normal, by
// the Box–Muller transform in float64.
func Normal(seed uint64, stream Stream, step, i uint64) float64 {
	b := block(seed, stream, step, i)
	radius := math.Sqrt(-2 * math.Log(unit(b[0], b[1])))
	return radius * math.Cos(2*math.Pi*unit(b[2], b[3]))
}

// unit maps 64 random bits to the midpoints of 2^52 equal cells of (0, 1), so
// that neither 0 nor 1 is returned.
func unit(hi, lo uint32) float64 {
	u := (uint64(hi)<<32 | uint64(lo)) >> 12
	return (float64(u) + 0.5) / (1 << 52)
}
