package pairwise

import (
	"cmp"
	"slices"
)

// Chosen returns the indices of the pairs that critics are to estimate: those that are left at the false
// discovery rate, or all if the configuration says so, those of the most information first, and Top of
// them at most unless it is all. Pairs of empty variables are never among them.
func (s *Screening) Chosen(cfg Config) []int {
	var chosen []int
	for k, p := range s.Pairs {
		if slices.Contains(s.Empty, p.A) || slices.Contains(s.Empty, p.B) {
			continue
		}
		if cfg.All || p.QValue <= cfg.FDR {
			chosen = append(chosen, k)
		}
	}
	slices.SortFunc(chosen, func(i, j int) int { return s.Pairs[i].compare(s.Pairs[j]) })
	if !cfg.All {
		chosen = chosen[:min(len(chosen), cfg.Top)]
	}
	return chosen
}

// Left is how many pairs are left at a false discovery rate.
func (s *Screening) Left(fdr float64) int {
	left := 0
	for _, p := range s.Pairs {
		if p.QValue <= fdr {
			left++
		}
	}
	return left
}

// compare orders pairs by information, the most first, then by evidence, then by number.
func (p Pair) compare(other Pair) int {
	return cmp.Or(cmp.Compare(other.Information, p.Information), cmp.Compare(p.PValue, other.PValue), cmp.Compare(p.A, other.A), cmp.Compare(p.B, other.B))
}
