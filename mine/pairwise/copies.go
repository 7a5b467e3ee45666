package pairwise

import (
	"context"
	"math"
	"slices"

	"gomine/mine/column"
	"gomine/mine/dependence"
)

const (
	// mostTwins is how many pairs of rows of one value tell whether another column has copies beside them.
	mostTwins = 1024
	// leastTwins is the fewest that do.
	leastTwins = 10
	// leastExcess is how many of them are alike, of those that chance leaves. Of copies, whose values come
	// mostly with one of the other side, it is a half or more.
	leastExcess = 0.25
	// chance is how many standard deviations above its mean the number of those is that are alike, as
	// chance has it in one of a thousand pairs.
	chance = 3.1
)

// twins are pairs of rows of one value each, evenly from all.
func twins(runs []int, order []int32) [][2]int32 {
	var all [][2]int32
	first := 0
	for _, run := range runs {
		for k := first; k+1 < first+run; k += 2 {
			all = append(all, [2]int32{order[k], order[k+1]})
		}
		first += run
	}
	some := make([][2]int32, min(len(all), mostTwins))
	for k := range some {
		some[k] = all[k*len(all)/len(some)]
	}
	return some
}

// mayCopy reports whether rows of one number of either column are alike in the other so often that all
// rows are worth comparing.
func mayCopy(a, b *prepared) bool {
	return a.scores != nil && a.alike(b) || b.scores != nil && b.alike(a)
}

// alike reports whether the twins of a column have one value of another more often than by chance.
func (p *prepared) alike(other *prepared) bool {
	if len(p.twins) < leastTwins || len(other.twins) == 0 {
		return false
	}
	count := 0
	for _, t := range p.twins {
		if other.value[t[0]] == other.value[t[1]] {
			count++
		}
	}
	m := float64(len(p.twins))
	excess := float64(count)/m - other.meeting
	return excess >= leastExcess*(1-other.meeting) && excess >= chance*math.Sqrt(other.meeting*(1-other.meeting)/m)
}

// match numbers the values of a column that has some more than once, and finds its twins.
func (p *prepared) match(runs []int, order []int32) {
	if p.twins = twins(runs, order); len(p.twins) == 0 {
		return
	}
	p.value = make([]int32, len(order))
	first := 0
	for k, run := range runs {
		for _, i := range order[first : first+run] {
			p.value[i] = int32(k)
		}
		first += run
		share := float64(run) / float64(len(order))
		p.meeting += share * share
	}
}

// copied finds the rows of a pair that are copies of others, whatever other variables say of them. It
// returns how many rows a different one is worth, 1 for no copies, and the first of the equal rows.
func (s *screen) copied(a, b int) (factor float64, kept []int, err error) {
	xs, zs := s.columns[s.first[a]:s.first[a+1]], s.columns[s.first[b]:s.first[b+1]]
	if len(xs) == 1 && len(zs) == 1 && !mayCopy(&xs[0], &zs[0]) {
		return 1, nil, nil
	}
	for _, own := range [][]prepared{xs, zs} {
		if slices.ContainsFunc(own, func(c prepared) bool { return len(c.twins) == 0 }) {
			return 1, nil, nil // a column of which no value is there again, or a constant
		}
	}
	if len(xs) == 1 && len(zs) == 1 {
		for _, by := range [][2]int{{a, b}, {b, a}} {
			if told, err := dependence.Ordered(s.vars[by[0]].Data, s.vars[by[1]].Data); err != nil || told {
				return 1, nil, err
			}
		}
	}
	return s.repeats(s.vars[a].Data, s.vars[b].Data)
}

// repeats is copied of two sources.
func (s *screen) repeats(x, z column.Source) (factor float64, kept []int, err error) {
	repeats, err := dependence.FindRepeats(x, z)
	if err != nil || repeats.Rows == 0 {
		return 1, nil, err
	}
	factor, kept = countCopies(repeats.Group, s.n)
	return factor, kept, nil
}

// showCopies looks again at the pairs of two variables that do not show by themselves that their rows are copies, as
// two codes of a person do not: a third variable that has copies with each of them, such as a number of the person,
// shows it.
func (s *screen) showCopies(ctx context.Context) error {
	with := make([][]int, len(s.vars)) // by variable, those with which it has copies, in ascending order
	for _, p := range s.out.Pairs {
		if p.Copied {
			with[p.A], with[p.B] = append(with[p.A], p.B), append(with[p.B], p.A)
		}
	}
	return s.each(ctx, len(s.vars), nil, func(a int) error {
		for b := a + 1; b < len(s.vars); b++ {
			p := &s.out.Pairs[Index(a, b, len(s.vars))]
			if p.Copied {
				continue
			}
			for _, c := range with[a] {
				if _, both := slices.BinarySearch(with[b], c); !both {
					continue
				}
				told, err := s.told(c, a, b)
				if err != nil {
					return err
				}
				if told {
					continue
				}
				factor, kept, err := s.repeats(column.Join(s.vars[a].Data, s.vars[c].Data), s.vars[b].Data)
				if err != nil {
					return err
				}
				if factor <= s.factor {
					continue
				}
				w, err := s.worthOf(a, b, factor, kept)
				if err != nil {
					return err
				}
				*p = s.pair(newTables(s.n, s.logs), a, b, s.correlations([2]int{a, a + 1}, [2]int{b, b + 1}), w)
				p.HiddenCopies = true
				break
			}
		}
		return nil
	})
}

// told reports whether a number c tells both a and b by its order, as an age tells who is retired: nothing then says
// that rows of one value of it are of one person.
func (s *screen) told(c, a, b int) (bool, error) {
	by := s.vars[c].Data
	if len(by.Columns()) != 1 {
		return false, nil
	}
	return dependence.Ordered(by, column.Join(s.vars[a].Data, s.vars[b].Data))
}

// countCopies returns how many of n rows an independent one is worth, sum m^2 / n of groups of m rows, and the
// first row of every group. Every row is a group where groups is nil.
func countCopies(groups []int, n int) (factor float64, first []int) {
	size := map[int]float64{}
	for i := range n {
		if groups == nil || size[groups[i]] == 0 {
			first = append(first, i)
		}
		if groups != nil {
			size[groups[i]]++
		}
	}
	if groups == nil {
		return 1, first
	}
	square := 0.0
	for _, m := range size {
		square += m * m // whole numbers: exact in any order
	}
	return square / float64(n), first
}

// memories are those of the columns of a variable in some of its rows, as prepare has them.
func memories(s column.Source, kept []int) ([][]dependence.Memory, error) {
	var all [][]dependence.Memory
	values := make([]float64, s.Rows())
	for j := range s.Columns() {
		if err := s.Read(values, 0, len(values), j, j+1); err != nil {
			return nil, err
		}
		all = append(all, memoryOf(values, kept))
	}
	return all, nil
}

// memoryOf is how a series of some rows depends on itself.
func memoryOf(values []float64, kept []int) []dependence.Memory {
	series := make([]float64, min(len(kept), memoryRows))
	for k := range series {
		series[k] = values[kept[k]]
	}
	return dependence.Memories(series)
}
