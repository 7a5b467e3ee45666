package f32

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// ulp returns the distance between the float32 numbers around x.
func ulp(x float64) float64 {
	_, e := math.Frexp(x)
	return math.Ldexp(1, max(e-24, -149))
}

// elementwise describes a function of vectors by the formula for one element.
type elementwise struct {
	name string
	// run calls the function; v[0] is the destination.
	run func(v [][]float32)
	// want returns the exact result for one element of each vector, the old
	// destination first, and the allowed error.
	want func(v []float64) (y, tolerance float64)
	// operands is the number of vectors; reads tells whether the old
	// destination is one of the arguments.
	operands int
	reads    bool
	// domain maps a standard normal number to an argument.
	domain func(x float32) float32
}

const (
	alpha = float32(-1.7)
	shift = float32(0.3)
)

func identity(x float32) float32 { return x }

// wide spreads a standard normal number over the arguments for which the
// exponential functions have something to do.
func wide(x float32) float32 { return 20 * x }

// output maps to where the values of the activations are.
func output(x float32) float32 { return x*x - 0.5 }

func exactSoftplus(x float64) float64 {
	return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
}

func exactELU(x float64) float64 {
	if x > 0 {
		return x
	}
	return math.Expm1(x)
}

// rounded allows n roundings to float32 of numbers up to size.
func rounded(n, size float64) float64 { return n * unitRoundoff * size }

func elementwiseFunctions() []elementwise {
	// A sum a+b is rounded before the activation f sees it. The slope of every
	// f is at most 1, so that adds one rounding of a+b; for very negative a+b
	// the relative slope of f can still be |a+b|, which it covers as well.
	sum := func(f func(float64) float64, ulps float64) func(v []float64) (float64, float64) {
		return func(v []float64) (float64, float64) {
			x := v[1] + v[2]
			y := f(x)
			slope := math.Abs(f(x+ulp(x))-f(x-ulp(x))) / 2
			return y, ulps*ulp(y) + slope
		}
	}
	single := func(f func(float64) float64, ulps float64) func(v []float64) (float64, float64) {
		return func(v []float64) (float64, float64) { return f(v[1]), ulps * ulp(f(v[1])) }
	}
	exactReLU := func(x float64) float64 { return max(x, 0) }
	return []elementwise{
		{"Add", func(v [][]float32) { Add(v[0], v[1], v[2]) },
			func(v []float64) (float64, float64) { return v[1] + v[2], rounded(1, math.Abs(v[1]+v[2])) }, 3, false, identity},
		{"Axpy", func(v [][]float32) { Axpy(v[0], alpha, v[1]) },
			func(v []float64) (float64, float64) {
				x := float64(alpha) * v[1]
				return v[0] + x, rounded(1, math.Abs(x)) + rounded(1, math.Abs(v[0]+x)) + rounded(1, rounded(1, math.Abs(x)))
			}, 2, true, identity},
		{"Scale", func(v [][]float32) { Scale(v[0], alpha, v[1]) },
			func(v []float64) (float64, float64) {
				x := float64(alpha) * v[1]
				return x, rounded(1, math.Abs(x))
			}, 2, false, identity},
		{"Lerp", func(v [][]float32) { Lerp(v[0], 0.3, v[1]) },
			func(v []float64) (float64, float64) {
				t := float64(float32(0.3))
				y := v[0] + t*(v[1]-v[0])
				// Difference and product are rounded, then the sum.
				return y, rounded(2.01, t*math.Abs(v[1]-v[0])) + rounded(1.01, math.Abs(y))
			}, 2, true, identity},
		{"ReLU", func(v [][]float32) { ReLU(v[0], v[1]) }, single(exactReLU, 0), 2, false, identity},
		{"ELU", func(v [][]float32) { ELU(v[0], v[1]) }, single(exactELU, 2), 2, false, wide},
		{"Softplus", func(v [][]float32) { Softplus(v[0], v[1]) }, single(exactSoftplus, 3), 2, false, wide},
		{"AddReLU", func(v [][]float32) { AddReLU(v[0], v[1], v[2]) }, sum(exactReLU, 0.5), 3, false, identity},
		{"AddELU", func(v [][]float32) { AddELU(v[0], v[1], v[2]) }, sum(exactELU, 2), 3, false, wide},
		{"AddSoftplus", func(v [][]float32) { AddSoftplus(v[0], v[1], v[2]) }, sum(exactSoftplus, 3), 3, false, wide},
		{"ReLUGrad", func(v [][]float32) { ReLUGrad(v[0], v[1]) },
			func(v []float64) (float64, float64) {
				if v[1] > 0 {
					return v[0], 0
				}
				return 0, 0
			}, 2, true, output},
		{"ELUGrad", func(v [][]float32) { ELUGrad(v[0], v[1]) },
			func(v []float64) (float64, float64) {
				y := v[0] * (min(v[1], 0) + 1)
				return y, rounded(2.01, math.Abs(y))
			}, 2, true, output},
		{"SoftplusGrad", func(v [][]float32) { SoftplusGrad(v[0], v[1]) },
			func(v []float64) (float64, float64) {
				y := v[0] * -math.Expm1(-v[1])
				// Two ulp of the factor, one rounding of the product.
				return y, rounded(4+1.01, math.Abs(y))
			}, 2, true, func(x float32) float32 { return x * x }},
		{"Exp", func(v [][]float32) { Exp(v[0], v[1]) }, single(math.Exp, 2), 2, false, wide},
		{"SumExp", func(v [][]float32) { SumExp(v[0], v[1], shift) },
			func(v []float64) (float64, float64) {
				x := v[1] - float64(shift)
				y := math.Exp(x)
				return y, 2*ulp(y) + y*ulp(x)/2*1.01
			}, 2, false, wide},
	}
}

