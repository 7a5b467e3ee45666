package mine

import "math"

// A Histogram counts the scores of the test rows in bins of equal width from Low to High, in
// nats: of every row with itself, and of the marginal pairs. Scores are those of all critics
// of a fold together, less their normaliser and cut off as they are for the bound, and so
// estimate log p(x,z)/p(x)p(z): above 0 a pair goes together better than by chance. Where
// the critic is right, joint ones are e^t times as frequent as marginal ones at score t.
type Histogram struct {
	Low      float64 `json:"low"`
	High     float64 `json:"high"`
	Joint    []int   `json:"joint"`
	Marginal []int   `json:"marginal"`
	// JointCut and MarginalCut are how many of them are cut off from below: what the critics say
	// of these is lower, and they stand together in the first bin.
	JointCut    int `json:"joint_cut"`
	MarginalCut int `json:"marginal_cut"`
}

// histogramBins is enough to see a shape by.
const histogramBins = 48

// histogram counts what the critics of all folds say together.
func (e *ensemble) histogram() Histogram {
	h := Histogram{Low: math.Inf(1), High: math.Inf(-1), Joint: make([]int, histogramBins), Marginal: make([]int, histogramBins)}
	each := func(do func(counts []int, cut *int, score float64, least bool)) {
		for f := range e.folds {
			p, logU := e.combined(f, e.weights[f], testRows), e.logU(f, e.weights[f])
			least, _ := limits(logU, len(p.Marginal))
			p.cut(logU, len(p.Marginal))
			for _, t := range p.Joint {
				do(h.Joint, &h.JointCut, float64(t)-logU, t == least)
			}
			for _, t := range p.Marginal {
				do(h.Marginal, &h.MarginalCut, float64(t)-logU, t == least)
			}
		}
	}
	each(func(_ []int, _ *int, v float64, _ bool) { h.Low, h.High = math.Min(h.Low, v), math.Max(h.High, v) })
	if !(h.High > h.Low) { // the constant critic
		h.Low, h.High = h.Low-0.5, h.High+0.5
	}
	width := (h.High - h.Low) / histogramBins
	each(func(counts []int, cut *int, v float64, least bool) {
		counts[min(int((v-h.Low)/width), histogramBins-1)]++
		if least {
			*cut++
		}
	})
	return h
}
