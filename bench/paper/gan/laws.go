package gan

import (
	"context"
	"math"

	"gomine/bench/paper/internal/nets"
	"gomine/mine/backend"
	"gomine/mine/sampling"
)

// streamMode draws the mode that a row of a law belongs to.
const streamMode sampling.Stream = 0x4704

// sd is the standard deviation of the laws' noise, in each direction. It is twice
// that of Srivastava et al., so that generators come within three of it in some
// thousand steps.
const sd = 0.1

// grid is the law of the 25 Gaussians.
var grid = nets.Grid{Side: 5, Spacing: 2, SD: sd}

// gridLaw is the grid as a target. A row belongs to a mode that it is within
// three standard deviations of.
func gridLaw(least int) ganLaw {
	return ganLaw{
		columns: 2,
		draw: func(x backend.Matrix, seed, step uint64) {
			nets.Normals(x, seed, nets.StreamReal, step)
			for i := range x.Rows {
				cx, cy := grid.Centre(grid.Pick(sampling.Uniform(seed, streamMode, step, uint64(i))))
				row := x.Row(i)
				row[0] = float32(cx + sd*float64(row[0]))
				row[1] = float32(cy + sd*float64(row[1]))
			}
		},
		score: func(_ context.Context, x backend.Matrix) (nets.Coverage, error) {
			mode := make([]int, x.Rows)
			for i := range mode {
				var dx, dy float64
				if mode[i], dx, dy = grid.Nearest(float64(x.Row(i)[0]), float64(x.Row(i)[1])); !(math.Hypot(dx, dy) <= 3*sd) {
					mode[i] = -1
				}
			}
			return nets.Cover(mode, grid.Modes(), least), nil
		},
	}
}

// The spiral: of two turns and radius 4, so as wide as the grid, cut into 50
// arcs.
const (
	spiralTurns  = 2
	spiralRadius = 4.0
	spiralArcs   = 50
)

// spiralPoint is the place where a share of the spiral's rows lies further in:
// they are spread evenly over its length, or nearly, since that grows with the
// square of the angle.
func spiralPoint(share float64) (x, y float64) {
	s := math.Sqrt(share)
	sin, cos := math.Sincos(2 * math.Pi * spiralTurns * s)
	return spiralRadius * s * cos, spiralRadius * s * sin
}

// spiralLaw is an Archimedean spiral with noise. A row belongs to the arc that
// has the point of the curve next to it, if that is within three standard
// deviations.
func spiralLaw(least int) ganLaw {
	// So many points that they lie closer than sd/2 everywhere: at the inner end
	// the first is radius/sqrt(n) out.
	const fine = 400 * spiralArcs
	var px, py [fine]float64
	for k := range fine {
		px[k], py[k] = spiralPoint((float64(k) + 0.5) / fine)
	}
	return ganLaw{
		columns: 2,
		draw: func(x backend.Matrix, seed, step uint64) {
			nets.Normals(x, seed, nets.StreamReal, step)
			for i := range x.Rows {
				cx, cy := spiralPoint(sampling.Uniform(seed, streamMode, step, uint64(i)))
				row := x.Row(i)
				row[0] = float32(cx + sd*float64(row[0]))
				row[1] = float32(cy + sd*float64(row[1]))
			}
		},
		score: func(_ context.Context, x backend.Matrix) (nets.Coverage, error) {
			arc := make([]int, x.Rows)
			for i := range arc {
				vx, vy := float64(x.Row(i)[0]), float64(x.Row(i)[1])
				best := math.Inf(1)
				for k := range fine {
					if d := (vx-px[k])*(vx-px[k]) + (vy-py[k])*(vy-py[k]); d < best {
						best, arc[i] = d, k*spiralArcs/fine
					}
				}
				if best > 9*sd*sd {
					arc[i] = -1
				}
			}
			return nets.Cover(arc, spiralArcs, least), nil
		},
	}
}