// TestElementwise checks every length up to a few vectors and some more, at
// the end of accessible memory and at every alignment, with and without the
// first operand as destination; and that an element has the same bits when it
// is computed alone.
func TestElementwise(t *testing.T) {
	lengths := []int{100, 127, 1000}
	for n := range 41 {
		lengths = append(lengths, n)
	}
	for _, impl := range implementations() {
		for _, f := range elementwiseFunctions() {
			t.Run(fmt.Sprintf("impl=%s/op=%s", impl, f.name), func(t *testing.T) {
				use(t, impl)
				r := rand.New(rand.NewPCG(7, 8))
				for _, n := range lengths {
					for _, inPlace := range []bool{false, true} {
						testElementwise(t, r, f, n, inPlace)
					}
				}
			})
		}
	}
}

func testElementwise(t *testing.T, r *rand.Rand, f elementwise, n int, inPlace bool) {
	t.Helper()
	const margin = 9
	vectors, old := make([][]float32, f.operands), make([][]float32, f.operands)
	whole := make([][]float32, f.operands)
	for i := range vectors {
		whole[i] = guarded(t, margin+n)
		for j := range whole[i] {
			whole[i][j] = guard
		}
		vectors[i] = whole[i][margin:]
		for j := range vectors[i] {
			vectors[i][j] = f.domain(float32(r.NormFloat64()))
		}
	}
	if inPlace && !f.reads {
		whole[0], vectors[0] = whole[1], vectors[1]
	}
	for i, v := range vectors {
		old[i] = append([]float32(nil), v...)
	}
	f.run(vectors)
	for i := range vectors {
		for j, v := range whole[i][:margin] {
			if v != guard {
				t.Fatalf("n=%d: vector %d: wrote %g at index %d", n, i, v, j-margin)
			}
		}
	}
	alone := make([][]float32, f.operands)
	args := make([]float64, f.operands)
	for j := range n {
		for i := range vectors {
			alone[i] = []float32{old[i][j]}
			args[i] = float64(old[i][j])
			if i > 0 && !(inPlace && !f.reads && i == 1) && vectors[i][j] != old[i][j] {
				t.Fatalf("n=%d: operand %d changed at index %d", n, i, j)
			}
		}
		want, tolerance := f.want(args)
		got := vectors[0][j]
		if d := math.Abs(float64(got) - want); !(d <= tolerance) {
			t.Fatalf("n=%d: f(%v) = %.9g, want %.9g ± %.2g", n, args, got, want, tolerance)
		}
		f.run(alone)
		if math.Float32bits(alone[0][0]) != math.Float32bits(got) {
			t.Fatalf("n=%d: f(%v) = %g at index %d, %g alone", n, args, got, j, alone[0][0])
		}
	}
}

// TestAccuracy sweeps the whole float32 range of the functions that are
// approximated. The allowed errors are those that their comments promise.
func TestAccuracy(t *testing.T) {
	functions := []struct {
		name string
		run  func(dst, src []float32)
		want func(float64) float64
		ulps float64
	}{
		{"Exp", Exp, math.Exp, 2},
		{"ELU", ELU, exactELU, 2},
		{"Softplus", Softplus, exactSoftplus, 3},
		{"SoftplusGrad", func(dst, src []float32) {
			for i, x := range src {
				dst[i] = 1
				src[i] = float32(math.Abs(float64(x)))
			}
			SoftplusGrad(dst, src)
		}, func(x float64) float64 { return -math.Expm1(-math.Abs(x)) }, 2},
	}
	// A prime step visits all kinds of significands.
	const step = 4093
	src, dst := make([]float32, 1<<12), make([]float32, 1<<12)
	for _, impl := range implementations() {
		for _, f := range functions {
			t.Run(fmt.Sprintf("impl=%s/op=%s", impl, f.name), func(t *testing.T) {
				use(t, impl)
				var worst, where float64
				for bits := uint64(0); bits < 1<<32; {
					n := 0
					for ; n < len(src) && bits < 1<<32; bits += step {
						if x := math.Float32frombits(uint32(bits)); x == x {
							src[n] = x
							n++
						}
					}
					args := append([]float32(nil), src[:n]...)
					f.run(dst[:n], args)
					for i, x := range src[:n] {
						want := f.want(float64(x))
						if float32(want) == dst[i] {
							continue
						}
						if e := math.Abs(float64(dst[i])-want) / ulp(want); !(e <= worst) {
							worst, where = e, float64(x)
						}
					}
				}
				if !(worst <= f.ulps) {
					t.Errorf("%s(%g) is off by %.3g ulp, want at most %g", f.name, where, worst, f.ulps)
				}
				t.Logf("largest error %.3f ulp at %g", worst, where)
			})
		}
	}
}

