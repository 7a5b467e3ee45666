package f32

import (
	"math"
	"slices"
	"testing"

	"gomine/mine/sampling"
)

// TestPermute compares with the reference, which must be met exactly: every
// element of small domains and many of large ones, in vectors of every length
// up to a few of the kernels'.
func TestPermute(t *testing.T) {
	var sizes []uint64
	for n := uint64(1); n <= 70; n++ {
		sizes = append(sizes, n)
	}
	for width := 7; width <= 31; width++ {
		for n := uint64(1)<<width - 1; n <= min(uint64(1)<<width+1, 1<<31); n++ {
			sizes = append(sizes, n)
		}
	}
	sizes = append(sizes, 1000, 100_000, math.MaxInt32)
	for _, impl := range implementations() {
		t.Run("impl="+impl, func(t *testing.T) {
			use(t, impl)
			for i, n := range sizes {
				p := sampling.NewPermutation(n, 7, sampling.StreamEpoch, uint64(i))
				length := int(min(n, uint64(200+i%9)))
				v, at, inverse := make([]int32, length), make([]int32, length), make([]int32, length)
				for k := range v {
					v[k] = int32(uint64(k) * (n / uint64(length)))
					if k%2 == 1 {
						v[k] = int32(n - 1 - uint64(k/2))
					}
					at[k], inverse[k] = int32(p.At(uint64(v[k]))), int32(p.Inverse(uint64(v[k])))
				}
				for part := 1; part <= length; part += 1 + part/3 {
					got := slices.Clone(v)
					PermuteAt(got[:part], &p)
					if !slices.Equal(got[:part], at[:part]) || !slices.Equal(got[part:], v[part:]) {
						t.Fatalf("n = %d: PermuteAt(%v) = %v, want %v", n, v[:part], got[:part], at[:part])
					}
					copy(got, v)
					PermuteInverse(got[:part], &p)
					if !slices.Equal(got[:part], inverse[:part]) || !slices.Equal(got[part:], v[part:]) {
						t.Fatalf("n = %d: PermuteInverse(%v) = %v, want %v", n, v[:part], got[:part], inverse[:part])
					}
				}
			}
		})
	}
}
