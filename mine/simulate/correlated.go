package simulate

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"
)

func correlated(p Params) (law, error) {
	if err := cmp.Or(atLeast("dim-x", p.DimX, 1), atLeast("dim-z", p.DimZ, 1)); err != nil {
		return law{}, err
	}
	if p.DimX > maxMatrix || p.DimZ > maxMatrix-p.DimX {
		larger := ParamError{"dim-x", p.DimX, fmt.Sprintf("at most %d columns of X and Z together", maxMatrix)}
		if p.DimZ > p.DimX {
			larger.Param, larger.Value = "dim-z", p.DimZ
		}
		return law{}, &larger
	}
	factor := randomCorrelation(p.DimX, p.DimZ, p.Seed)
	truth, ok := gaussianInformation(factor, p.DimX)
	if !ok {
		return law{}, &ParamError{"seed", p.Seed, "another seed: this one makes a singular correlation matrix"}
	}
	return law{
		dx: p.DimX, dz: p.DimZ, truth: truth,
		scaleX: 1, scaleZ: 1, params: p,
		draw: func(r *rand.Rand, x, z, scratch []float64) {
			for j := range scratch {
				scratch[j] = r.NormFloat64()
			}
			for i := range scratch {
				var sum float64
				for j, w := range factor.RawRowView(i)[:i+1] {
					sum += w * scratch[j]
				}
				if i < len(x) {
					x[i] = sum
				} else {
					z[i-len(x)] = sum
				}
			}
		},
	}, nil
}

// randomCorrelation returns the lower Cholesky factor, [D, D] with D = dx+dz,
// of a random correlation matrix: that of a Wishart matrix with 2D degrees of
// freedom by Bartlett's decomposition, its rows scaled to length 1. Twice as
// many degrees of freedom as columns keep it well conditioned at any size.
func randomCorrelation(dx, dz int, seed uint64) *mat.Dense {
	d := dx + dz
	r := newRand(seed, correlationStream)
	factor := mat.NewDense(d, d, nil)
	for i := range d {
		row := factor.RawRowView(i)[:i+1]
		for j := range i {
			row[j] = r.NormFloat64()
		}
		row[i] = math.Sqrt(distuv.ChiSquared{K: float64(2*d - i), Src: r}.Rand())
		floats.Scale(1/floats.Norm(row, 2), row)
	}
	return factor
}

// gaussianInformation returns I(X;Z) of a normal vector (X, Z) whose
// covariance S = L L^T is given by its lower Cholesky factor L, X being its
// first dx components. With L's last rows (Lzx Lzz), Szz = Lzx Lzx^T + Lzz Lzz^T
// and det S = det Sxx det(Lzz)^2, so I = 1/2 ln det Szz - ln det Lzz. It is not
// ok if Szz is singular.
func gaussianInformation(factor *mat.Dense, dx int) (info float64, ok bool) {
	d, _ := factor.Dims()
	var szz mat.SymDense
	szz.SymOuterK(1, factor.Slice(dx, d, 0, d))
	var chol mat.Cholesky
	if !chol.Factorize(&szz) {
		return 0, false
	}
	info = chol.LogDet() / 2
	for i := dx; i < d; i++ {
		info -= math.Log(factor.At(i, i))
	}
	return info, true
}
