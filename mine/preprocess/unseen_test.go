package preprocess

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gomine/mine/backend"
	"gomine/mine/column"
)

// mapsOf are fitted to all rows.
func mapsOf(t *testing.T, method Method, x, z column.Source) Maps {
	t.Helper()
	p, err := NewPairs(x, z, 1)
	if err != nil {
		t.Fatal(err)
	}
	m, err := p.Fit(method, Range{0, p.Rows()})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// coded is n rows of labels, in turn.
func coded(n int, labels ...string) column.Source {
	all := make([]string, n)
	for i := range all {
		all[i] = labels[i%len(labels)]
	}
	return column.Codes(all)
}

// TestUnseen: numbers outside what all maps together were fitted to are counted, an end that was rounded
// to float32 is inside, and labels are known by their names, whatever their codes.
func TestUnseen(t *testing.T) {
	const n = 100
	low, high := make([]float64, n), make([]float64, n)
	for i := range n {
		low[i], high[i] = 0.1+float64(i%3), 1.1+float64(i%3) // 0.1 to 2.1, 1.1 to 3.1
	}
	z := coded(n, "red", "blue")
	for _, method := range Methods() {
		maps := []Maps{mapsOf(t, method, column.Slices(low), z), mapsOf(t, method, column.Slices(high), z)}
		given := column.Slices([]float64{0.1, float64(float32(0.1)), 3.1, float64(float32(3.1)), 3.2, 0, 1000})
		got, err := CountUnseen(maps, given, coded(7, "blue", "RED"))
		want := []Unseen{
			{Side: "x", Column: "0", Rows: 7, Unknown: 3, Min: 0.1, Max: 3.1},
			{Side: "z", Column: "0", Rows: 7, Unknown: 3, Labels: []string{"blue", "red"}, Example: "RED"},
		}
		if err != nil || len(got) != 2 || !same(got[0], want[0]) || !same(got[1], want[1]) {
			t.Errorf("%v: %+v, error %v, want %+v", method, got, err, want)
		}
		if _, err := CountUnseen(maps, given, column.Slices(make([]float64, 7))); !errors.Is(err, backend.ErrShape) {
			t.Errorf("numbers for codes: error %v", err)
		}
	}
}

func same(a, b Unseen) bool {
	if !slices.Equal(a.Labels, b.Labels) {
		return false
	}
	a.Labels, b.Labels = nil, nil
	return a.Side == b.Side && a.Column == b.Column && a.Rows == b.Rows && a.Unknown == b.Unknown && a.Min == b.Min && a.Max == b.Max && a.Rare == b.Rare && a.Example == b.Example
}

// TestUnseenChance: of one new row, 2/(n+1) is outside; and other rows of any law have fewer p-values up to
// a level than the level says, up to three standard errors of 4000 draws.
func TestUnseenChance(t *testing.T) {
	for _, n := range []int{2, 9, 1000} {
		if got, want := (Unseen{Rows: 1, Unknown: 1}).Chance(n), 2/float64(n+1); math.Abs(got-want) > 1e-12 {
			t.Errorf("one of one row, fitted to %d: %v, want %v", n, got, want)
		}
	}
	if got := (Unseen{Rows: 1_000_000, Unknown: 1_000_000}).Chance(1000); got > 1e-12 {
		t.Errorf("all rows outside by chance: %v", got)
	}
	const draws, n, m, level = 4000, 60, 40, 0.05
	g := rand.New(rand.NewPCG(1, 1))
	for _, law := range []struct {
		name string
		draw func() float64
	}{
		{"normal", g.NormFloat64},
		{"Cauchy", func() float64 { return math.Tan(math.Pi * (g.Float64() - 0.5)) }},
		{"ties", func() float64 { return float64(g.IntN(5)) }},
	} {
		below := 0
		for range draws {
			lo, hi := math.Inf(1), math.Inf(-1)
			for range n {
				v := law.draw()
				lo, hi = min(lo, v), max(hi, v)
			}
			u := Unseen{Rows: m}
			for range m {
				if v := law.draw(); v < lo || v > hi {
					u.Unknown++
				}
			}
			if u.Chance(n) <= level {
				below++
			}
		}
		if most := draws*level + 3*math.Sqrt(draws*level); float64(below) > most {
			t.Errorf("%s: %d of %d draws have a chance of at most %v, want %.0f at most", law.name, below, draws, level, most)
		}
	}
}

// TestUnknownLabelsChance: of labels most of which are rare, as names are, new ones are no surprise; where
// none is rare, they are.
func TestUnknownLabelsChance(t *testing.T) {
	if got := (Unseen{Rows: 100, Unknown: 60, Labels: []string{"a"}, Rare: 600}).Chance(1000); got < 0.5 {
		t.Errorf("60%% new labels where 60%% are there once: %v", got)
	}
	if got := (Unseen{Rows: 100, Unknown: 60, Labels: []string{"a"}, Rare: 5}).Chance(1000); got > 1e-12 {
		t.Errorf("60%% new labels where 0.5%% are there once: %v", got)
	}
	if got := (Unseen{Rows: 1, Unknown: 1, Labels: []string{"a"}}).Chance(1000); got != 0 {
		t.Errorf("a new label where none is rare: %v", got)
	}
}
