package sampling

import (
	"fmt"
	"math"
	"math/bits"
	"testing"
)

// checkBijection looks at every element.
func checkBijection(t *testing.T, n uint64) {
	t.Helper()
	p := NewPermutation(n, n, StreamEpoch, 1)
	seen := make([]bool, n)
	for i := range n {
		v := p.At(i)
		if v >= n || seen[v] {
			t.Fatalf("n = %d: At(%d) = %d is out of range or taken", n, i, v)
		}
		seen[v] = true
		if back := p.Inverse(v); back != i {
			t.Fatalf("n = %d: Inverse(At(%d)) = %d", n, i, back)
		}
	}
}

func TestPermutationIsBijection(t *testing.T) {
	for n := uint64(1); n <= 2050; n++ {
		checkBijection(t, n)
	}
	for width := 12; width <= 20; width++ {
		for n := uint64(1)<<width - 1; n <= 1<<width+1; n++ {
			checkBijection(t, n)
		}
	}
}

func TestPermutationInverseLarge(t *testing.T) {
	for _, n := range []uint64{1<<31 - 1, 1 << 31, 1<<31 + 1, 1<<32 - 1, 1 << 32, 1<<32 + 1, 1<<39 + 1, 1<<40 - 1, MaxN} {
		p := NewPermutation(n, 7, StreamSplit, 1<<40)
		if p.N() != n {
			t.Errorf("N() = %d, want %d", p.N(), n)
		}
		for k := range uint64(5000) {
			i := k * (n / 5000)
			if k%2 == 1 {
				i = n - 1 - i
			}
			v := p.At(i)
			if v >= n {
				t.Fatalf("n = %d: At(%d) = %d", n, i, v)
			}
			if back := p.Inverse(v); back != i {
				t.Fatalf("n = %d: Inverse(At(%d)) = %d", n, i, back)
			}
			if forth := p.At(p.Inverse(i)); forth != i {
				t.Fatalf("n = %d: At(Inverse(%d)) = %d", n, i, forth)
			}
		}
	}
}

func TestNewPermutationPanics(t *testing.T) {
	for _, n := range []uint64{0, MaxN + 1, math.MaxUint64} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("NewPermutation(%d) did not panic", n)
				}
			}()
			NewPermutation(n, 1, StreamSplit, 0)
		}()
	}
}

func TestCycle(t *testing.T) {
	sizes := []uint64{1023, 1024, 1025, 4099, 1<<16 + 1}
	for n := uint64(1); n <= 300; n++ {
		sizes = append(sizes, n)
	}
	for _, n := range sizes {
		c := NewCycle(n, 3, StreamMarginal, n)
		i := c.Visit(0)
		for p := range n {
			if visited := c.Visit(p); visited != i {
				t.Fatalf("n = %d: Visit(%d) = %d, the walk is at %d", n, p, visited, i)
			}
			next := c.Next(i)
			if n > 1 && next == i {
				t.Fatalf("n = %d: fixed point %d", n, i)
			}
			if back := c.Prev(next); back != i {
				t.Fatalf("n = %d: Prev(Next(%d)) = %d", n, i, back)
			}
			if p > 0 && i == c.Visit(0) {
				t.Fatalf("n = %d: the cycle closes after %d elements", n, p)
			}
			i = next
		}
		if i != c.Visit(0) {
			t.Fatalf("n = %d: the cycle is open after n elements", n)
		}
	}
}

func TestCycleLarge(t *testing.T) {
	for _, n := range []uint64{1<<31 + 1, 1<<40 - 1, MaxN} {
		c := NewCycle(n, 3, StreamEvaluate, 2)
		for _, p := range []uint64{0, 1, 12345, n / 2, n - 2, n - 1} {
			i := c.Visit(p)
			if next, want := c.Next(i), c.Visit((p+1)%n); next != want || next == i {
				t.Errorf("n = %d: Next(Visit(%d)) = %d, want %d", n, p, next, want)
			}
			if back := c.Prev(c.Next(i)); back != i {
				t.Errorf("n = %d: Prev(Next(%d)) = %d", n, i, back)
			}
		}
	}
}

