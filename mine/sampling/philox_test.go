package sampling

import (
	"math"
	"slices"
	"testing"
)

// TestPhiloxKnownAnswers has the vectors of Random123's kat_vectors for
// philox4x32-10.
func TestPhiloxKnownAnswers(t *testing.T) {
	const ones = 0xffffffff
	for _, c := range []struct {
		counter [4]uint32
		key     [2]uint32
		want    [4]uint32
	}{
		{
			want: [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
		},
		{
			counter: [4]uint32{ones, ones, ones, ones},
			key:     [2]uint32{ones, ones},
			want:    [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
		},
		{
			counter: [4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
			key:     [2]uint32{0xa4093822, 0x299f31d0},
			want:    [4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
		},
	} {
		if got := Philox4x32(c.counter, c.key); got != c.want {
			t.Errorf("Philox4x32(%#x, %#x) = %#x, want %#x", c.counter, c.key, got, c.want)
		}
	}
}

// TestBlockSeparates changes one argument at a time, in its lowest and its
// highest bit: every block must differ from all others.
func TestBlockSeparates(t *testing.T) {
	type arguments struct {
		seed        uint64
		stream      Stream
		step, block uint64
	}
	seen := map[[4]uint32]arguments{}
	for _, a := range []arguments{
		{0, 0, 0, 0},
		{1, 0, 0, 0}, {1 << 32, 0, 0, 0}, {1 << 63, 0, 0, 0},
		{0, 1, 0, 0}, {0, 1 << 31, 0, 0},
		{0, 0, 1, 0}, {0, 0, 1 << 31, 0}, {0, 0, 1 << 32, 0}, {0, 0, 1 << 47, 0},
		{0, 0, 0, 1}, {0, 0, 0, 1 << 31}, {0, 0, 0, 1 << 32}, {0, 0, 0, 1 << 47},
	} {
		b := block(a.seed, a.stream, a.step, a.block)
		if other, taken := seen[b]; taken {
			t.Errorf("%+v and %+v give the same block", a, other)
		}
		seen[b] = a
	}
}

func TestUnitIsOpen(t *testing.T) {
	const ones = 0xffffffff
	if got := unit(0, 0); got != 0x1p-53 {
		t.Errorf("unit of no bits = %v, want 2^-53", got)
	}
	if got := unit(ones, ones); got != 1-0x1p-53 {
		t.Errorf("unit of all bits = %v, want 1 - 2^-53", got)
	}
	if got := unit(1<<31, 0); !(got > 0.5) || got > 0.5+0x1p-52 {
		t.Errorf("unit of the top bit = %v, want 0.5 + 2^-53", got)
	}
}

// draws is the sample size of the tests of Uniform and Normal.
const draws = 200000

// TestUniformDistribution and TestNormalDistribution raise a false alarm for
// one seed in a million each: every moment within 5.2 standard deviations (4
// of them, 2e-7 each, two-sided), and a Kolmogorov distance below
// sqrt(log(2/2e-7)/2n).
func TestUniformDistribution(t *testing.T) {
	sample := make([]float64, draws)
	for i := range sample {
		sample[i] = Uniform(1, StreamInit, 0, uint64(i))
	}
	// Of the powers of a uniform variable minus 1/2: mean and variance.
	checkMoments(t, sample, func(v float64) float64 { return v - 0.5 }, []moment{
		{0, 1.0 / 12}, {1.0 / 12, 1.0 / 180}, {0, 1.0 / 448}, {1.0 / 80, 1.0/2304 - 1.0/6400},
	})
	checkKolmogorov(t, sample, func(v float64) float64 { return v })
}

func TestNormalDistribution(t *testing.T) {
	sample := make([]float64, draws)
	for i := range sample {
		sample[i] = Normal(1, StreamInit, 0, uint64(i))
	}
	checkMoments(t, sample, func(v float64) float64 { return v }, []moment{
		{0, 1}, {1, 2}, {0, 15}, {3, 96},
	})
	checkKolmogorov(t, sample, func(v float64) float64 { return math.Erfc(-v/math.Sqrt2) / 2 })
}

// A moment is the mean and the variance of a power of a random variable.
type moment struct{ mean, variance float64 }

func checkMoments(t *testing.T, sample []float64, centre func(float64) float64, want []moment) {
	t.Helper()
	for k, m := range want {
		sum := 0.0
		for _, v := range sample {
			sum += math.Pow(centre(v), float64(k+1))
		}
		got := sum / float64(len(sample))
		if z := (got - m.mean) / math.Sqrt(m.variance/float64(len(sample))); math.Abs(z) > 5.2 {
			t.Errorf("moment %d = %v, want %v: off by %.1f standard deviations", k+1, got, m.mean, z)
		}
	}
}

func checkKolmogorov(t *testing.T, sample []float64, cdf func(float64) float64) {
	t.Helper()
	slices.Sort(sample)
	n := float64(len(sample))
	distance := 0.0
	for i, v := range sample {
		p := cdf(v)
		distance = max(distance, p-float64(i)/n, float64(i+1)/n-p)
	}
	if limit := math.Sqrt(math.Log(2/2e-7) / (2 * n)); distance > limit {
		t.Errorf("Kolmogorov distance %v, limit %v", distance, limit)
	}
}
