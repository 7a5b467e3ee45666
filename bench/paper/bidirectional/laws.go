package bidirectional

import (
	"math"

	"gomine/bench/internal/digits"
	"gomine/bench/paper/internal/nets"
	"gomine/mine/backend"
	"gomine/mine/sampling"
)

// streamEmbedding is that of the map from the plane of the mixture to the rows.
const streamEmbedding sampling.Stream = 0x4211

// A subject is a law of rows x that is to be encoded.
type subject struct {
	Name  string
	DX    int // columns of x
	DZ    int // and of the code
	train backend.Matrix
	test  backend.Matrix
	side  int // of the pictures, in pixels from -1 to 1; 0 if rows are none
	// grain is the standard deviation of noise on all rows that the discriminator
	// sees: it must not tell pictures by paper that is exactly -1.
	grain float64
	// modes tells to which mode each row belongs, negative for none; nil if
	// the law has none.
	modes func(x backend.Matrix) []int
}

// grid is the mixture in the plane; off the plane its standard deviation is that
// of the noise.
var grid = nets.Grid{Side: 5, Spacing: 1, SD: 0.05}

// gridWide is the number of columns that the plane is laid into.
const gridWide = 8

// mixture returns the law of x = u A + 0.05 eps, where u is one of 25 points
// of a square grid in the plane, and A [2, 8] has orthonormal rows.
func mixture(rows, testRows int, seed uint64) subject {
	a := embedding(seed)
	draw := func(n int, step uint64) backend.Matrix {
		x := backend.NewMatrix(n, gridWide)
		nets.Normals(x, seed, nets.StreamReal, step)
		for i := range n {
			u, v := grid.Centre(grid.Pick(sampling.Uniform(seed, nets.StreamReal, step+1, uint64(i))))
			row := x.Row(i)
			for j := range row {
				row[j] = float32(grid.SD*float64(row[j]) + u*a[0][j] + v*a[1][j])
			}
		}
		return x
	}
	return subject{
		Name: "25 Gaussians", DX: gridWide, DZ: 2,
		train: draw(rows, 0), test: draw(testRows, 2),
		modes: func(x backend.Matrix) []int {
			modes := make([]int, x.Rows)
			for i := range modes {
				modes[i] = gridMode(x.Row(i), a)
			}
			return modes
		},
	}
}

// embedding returns two orthonormal directions.
func embedding(seed uint64) (a [2][gridWide]float64) {
	for r := range a {
		for j := range a[r] {
			a[r][j] = sampling.Normal(seed, streamEmbedding, 0, uint64(r*gridWide+j))
		}
	}
	var along float64
	normalise(a[0][:])
	for j := range a[1] {
		along += a[0][j] * a[1][j]
	}
	for j := range a[1] {
		a[1][j] -= along * a[0][j]
	}
	normalise(a[1][:])
	return a
}

func normalise(v []float64) {
	var sum float64
	for _, t := range v {
		sum += t * t
	}
	for j := range v {
		v[j] /= math.Sqrt(sum)
	}
}

// gridMode returns the mode whose centre is within four standard deviations of
// a row in every direction of the plane, or -1. What lies off the plane does
// not count.
func gridMode(x []float32, a [2][gridWide]float64) int {
	var u [2]float64
	for axis := range a {
		for j, v := range x {
			u[axis] += float64(v) * a[axis][j]
		}
	}
	mode, dx, dy := grid.Nearest(u[0], u[1])
	if !(math.Abs(dx) <= 4*grid.SD && math.Abs(dy) <= 4*grid.SD) {
		return -1
	}
	return mode
}

// drawnDigits returns the law of drawn digits, from -1, paper, to 1, ink.
func drawnDigits(rows, testRows int, seed uint64) subject {
	const side = 14
	draw := func(n int, seed uint64) backend.Matrix {
		x := digits.Render(n, seed, side).Pixels
		for i, v := range x.Data {
			x.Data[i] = 2*v - 1
		}
		return x
	}
	return subject{Name: "digits", DX: side * side, DZ: 16, side: side, grain: 0.3, train: draw(rows, seed), test: draw(testRows, nets.Seed(seed, 1<<20))}
}
