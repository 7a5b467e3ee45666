package conditional

import (
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// A regression is a linear regression of several targets on the same features: of features F [n, m]
// and targets T [n, k], both less their means,
//
//	T_j = F ( v_j ridge_j + w_j forward_j ),   v_j, w_j >= 0
//
// of a ridge regression, which is good where many features count a little, and a forward selection,
// which is good where few of them count: the noise of m coefficients from n rows is m/n of that of
// the target. The weights are those of least squared error of predictions out of blocks of rows
// (stacked regressions, Breiman, Machine Learning 24, 1996). If that explains next to nothing, both
// are 0, and the prediction is the mean.
type regression struct {
	centers      []float64  // of the features
	coefficients *mat.Dense // [m, k]
	means        []float64  // of the targets
	limits       limits     // of predictions
	explained    []float64  // of each target, out of blocks: from 0 to 1
}

const (
	// blocks is into how many parts the rows are cut, each of which is predicted from the others.
	blocks = 5
	// leastExplained is what has to be explained for features to be used, in shares 1/n of the
	// variance: by chance, as much is explained of noise in about one of 100 sets. What is taken
	// for noise by mistake costs no more than that, and noise that is not some 20/n.
	leastExplained = 8
	// rounding is how far squared errors may be below 0, in shares of the sum of squares: sums of squares that say more
	// have cancelled beyond mostCancelled.
	rounding = 1e-4
)

// borders are those of the blocks of n rows: of equal ones, but that no group of rows that belong
// together, if there are any, is cut where one lies behind the other. They begin with 0 and end with n.
func borders(n int, groups []int) []int {
	all := []int{0}
	for b := 1; b < blocks; b++ {
		p := b * n / blocks
		for groups != nil && 0 < p && p < n && groups[p] == groups[p-1] {
			p++
		}
		if p > all[len(all)-1] && p < n {
			all = append(all, p)
		}
	}
	if all = append(all, n); len(all) == 2 && groups != nil {
		return borders(n, nil) // all are one group
	}
	return all
}

// newRegression fits a regression to rows in blocks with the borders. It overwrites features and targets
// by their differences from their means.
func newRegression(features, targets *mat.Dense, borders []int) (*regression, error) {
	n, m := features.Dims()
	_, k := targets.Dims()
	r := &regression{centers: center(features), limits: limitsOf(targets), means: center(targets), explained: make([]float64, k), coefficients: mat.NewDense(m, k, nil)}
	parts, all := make([]part, len(borders)-1), zeroSums(m, k)
	for b := range parts {
		lo, hi := borders[b], borders[b+1]
		parts[b].held = newSums(features.Slice(lo, hi, 0, m).(*mat.Dense), targets.Slice(lo, hi, 0, k).(*mat.Dense))
		all = all.plus(1, parts[b].held)
	}
	penalties, err := all.penalties()
	if err != nil {
		return nil, err
	}
	for b := range parts {
		p := &parts[b]
		rest := all.plus(-1, p.held)
		if p.ridge, err = rest.ridge(penalties); err != nil {
			return nil, err
		}
		for j := range k {
			p.paths = append(p.paths, rest.forward(j))
		}
	}
	whole, err := all.ridge(penalties)
	if err != nil {
		return nil, err
	}
	price := 2 * math.Log(float64(m)) / float64(n) // see bestSteps
	for j := range k {
		steps := bestSteps(parts, j, price)
		weights, explained := weigh(parts, j, steps)
		least := leastExplained / float64(n)
		if weights[1] > 0 {
			least += price
		}
		if explained < least {
			continue
		}
		r.explained[j] = explained
		c := mat.Col(nil, j, whole)
		floats.Scale(weights[0], c)
		if weights[1] > 0 {
			floats.AddScaled(c, weights[1], all.forward(j).at(steps, m))
		}
		r.coefficients.SetCol(j, c)
	}
	return r, nil
}

// A part is a block of rows, and what is fitted to all others.
type part struct {
	held  *sums
	ridge *mat.Dense // [m, k]
	paths []path     // of each target
}

// bestSteps is how many steps of a forward selection are best on the blocks, by the squared error,
// where each step costs the price 2 ln(m)/n as a share of it: the best of m features of noise gains
// that on all rows, and nearly that on the blocks, as it is chosen without each of them alike (risk inflation, Foster and George, Annals of Statistics 22, 1994).
func bestSteps(parts []part, j int, price float64) (steps int) {
	least := math.Inf(1)
	for s := 0; ; s++ {
		var sum float64
		for _, p := range parts {
			if s > len(p.paths[j].chosen) {
				return steps
			}
			e := p.held.error(j, p.paths[j], s)
			if e < -rounding*p.held.square[j] {
				return steps // of coefficients so large that squares cancel: what follows is no number either
			}
			sum += e
		}
		if sum *= 1 + float64(s)*price; sum < least {
			least, steps = sum, s
		}
	}
}

// weigh returns the weights of the ridge regression and of the forward selection of target j, and
// what they explain of its variance.
func weigh(parts []part, j, steps int) (weights [2]float64, explained float64) {
	var gram [2][2]float64
	var cross [2]float64
	var variance float64
	for _, p := range parts {
		m, _ := p.ridge.Dims()
		c := [2]*mat.VecDense{mat.VecDenseCopyOf(p.ridge.ColView(j)), mat.NewVecDense(m, p.paths[j].at(steps, m))}
		for a := range c {
			for b := range c {
				gram[a][b] += mat.Inner(c[a], p.held.gram, c[b])
			}
			cross[a] += mat.Dot(c[a], p.held.cross.ColView(j))
		}
		variance += p.held.square[j]
	}
	// Of two weights, either both are positive or one alone is best.
	gain := func(w [2]float64) float64 {
		return 2*(w[0]*cross[0]+w[1]*cross[1]) - w[0]*w[0]*gram[0][0] - 2*w[0]*w[1]*gram[0][1] - w[1]*w[1]*gram[1][1]
	}
	determinant := gram[0][0]*gram[1][1] - gram[0][1]*gram[1][0]
	best := 0.0
	for _, w := range [][2]float64{
		{cross[0] / gram[0][0], 0},
		{0, cross[1] / gram[1][1]},
		{(cross[0]*gram[1][1] - cross[1]*gram[0][1]) / determinant, (cross[1]*gram[0][0] - cross[0]*gram[0][1]) / determinant},
	} {
		if g := gain(w); w[0] >= 0 && w[1] >= 0 && g > best && g <= (1+rounding)*variance { // false if nothing is predicted, and w is no number
			best, weights = g, w
		}
	}
	if best == 0 {
		return weights, 0
	}
	return weights, min(best/variance, 1) // above by rounding
}

// predict returns the predictions [rows, k] of the targets, within the limits. It overwrites features.
func (r *regression) predict(features *mat.Dense) *mat.Dense {
	rows, _ := features.Dims()
	for i := range rows {
		floats.Sub(features.RawRowView(i), r.centers)
	}
	p := r.fitted(features)
	r.limits.apply(p)
	return p
}

// fitted is predict of features less their centers, as newRegression leaves them.
func (r *regression) fitted(centered *mat.Dense) *mat.Dense {
	rows, _ := centered.Dims()
	var p mat.Dense
	p.Mul(centered, r.coefficients)
	for i := range rows {
		floats.Add(p.RawRowView(i), r.means)
	}
	return &p
}

// center subtracts the means of the columns and returns them.
func center(m *mat.Dense) []float64 {
	rows, cols := m.Dims()
	means := make([]float64, cols)
	for i := range rows {
		floats.AddScaled(means, 1/float64(rows), m.RawRowView(i))
	}
	for i := range rows {
		floats.Sub(m.RawRowView(i), means)
	}
	return means
}

// sums are all that a linear regression takes of some rows.
type sums struct {
	rows   float64
	gram   *mat.SymDense // F'F [m, m]
	cross  *mat.Dense    // F'T [m, k]
	square []float64     // T_j'T_j
}

func zeroSums(m, k int) *sums {
	return &sums{0, mat.NewSymDense(m, nil), mat.NewDense(m, k, nil), make([]float64, k)}
}

func newSums(features, targets *mat.Dense) *sums {
	n, m := features.Dims()
	_, k := targets.Dims()
	s := zeroSums(m, k)
	s.rows = float64(n)
	s.gram.SymOuterK(1, features.T())
	s.cross.Mul(features.T(), targets)
	for i := range n {
		for j, t := range targets.RawRowView(i) {
			s.square[j] += t * t
		}
	}
	return s
}

// plus returns the sums of more rows, for a sign of 1, or of fewer.
func (s *sums) plus(sign float64, part *sums) *sums {
	m, k := s.cross.Dims()
	all := zeroSums(m, k)
	all.rows = s.rows + sign*part.rows
	all.gram.CopySym(part.gram)
	all.gram.ScaleSym(sign, all.gram)
	all.gram.AddSym(s.gram, all.gram)
	all.cross.Scale(sign, part.cross)
	all.cross.Add(s.cross, all.cross)
	floats.AddScaledTo(all.square, s.square, sign, part.square)
	return all
}

// error is the sum of squared errors of the first steps of a path.
func (s *sums) error(j int, p path, steps int) float64 {
	e := s.square[j]
	if steps == 0 {
		return e
	}
	for a, ca := range p.coefficients[steps-1] {
		e -= 2 * ca * s.cross.At(p.chosen[a], j)
		for b, cb := range p.coefficients[steps-1] {
			e += ca * cb * s.gram.At(p.chosen[a], p.chosen[b])
		}
	}
	return e
}
