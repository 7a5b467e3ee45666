package conditional

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gomine/mine"
	"gomine/mine/column"
)

// TestInfinite: a column of X or Z that others determine beside Y is named, of heavy tails too. Where noise is
// left, though a millionth of the variance or less, where values are few, and where Y alone
// determines a column, there is no warning.
func TestInfinite(t *testing.T) {
	const rows = 1000
	g := rand.New(rand.NewPCG(6, 1))
	normal := g.NormFloat64
	cauchy := func() float64 { return math.Tan(math.Pi * (g.Float64() - 0.5)) }
	large := func() float64 { return math.Exp(7 * normal()) }
	three := func(v float64) float64 { return math.Round(1000*v) / 1000 }
	for _, c := range []struct {
		name string
		row  func() (x, z, y [2]float64)
		want string // "" for no warning
	}{
		{"z a sum", func() (x, z, y [2]float64) {
			x, y = [2]float64{normal(), normal()}, [2]float64{normal(), normal()}
			return x, [2]float64{normal(), x[0] - 2*x[1] + y[0]/3 - y[1]}, y
		}, "column z1 of z"},
		{"x a sum", func() (x, z, y [2]float64) {
			z, y = [2]float64{normal(), normal()}, [2]float64{normal(), normal()}
			return [2]float64{normal(), z[0] + z[1] + y[0]}, z, y
		}, "column x1 of x"},
		{"of three digits", func() (x, z, y [2]float64) {
			x, y = [2]float64{three(normal()), normal()}, [2]float64{three(normal()), normal()}
			return x, [2]float64{three(x[0] + y[0]), normal()}, y
		}, "column x0 of x"},
		{"of what y nearly determines", func() (x, z, y [2]float64) {
			y = [2]float64{normal(), normal()}
			x = [2]float64{y[0] + 0.01*normal(), normal()}
			return x, [2]float64{x[0] - y[0] + y[1], normal()}, y
		}, "column x0 of x"},
		{"Cauchy's", func() (x, z, y [2]float64) {
			x, y = [2]float64{cauchy(), normal()}, [2]float64{cauchy(), cauchy()}
			return x, [2]float64{x[0] + y[0] - y[1], normal()}, y
		}, "column x0 of x"},
		{"very heavy", func() (x, z, y [2]float64) {
			x, y = [2]float64{large(), normal()}, [2]float64{large(), large()}
			return x, [2]float64{x[0] + y[0], normal()}, y
		}, "column x0 of x"},
		{"a cube", func() (x, z, y [2]float64) {
			x = [2]float64{normal(), normal()}
			return x, [2]float64{normal(), math.Pow(x[0], 3)}, [2]float64{normal(), normal()}
		}, "column x0 of x and column z1 of z"},
		{"finite, with little beside y", func() (x, z, y [2]float64) {
			e := normal()
			y = [2]float64{normal(), normal()}
			return [2]float64{y[0] + 0.01*e, normal()}, [2]float64{e + 0.05*normal(), normal()}, y
		}, ""},
		{"very heavy and noise", func() (x, z, y [2]float64) {
			x, y = [2]float64{large(), normal()}, [2]float64{large(), large()}
			return x, [2]float64{x[0] + y[0] + normal(), normal()}, y
		}, ""},
		{"of few values", func() (x, z, y [2]float64) {
			y = [2]float64{normal(), normal()}
			days := float64(g.IntN(30))
			return [2]float64{y[0] + days, normal()}, [2]float64{days, normal()}, y
		}, ""},
		{"of few values and many", func() (x, z, y [2]float64) {
			z, y = [2]float64{float64(g.IntN(30)), normal()}, [2]float64{normal(), normal()}
			return [2]float64{y[0] + z[0] + z[1], normal()}, z, y
		}, "column x0 of x"},
		{"by y alone", func() (x, z, y [2]float64) {
			y = [2]float64{normal(), normal()}
			return [2]float64{normal(), normal()}, [2]float64{normal(), y[0] + y[1]}, y
		}, ""},
		{"independent", func() (x, z, y [2]float64) {
			return [2]float64{cauchy(), normal()}, [2]float64{large(), normal()}, [2]float64{cauchy(), large()}
		}, ""},
	} {
		var all [3][]float64
		for range rows {
			x, z, y := c.row()
			all[0], all[1], all[2] = append(all[0], x[:]...), append(all[1], z[:]...), append(all[2], y[:]...)
		}
		d := Data{X: column.Named(column.RowMajor(all[0], 2), "x0", "x1"), Z: column.Named(column.RowMajor(all[1], 2), "z0", "z1"), Given: column.RowMajor(all[2], 2)}
		got, err := d.infinite()
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case c.want == "" && len(got) > 0:
			t.Errorf("%s: %v", c.name, got)
		case c.want != "" && (len(got) != 1 || got[0].Code != mine.WarnDeterministic || !strings.HasPrefix(got[0].Message, c.want)):
			t.Errorf("%s: %v, want one of %s", c.name, got, c.want)
		}
	}
	d, _ := normals(400, 1, 0.5, 3)
	d.Z = column.Named(d.X, "copy")
	cfg := brief(400)
	cfg.Way, cfg.Estimate.Steps = ByResidual, 50
	if r := estimate(t, d, cfg); len(r.Warnings) == 0 || r.Warnings[0].Code != mine.WarnDeterministic {
		t.Errorf("warnings of a copy: %v", r.Warnings)
	}
}
