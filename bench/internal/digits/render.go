package digits

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"gomine/mine/backend"
	"gomine/mine/sampling"
)

// Render draws n pictures of size x size pixels, with labels drawn evenly.
// Picture i is a function of (seed, i, size) alone, whatever n and the number
// of processors. It panics if n is negative or size is below 1: sizes are the
// caller's own, never user input.
//
// A digit is one of its glyphs, bent by a smooth field, scaled, slanted, turned
// and shifted, and drawn by a pen with a round tip: with d the distance
// of a pixel's centre from the nearest stroke, w the width of the pen and s that
// of its soft edge,
//
//	pixel = level * ramp((w - 2 d + s) / (2 s)) * (1 - grain),
//	ramp(t) = 3 t^2 - 2 t^3 on [0, 1], constant outside,
//
// so that paper is 0 exactly, as in MNIST. The distortions were chosen for a
// difficulty like its own: trained on 10,000 pictures of 28 x 28, a softmax
// regression takes 6 to 9% of 5,000 others for another digit, depending on its
// penalty, and a network with one hidden layer of 256 ReLU 2%.
func Render(n int, seed uint64, size int) Set {
	if n < 0 || size < 1 {
		panic(fmt.Sprintf("digits: %d pictures of %d x %d pixels, want 0 or more of at least 1 x 1", n, size, size))
	}
	set := Set{Size: size, Pixels: backend.NewMatrix(n, size*size), Labels: make([]uint8, n)}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			p := pen{size: size, squared: make([]float64, size*size)}
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				set.Labels[i] = p.picture(set.Pixels.Row(i), seed, uint64(i))
			}
		})
	}
	wg.Wait()
	return set
}

// draws gives one picture's random numbers in turn.
type draws struct{ seed, index, used uint64 }

// uniform returns a number in (lo, hi).
func (d *draws) uniform(lo, hi float64) float64 {
	d.used++
	return lo + (hi-lo)*sampling.Uniform(d.seed, streamPicture, d.index, d.used-1)
}

// normal returns a normal number of standard deviation sd, cut off at two.
func (d *draws) normal(sd float64) float64 {
	d.used++
	return sd * max(-2, min(sampling.Normal(d.seed, streamPicture, d.index, d.used-1), 2))
}

// below returns an even integer in [0, n).
func (d *draws) below(n int) int { return min(int(d.uniform(0, float64(n))), n-1) }

// A pen draws pictures, one at a time.
type pen struct {
	size    int
	squared []float64 // [size*size]: from the nearest stroke, in pixels, as far as ink reaches
	path    []point   // one stroke, in pixels
}

// picture draws picture index into dst [size*size] and returns its label.
func (p *pen) picture(dst []float32, seed, index uint64) uint8 {
	d := draws{seed: seed, index: index}
	label := d.below(len(glyphs))
	shape := glyphs[label][d.below(len(glyphs[label]))]
	bend := newField(&d)
	place := newAffine(&d, p.size)

	pixel := float64(p.size) / 28 // of MNIST, in those of this picture
	width := pixel * d.uniform(1.6, 4.2)
	edge := max(1, pixel*d.uniform(1, 2))
	level := d.uniform(.75, 1)
	grain := d.uniform(0, .25)

	reach := (width + edge) / 2
	for i := range p.squared {
		p.squared[i] = reach * reach
	}
	for _, s := range shape {
		p.trace(s, func(q point) point { return place.apply(bend.apply(q)) })
		for i := 1; i < len(p.path); i++ {
			p.line(p.path[i-1], p.path[i], reach)
		}
	}
	for i, squared := range p.squared {
		if squared >= reach*reach {
			dst[i] = 0
			continue
		}
		t := min((reach-math.Sqrt(squared))/edge, 1)
		ink := level * t * t * (3 - 2*t)
		dst[i] = float32(ink * (1 - grain*sampling.Uniform(seed, streamGrain, index, uint64(i))))
	}
	return uint8(label)
}

// A field moves every point a little, neighbours alike:
// x += sum_k a_k sin(w_k . (x, y) + phi_k), and the same with other numbers
// for y.
type field [2][3]wave

type wave struct{ amplitude, wx, wy, phase float64 }