// TestKeys changes the seed, the stream and the step: the permutations must
// agree in no more places than independent ones, whose number of common
// images is Poisson of mean 1: above 12 once in 1e11.
func TestKeys(t *testing.T) {
	const n = 1000
	keys := []Permutation{
		NewPermutation(n, 1, StreamEpoch, 1),
		NewPermutation(n, 2, StreamEpoch, 1),
		NewPermutation(n, 1<<32+1, StreamEpoch, 1),
		NewPermutation(n, 1, StreamMarginal, 1),
		NewPermutation(n, 1, StreamEpoch, 2),
		NewPermutation(n, 1, StreamEpoch, 1<<32+1),
	}
	for a := range keys {
		for b := range a {
			same := 0
			for i := range uint64(n) {
				if keys[a].At(i) == keys[b].At(i) {
					same++
				}
			}
			if same > 12 {
				t.Errorf("permutations %d and %d agree in %d of %d places", b, a, same, n)
			}
		}
	}
}

// checkUniform is Pearson's chi-square test that counts are uniform with df
// degrees of freedom, after the statistic is multiplied by factor. By Wilson
// and Hilferty (chi2/df)^(1/3) is normal of variance 2/(9 df); 5.2 standard
// deviations are exceeded for one seed in 1e7.
func checkUniform(t *testing.T, counts []int, df int, factor float64) {
	t.Helper()
	total := 0
	for _, c := range counts {
		total += c
	}
	expected := float64(total) / float64(len(counts))
	lo, hi := math.Inf(1), 0.0
	chi2 := 0.0
	for _, c := range counts {
		d := float64(c) - expected
		chi2 += d * d / expected
		lo, hi = min(lo, float64(c)/expected), max(hi, float64(c)/expected)
	}
	chi2 *= factor
	k := 2 / (9 * float64(df))
	if z := (math.Cbrt(chi2/float64(df)) - (1 - k)) / math.Sqrt(k); z > 5.2 {
		t.Errorf("chi2 = %.0f with %d degrees of freedom, %.1f standard deviations: counts are %.2f to %.2f of %.0f",
			chi2, df, z, lo, hi, expected)
	}
}

// TestPermutationsUniform draws all n! permutations of a few elements.
func TestPermutationsUniform(t *testing.T) {
	const keys = 40000
	for _, n := range []uint64{3, 4, 5, 6} {
		t.Run(fmt.Sprintf("n=%d", n), func(t *testing.T) {
			factorial := 1
			for k := range int(n) {
				factorial *= k + 1
			}
			counts := make([]int, factorial)
			for key := range uint64(keys) {
				p := NewPermutation(n, 11, StreamEpoch, key)
				counts[rank(&p)]++
			}
			checkUniform(t, counts, factorial-1, 1)
		})
	}
}

// rank numbers the permutations of n elements by their Lehmer code.
func rank(p *Permutation) int {
	at := make([]uint64, p.n)
	for i := range at {
		at[i] = p.At(uint64(i))
	}
	r := 0
	for i, v := range at {
		smaller := 0
		for _, w := range at[i+1:] {
			if w < v {
				smaller++
			}
		}
		r = r*(len(at)-i) + smaller
	}
	return r
}

// TestCyclesUniform draws all (n-1)! cycles of a few elements.
func TestCyclesUniform(t *testing.T) {
	const keys = 20000
	for _, n := range []uint64{3, 4, 5} {
		t.Run(fmt.Sprintf("n=%d", n), func(t *testing.T) {
			counts := map[string]int{}
			for key := range uint64(keys) {
				c := NewCycle(n, 12, StreamMarginal, key)
				var walk []uint64
				for i, k := uint64(0), uint64(1); k < n; k++ {
					i = c.Next(i)
					walk = append(walk, i)
				}
				counts[fmt.Sprint(walk)]++
			}
			factorial := 1
			for k := range int(n - 1) {
				factorial *= k + 1
			}
			if len(counts) != factorial {
				t.Fatalf("%d different cycles, want %d", len(counts), factorial)
			}
			var list []int
			for _, c := range counts {
				list = append(list, c)
			}
			checkUniform(t, list, factorial-1, 1)
		})
	}
}

