package simulate

import (
	"errors"
	"math"
	"strings"
	"testing"
)

// checkParamError checks that err is a ParamError for param and value whose
// Want begins with want, and that its text is one line that says all three.
func checkParamError(t *testing.T, err error, param string, value any, want string) {
	t.Helper()
	var refused *ParamError
	if !errors.As(err, &refused) {
		t.Errorf("%s %v: error %v, want a ParamError", param, value, err)
		return
	}
	same := refused.Value == value
	if v, isFloat := value.(float64); isFloat && math.IsNaN(v) {
		got, isFloat := refused.Value.(float64)
		same = isFloat && math.IsNaN(got)
	}
	if refused.Param != param || !same || !strings.HasPrefix(refused.Want, want) {
		t.Errorf("refused %s, %T %v, wants %q; it should be %s, %T %v, wants %q",
			refused.Param, refused.Value, refused.Value, refused.Want, param, value, value, want)
	}
	msg := err.Error()
	if !strings.HasPrefix(msg, "simulate: ") || !strings.Contains(msg, param+" is ") || !strings.Contains(msg, ", want "+refused.Want) || strings.Contains(msg, "\n") {
		t.Errorf("error %q, want one line with the parameter and what is wanted", msg)
	}
}

func TestParameterErrors(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		family string
		params Params
		param  string
		value  any
		want   string
	}{
		{"gausian", Params{}, "family", "gausian", "one of gaussian, channel"},
		{"", Params{}, "family", "", "one of gaussian, channel"},
		{"gaussian", Params{Dim: 0, Rho: 0.5}, "dim", 0, "at least 1"},
		{"gaussian", Params{Dim: 1, Rho: 1}, "rho", 1.0, "a number between -1 and 1"},
		{"gaussian", Params{Dim: 1, Rho: nan}, "rho", nan, "a number between -1 and 1"},
		{"gaussian", Params{Dim: 2, Info: 20.5}, "info", 20.5, "0 to 20 nats, at most 10 for each column"},
		{"gaussian", Params{Dim: 2, Info: -1}, "info", -1.0, "0 to 20 nats"},
		{"channel", Params{Dim: 1}, "noise", 0.0, "a positive number"},
		{"channel", Params{Dim: 1, Noise: inf}, "noise", inf, "a positive number"},
		{"channel", Params{Dim: 1, Info: nan}, "info", nan, "0 to 10 nats"},
		{"correlated", Params{DimX: 2}, "dim-z", 0, "at least 1"},
		{"correlated", Params{DimX: 4000, DimZ: 97}, "dim-x", 4000, "at most 4096 columns of X and Z together"},
		{"correlated", Params{DimX: 1, DimZ: math.MaxInt}, "dim-z", math.MaxInt, "at most 4096 columns of X and Z together"},
		{"uniform-noise", Params{Dim: 1, Noise: -1}, "noise", -1.0, "a positive number"},
		// The half-width that gives so little is beyond float64.
		{"uniform-noise", Params{Dim: 1, Info: 1e-310}, "info", 1e-310, "0 nats, or at least 1e-308"},
		{"binary-channel", Params{Dim: 1, Noise: nan}, "noise", nan, "a positive number"},
		{"function-sine", Params{Dim: 1, Noise: 0.001}, "noise", 0.001, "a number, at least 0.005"},
		{"function-sine", Params{Dim: 1, Noise: inf}, "noise", inf, "a number, at least 0.005"},
		{"student", Params{DimX: 1, DimZ: 1, Nu: 0.5}, "nu", 0.5, "a number, at least 0.7"},
		{"student", Params{DimX: 1, DimZ: 1, Nu: nan}, "nu", nan, "a number, at least 0.7"},
		{"student", Params{DimX: 1, DimZ: -2, Nu: 1}, "dim-z", -2, "at least 1"},
		{"circle", Params{Noise: 1.5, Turns: 1}, "noise", 1.5, "a fraction of the circle"},
		{"circle", Params{Noise: 0.5}, "turns", 0, "1 to 1000000"},
		{"discrete", Params{Dim: 1, Symbols: 1}, "symbols", 1, "at least 2"},
		{"discrete", Params{Dim: 1, Symbols: 2, Noise: 1.1}, "noise", 1.1, "a probability from 0 to 1"},
		{"student", Params{DimX: 1, DimZ: 1, Nu: 1, Rho: -1}, "rho", -1.0, "a number between -1 and 1"},
		{"gaussian", Params{Dim: 2, Pairs: 3}, "pairs", 3, "0 to 2"},
		{"gaussian", Params{Dim: 2, Pairs: -1}, "pairs", -1, "0 to 2"},
		{"copula-clayton", Params{}, "theta", 0.0, "a number above 0, at most 20"},
		{"copula-gumbel", Params{Theta: 0.9}, "theta", 0.9, "a number from 1 to 100"},
		{"copula-frank", Params{Theta: nan}, "theta", nan, "a number from -100 to 100, not 0"},
		{"copula-t", Params{Nu: 0.5}, "nu", 0.5, "a number, at least 0.7"},
		{"copula-t", Params{Nu: 2, Rho: 1}, "rho", 1.0, "a number between -1 and 1"},
		{"mixture", Params{Dim: 1}, "components", 0, "at least 1"},
		{"mixture", Params{Dim: 1, Components: 101}, "components", 101, "at most 100"},
		{"sine-product", Params{Dim: 1}, "turns", 0, "1 to 1000000"},
		{"swiss-roll", Params{Dim: 2, Pairs: 3}, "pairs", 3, "0 to 2"},
		{"swiss-roll", Params{Dim: 1, Rho: 1}, "rho", 1.0, "a number between -1 and 1"},
		{"gamma-exponential", Params{Theta: 1}, "dim", 0, "at least 1"},
		{"gamma-exponential", Params{Dim: 1}, "theta", 0.0, "a number from 0.01 to 1000"},
		{"gamma-exponential", Params{Dim: 1, Theta: nan}, "theta", nan, "a number from 0.01 to 1000"},
		{"independent", Params{DimZ: 1}, "dim-x", 0, "at least 1"},
		{"identical", Params{}, "dim", 0, "at least 1"},
	} {
		_, err := New(c.family, c.params, "", "")
		checkParamError(t, err, c.param, c.value, c.want)
		if c.param != "family" && err != nil && !strings.HasPrefix(err.Error(), "simulate: "+c.family+": ") {
			t.Errorf("error %q does not name family %s", err, c.family)
		}
	}
}