func TestSpecialValues(t *testing.T) {
	inf := math.Inf(1)
	nan := math.NaN()
	const (
		tiny      = 0x1p-149 // the least subnormal number
		subnormal = 0x1p-130 // a larger one
		largest   = 0x1.fffffep127
	)
	for _, c := range []struct {
		name string
		run  func(dst, src []float32)
		want map[float64]float64
	}{
		{"ReLU", ReLU, map[float64]float64{nan: nan, inf: inf, -inf: 0, tiny: tiny, -tiny: 0, largest: largest}},
		{"ELU", ELU, map[float64]float64{nan: nan, inf: inf, -inf: -1, tiny: tiny, -tiny: -tiny, -subnormal: -subnormal, -largest: -1, 0: 0}},
		{"Softplus", Softplus, map[float64]float64{nan: nan, inf: inf, -inf: 0, -largest: 0, largest: largest}},
		{"Exp", Exp, map[float64]float64{nan: nan, inf: inf, -inf: 0, 0: 1, tiny: 1, 88.8: inf, largest: inf, -104: 0, -largest: 0}},
		{"ReLUGrad of 2", func(dst, src []float32) { fill(dst, 2); ReLUGrad(dst, src) },
			map[float64]float64{nan: 2, inf: 2, 0: 0, tiny: 2, -tiny: 0}},
		{"ReLUGrad of NaN", func(dst, src []float32) { fill(dst, float32(nan)); ReLUGrad(dst, src) },
			map[float64]float64{1: nan, 0: 0}},
		{"ELUGrad of 2", func(dst, src []float32) { fill(dst, 2); ELUGrad(dst, src) },
			map[float64]float64{nan: nan, inf: 2, 0: 2, -0.25: 1.5, -1: 0}},
		{"SoftplusGrad of 2", func(dst, src []float32) { fill(dst, 2); SoftplusGrad(dst, src) },
			map[float64]float64{nan: nan, inf: 2, 0: 0, tiny: 2 * tiny, largest: 2}},
		{"AddReLU of NaN", func(dst, src []float32) { AddReLU(dst, src, src) }, map[float64]float64{nan: nan, -inf: 0}},
		{"Add", func(dst, src []float32) { Add(dst, src, src) },
			map[float64]float64{tiny: 2 * tiny, subnormal: 2 * subnormal, largest: inf, nan: nan}},
		{"Scale", func(dst, src []float32) { Scale(dst, 0.5, src) },
			map[float64]float64{2 * tiny: tiny, 0x1p-126: 0x1p-127, inf: inf, nan: nan}},
		{"Axpy", func(dst, src []float32) { fill(dst, 0); Axpy(dst, 0, src) },
			map[float64]float64{inf: nan, nan: nan, largest: 0}},
	} {
		for _, impl := range implementations() {
			t.Run(fmt.Sprintf("impl=%s/op=%s", impl, c.name), func(t *testing.T) {
				use(t, impl)
				for x, want := range c.want {
					for _, n := range []int{1, 8, 32} {
						src, dst := make([]float32, n), make([]float32, n)
						fill(src, float32(x))
						c.run(dst, src)
						for i, got := range dst {
							if float64(got) != want && !(got != got && want != want) {
								t.Fatalf("n=%d: f(%g) = %g at index %d, want %g", n, x, got, i, want)
							}
						}
					}
				}
			})
		}
	}
}

func fill(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}

