package mine

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gomine/mine/backend"
	"gomine/mine/column"
)

// pairs of rows are two columns and the groups of the rows.
type pairs struct {
	x, z []float64
	ids  []int
}

// shuffled puts the rows in random order.
func (p pairs) shuffled() pairs {
	rand.New(rand.NewPCG(3, 3)).Shuffle(len(p.x), func(i, j int) {
		p.x[i], p.x[j], p.z[i], p.z[j], p.ids[i], p.ids[j] = p.x[j], p.x[i], p.z[j], p.z[i], p.ids[j], p.ids[i]
	})
	return p
}

// evenly are the numbers of groups of so many rows each.
func evenly(n, each int) []int {
	ids := make([]int, n)
	for i := range ids {
		ids[i] = i / each
	}
	return ids
}

// again appends copies of all rows, whose groups have new numbers.
func (p pairs) again(number func(id int) int) pairs {
	for i := range p.ids[:len(p.ids):len(p.ids)] {
		p.x, p.z, p.ids = append(p.x, p.x[i]), append(p.z, p.z[i]), append(p.ids, number(p.ids[i]))
	}
	return p
}

func arrangedGroups(t *testing.T, p pairs, split SplitKind) (arrangement, error) {
	t.Helper()
	cfg := DefaultConfig(len(p.x))
	cfg.Split = split
	return arrange(column.Slices(p.x), column.Slices(p.z), cfg, p.ids)
}

// TestCopiesInGroups: groups that hold copies of each other's rows are one; copies within a group change nothing.
func TestCopiesInGroups(t *testing.T) {
	const n = 500
	people := func() pairs { return pairs{normals(n, 1), normals(n, 2), evenly(n, 5)} }
	for _, c := range []struct {
		name                       string
		rows                       pairs
		split                      SplitKind
		units, effective, repeated int
	}{
		{"people", people().shuffled(), SplitAuto, 100, n, 0},
		{"the file twice", people().again(func(id int) int { return id + 1000 }).shuffled(), SplitAuto, 100, n, 2 * n},
		{"the file twice, two people by two", people().again(func(id int) int { return 1000 + (id+1)/2 }).shuffled(), SplitAuto, 1, 0, 0},
		{"the file twice, taken for independent", people().again(func(id int) int { return id + 1000 }).shuffled(), SplitRandom, 200, 2 * n, 0},
		{"every row twice in its group", people().again(func(id int) int { return id }).shuffled(), SplitAuto, 100, 2 * n, 0},
	} {
		a, err := arrangedGroups(t, c.rows, c.split)
		if c.name == "the file twice, two people by two" {
			c.units = 51 // people 1 and 2, 3 and 4, ..
			c.effective, c.repeated = n, 2*n
		}
		if err != nil || a.Kind != SplitGroups || a.Units != c.units || a.EffectiveRows != c.effective || a.Repeated != c.repeated || a.rows != len(c.rows.x) {
			t.Errorf("%s: %+v of %d rows, %v", c.name, a.Split, a.rows, err)
			continue
		}
		folds, err := newFolds(a.units, DefaultConfig(len(c.rows.x)))
		if err != nil {
			t.Fatal(err)
		}
		role := map[float64]byte{}
		for i, r := range roles(a, folds[0]) {
			was, ok := role[c.rows.x[i]]
			if role[c.rows.x[i]] = r; ok && was != r && c.split == SplitAuto {
				t.Fatalf("%s: copies of a row are in %q and %q", c.name, was, r)
			}
		}
		if got := slices.ContainsFunc(a.warnings(nil, nil), func(w Warning) bool { return w.Code == WarnRepeats }); got != (c.repeated > 0) {
			t.Errorf("%s: warned of copies: %v", c.name, got)
		}
	}
	ages := people()
	for i := range ages.x {
		ages.x[i] = math.Round(50 + 10*ages.x[i])
		ages.z[i] = math.Floor(ages.x[i] / 65)
	}
	if a, err := arrangedGroups(t, ages, SplitAuto); err != nil || a.Units != 100 || a.Repeated != 0 {
		t.Errorf("ages, and who is older than 65: %+v, %v", a.Split, err)
	}
	chain := people().again(func(id int) int { return id + 1 })
	_, err := arrangedGroups(t, chain, SplitAuto)
	var about *GroupsError
	if !errors.As(err, &about) || about.Given != 101 || about.Groups != 1 || !strings.Contains(err.Error(), "copies") {
		t.Errorf("every group has rows of the next one: %v", err)
	}
}

