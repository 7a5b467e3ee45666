package conditional

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"gomine/mine"
	"gomine/mine/column"
)

const (
	// mostCompared is the most rows that are compared with each other: that takes half a second.
	mostCompared = 3000
	// nearest is how many rows of like y a row is compared with.
	nearest = 10
	// mostThrough is how often products that mean nothing say something, if they are normal, and overlap by how much
	// larger their deviation is than that of independent ones: in sets of 300 and 1,000 rows it was up to that.
	mostThrough, overlap = 1e-3, 1.1
)

// throughY looks for what regressions have left of both sides alike: for rows j that are nearest to i in y,
//
//	sum_i m_i,   m_i = sum_j ( u_i v_j + v_i u_j )
//
// is 0 on average if the mean of u given y is 0, or that of v, however u and v of one row depend on each other. It is
// compared with the root of the sum of m_i^2. Where both have kept the same function of y it is above 0, and a
// permutation finds it. What is held is not asked about: permutations keep means in a stratum. Units are as those of unitsOf;
// rows of one are not compared, and count once.
func throughY(u, v *residuals, y column.Source, held *Held, units []int, seed uint64) ([]mine.Warning, error) {
	if len(y.Columns()) > mostColumns {
		return nil, nil
	}
	rows := someRows(y.Rows(), mostCompared, seed)
	own := make([]int, len(rows))
	for k, i := range rows {
		own[k] = -1 - k
		if units != nil && units[i] >= 0 {
			own[k] = units[i]
		}
	}
	near, err := nearestOf(column.Pick(y, rows), own)
	if err != nil {
		return nil, err
	}
	us, err := leftIn(u, held, rows)
	if err != nil {
		return nil, err
	}
	vs, err := leftIn(v, held, rows)
	if err != nil {
		return nil, err
	}
	if us == nil || vs == nil {
		return nil, nil
	}
	most := 0.0
	for _, a := range us {
		for _, b := range vs {
			most = max(most, math.Abs(productsOf(a, b, near, own)))
		}
	}
	if pairs := float64(len(us) * len(vs)); most < overlap*distuv.UnitNormal.Quantile(1-mostThrough/2/pairs) {
		return nil, nil
	}
	return []mine.Warning{{Code: WarnShared, Message: fmt.Sprintf(
		"what is left of x goes with what is left of z in other rows with nearly the same condition (%.1f standard errors): the regressions have left of both what they share with it, which may have been taken for dependence, and the p-value is in doubt; more rows help", most)}}, nil
}

// nearestOf finds, for each row, those of other units with the nearest y, by the Euclidean distance of normal scores. Equal
// values have one score.
func nearestOf(y column.Source, units []int) ([][]int, error) {
	points := make([][]float64, y.Rows())
	for j := range y.Columns() {
		scores, err := levels(y, j, nil)
		if err != nil {
			return nil, err
		}
		for i := range points {
			points[i] = append(points[i], scores.At(i, 0))
		}
	}
	all := make([][]int, len(points))
	for i := range points {
		var away []float64 // ascending
		for k := range points {
			if units[k] == units[i] {
				continue
			}
			d := floats.Distance(points[i], points[k], 2)
			if len(away) == nearest && d >= away[nearest-1] {
				continue
			}
			at, _ := slices.BinarySearch(away, d)
			away, all[i] = slices.Insert(away, at, d), slices.Insert(all[i], at, k)
			if len(away) > nearest {
				away, all[i] = away[:nearest], all[i][:nearest]
			}
		}
	}
	return all, nil
}

// leftIn returns the columns of numbers of some rows of u, less their means, or those of the strata if any are held.
func leftIn(u *residuals, held *Held, rows []int) (columns [][]float64, err error) {
	values := make([]float64, u.Rows())
	for k := range u.columns {
		if u.columns[k].Kind == column.Code {
			continue
		}
		if err := u.Read(values, 0, len(values), k, k+1); err != nil {
			return nil, err
		}
		if held != nil {
			held.centre(values)
		}
		some := make([]float64, len(rows))
		for i, row := range rows {
			some[i] = values[row]
		}
		floats.AddConst(-stat.Mean(some, nil), some)
		columns = append(columns, some)
	}
	return columns, nil
}

// productsOf is the sum of products of a row and those near it, in standard errors; 0 where nothing varies.
func productsOf(u, v []float64, near [][]int, units []int) float64 {
	terms := map[int]float64{}
	for i, others := range near {
		for _, j := range others {
			terms[units[i]] += u[i]*v[j] + v[i]*u[j]
		}
	}
	var sum, square float64
	for _, k := range slices.Sorted(maps.Keys(terms)) {
		sum, square = sum+terms[k], square+terms[k]*terms[k]
	}
	if square == 0 {
		return 0
	}
	return sum / math.Sqrt(square)
}
