package conditional

import "gonum.org/v1/gonum/mat"

// stages are four regressions of targets, each of what those before have left.
type stages struct {
	linear   *regression // on y
	additive *regression // on the square of each column of y; nil of very many
	rest     *regression // on features and, as they go together with another line, on y too
	bends    *bends      // on curves of what linear predicts
	limits   limits      // of what they predict together
}

// newStages fits the regressions of targets [n, k] on y and on y with its features. It returns the index, which is
// what the first one predicts, and leaves in targets what none of them does. It overwrites features.
func newStages(y, squares, features, targets *mat.Dense, borders []int) (s stages, index *mat.Dense, err error) {
	s.limits = limitsOf(targets)
	if s.linear, err = newRegression(y, mat.DenseCopyOf(targets), borders); err != nil {
		return s, nil, err
	}
	index = s.linear.fitted(y)
	targets.Sub(targets, index)
	if squares != nil {
		if s.additive, err = newRegression(squares, mat.DenseCopyOf(targets), borders); err != nil {
			return s, nil, err
		}
		targets.Sub(targets, s.additive.fitted(squares))
	}
	if s.rest, err = newRegression(features, mat.DenseCopyOf(targets), borders); err != nil {
		return s, nil, err
	}
	targets.Sub(targets, s.rest.fitted(features))
	if s.bends, err = newBends(index, targets, borders); err != nil {
		return s, nil, err
	}
	targets.Sub(targets, s.bends.predict(index))
	return s, index, nil
}

// predict returns the index and the predictions. It overwrites y and features.
func (s stages) predict(y, squares, features *mat.Dense) (index, mean *mat.Dense) {
	index = s.linear.predict(y)
	mean = s.rest.predict(features)
	mean.Add(mean, s.bends.predict(index))
	mean.Add(mean, index)
	if squares != nil {
		mean.Add(mean, s.additive.predict(squares))
	}
	s.limits.apply(mean)
	return index, mean
}

// left is the share of the variance of target k that is not explained.
func (s stages) left(k int) float64 {
	left := 1.0
	if s.additive != nil {
		left -= s.additive.explained[k]
	}
	return left * (1 - s.linear.explained[k]) * (1 - s.bends.each[k].explained[0]) * (1 - s.rest.explained[k])
}
