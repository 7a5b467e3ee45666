package mine_test

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"gomine/cpu"
	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/simulate"
)

// asking is quick, with nearest neighbours asked.
func asking(rows int) mine.Config {
	cfg := quick(rows)
	cfg.Neighbours = true
	return cfg
}

// TestNeighbours: nearest neighbours find the truth, within four standard errors, and change
// nothing else, whatever the backend is divided into and whether the data may be overwritten.
func TestNeighbours(t *testing.T) {
	const rows = 2000
	law, xs, zs := draw(t, "gaussian", simulate.Params{Dim: 1, Rho: 0.8}, rows, 1)
	x, z := column.Slices(xs), column.Slices(zs)
	cfg := asking(rows)
	cfg.Steps = 200
	r := estimate(t, x, z, cfg)
	n := r.Neighbours
	if n == nil || n.Rows != rows || math.Abs(n.Estimate-law.Truth) > 4*n.StdErr {
		t.Fatalf("%+v, truth %.3f", n, law.Truth)
	}
	if warned(r, mine.WarnNeighbours) {
		t.Errorf("a warning: neighbours %.3f, critics %.3f", n.Estimate, r.Estimate)
	}
	cfg.Neighbours = false
	if without := estimate(t, x, z, cfg); without.Neighbours != nil || without.Bound != r.Bound {
		t.Errorf("%+v with neighbours, %+v without", r.Bound, without.Bound)
	}
	cfg.Neighbours, cfg.Folds = true, 2
	b, err := cpu.Open(cpu.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if divided := estimate(t, x, z, cfg, mine.WithBackend(b)); !reflect.DeepEqual(divided.Neighbours, n) {
		t.Errorf("in two folds %+v, in one %+v", divided.Neighbours, n)
	}
}

// TestNeighboursFindMore: a critic with few steps on ranks misses a sine of ten periods, its
// neighbours do not.
func TestNeighboursFindMore(t *testing.T) {
	const rows = 4000
	g := rand.New(rand.NewPCG(1, 1))
	x, z := make([]float64, rows), make([]float64, rows)
	for i := range x {
		x[i] = g.Float64()
		z[i] = math.Sin(20*math.Pi*x[i]) + 0.3*g.NormFloat64()
	}
	r := estimate(t, column.Slices(x), column.Slices(z), asking(rows))
	if !warned(r, mine.WarnNeighbours) {
		t.Errorf("no warning: neighbours %+v, critics %.3f +- %.3f", r.Neighbours, r.Estimate, r.StdErr)
	}
}

// TestNoNeighbours: they are not asked about many columns, nor where rows are kept together.
func TestNoNeighbours(t *testing.T) {
	const rows = 1000
	_, x, z := draw(t, "gaussian", simulate.Params{Dim: 5, Rho: 0.5}, rows, 1)
	cfg := asking(rows)
	cfg.Steps = 10
	if r := estimate(t, column.RowMajor(x, 5), column.RowMajor(z, 5), cfg); r.Neighbours != nil {
		t.Errorf("asked about 10 columns: %+v", r.Neighbours)
	}
	groups := make([]int, rows)
	for i := range groups {
		groups[i] = i / 10
	}
	x, z = x[:rows], z[:rows]
	if r := estimate(t, column.Slices(x), column.Slices(z), cfg, mine.WithGroups(groups)); r.Neighbours != nil {
		t.Errorf("asked about groups: %+v", r.Neighbours)
	}
	cfg.Split, cfg.Block = mine.SplitBlocks, 20
	if r := estimate(t, column.Slices(x), column.Slices(z), cfg); r.Neighbours != nil {
		t.Errorf("asked about blocks: %+v", r.Neighbours)
	}
}
