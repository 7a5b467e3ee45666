package mine

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"gomine/mine/column"
	"gomine/mine/preprocess"
)

// Plugin is the information of the frequencies of the values of both sides, for sides of few
// values. It is no bound, and knows nothing of which values are alike; where every cell of the
// table of both sides has many rows, it is nearer to I(X;Z) than any critic.
type Plugin struct {
	// Estimate is that of Miller (Note on the bias of information estimates, 1955): with
	// frequencies p of n rows, of which Kx and Kz values and Kxz pairs of them occur,
	//
	//	sum p(x,z) log p(x,z)/p(x)p(z) + (Kx + Kz - Kxz - 1)/(2n)
	Estimate float64 `json:"estimate"`
	// StdErr is that of the frequencies to first order (Roulston, Estimating the errors on
	// measured entropy and mutual information, 1999),
	//
	//	StdErr^2 = Var(log p(x,z)/p(x)p(z))/n
	//
	// Where x and z are independent, so that the variance is that of noise, it is too large by
	// sqrt 2: (Kx-1)(Kz-1)/n^2 in place of half of it.
	StdErr float64 `json:"std_err"`
	Low    float64 `json:"low"` // of the interval at the configured confidence
	High   float64 `json:"high"`
	X      int     `json:"x"`     // values of X that occur
	Z      int     `json:"z"`     // values of Z that occur
	Cells  int     `json:"cells"` // pairs of values that occur
}

// newPlugin is that of the counts of rows; nil where there are too many values for the rows.
func newPlugin(c preprocess.Cells, confidence float64) *Plugin {
	if c.Joint == nil {
		return nil
	}
	p := &Plugin{X: len(c.X), Z: len(c.Z), Cells: len(c.Joint)}
	n := float64(total(c.Joint))
	var mean, square float64
	for k, count := range c.Joint {
		share := float64(count) / n
		info := math.Log(float64(count) * n / (float64(c.X[c.JointX[k]]) * float64(c.Z[c.JointZ[k]])))
		mean += share * info
		square += share * info * info
	}
	// No more than the values can tell, though the correction may say so.
	p.Estimate = math.Min(mean+float64(p.X+p.Z-p.Cells-1)/(2*n), math.Log(float64(min(p.X, p.Z))))
	// Where all terms are alike, what is left is the spread at independence, that of a chi-square
	// with (X-1)(Z-1) degrees of freedom over 2n.
	variance := math.Max((square-mean*mean)/n, float64((p.X-1)*(p.Z-1))/(2*n*n))
	p.StdErr = math.Sqrt(variance)
	two := distuv.UnitNormal.Quantile((1 + confidence) / 2)
	p.Low, p.High = p.Estimate-two*p.StdErr, p.Estimate+two*p.StdErr
	return p
}

// entropy is that of the frequencies of K values, with Miller's correction,
//
//   - sum p log p + (K - 1)/(2n)
//
// in nats, ln K at most; 0 where there are too many values for the rows.
func entropy(counts []int) float64 {
	if len(counts) == 0 {
		return 0
	}
	n := float64(total(counts))
	h := float64(len(counts)-1) / (2 * n)
	for _, count := range counts {
		h -= float64(count) / n * math.Log(float64(count)/n)
	}
	return math.Min(h, math.Log(float64(len(counts))))
}

func total(counts []int) int {
	sum := 0
	for _, count := range counts {
		sum += count
	}
	return sum
}

// discrete is what the counts of values tell, as far as they are few for the rows.
type discrete struct {
	plugin *Plugin // nil where rows depend on each other
	hx, hz float64 // entropies of sides that are a single column of codes; else 0

	orderless []preprocess.Orderless
	rows      int // of which those were found
}

// used is how many rows are used of those in memory.
func (e *Estimator) used() int { return min(e.arranged.rows, e.pairs.Rows()) }

// count counts the rows that are used.
func (e *Estimator) count() error {
	cells, err := e.pairs.Count(e.used())
	if err != nil {
		return err
	}
	if e.arranged.ends == nil { // rows are independent
		e.discrete.plugin = newPlugin(cells, e.cfg.Confidence)
		e.discrete.rows = e.used()
		if e.discrete.orderless, err = e.pairs.Orderless(e.used()); err != nil {
			return err
		}
	}
	x, z := e.pairs.Described()
	if isCode(x) {
		e.discrete.hx = entropy(cells.X)
	}
	if isCode(z) {
		e.discrete.hz = entropy(cells.Z)
	}
	return nil
}

// warnings are those about whole numbers without an order.
func (d discrete) warnings() []Warning {
	const fewRows = 20 // a code, of which training rows are fewer
	var all []Warning
	for _, o := range d.orderless {
		way := "they may be codes, and say more as such"
		if d.rows < fewRows*o.Distinct {
			way = "if they are codes, there are too few rows of each to learn from: join those that are alike"
		}
		all = append(all, Warning{WarnCodes, fmt.Sprintf("column %s of %s has %d different whole numbers in %d rows whose order says nothing: %s of %s is alike in rows of the same one (a correlation of %.2f), and not of one and the next (%.2f); %s",
			o.Column, o.Side, o.Distinct, o.Rows, o.Other, o.OtherSide, o.Equal, o.Next, way)})
	}
	return all
}

// isCode reports whether the columns of a side are a single one of codes.
func isCode(columns []column.Column) bool { return len(columns) == 1 && columns[0].Kind == column.Code }

// normalised is the share that an information is of the entropy of the side of codes, and of the
// smaller one of two; 0 where neither is known.
func (d discrete) normalised(information float64) float64 {
	least := math.Inf(1)
	for _, h := range []float64{d.hx, d.hz} {
		if h > 0 {
			least = math.Min(least, h)
		}
	}
	return information / least
}
