package independence

import (
	"cmp"
	"fmt"
	"slices"

	"gomine/mine"
	"gomine/mine/sampling"
)

// pieceRows is the most rows of a piece of a stratum: permutations within 20 rows have a twentieth less to
// tell than those of all.
const pieceRows = 20

// strataPlan exchanges rows within pieces of strata, which are in one part as wholes. Rows that are alone in theirs
// are trained on, and the others tested on as far as they are half of all rows.
func strataPlan(strata []int, seed uint64) (*plan, error) {
	n := len(strata)
	p := &plan{pairing: Strata, unit: 1, seed: seed, pieces: make([]int, n)}
	pieces, alone := piecesOf(strata, seed)
	rows, ends := slices.Clone(alone), []int{len(alone)} // where pieces end
	for k, i := range alone {
		p.pieces[i] = k
	}
	for k, piece := range pieces {
		for _, i := range piece {
			p.pieces[i] = len(alone) + k
		}
		rows = append(rows, piece...)
		ends = append(ends, len(rows))
	}
	tested := min(n/2, n-len(alone), n-leastTrained, 2*mostTested)
	if tested < leastTested {
		return nil, fmt.Errorf("independence: %d of %d rows share their stratum with another one, want at least %d to exchange, and %d others to train on: %w",
			n-len(alone), n, leastTested, leastTrained, mine.ErrTooFewSamples)
	}
	cuts := []int{n - tested, n}
	if tested >= 2*leastTested && n-tested > leastTrained {
		cuts = []int{n - tested, n - tested/2, n}
	}
	for k, cut := range cuts {
		near := ends[0]
		for _, end := range ends {
			if abs(end-cut) < abs(near-cut) || near < leastTrained {
				near = end
			}
		}
		if cuts[k] = near; k > 0 && cuts[k-1] < near {
			p.stages = append(p.stages, stage{rows[:cuts[k-1]], rows[cuts[k-1]:near]})
		}
	}
	return p, nil
}

func abs(i int) int { return max(i, -i) }

// piecesOf cuts strata evenly, each in random order, and returns the pieces in random order, and the rows that are alone.
func piecesOf(strata []int, seed uint64) (pieces [][]int, alone []int) {
	members, order := map[int][]int{}, []int{}
	for _, row := range shuffled(single(len(strata)), seed) {
		s := strata[row[0]]
		if members[s] == nil {
			order = append(order, s)
		}
		members[s] = append(members[s], row[0])
	}
	for _, s := range order {
		all := members[s]
		if len(all) == 1 {
			alone = append(alone, all[0])
			continue
		}
		for parts := (len(all) + pieceRows - 1) / pieceRows; parts > 0; parts-- {
			size := len(all) / parts
			pieces, all = append(pieces, all[:size:size]), all[size:]
		}
	}
	if pieces != nil {
		pieces = shuffled(pieces, seed)
	}
	return pieces, alone
}

// within permutes some rows within their pieces, of which each is in one place.
func (p *plan) within(rows []int, f, b int) func(i int) int {
	to, keys := make([]int, len(rows)), make([]float64, len(rows))
	for i := range rows {
		to[i], keys[i] = i, sampling.Uniform(p.seed, sampling.StreamPermute, uint64(f)<<32|uint64(b), uint64(i))
	}
	for lo, hi := 0, 0; lo < len(rows); lo = hi {
		for hi = lo; hi < len(rows) && p.pieces[rows[hi]] == p.pieces[rows[lo]]; hi++ {
		}
		slices.SortFunc(to[lo:hi], func(a, b int) int { return cmp.Compare(keys[a], keys[b]) })
	}
	return func(i int) int { return to[i] }
}