func TestReductions(t *testing.T) {
	for _, impl := range implementations() {
		t.Run("impl="+impl, func(t *testing.T) {
			use(t, impl)
			r := rand.New(rand.NewPCG(9, 10))
			for n := range 140 {
				x, y, z := guarded(t, n), guarded(t, n), guarded(t, n)
				var dot, size, sum float64
				largest := float32(math.Inf(-1))
				for i := range x {
					x[i], y[i] = float32(r.NormFloat64()), float32(r.NormFloat64())
					dot += float64(x[i]) * float64(y[i])
					size += math.Abs(float64(x[i]) * float64(y[i]))
					largest = max(largest, x[i])
				}
				// As for a matrix product.
				got := Dot(x, y)
				if d := math.Abs(float64(got) - dot); !(d <= float64(n+1)*unitRoundoff*size) {
					t.Errorf("n=%d: Dot = %g, want %g", n, got, dot)
				}
				shifted := append(make([]float32, 3), x...)[3:]
				if again := Dot(shifted, y); again != got {
					t.Errorf("n=%d: Dot = %g at one alignment, %g at another", n, got, again)
				}
				if got := Max(x); got != largest {
					t.Errorf("n=%d: Max = %g, want %g", n, got, largest)
				}
				total := SumExp(z, x, shift)
				for _, e := range z {
					sum += float64(e)
				}
				// Up to n additions in float64, here and there.
				if d := math.Abs(total - sum); !(d <= 2*float64(n)*0x1p-53*sum) {
					t.Errorf("n=%d: SumExp = %g, but its elements add up to %g", n, total, sum)
				}
				for i := range x {
					old := x[i]
					x[i] = float32(math.NaN())
					if got := Max(x); got == got {
						t.Fatalf("n=%d: Max = %g with NaN at index %d", n, got, i)
					}
					if got := Dot(x, y); got == got {
						t.Fatalf("n=%d: Dot = %g with NaN at index %d", n, got, i)
					}
					if got := SumExp(z, x, shift); got == got {
						t.Fatalf("n=%d: SumExp = %g with NaN at index %d", n, got, i)
					}
					x[i] = 100
					if got := Max(x); got != 100 {
						t.Fatalf("n=%d: Max = %g with 100 at index %d", n, got, i)
					}
					x[i] = old
				}
			}
		})
	}
}

func TestAdam(t *testing.T) {
	step := &AdamStep{Beta1: 0.9, OneMinusBeta1: 0.1, Beta2: 0.999, OneMinusBeta2: 0.001, Step: 0.01, Eps: 1e-3, Decay: 0.99}
	for _, impl := range implementations() {
		t.Run("impl="+impl, func(t *testing.T) {
			use(t, impl)
			r := rand.New(rand.NewPCG(11, 12))
			for n := range 41 {
				p, g, m, v := guarded(t, n), guarded(t, n), guarded(t, n), guarded(t, n)
				for i := range p {
					p[i], g[i], m[i] = float32(r.NormFloat64()), float32(r.NormFloat64()), float32(r.NormFloat64())
					v[i] = float32(r.ExpFloat64())
				}
				type state struct{ p, g, m, v float32 }
				var old []state
				for i := range p {
					old = append(old, state{p[i], g[i], m[i], v[i]})
				}
				Adam(p, g, m, v, step)
				for i, o := range old {
					b1, r1, b2, r2 := float64(step.Beta1), float64(step.OneMinusBeta1), float64(step.Beta2), float64(step.OneMinusBeta2)
					gd := float64(o.g)
					wantM := b1*float64(o.m) + r1*gd
					// Two products and a sum are rounded.
					tolM := rounded(2.01, b1*math.Abs(float64(o.m))+r1*math.Abs(gd))
					wantV := b2*float64(o.v) + r2*gd*gd
					tolV := rounded(3.01, wantV)
					update := float64(step.Step) / (math.Sqrt(wantV) + float64(step.Eps))
					wantP := float64(step.Decay)*float64(o.p) - update*wantM
					// The update has the error of m, half the relative error
					// of v, and roundings of the root, the sum, the product
					// and the quotient; p those of its product and the sum.
					tolP := update*tolM + rounded(1.51+4.01, update*math.Abs(wantM)) +
						rounded(2.01, float64(step.Decay)*math.Abs(float64(o.p))+update*math.Abs(wantM))
					for _, c := range []struct {
						name            string
						got             float32
						want, tolerance float64
					}{{"m", m[i], wantM, tolM}, {"v", v[i], wantV, tolV}, {"p", p[i], wantP, tolP}} {
						if d := math.Abs(float64(c.got) - c.want); !(d <= c.tolerance) {
							t.Fatalf("n=%d: %s[%d] = %.9g, want %.9g ± %.2g", n, c.name, i, c.got, c.want, c.tolerance)
						}
					}
					if g[i] != o.g {
						t.Fatalf("n=%d: g[%d] changed", n, i)
					}
					p1, m1, v1 := []float32{o.p}, []float32{o.m}, []float32{o.v}
					Adam(p1, []float32{o.g}, m1, v1, step)
					if p1[0] != p[i] || m1[0] != m[i] || v1[0] != v[i] {
						t.Fatalf("n=%d: element %d differs from the same alone", n, i)
					}
				}
			}
		})
	}
}
