package mine

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/preprocess"
	"gomine/mine/sampling"
)

// normals are n independent normal numbers.
func normals(n int, seed uint64) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = sampling.Normal(seed, sampling.StreamInit, 0, uint64(i))
	}
	return v
}

// autoregressive is a series of coefficient phi.
func autoregressive(n int, phi float64, seed uint64) []float64 {
	v := normals(n, seed)
	for i := 1; i < n; i++ {
		v[i] = phi*v[i-1] + math.Sqrt(1-phi*phi)*v[i]
	}
	return v
}

// roles returns what each row is in a fold: 't', 'v', 'e' for training, validation and
// test, ' ' for rows that are left out.
func roles(a arrangement, f fold) []byte {
	all := make([]byte, a.total)
	for i := range all {
		all[i] = ' '
	}
	for role, ranges := range map[byte][]preprocess.Range{'t': f.train, 'v': f.validation, 'e': f.test} {
		for _, r := range ranges {
			for p := r.Lo; p < r.Hi; p++ {
				all[a.order(p)] = role
			}
		}
	}
	return all
}

// TestBlocks: rows of different roles are a gap apart at least, all positions are rows, and
// all rows but those of the gaps are tested once.
func TestBlocks(t *testing.T) {
	const n = 5000
	x, z := column.Slices(autoregressive(n, 0.8, 1)), column.Slices(autoregressive(n, 0.8, 2))
	for _, folds := range []int{1, 3, 5} {
		cfg := DefaultConfig(n)
		cfg.Folds = folds
		a, err := arrange(x, z, cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		// Of this coefficient the time is 9, and a row is worth 1.64/.36 = 4.6 less.
		if a.Kind != SplitBlocks || a.CorrelationTime < 6 || a.CorrelationTime > 14 || a.EffectiveRows < 700 || a.EffectiveRows > 1700 ||
			a.Gap < 6 || a.Gap > 14 || a.Block < 60 || a.Block > 150 || a.Unresolved {
			t.Errorf("%d folds: %+v", folds, a.Split)
		}
		all, err := newFolds(a.units, cfg)
		if err != nil {
			t.Fatal(err)
		}
		seen := make([]bool, n)
		for p := range n {
			seen[a.order(p)] = true
		}
		if slices.Contains(seen, false) {
			t.Fatal("a row has no position")
		}
		tested := 0
		for _, f := range all {
			of := roles(a, f)
			last := -1 // row with a role
			for i, role := range of {
				if role == ' ' {
					continue
				}
				if last >= 0 && of[last] != role && i-last <= a.Gap {
					t.Fatalf("rows %d and %d are in %q and %q", last, i, of[last], role)
				}
				last = i
			}
			rows := 0
			for _, size := range f.clusters {
				rows += size
			}
			if c := f.counts; rows != c.Test || c.Train+c.Validation+c.Test+c.LeftOut != n || c.Total != n {
				t.Errorf("%+v, %d rows in clusters", c, rows)
			}
			tested += f.counts.Test
		}
		if folds > 1 && tested != a.rows {
			t.Errorf("%d rows are tested, want %d", tested, a.rows)
		}
	}
}

// TestGroups: no group has two roles in a fold, and none is torn between test folds.
func TestGroups(t *testing.T) {
	const n = 3000
	group := make([]int, n)
	for i := range group {
		group[i] = (i * i) % 97 * 5 // 49 groups, of different sizes
	}
	cfg := DefaultConfig(n)
	a, err := arrange(column.Slices(normals(n, 1)), column.Slices(normals(n, 2)), cfg, group)
	if err != nil {
		t.Fatal(err)
	}
	if a.Kind != SplitGroups || a.Units != 49 || a.total != n || a.rows != n {
		t.Errorf("%+v", a.Split)
	}
	folds, err := newFolds(a.units, cfg)
	if err != nil {
		t.Fatal(err)
	}
	clusters := 0
	for _, f := range folds {
		role := map[int]byte{}
		for i, r := range roles(a, f) {
			if was, ok := role[group[i]]; ok && was != r {
				t.Fatalf("group %d is in %q and %q", group[i], was, r)
			}
			role[group[i]] = r
		}
		clusters += len(f.clusters)
	}
	if clusters != 49 {
		t.Errorf("%d clusters, want 49", clusters)
	}
}

// TestRefusedSplits: groups and blocks that cannot be.
func TestRefusedSplits(t *testing.T) {
	const n = 500
	x, z := column.Slices(normals(n, 1)), column.Slices(normals(n, 2))
	each, one := make([]int, n), make([]int, n)
	for i := range each {
		each[i] = i
	}
	var about *GroupsError
	for _, groups := range [][]int{each, one} {
		if _, err := NewEstimator(t.Context(), x, z, DefaultConfig(n), WithGroups(groups)); !errors.As(err, &about) {
			t.Errorf("error %v, want a GroupsError", err)
		}
	}
	if _, err := NewEstimator(t.Context(), x, z, DefaultConfig(n), WithGroups(one[:9])); err == nil || !strings.Contains(err.Error(), "9 rows") {
		t.Errorf("groups of too few rows: %v", err)
	}
	var field *FieldError
	cfg := DefaultConfig(n)
	cfg.Split = SplitBlocks
	if _, err := NewEstimator(t.Context(), x, z, cfg, WithGroups(each)); !errors.As(err, &field) || field.Field != "split" {
		t.Errorf("groups and blocks: %v", err)
	}
	cfg.Split, cfg.Block = SplitAuto, 20
	if _, err := NewEstimator(t.Context(), x, z, cfg, WithGroups(each)); !errors.As(err, &field) || field.Field != "block" {
		t.Errorf("groups and a length of blocks: %v", err)
	}
	cfg.Split, cfg.Block = SplitBlocks, n
	if _, err := NewEstimator(t.Context(), x, z, cfg); !errors.As(err, &field) || field.Field != "block" || !errors.Is(err, ErrTooFewSamples) {
		t.Errorf("a block as long as the data: %v", err)
	}
	cfg.Split = SplitRandom
	if err := cfg.Validate(); !errors.As(err, &field) || field.Field != "block" {
		t.Errorf("a block and a random split: %v", err)
	}
	cfg.Split = "halves"
	if err := cfg.Validate(); !errors.As(err, &field) || field.Field != "split" {
		t.Errorf("an unknown split: %v", err)
	}
}

// TestArrange: what is chosen for rows of several kinds.
func TestArrange(t *testing.T) {
	const n = 4000
	iid := normals(n, 1)
	twice := slices.Concat(iid[:n/2], iid[:n/2])
	other := slices.Concat(normals(n/2, 5), normals(n/2, 5))
	series := autoregressive(n/2, 0.9, 7)
	walk := autoregressive(n, 0.9999, 9)
	for _, c := range []struct {
		name       string
		x, z       []float64
		kind       SplitKind
		unresolved bool
		repeated   int
	}{
		{"independent", iid, normals(n, 2), SplitRandom, false, 0},
		{"a series and independent rows", autoregressive(n, 0.9, 3), iid, SplitRandom, false, 0},
		{"repeated", twice, other, SplitRepeats, false, n},
		{"a series twice", slices.Concat(series, series), slices.Concat(autoregressive(n/2, 0.9, 8), autoregressive(n/2, 0.9, 8)), SplitBlocks, false, n},
		{"walks", walk, autoregressive(n, 0.9999, 10), SplitBlocks, true, 0},
	} {
		cfg := DefaultConfig(n)
		a, err := arrange(column.Slices(c.x), column.Slices(c.z), cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		if a.Kind != c.kind || a.Unresolved != c.unresolved || a.Repeated != c.repeated {
			t.Errorf("%s: %+v", c.name, a.Split)
		}
		if c.name == "a series twice" && a.rows > n/2 {
			t.Errorf("%s: %d rows are used", c.name, a.rows)
		}
		cfg.Split = SplitRandom
		if a, err = arrange(column.Slices(c.x), column.Slices(c.z), cfg, nil); err != nil || a.Kind != SplitRandom || a.ends != nil {
			t.Errorf("%s, asked for random: %+v, %v", c.name, a.Split, err)
		}
	}
}

// TestClusteredVariance: of clusters of equal rows, the variance is that of as many
// independent rows, with the correction of few of them; of clusters of one row it is that of
// rows, with the correction.
func TestClusteredVariance(t *testing.T) {
	const clusters, size = 50, 8
	v := normals(clusters, 3)
	var mean float64
	for _, x := range v {
		mean += x / clusters
	}
	var one tested
	for _, x := range v {
		for range size {
			one.influence = append(one.influence, x-mean)
		}
		one.clusters = append(one.clusters, size)
		one.VarT += (x - mean) * (x - mean) / clusters
	}
	one.Rows, one.Pairs = clusters*size, clusters*size
	want := one.VarT / (clusters - 1)
	if got := one.variance(); math.Abs(got/want-1) > 1e-12 {
		t.Errorf("variance %v, want %v", got, want)
	}
	if b, err := one.bound(0.95); err != nil || math.Abs(b.High-b.Estimate-2.0096*b.StdErr) > 1e-4*b.StdErr { // t of 49 degrees
		t.Errorf("bound %+v, %v", b, err)
	}
	independent := one
	independent.clusters = nil
	if got, want := independent.variance(), one.VarT/(clusters*size); math.Abs(got/want-1) > 1e-12 {
		t.Errorf("independent: %v, want %v", got, want)
	}
}

// TestLimited: few degrees of freedom widen the interval as Student's t has it.
func TestLimited(t *testing.T) {
	b := Bound{Estimate: 1, StdErr: 0.1}.limited(1000, 0.95, 4)
	if q := (b.High - 1) / 0.1; math.Abs(q-2.7764) > 1e-3 {
		t.Errorf("quantile %v, want 2.7764", q)
	}
	b = Bound{Estimate: 1, StdErr: 0.1}.limited(1000, 0.95, 0)
	if q := (1 - b.LowerBound) / 0.1; math.Abs(q-distuv.UnitNormal.Quantile(0.95)) > 1e-12 {
		t.Errorf("quantile %v, want 1.645", q)
	}
	a := arrangement{Split: Split{EffectiveRows: 2, Unresolved: true}, units: units{ends: []int{1, 2}}}
	if got := a.limit(Bound{Low: 0.4, LowerBound: 0.5}); got.Low != 0 || got.LowerBound != 0 {
		t.Errorf("nothing can be said, and yet %+v", got)
	}
}

func TestUnits(t *testing.T) {
	u := units{rows: 100, total: 110, ends: []int{10, 40, 100}}
	for p, want := range map[int]int{0: 0, 4: 0, 5: 10, 10: 10, 24: 10, 25: 40, 69: 40, 70: 100, 100: 100, 105: 100} {
		if got := u.border(p); got != want {
			t.Errorf("border(%d) = %d, want %d", p, got, want)
		}
	}
	if got := u.within(10, 100); !slices.Equal(got, []int{30, 60}) {
		t.Errorf("within: %v", got)
	}
	if got := independent(9); got.border(7) != 7 || got.within(0, 9) != nil || got.some(3) != 0 {
		t.Error("independent rows are not their own units")
	}
}

func TestLengthJSON(t *testing.T) {
	for l, want := range map[Length]string{AutoLength: `"auto"`, 400: "400"} {
		text, err := json.Marshal(l)
		var back Length
		if err != nil || string(text) != want || json.Unmarshal(text, &back) != nil || back != l {
			t.Errorf("%v is %s as JSON, and back %v", l, text, back)
		}
	}
}

// TestInfluenceOfRows: a chosen split that leaves influence values correlated is warned of,
// and none of independent ones is.
func TestInfluenceOfRows(t *testing.T) {
	const n = 2000
	a := arrangement{Split: Split{Kind: SplitRandom, EffectiveRows: n}, units: independent(n), order: preprocess.Shuffled(n, 1)}
	folds, err := newFolds(a.units, DefaultConfig(n))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		phi  float64
		want int
	}{{0, 0}, {0.9, 1}} {
		v := autoregressive(n, c.phi, 5)
		var all []tested
		for _, f := range folds {
			one := tested{Evaluation: backend.Evaluation{Rows: f.counts.Test}}
			for _, r := range f.test {
				for p := r.Lo; p < r.Hi; p++ {
					one.influence = append(one.influence, v[a.order(p)])
				}
			}
			all = append(all, one)
		}
		if got := a.warnings(folds, all); len(got) != c.want {
			t.Errorf("%v: warnings %v", c.phi, got)
		}
	}
}