func TestMapErrors(t *testing.T) {
	student := Params{DimX: 1, DimZ: 1, Nu: 2}
	for _, c := range []struct {
		family       string
		params       Params
		mapX, mapZ   string
		param, value string
		want         string
	}{
		{"gaussian", Params{Dim: 1, Rho: 0.5}, "cube", "", "map-x", "cube", "one of none, cubic"},
		{"gaussian", Params{Dim: 1, Rho: 0.5}, "", "cube", "map-z", "cube", "one of none, cubic"},
		{"student", student, "exp", "", "map-x", "exp", "a map that can hold tails this heavy"},
		{"student", student, "", "cdf", "map-z", "cdf", "a map that can hold tails this heavy"},
		{"student", student, "spiral", "", "map-x", "spiral", "a map that can hold tails this heavy"},
		{"student", student, "", "network", "map-z", "network", "a map that can hold tails this heavy"},
		{"identical", Params{Dim: maxMatrix + 1}, "rotation", "", "map-x", "rotation", "another map for 4097 columns"},
		{"identical", Params{Dim: maxNetwork + 1}, "", "network", "map-z", "network", "another map for 1025 columns"},
		{"gaussian", Params{Dim: 1, Rho: 0.5}, "", "spiral", "map-z", "spiral", "another map for 1 column"},
	} {
		_, err := New(c.family, c.params, c.mapX, c.mapZ)
		checkParamError(t, err, c.param, c.value, c.want)
	}
}

func TestFillErrors(t *testing.T) {
	task := newTask(t, "correlated", Params{DimX: 3, DimZ: 2})
	checkParamError(t, task.Fill(-1, 0, make([]float64, 3), make([]float64, 2)), "first", -1, "0 or more")
	for _, c := range []struct {
		x, z int
		want string
	}{
		{4, 2, "x holds 4 values"},
		{3, 3, "z holds 3"},
		{6, 2, "x holds 6 values and z holds 2; give rows*3 and rows*2"},
	} {
		err := task.Fill(0, 0, make([]float64, c.x), make([]float64, c.z))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v", c, err)
		}
	}
	if err := task.Fill(3, 0, nil, nil); err != nil {
		t.Errorf("no rows: %v", err)
	}
	if x, z := task.Sample(-1, 0); len(x)+len(z) != 0 {
		t.Errorf("-1 rows: %d and %d values", len(x), len(z))
	}
}
