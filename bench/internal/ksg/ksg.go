// Package ksg estimates mutual information from nearest neighbours, to stand
// beside the neural estimates.
package ksg

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"gonum.org/v1/gonum/mathext"
)

// Estimate returns the first estimator of Kraskov, Stögbauer and Grassberger,
// "Estimating mutual information" (2004), equation 8, in nats:
//
//	I = psi(k) + psi(n) - mean(psi(n_x + 1) + psi(n_z + 1))
//
// where, in the maximum norm, n_x and n_z count the rows whose x and z are
// closer to those of a row than its k-th neighbour in (x, z) is. x is [n, dx]
// and z [n, dz], row-major. All pairs of rows are compared: the time grows with
// n^2 (dx + dz).
func Estimate(x []float64, dx int, z []float64, dz, k int) (float64, error) {
	if dx < 1 || dz < 1 || len(x)%dx != 0 || len(z)%dz != 0 || len(x)/dx != len(z)/dz {
		return 0, fmt.Errorf("ksg: %d values in %d columns beside %d in %d", len(x), dx, len(z), dz)
	}
	n := len(x) / dx
	if k < 1 || k >= n {
		return 0, fmt.Errorf("ksg: %d neighbours of %d rows", k, n)
	}
	terms := make([]float64, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			toX, toZ, nearest := make([]float64, n), make([]float64, n), make([]float64, 0, k+1)
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				distances(toX, x, dx, i)
				distances(toZ, z, dz, i)
				nearest = nearest[:0]
				for j := range n {
					if j == i {
						continue
					}
					d := max(toX[j], toZ[j])
					if len(nearest) == k && d >= nearest[k-1] {
						continue
					}
					at, _ := slices.BinarySearch(nearest, d)
					nearest = slices.Insert(nearest, at, d)
					nearest = nearest[:min(k, len(nearest))]
				}
				within := nearest[k-1]
				var nx, nz int
				for j := range n {
					if j == i {
						continue
					}
					if toX[j] < within {
						nx++
					}
					if toZ[j] < within {
						nz++
					}
				}
				terms[i] = mathext.Digamma(float64(nx+1)) + mathext.Digamma(float64(nz+1))
			}
		})
	}
	wg.Wait()
	var sum float64
	for _, t := range terms {
		sum += t
	}
	return mathext.Digamma(float64(k)) + mathext.Digamma(float64(n)) - sum/float64(n), nil
}

// distances stores the maximum-norm distance of every row from row i.
func distances(dst, rows []float64, d, i int) {
	if d == 1 {
		for j, v := range rows {
			dst[j] = math.Abs(v - rows[i])
		}
		return
	}
	own := rows[i*d : (i+1)*d]
	for j := range dst {
		var most float64
		for c, v := range rows[j*d : (j+1)*d] {
			most = max(most, math.Abs(v-own[c]))
		}
		dst[j] = most
	}
}
