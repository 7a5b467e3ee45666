package simulate

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"
)

// maxMatrix bounds the size of the dense matrices that a task may hold; at
// 4096 one takes 128 MiB.
const maxMatrix = 4096

var families = []Family{
	{
		Name:     "gaussian",
		Summary:  "pairs of normals with correlation rho",
		Reads:    []string{"dim", "rho", "info"},
		Defaults: Params{Dim: 1, Rho: 0.5},
		build:    gaussian,
	},
	{
		Name:     "channel",
		Summary:  "normal input plus normal noise of standard deviation noise",
		Reads:    []string{"dim", "noise", "info"},
		Defaults: Params{Dim: 1, Noise: 1},
		build:    channel,
	},
	{
		Name:     "correlated",
		Summary:  "jointly normal with a random correlation matrix",
		Reads:    []string{"dim-x", "dim-z", "seed"},
		Defaults: Params{DimX: 3, DimZ: 2},
		build:    correlated,
	},
	{
		Name:     "uniform-noise",
		Summary:  "uniform input plus uniform noise of half-width noise",
		Reads:    []string{"dim", "noise", "info"},
		Defaults: Params{Dim: 1, Noise: 0.1},
		build:    uniformNoise,
	},
	{
		Name:     "binary-channel",
		Summary:  "input of -1 or 1 plus normal noise of standard deviation noise",
		Reads:    []string{"dim", "noise"},
		Defaults: Params{Dim: 1, Noise: math.Sqrt(0.2)},
		build:    binaryChannel,
	},
	function("linear", "x", func(x float64) float64 { return x }),
	function("cubic", "x^3", func(x float64) float64 { return x * x * x }),
	function("sine", "sin x", math.Sin),
	{
		Name:     "student",
		Summary:  "Student t with nu degrees of freedom that share only their scale",
		Reads:    []string{"dim-x", "dim-z", "nu"},
		Defaults: Params{DimX: 1, DimZ: 1, Nu: 2},
		build:    student,
	},
	{
		Name:     "circle",
		Summary:  "angle, and turns times it blurred over a fraction noise of the circle",
		Reads:    []string{"noise", "turns"},
		Defaults: Params{Noise: 0.1, Turns: 1},
		build:    circle,
	},
	{
		Name:     "discrete",
		Summary:  "one of symbols, confused with another with probability noise",
		Reads:    []string{"dim", "symbols", "noise"},
		Defaults: Params{Dim: 1, Symbols: 4, Noise: 0.1},
		build:    discrete,
	},
	{
		Name:     "independent",
		Summary:  "normals that share nothing",
		Reads:    []string{"dim-x", "dim-z"},
		Defaults: Params{DimX: 1, DimZ: 1},
		build:    independent,
	},
	{
		Name:     "identical",
		Summary:  "normals, z a copy of x; the information is infinite",
		Reads:    []string{"dim"},
		Defaults: Params{Dim: 1},
		build:    identical,
	},
}

// product is the law of p.Dim independent copies of one pair of scalars with
// information truth.
func product(p Params, truth, scaleX, scaleZ float64, pair func(r *rand.Rand) (x, z float64)) law {
	return law{
		dx: p.Dim, dz: p.Dim, truth: float64(p.Dim) * truth,
		scaleX: scaleX, scaleZ: scaleZ, params: p,
		draw: func(r *rand.Rand, x, z, _ []float64) {
			for j := range x {
				x[j], z[j] = pair(r)
			}
		},
	}
}

// maxPairInfo bounds the information asked of one pair, in nats. Here
// 1 - rho^2 = exp(-20) still has seven digits in float64, and so has the truth.
const maxPairInfo = 10

// perPair checks Dim and Info and returns the information that each pair must
// carry, 0 if Info does not ask for any.
func perPair(p Params) (float64, error) {
	if err := atLeast("dim", p.Dim, 1); err != nil {
		return 0, err
	}
	if !(p.Info >= 0 && p.Info <= maxPairInfo*float64(p.Dim)) {
		return 0, &ParamError{"info", p.Info, fmt.Sprintf("0 to %v nats, at most %d for each column", maxPairInfo*float64(p.Dim), maxPairInfo)}
	}
	return p.Info / float64(p.Dim), nil
}

func gaussian(p Params) (law, error) {
	each, err := perPair(p)
	if err != nil {
		return law{}, err
	}
	if each > 0 {
		p.Rho = math.Sqrt(-math.Expm1(-2 * each))
	}
	rho := p.Rho
	if !(rho > -1 && rho < 1) {
		return law{}, &ParamError{"rho", rho, "a number between -1 and 1, both excluded (family identical has z = x)"}
	}
	// (1-rho)(1+rho) rather than 1-rho^2, which cancels near 1.
	variance := (1 - rho) * (1 + rho)
	noise := math.Sqrt(variance)
	return product(p, math.Log(1/variance)/2, 1, 1, func(r *rand.Rand) (x, z float64) {
		x = r.NormFloat64()
		return x, rho*x + noise*r.NormFloat64()
	}), nil
}

func channel(p Params) (law, error) {
	each, err := perPair(p)
	if err != nil {
		return law{}, err
	}
	if each > 0 {
		p.Noise = 1 / math.Sqrt(math.Expm1(2*each))
	}
	s := p.Noise
	if err := positive("noise", s); err != nil {
		return law{}, err
	}
	return product(p, math.Log1p(1/(s*s))/2, 1, math.Hypot(1, s), func(r *rand.Rand) (x, z float64) {
		x = r.NormFloat64()
		return x, x + s*r.NormFloat64()
	}), nil
}

