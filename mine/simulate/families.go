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

// perPair checks Dim and Info and returns the information that each of the
// informative pairs must carry, 0 if Info does not ask for any.
func perPair(p Params, pairs int) (float64, error) {
	if err := atLeast("dim", p.Dim, 1); err != nil {
		return 0, err
	}
	if !(p.Info >= 0 && p.Info <= maxPairInfo*float64(pairs)) {
		return 0, &ParamError{"info", p.Info, fmt.Sprintf("0 to %v nats, at most %d for each column", maxPairInfo*float64(pairs), maxPairInfo)}
	}
	return p.Info / float64(pairs), nil
}

func gaussian(p Params) (law, error) {
	pairs := p.Dim
	if p.Pairs != 0 {
		pairs = p.Pairs
	}
	if p.Dim >= 1 && (pairs < 0 || pairs > p.Dim) {
		return law{}, &ParamError{"pairs", p.Pairs, fmt.Sprintf("0 to %d, the number of columns", p.Dim)}
	}
	each, err := perPair(p, pairs)
	if err != nil {
		return law{}, err
	}
	if each > 0 {
		p.Rho = math.Sqrt(-math.Expm1(-2 * each))
	}
	rho := p.Rho
	if err := checkRho(rho); err != nil {
		return law{}, err
	}
	noise := math.Sqrt((1 - rho) * (1 + rho))
	return law{
		dx: p.Dim, dz: p.Dim, truth: float64(pairs) * gaussianPairInformation(rho),
		scaleX: 1, scaleZ: 1, params: p,
		draw: func(r *rand.Rand, x, z, _ []float64) {
			for j := range x {
				x[j] = r.NormFloat64()
				z[j] = r.NormFloat64()
				if j < pairs {
					z[j] = rho*x[j] + noise*z[j]
				}
			}
		},
	}, nil
}

// swissRoll is gaussian with the first column of x on a spiral in the plane of
// the first column and one more. Its radius, from 1/2 to 3/2, tells the column.
func swissRoll(p Params) (law, error) {
	l, err := gaussian(p)
	if err != nil {
		return law{}, err
	}
	flat := l.draw
	l.dx++
	l.scaleX = 1.5
	l.draw = func(r *rand.Rand, x, z, scratch []float64) {
		last := len(x) - 1
		flat(r, x[:last], z, scratch)
		radius := 0.5 + normalCDF(x[0])
		sin, cos := math.Sincos(3 * math.Pi * radius)
		x[0], x[last] = radius*cos, radius*sin
	}
	return l, nil
}

// checkRho refuses a correlation that is not within (-1, 1).
func checkRho(rho float64) error {
	if !(rho > -1 && rho < 1) {
		return &ParamError{"rho", rho, "a number between -1 and 1, both excluded (family identical has z = x)"}
	}
	return nil
}

// gaussianPairInformation is I(X;Z) of two normals with correlation rho. It
// takes (1-rho)(1+rho) rather than 1-rho^2, which cancels near 1.
func gaussianPairInformation(rho float64) float64 {
	return math.Log(1/((1-rho)*(1+rho))) / 2
}

func channel(p Params) (law, error) {
	each, err := perPair(p, p.Dim)
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
	each, err := perPair(p, p.Dim)
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
	if err := cmp.Or(atLeast("dim-x", p.DimX, 1), atLeast("dim-z", p.DimZ, 1), finiteFrom("nu", p.Nu, minNu), checkRho(p.Rho)); err != nil {
		return law{}, err
	}
	nu, rho := p.Nu, p.Rho
	noise := math.Sqrt((1 - rho) * (1 + rho))
	pairs := min(p.DimX, p.DimZ)
	return law{
		dx: p.DimX, dz: p.DimZ,
		truth:  studentInformation(nu, p.DimX, p.DimZ) + float64(pairs)*gaussianPairInformation(rho),
		scaleX: math.Inf(1), scaleZ: math.Inf(1), params: p,
		draw: func(r *rand.Rand, x, z, _ []float64) {
			scale := math.Sqrt(nu / distuv.ChiSquared{K: nu, Src: r}.Rand())
			for j := range x {
				x[j] = scale * r.NormFloat64()
			}
			for j := range z {
				z[j] = scale * r.NormFloat64()
				if j < pairs {
					z[j] = rho*x[j] + noise*z[j]
				}
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
