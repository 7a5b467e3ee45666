package sampling

import (
	"fmt"
	"math/bits"
)

// MaxN is the largest domain of a Permutation.
const MaxN = 1 << 40

// feistelRounds is the number of rounds, half of them on each side. Four
// rounds of a random function make a pseudorandom permutation of a large
// domain (Luby and Rackoff 1988). Of 2^b elements, with the smaller half of h
// bits, R rounds leave the squared correlation of a bit of i with a bit of
// At(i) above that of uniform permutations by a share of 2^(b - h R/2): for
// b = 9 that is 12% with six rounds and 0.8% with eight, and less for larger b.
const feistelRounds = 8

// minWidth is the smallest domain, in bits. Fewer leave some permutations far
// more likely than others: with six rounds on three bits, some of five elements
// 2.6 times as likely as they should be.
const minWidth = 8

// Multipliers of the round function: odd 32-bit constants of the "lowbias32"
// family (Wellons, 2018), whose avalanche bias was searched for to be low.
const (
	feistelM0 = 0x7FEB352D
	feistelM1 = 0x846CA68B
)

// A Permutation is a keyed bijection of [0, n), evaluated forwards and
// backwards in O(1) memory. It is a value, safe for concurrent use; the zero
// value is not valid.
//
// The domain of b = max(8, ceil(log2 n)) bits is cut into a left half of b/2
// bits and a right half of the rest. Even rounds do left ^= F(right), odd
// rounds right ^= F(left), with F(k, x) the top bits of
//
//	h = (x + k) * 0x7FEB352D;  h ^= h >> 15;  h *= 0x846CA68B
//
// in 32-bit arithmetic. Values of n or more are fed back until one is below n
// (cycle walking; fewer than two evaluations are expected for n > 128, 256/n
// below).
type Permutation struct {
	n          uint64
	rightBits  uint32
	leftShift  uint32 // 32 - left bits: selects the top bits of a hash
	rightShift uint32
	key        [feistelRounds]uint32
}

// NewPermutation returns the permutation of [0, n) that belongs to
// (seed, stream, step). It panics unless 1 <= n <= MaxN: sizes are the
// caller's own, never user input.
func NewPermutation(n, seed uint64, stream Stream, step uint64) Permutation {
	if n < 1 || n > MaxN {
		panic(fmt.Sprintf("sampling: permutation of %d elements, want 1 to 2^40", n))
	}
	width := max(minWidth, uint32(bits.Len64(n-1)))
	left := width / 2
	right := width - left
	p := Permutation{n: n, rightBits: right, leftShift: 32 - left, rightShift: 32 - right}
	b0 := block(seed, stream, step, 0)
	b1 := block(seed, stream, step, 1)
	copy(p.key[:4], b0[:])
	copy(p.key[4:], b1[:])
	return p
}

// N returns the size of the domain.
func (p *Permutation) N() uint64 { return p.n }

// Rounds returns the sizes of the halves in bits and the keys of the rounds,
// for implementations that permute many elements at a time.
func (p *Permutation) Rounds() (leftBits, rightBits int, key [feistelRounds]uint32) {
	return int(32 - p.leftShift), int(p.rightBits), p.key
}

// At returns the image of i, which must be below n.
func (p *Permutation) At(i uint64) uint64 {
	for {
		l, r := p.split(i)
		for k := 0; k < feistelRounds; k += 2 {
			l ^= feistel(p.key[k], r) >> p.leftShift
			r ^= feistel(p.key[k+1], l) >> p.rightShift
		}
		if i = p.join(l, r); i < p.n {
			return i
		}
	}
}

// Inverse returns the i with At(i) == v, for v below n.
func (p *Permutation) Inverse(v uint64) uint64 {
	for {
		l, r := p.split(v)
		for k := feistelRounds - 2; k >= 0; k -= 2 {
			r ^= feistel(p.key[k+1], l) >> p.rightShift
			l ^= feistel(p.key[k], r) >> p.leftShift
		}
		if v = p.join(l, r); v < p.n {
			return v
		}
	}
}

func (p *Permutation) split(i uint64) (left, right uint32) {
	return uint32(i >> p.rightBits), uint32(i) & (1<<p.rightBits - 1)
}

func (p *Permutation) join(left, right uint32) uint64 {
	return uint64(left)<<p.rightBits | uint64(right)
}

func feistel(key, x uint32) uint32 {
	h := (x + key) * feistelM0
	h ^= h >> 15
	return h * feistelM1
}

// A Cycle is one random cycle through all of [0, n): Next is a permutation
// without a fixed point for n >= 2, so pairing x_i with z_Next(i) never puts a
// joint pair among the marginal ones. With sigma a keyed permutation,
//
//	Next(i) = sigma^-1((sigma(i) + 1) mod n).
type Cycle struct{ sigma Permutation }

// NewCycle returns the cycle of [0, n) that belongs to (seed, stream, step).
func NewCycle(n, seed uint64, stream Stream, step uint64) Cycle {
	return Cycle{NewPermutation(n, seed, stream, step)}
}

// Order returns the permutation sigma.
func (c *Cycle) Order() *Permutation { return &c.sigma }

// Next returns the successor of i.
func (c *Cycle) Next(i uint64) uint64 {
	v := c.sigma.At(i) + 1
	if v == c.sigma.n {
		v = 0
	}
	return c.sigma.Inverse(v)
}

// Prev returns the predecessor of i: Prev(Next(i)) == i.
func (c *Cycle) Prev(i uint64) uint64 {
	v := c.sigma.At(i)
	if v == 0 {
		v = c.sigma.n
	}
	return c.sigma.Inverse(v - 1)
}

// Visit returns the element at position p of the cycle, counted from where
// sigma is 0: Next(Visit(p)) == Visit(p+1 mod n). Walking the positions costs
// half of calling Next for every element.
func (c *Cycle) Visit(p uint64) uint64 { return c.sigma.Inverse(p) }