func uniformNoise(p Params) (law, error) {
	each, err := perPair(p)
	if err != nil {
		return law{}, err
	}
	if each > 0 {
		if p.Noise = uniformHalfWidth(each); math.IsInf(p.Noise, 1) {
			return law{}, &ParamError{"info", p.Info, "0 nats, or at least 1e-308 for each column"}
		}
	}
	e := p.Noise
	if err := positive("noise", e); err != nil {
		return law{}, err
	}
	return product(p, uniformInformation(e), 1, 1+e, func(r *rand.Rand) (x, z float64) {
		x = r.Float64()
		return x, x + e*(2*r.Float64()-1)
	}), nil
}

func binaryChannel(p Params) (law, error) {
	if err := cmp.Or(atLeast("dim", p.Dim, 1), positive("noise", p.Noise)); err != nil {
		return law{}, err
	}
	s := p.Noise
	return product(p, binaryInformation(s), 1, math.Hypot(1, s), func(r *rand.Rand) (x, z float64) {
		x = 1
		if r.Uint64()>>63 == 0 {
			x = -1
		}
		return x, x + s*r.NormFloat64()
	}), nil
}

// minFunctionNoise bounds the noise of the function families from below: the
// cost of the quadrature grows as 1/noise^2.
const minFunctionNoise = 0.005

// function is the family of f on U(-1, 1) plus normal noise.
func function(name, formula string, f func(float64) float64) Family {
	return Family{
		Name:     "function-" + name,
		Summary:  "uniform input through " + formula + " plus normal noise of standard deviation noise",
		Reads:    []string{"dim", "noise"},
		Defaults: Params{Dim: 2, Noise: 0.3},
		build: func(p Params) (law, error) {
			s := p.Noise
			if err := cmp.Or(atLeast("dim", p.Dim, 1), finiteFrom("noise", s, minFunctionNoise)); err != nil {
				return law{}, err
			}
			return product(p, functionInformation(f, s), 1, 1+s, func(r *rand.Rand) (x, z float64) {
				x = 2*r.Float64() - 1
				return x, f(x) + s*r.NormFloat64()
			}), nil
		},
	}
}

// minNu bounds the degrees of freedom from below. The largest of n draws grows
// as n^(1/nu), so that 1e8 of them stay within float32, also cubed.
const minNu = 0.7

func student(p Params) (law, error) {
	if err := cmp.Or(atLeast("dim-x", p.DimX, 1), atLeast("dim-z", p.DimZ, 1), finiteFrom("nu", p.Nu, minNu)); err != nil {
		return law{}, err
	}
	nu := p.Nu
	return law{
		dx: p.DimX, dz: p.DimZ, truth: studentInformation(nu, p.DimX, p.DimZ),
		scaleX: math.Inf(1), scaleZ: math.Inf(1), params: p,
		draw: func(r *rand.Rand, x, z, _ []float64) {
			scale := math.Sqrt(nu / distuv.ChiSquared{K: nu, Src: r}.Rand())
			for j := range x {
				x[j] = scale * r.NormFloat64()
			}
			for j := range z {
				z[j] = scale * r.NormFloat64()
			}
		},
	}, nil
}

// maxTurns bounds the turns of a circle from above: rounding blurs the angle by
// about 1e-15 times the turns, which must stay small beside any useful noise.
const maxTurns = 1_000_000

func circle(p Params) (law, error) {
	e, turns := p.Noise, p.Turns
	if !(e > 0 && e <= 1) {
		return law{}, &ParamError{"noise", e, "a fraction of the circle above 0, at most 1"}
	}
	if turns < 1 || turns > maxTurns {
		return law{}, &ParamError{"turns", turns, fmt.Sprintf("1 to %d", maxTurns)}
	}
	return law{
		// Given the first angle the second is uniform on 2 pi e, and on 2 pi
		// without it.
		dx: 2, dz: 2, truth: math.Log(1 / e),
		scaleX: 1, scaleZ: 1, params: p,
		draw: func(r *rand.Rand, x, z, _ []float64) {
			a := 2 * math.Pi * r.Float64()
			b := float64(turns)*a + math.Pi*e*(2*r.Float64()-1)
			x[1], x[0] = math.Sincos(a)
			z[1], z[0] = math.Sincos(b)
		},
	}, nil
}

func discrete(p Params) (law, error) {
	if err := cmp.Or(atLeast("dim", p.Dim, 1), atLeast("symbols", p.Symbols, 2)); err != nil {
		return law{}, err
	}
	k, flip := p.Symbols, p.Noise
	if !(flip >= 0 && flip <= 1) {
		return law{}, &ParamError{"noise", flip, "a probability from 0 to 1"}
	}
	scale := float64(k)
	return product(p, discreteInformation(k, flip), scale, scale, func(r *rand.Rand) (x, z float64) {
		i := r.IntN(k)
		j := i
		if r.Float64() < flip {
			j = (i + 1 + r.IntN(k-1)) % k
		}
		return float64(i), float64(j)
	}), nil
}

func independent(p Params) (law, error) {
	if err := cmp.Or(atLeast("dim-x", p.DimX, 1), atLeast("dim-z", p.DimZ, 1)); err != nil {
		return law{}, err
	}
	return law{
		dx: p.DimX, dz: p.DimZ, scaleX: 1, scaleZ: 1, params: p,
		draw: func(r *rand.Rand, x, z, _ []float64) {
			for j := range x {
				x[j] = r.NormFloat64()
			}
			for j := range z {
				z[j] = r.NormFloat64()
			}
		},
	}, nil
}

func identical(p Params) (law, error) {
	if err := atLeast("dim", p.Dim, 1); err != nil {
		return law{}, err
	}
	return product(p, math.Inf(1), 1, 1, func(r *rand.Rand) (x, z float64) {
		x = r.NormFloat64()
		return x, x
	}), nil
}
