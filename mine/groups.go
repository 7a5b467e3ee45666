package mine

import (
	"fmt"

	"gomine/mine/column"
	"gomine/mine/dependence"
	"gomine/mine/preprocess"
)

// GroupsError is about groups of rows, by WithGroups, that cannot be kept together.
type GroupsError struct {
	Groups, Rows int
	// Given is how many groups there were before those that hold copies of each other's rows were joined, 0 if none do.
	Given int
	Want  string
}

func (e *GroupsError) Error() string {
	switch {
	case e.Given > 0:
		return fmt.Sprintf("mine: the %d rows are in %d groups, which hold copies of each other's rows: those that share none are %d, want %s", e.Rows, e.Given, e.Groups, e.Want)
	case e.Groups == 1:
		return fmt.Sprintf("mine: all %d rows are in one group, want %s", e.Rows, e.Want)
	}
	return fmt.Sprintf("mine: the %d rows are in %d groups, want %s", e.Rows, e.Groups, e.Want)
}

// grouped keeps the rows of a group together. Groups that hold copies of each other's rows are one group. Groups that
// are alike where they follow each other, in the order of their first rows, are kept together in blocks, as rows of a
// series are. SplitRandom says that groups are independent, and looks for neither.
func grouped(x, z column.Source, cfg Config, ids []int) (arrangement, error) {
	n := x.Rows()
	if len(ids) != n {
		return arrangement{}, fmt.Errorf("mine: groups of %d rows, but there are %d", len(ids), n)
	}
	group, count := numbered(ids)
	switch {
	case count == n:
		return arrangement{}, &GroupsError{Groups: count, Rows: n, Want: "fewer, of several rows each; if no rows belong together, leave the groups out"}
	case count < leastBlocks:
		return arrangement{}, &GroupsError{Groups: count, Rows: n, Want: fmt.Sprintf("at least %d, to train on some and know the error by others; group by something finer, or leave the groups out", leastBlocks)}
	}
	s := Split{Kind: SplitGroups, EffectiveRows: n, Units: count}
	if cfg.Split == SplitRandom {
		return keep(group, count, cfg.Seed).as(s), nil
	}
	shared, err := sharedRows(x, z, cfg, group)
	if err != nil {
		return arrangement{}, err
	}
	if shared.Group != nil {
		s.Repeated, s.EffectiveRows = shared.Rows, shared.Groups
		group, s.Units = join(group, count, shared)
		if s.Units < leastBlocks {
			return arrangement{}, &GroupsError{Groups: s.Units, Rows: n, Given: count, Want: fmt.Sprintf("at least %d, to train on some and know the error by others; leave the copies out, or, if equal rows are draws of their own, as of columns of few values, split at random", leastBlocks)}
		}
	}
	first := firsts(group)
	found, err := dependence.Find(column.Pick(x, first), column.Pick(z, first))
	if err != nil {
		return arrangement{}, err
	}
	s.CorrelationTime, s.Sorted = found.Time, found.Sorted
	if !found.Serial {
		return keep(group, s.Units, cfg.Seed).as(s), nil
	}
	a, err := blocked(s.Units, nil, found, cfg, 1)
	if err != nil {
		return arrangement{}, err
	}
	s.EffectiveRows = max(1, int(found.Effective*float64(s.EffectiveRows)/float64(s.Units)))
	s.Block, s.Gap, s.Units, s.Unresolved = a.Block, a.Gap, a.Units, a.Unresolved
	return a.expand(group).as(s), nil
}

// numbered numbers groups from 0 in the order of their first rows, and counts them.
func numbered(ids []int) (group []int, count int) {
	number := map[int]int{}
	group = make([]int, len(ids))
	for i, id := range ids {
		if _, ok := number[id]; !ok {
			number[id] = len(number)
		}
		group[i] = number[id]
	}
	return group, len(number)
}

// shared are rows that are in several groups.
type shared struct {
	dependence.Repeats
	rows []int // those that Group is of: every different row of each group
}

// sharedRows looks for rows that are in several groups. That a group has a row more than once says nothing: it is kept
// together. Nor do equal rows where one side is a column whose order tells the other, as an age tells who is retired.
func sharedRows(x, z column.Source, cfg Config, group []int) (none shared, err error) {
	found, err := findRepeats(x, z, cfg)
	if err != nil || found.Group == nil {
		return none, err
	}
	rows := make([]int, 0, len(group))
	seen := map[[2]int]bool{}
	for i, g := range group {
		if row := [2]int{g, found.Group[i]}; !seen[row] {
			seen[row] = true
			rows = append(rows, i)
		}
	}
	if len(rows) < len(group) {
		if found, err = dependence.FindRepeats(column.Pick(x, rows), column.Pick(z, rows)); err != nil {
			return none, err
		}
	}
	for _, by := range [][2]column.Source{{x, z}, {z, x}} {
		if len(by[0].Columns()) != 1 {
			continue
		}
		if told, err := dependence.Ordered(by[0], by[1]); err != nil || told {
			return none, err
		}
	}
	return shared{found, rows}, nil
}

// join makes one group of those of count that share rows, directly or by others.
func join(group []int, count int, s shared) (joined []int, groups int) {
	parent := make([]int, count)
	for g := range parent {
		parent[g] = g
	}
	root := func(g int) int {
		for parent[g] != g {
			parent[g] = parent[parent[g]]
			g = parent[g]
		}
		return g
	}
	first := make([]int, s.Groups) // the group of the first of equal rows, and 1
	for k, row := range s.Group {
		g := root(group[s.rows[k]])
		if first[row] == 0 {
			first[row] = g + 1
			continue
		}
		if f := root(first[row] - 1); f < g {
			parent[g] = f
		} else {
			parent[f] = g
		}
	}
	joined = make([]int, len(group))
	for i, g := range group {
		joined[i] = root(g)
	}
	return numbered(joined)
}

// keep puts groups, numbered from 0, in random order, the rows of each in their own.
func keep(group []int, groups int, seed uint64) arrangement {
	u := units{rows: groups, total: groups, ends: make([]int, groups), worth: 1}
	for g := range u.ends {
		u.ends[g] = g + 1
	}
	return arrangement{units: u, order: preprocess.Shuffled(groups, seed)}.expand(group)
}

// as is the arrangement with what is to be said of it.
func (a arrangement) as(s Split) arrangement {
	a.Split = s
	return a
}

// expand makes an arrangement of rows of one of their groups, the rows of each in their own order.
func (a arrangement) expand(group []int) arrangement {
	start := make([]int, a.total+1)
	for _, g := range group {
		start[g+1]++
	}
	for g := range a.total {
		start[g+1] += start[g]
	}
	next := make([]int, a.total)
	rows := make([]int32, len(group)) // group after group
	for i, g := range group {
		rows[start[g]+next[g]] = int32(i)
		next[g]++
	}
	order, ends := make([]int32, 0, len(group)), make([]int, 0, len(a.ends))
	for p := range a.total {
		g := a.order(p)
		order = append(order, rows[start[g]:start[g+1]]...)
		if len(ends) < len(a.ends) && p+1 == a.ends[len(ends)] {
			ends = append(ends, len(order))
		}
	}
	used, all := ends[len(ends)-1], len(order)
	return arrangement{units: units{used, all, ends, a.worth * float64(a.total) / float64(all)}, order: listed(order)}
}
