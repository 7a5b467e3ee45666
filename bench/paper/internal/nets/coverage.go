package nets

import (
	"math"
)

// Coverage says how a sample spreads over the modes of a law.
type Coverage struct {
	Modes int     `json:"modes"` // that count as covered
	Of    int     `json:"of"`
	Near  float64 `json:"near"` // share of the rows that belong to any mode
	// KL is the divergence, in nats, of the histogram of the rows that belong to
	// a mode from the even one: log Of less its entropy, log Of if there are none.
	KL float64 `json:"kl"`
}

// Cover counts modes: mode[i] is that of row i, negative for none; a mode is
// covered from least rows on.
func Cover(mode []int, of, least int) Coverage {
	counts := make([]int, of)
	near := 0
	for _, m := range mode {
		if m >= 0 {
			counts[m]++
			near++
		}
	}
	c := Coverage{Of: of, KL: math.Log(float64(of))}
	if len(mode) > 0 {
		c.Near = float64(near) / float64(len(mode))
	}
	for _, k := range counts {
		if k >= least {
			c.Modes++
		}
		if k > 0 {
			p := float64(k) / float64(near)
			c.KL += p * math.Log(p)
		}
	}
	return c
}

// A Grid is an even mixture of Side x Side Gaussians in the plane, each with
// standard deviation SD in both directions: with a side of 5 the law of
// Srivastava et al., "VEEGAN" (2017), which later work on lost modes takes over.
type Grid struct {
	Side    int // odd
	Spacing float64
	SD      float64
}

// Modes returns how many there are.
func (g Grid) Modes() int { return g.Side * g.Side }

// Pick returns the mode of a uniform number u in [0, 1).
func (g Grid) Pick(u float64) int { return min(int(float64(g.Modes())*u), g.Modes()-1) }

// Centre returns that of a mode.
func (g Grid) Centre(mode int) (x, y float64) {
	return g.Spacing * float64(mode%g.Side-g.Side/2), g.Spacing * float64(mode/g.Side-g.Side/2)
}

// Nearest returns the mode whose centre is next to a point, and how far from it
// that lies in both directions.
func (g Grid) Nearest(x, y float64) (mode int, dx, dy float64) {
	next := func(v float64) int {
		// First cut, then rounded: a number far out fits no integer.
		most := float64(g.Side / 2)
		return int(math.Round(max(-most, min(v/g.Spacing, most)))) + g.Side/2
	}
	mode = g.Side*next(y) + next(x)
	cx, cy := g.Centre(mode)
	return mode, x - cx, y - cy
}
