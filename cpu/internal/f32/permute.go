package f32

import "gomine/mine/sampling"

// PermuteAt replaces each element i of v, in [0, p.N()), by p.At(i).
func PermuteAt(v []int32, p *sampling.Permutation) {
	if !permute(v, p, false) {
		for i, x := range v {
			v[i] = int32(p.At(uint64(x)))
		}
	}
}

// PermuteInverse replaces each element i of v, in [0, p.N()), by p.Inverse(i).
func PermuteInverse(v []int32, p *sampling.Permutation) {
	if !permute(v, p, true) {
		for i, x := range v {
			v[i] = int32(p.Inverse(uint64(x)))
		}
	}
}
