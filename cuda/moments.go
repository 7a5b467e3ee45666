//go:build cuda

package cuda

import (
	"errors"
	"math"

	"gomine/cuda/internal/driver"
	"gomine/cuda/internal/kernel"
	"gomine/mine/backend"
)

// momentBlocks is the number of blocks of the kernels of moments and of squares, which
// leave their sums by block.
const momentBlocks = 256

// result turns the sums by row into averages. The sums by block are added in
// their order.
func (e *evaluation) result(s *driver.Stream, influence []float64) (r backend.Evaluation, err error) {
	n := e.rows.Len()
	grid := driver.Dim{X: momentBlocks, Y: 1, Z: 1}
	all := make([]float64, 1+4*momentBlocks+e.pairing.Count*e.parts())
	sums, scores := all[1:][:4*momentBlocks], all[1+4*momentBlocks:]
	err = errors.Join(
		kernel.MomentsMax(s, grid, 0, kernel.MomentsMaxArgs{Partial: e.sums, Joint: e.joint, Um: e.um, N: n}),
		driver.Download(s, all, e.bad))
	if err != nil {
		return r, err
	}
	r = backend.Evaluation{Rows: n, Pairs: int64(n) * int64(e.pairing.Count)}
	shift, most := math.Inf(-1), math.Inf(-1)
	for b := range momentBlocks {
		shift, most = math.Max(shift, sums[2*b]), math.Max(most, sums[2*b+1])
	}
	err = errors.Join(
		kernel.MomentsMean(s, grid, 0, kernel.MomentsMeanArgs{
			Partial: e.sums, Joint: e.joint, Um: e.um, Us: e.us, Js: e.js, N: n, Shift: shift,
		}),
		driver.Download(s, sums, e.sums))
	if err != nil {
		return r, err
	}
	total := byBlock(sums)
	pairs, u := float64(r.Pairs), total[3]
	r.Joint = total[0] / float64(n)
	r.LogU = shift + math.Log(u/pairs)
	r.JS = -total[1]/float64(n) - total[2]/pairs
	r.MaxT = most
	err = errors.Join(
		kernel.MomentsCentral(s, grid, 0, kernel.MomentsCentralArgs{
			Partial: e.sums, Influence: e.influence, Joint: e.joint, Um: e.um, Us: e.us, Uq: e.uq, Vm: e.vm, Vs: e.vs,
			N: n, Shift: shift, Mean: r.Joint, Scale: float64(n) / u,
		}),
		driver.Download(s, sums, e.sums))
	if err == nil && influence != nil {
		err = driver.Download(s, influence, e.influence)
	}
	if err != nil {
		return r, err
	}
	total = byBlock(sums)
	r.VarT, r.VarW, r.CovTW = total[0]/float64(n), total[1]/float64(n), total[2]/float64(n)
	// g has mean 1, whatever the scale of e^T; rounding may leave less.
	r.VarG = max(0, total[3]*pairs/(u*u)-1)
	r.Marginal = e.means(scores)
	r.Finite = math.Float64bits(all[0]) == 0
	for _, v := range []float64{r.Joint, r.LogU, r.JS, r.VarT, r.VarW, r.CovTW, r.VarG, r.MaxT} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			r.Finite = false
		}
	}
	return r, nil
}

// byBlock adds up what the moments kernels leave by block, four sums each.
func byBlock(sums []float64) (total [4]float64) {
	for b := range momentBlocks {
		for k := range total {
			total[k] += sums[4*b+k]
		}
	}
	return total
}

// means returns the mean marginal score of each pairing, from the sums of its parts.
func (e *evaluation) means(sums []float64) []float64 {
	means := make([]float64, e.pairing.Count)
	for k := range means {
		for _, v := range sums[k*e.parts():][:e.parts()] {
			means[k] += v
		}
		means[k] /= float64(e.rows.Len())
	}
	return means
}