// TestPositionsUniform counts which element goes where. The n by n table has
// fixed row and column sums, so (n-1)/n times its statistic is chi-square with
// (n-1)^2 degrees of freedom.
func TestPositionsUniform(t *testing.T) {
	for _, c := range []struct {
		n    uint64
		keys int
	}{{5, 20000}, {10, 40000}, {17, 20000}, {100, 10000}} {
		t.Run(fmt.Sprintf("n=%d", c.n), func(t *testing.T) {
			counts := make([]int, c.n*c.n)
			for key := range c.keys {
				p := NewPermutation(c.n, 13, StreamEpoch, uint64(key))
				for i := range c.n {
					counts[i*c.n+p.At(i)]++
				}
			}
			m := int(c.n - 1)
			checkUniform(t, counts, m*m, float64(c.n-1)/float64(c.n))
		})
	}
}

// TestPairsUniform counts the images of two neighbours, and of two elements
// whose numbers differ in the top bit alone.
func TestPairsUniform(t *testing.T) {
	for _, n := range []uint64{8, 16, 20, 32, 100} {
		for _, distance := range []uint64{1, uint64(1) << (bits.Len64(n-1) - 1)} {
			t.Run(fmt.Sprintf("n=%d,distance=%d", n, distance), func(t *testing.T) {
				counts := make([]int, n*(n-1))
				for key := range max(40000, 10*n*n) {
					p := NewPermutation(n, 14, StreamEpoch, key)
					i := key % (n - distance)
					a, b := p.At(i), p.At(i+distance)
					if b > a {
						b--
					}
					counts[a*(n-1)+b]++
				}
				checkUniform(t, counts, len(counts)-1, 1)
			})
		}
	}
}

// TestPermutationMasksUncorrelated sums, over the elements, the product of a
// sign by some bits of i and one by some bits of At(i). Over uniform
// permutations of a power of two the sum has mean 0 and variance n^2/(n-1). A
// Feistel network of R rounds whose smaller half has h of b bits exceeds it by
// a share of about 2^(b - h R/2), which an independence test by permutations
// would take for dependence. The limit is one in 1e7: 5.2 standard deviations
// of a variance, sqrt(2/keys) each.
func TestPermutationMasksUncorrelated(t *testing.T) {
	for _, n := range []uint64{8, 32, 256, 512} {
		masks := []uint64{1, 2, n / 2, 3}
		squares := make([]float64, len(masks))
		keys := min(20000, 8000000/n)
		for key := range keys {
			p := NewPermutation(n, 15, StreamEpoch, key)
			sums := make([]int, len(masks))
			for i := range n {
				both := i ^ p.At(i)
				for k, mask := range masks {
					sums[k] += 1 - 2*(bits.OnesCount64(both&mask)&1)
				}
			}
			for k, sum := range sums {
				squares[k] += float64(sum) * float64(sum)
			}
		}
		for k, mask := range masks {
			ratio := squares[k] / float64(keys) / (float64(n) * float64(n) / float64(n-1))
			if z := (ratio - 1) / math.Sqrt(2/float64(keys)); math.Abs(z) > 5.2 {
				t.Errorf("n = %d, mask %d: variance is %.3f of that of uniform permutations, off by %.1f standard deviations",
					n, mask, ratio, z)
			}
		}
	}
}

// TestSerialCorrelation takes one permutation of many elements: over uniform
// ones the correlation of At(i) with At(i+lag) has mean -1/n and standard
// deviation 1/sqrt(n). 5.2 of them are exceeded once in 5e6.
func TestSerialCorrelation(t *testing.T) {
	for _, n := range []uint64{100003, 1 << 17, 1<<33 + 11} {
		p := NewPermutation(n, 16, StreamEpoch, 0)
		const terms = 100000
		centred := func(i uint64) float64 { return (float64(p.At(i))+0.5)/float64(n) - 0.5 }
		for _, lag := range []uint64{1, 2, 256, 1 << 16} {
			sum := 0.0
			for i := range uint64(terms) {
				sum += centred(i) * centred((i+lag)%n)
			}
			if z := 12 * sum / math.Sqrt(terms); math.Abs(z) > 5.2 {
				t.Errorf("n = %d: correlation at lag %d is off by %.1f standard deviations", n, lag, z)
			}
		}
	}
}