func newField(d *draws) (f field) {
	for axis := range f {
		for k := range f[axis] {
			// Between a third of a turn and one and a half over a digit's height.
			frequency := 2 * math.Pi * d.uniform(.35, 1.5)
			sin, cos := math.Sincos(d.uniform(0, 2*math.Pi))
			f[axis][k] = wave{
				// Bends alike whatever the frequency.
				amplitude: d.normal(.2) / frequency,
				wx:        frequency * cos, wy: frequency * sin,
				phase: d.uniform(0, 2*math.Pi),
			}
		}
	}
	return f
}

func (f *field) apply(p point) point {
	move := func(waves [3]wave) (sum float64) {
		for _, w := range waves {
			sum += w.amplitude * math.Sin(w.wx*p.x+w.wy*p.y+w.phase)
		}
		return sum
	}
	return point{p.x + move(f[0]), p.y + move(f[1])}
}

// affine is the map (x, y) -> (xx x + xy y + x0, yx x + yy y + y0).
type affine struct{ xx, xy, x0, yx, yy, y0 float64 }

// newAffine draws the map from a digit's frame to pixels: scales along x and
// y, then a slant, then a turn, then a shift of the middle.
func newAffine(d *draws, size int) affine {
	// MNIST's digits are 20 of 28 pixels high.
	scale := float64(size) * 20 / 28 * d.uniform(.85, 1.1)
	sx, sy := scale*math.Exp(d.normal(.12)), scale
	slant := d.normal(.17) - .1 // to the right rather than the left, as y is down
	sin, cos := math.Sincos(d.normal(.12))
	shift := float64(size) * .05
	middle := float64(size) / 2
	return affine{
		xx: cos * sx, xy: (cos*slant - sin) * sy, x0: middle + d.uniform(-shift, shift),
		yx: sin * sx, yy: (sin*slant + cos) * sy, y0: middle + d.uniform(-shift, shift),
	}
}

func (a *affine) apply(p point) point {
	return point{a.xx*p.x + a.xy*p.y + a.x0, a.yx*p.x + a.yy*p.y + a.y0}
}

// trace fills p.path with the images of points along a stroke, close enough
// for straight lines between them: from point to point by the cubic whose
// slopes are those between the neighbours on both sides (Catmull and Rom, 1974).
func (p *pen) trace(s stroke, image func(point) point) {
	p.path = append(p.path[:0], image(s[0]))
	steps := 4 + p.size/14
	for i := 1; i < len(s); i++ {
		from, to := s[i-1], s[i]
		if from == to {
			continue
		}
		// At an end or a corner the neighbour is the point itself, and the slope
		// that of the line between the two points.
		before, after := s[max(i-2, 0)], s[min(i+1, len(s)-1)]
		for k := 1; k <= steps; k++ {
			t := float64(k) / float64(steps)
			p.path = append(p.path, image(point{
				cubic(before.x, from.x, to.x, after.x, t),
				cubic(before.y, from.y, to.y, after.y, t),
			}))
		}
	}
}

// cubic goes from b at t = 0, with the slope (c-a)/2, to c at t = 1, with the
// slope (d-b)/2.
func cubic(a, b, c, d, t float64) float64 {
	return b + t/2*(c-a+t*(2*a-5*b+4*c-d+t*(3*(b-c)+d-a)))
}

// line lowers p.squared to the squared distance from the straight line a-b
// wherever that is nearer than reach.
func (p *pen) line(a, b point, reach float64) {
	// Pixel i has its centre at i + 1/2.
	span := func(u, v float64) (lo, hi int) {
		lo = int(math.Floor(min(u, v) - reach))
		hi = int(math.Ceil(max(u, v) + reach))
		return max(lo, 0), min(hi, p.size)
	}
	left, right := span(a.x, b.x)
	top, bottom := span(a.y, b.y)
	dx, dy := b.x-a.x, b.y-a.y
	length := max(dx*dx+dy*dy, math.SmallestNonzeroFloat64)
	for y := top; y < bottom; y++ {
		row := p.squared[y*p.size : (y+1)*p.size]
		ry := float64(y) + .5 - a.y
		for x := left; x < right; x++ {
			rx := float64(x) + .5 - a.x
			t := max(0, min((rx*dx+ry*dy)/length, 1))
			ex, ey := rx-t*dx, ry-t*dy
			row[x] = min(row[x], ex*ex+ey*ey)
		}
	}
}