// TestGroupsInSeries: groups of a series are kept together in blocks, with gaps, unless their order is random, or not
// to be looked at. The false alarm of independent ones is 1e-4.
func TestGroupsInSeries(t *testing.T) {
	const groups, each = 1000, 3
	const n = groups * each
	series := func(phi float64) pairs {
		return pairs{autoregressive(n, phi, 1), autoregressive(n, phi, 2), evenly(n, each)}
	}
	for _, c := range []struct {
		name               string
		rows               pairs
		split              SplitKind
		blocks, unresolved bool
	}{
		{"independent", series(0), SplitAuto, false, false},
		{"a series", series(0.9), SplitAuto, true, false},
		{"nearly a walk", series(0.999), SplitAuto, true, true},
		{"a series in random order", series(0.9).shuffled(), SplitAuto, false, false},
		{"a series that is not looked at", series(0.9), SplitRandom, false, false},
	} {
		a, err := arrangedGroups(t, c.rows, c.split)
		if err != nil {
			t.Fatal(err)
		}
		if a.Kind != SplitGroups || (a.Block > 0) != c.blocks || a.Unresolved != c.unresolved || !c.blocks && a.Units != groups {
			t.Errorf("%s: %+v", c.name, a.Split)
		}
		if c.blocks {
			testBlocksOfGroups(t, a, c.rows.ids)
		}
		var codes []WarningCode
		for _, w := range a.warnings(nil, nil) {
			codes = append(codes, w.Code)
		}
		want := map[bool][]WarningCode{c.blocks: {WarnSerial}, c.unresolved: {WarnUnresolved}}[true]
		if !slices.Equal(codes, want) {
			t.Errorf("%s: warnings %v, want %v", c.name, codes, want)
		}
		if b := a.limit(Bound{Low: 0.1, LowerBound: 0.2}); c.unresolved && (b.Low > 0 || b.LowerBound > 0) {
			t.Errorf("%s: %+v", c.name, b)
		}
	}
}

// testBlocksOfGroups: parts of a fold are a gap of groups apart, and units are blocks of whole groups.
func testBlocksOfGroups(t *testing.T, a arrangement, ids []int) {
	t.Helper()
	folds, err := newFolds(a.units, DefaultConfig(len(ids)))
	if err != nil {
		t.Fatal(err)
	}
	last, of := -1, roles(a, folds[0])
	for i, role := range of {
		if role == ' ' {
			continue
		}
		if last >= 0 && of[last] != role && ids[i]-ids[last] <= a.Gap {
			t.Fatalf("groups %d and %d are in %q and %q, and the gap is %d", ids[last], ids[i], of[last], role, a.Gap)
		}
		last = i
	}
	if len(a.ends) != a.Units || a.rows >= a.total || a.total != len(ids) || !(a.EffectiveRows < a.total) {
		t.Errorf("%d units, %d of %d rows: %+v", len(a.ends), a.rows, a.total, a.Split)
	}
}

// TestKnownBlocks: nothing is looked for in blocks whose worth is known, nor warned of.
func TestKnownBlocks(t *testing.T) {
	const n = 3000
	x, z := column.Slices(autoregressive(n, 0.9, 1)), column.Slices(autoregressive(n, 0.9, 2))
	e, err := NewEstimator(t.Context(), x, z, DefaultConfig(n), WithBlocks(evenly(n, 3), 0.2))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if s := e.Split(); s.Units != n/3 || s.Block != 0 || s.EffectiveRows != n/5 || e.arranged.warnings(nil, nil) != nil {
		t.Errorf("%+v, %v", s, e.arranged.warnings(nil, nil))
	}
}

// TestInfluenceOfGroups: what groups add, in the order of their first rows, is warned of where it is a series.
func TestInfluenceOfGroups(t *testing.T) {
	const groups, each = 400, 5
	for _, c := range []struct {
		phi   float64
		known bool
		want  int
	}{{0, false, 0}, {0.9, false, 1}, {0.9, true, 0}} {
		a := keep(evenly(groups*each, each), groups, 1).as(Split{Kind: SplitGroups, EffectiveRows: groups * each, Units: groups})
		a.known = c.known
		folds, err := newFolds(a.units, DefaultConfig(groups*each))
		if err != nil {
			t.Fatal(err)
		}
		v := autoregressive(groups, c.phi, 5)
		var all []tested
		for _, f := range folds {
			one := tested{Evaluation: backend.Evaluation{Rows: f.counts.Test}, clusters: f.clusters}
			for _, r := range f.test {
				for p := r.Lo; p < r.Hi; p++ {
					row := a.order(p)
					one.influence = append(one.influence, v[row/each]+float64(row%each-2))
				}
			}
			all = append(all, one)
		}
		got := a.warnings(folds, all)
		if len(got) != c.want || c.want > 0 && (got[0].Code != WarnSerial || !strings.Contains(got[0].Message, "of 400")) {
			t.Errorf("%v, known %v: warnings %v", c.phi, c.known, got)
		}
	}
}

// TestOrdered: that rows, or groups, were taken for sorted is said, unless they are to be split at random.
func TestOrdered(t *testing.T) {
	const n, each = 3000, 3
	x, z := make([]float64, n), normals(n, 3)
	for i := range x {
		x[i] = float64(i)
		z[i] += x[i] / 1000
	}
	for _, c := range []struct {
		ids   []int
		split SplitKind
		want  bool
	}{{nil, SplitAuto, true}, {nil, SplitRandom, false}, {nil, SplitBlocks, false}, {evenly(n, each), SplitAuto, true}, {evenly(n, each), SplitRandom, false}} {
		a, err := arrangedGroups(t, pairs{x, z, c.ids}, c.split)
		if err != nil {
			t.Fatal(err)
		}
		got := a.warnings(nil, nil)
		if warned := slices.ContainsFunc(got, func(w Warning) bool { return w.Code == WarnOrdered }); warned != c.want || a.Sorted != c.want {
			t.Errorf("groups %v, %s: %+v, warnings %v", c.ids != nil, c.split, a.Split, got)
		}
	}
}
