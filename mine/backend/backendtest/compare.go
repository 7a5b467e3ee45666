package backendtest

import (
	"errors"
	"fmt"
	"math"

	"gomine/mine/backend"
)

const (
	// sigmas is how many of the oracle's error estimates a value may be off.
	// The estimate is that of one rounding per sum. A float32 sum in sequence
	// of n terms of one sign reaches sqrt(n)/3 of it, 5 at the largest width of
	// 257; terms of mixed signs, such as the 1026 inputs, reach less.
	sigmas = 8
	// gradSigmas is the same for the terms of a gradient, whose errors differ
	// from row to row and average out: a float32 backend of nested loops stays
	// below 0.5 on all shapes.
	gradSigmas = 3
	// blockTol is the relative error of a parameter block's gradient in units
	// of roundoff: 1e-5 in float32.
	blockTol = 1e-5 / Float32
	// ulps is how many roundings an element-wise formula of a few operations
	// may accumulate.
	ulps = 8
)

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// near reports a difference above tol, or a value that is not finite.
func near(what string, got, want, tol float64) error {
	if !finite(got) || !finite(want) || !finite(tol) {
		return fmt.Errorf("%s = %v, want %v within %.3g: not finite", what, got, want, tol)
	}
	if diff := math.Abs(got - want); !(diff <= tol) {
		return fmt.Errorf("%s = %v, want %v: off by %.3g, tolerance %.3g", what, got, want, diff, tol)
	}
	return nil
}

// norm returns the Euclidean norm.
func norm(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x * x
	}
	return math.Sqrt(sum)
}

// nearNorm reports that |got - want| exceeds tol in the Euclidean norm, or
// that a value is not finite.
func nearNorm(what string, got, want []float64, tol float64) error {
	diff := make([]float64, len(got))
	worst := 0
	for i := range got {
		if !finite(got[i]) || !finite(want[i]) {
			return fmt.Errorf("%s[%d] = %v, want %v: not finite", what, i, got[i], want[i])
		}
		diff[i] = got[i] - want[i]
		if math.Abs(diff[i]) > math.Abs(diff[worst]) {
			worst = i
		}
	}
	if d := norm(diff); !(d <= tol) {
		return fmt.Errorf("%s is off by %.3g in norm, tolerance %.3g, norm %.3g; worst [%d] = %v, want %v",
			what, d, tol, norm(want), worst, got[worst], want[worst])
	}
	return nil
}

// nearBlocks compares parameter arrays block by block, with tol the tolerance
// of a block's norm.
func nearBlocks(what string, n layout, got, want []float64, tol func(lo, hi int) float64) error {
	if len(got) != len(want) {
		return fmt.Errorf("%s has %d values, want %d", what, len(got), len(want))
	}
	var errs []error
	for _, b := range n.Blocks() {
		lo, hi := b.Offset, b.Offset+b.Len()
		errs = append(errs, nearNorm(what+" of "+b.Name(), got[lo:hi], want[lo:hi], tol(lo, hi)))
	}
	return errors.Join(errs...)
}

// gradTol is the tolerance of one block of a gradient: blockTol of its norm,
// and the error of the scores and activations on every term of its sums, which
// matters where these cancel.
func (t truth) gradTol(unit float64) func(lo, hi int) float64 {
	return func(lo, hi int) float64 {
		return blockTol*unit*norm(t.grad[lo:hi]) + gradSigmas*(t.err+unit)*norm(t.terms[lo:hi])
	}
}

// sameBits reports the first difference between arrays, bit by bit.
func sameBits(what string, got, want []float32) error {
	if len(got) != len(want) {
		return fmt.Errorf("%s has %d values, want %d", what, len(got), len(want))
	}
	for i := range got {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			return fmt.Errorf("%s[%d] = %v (%#08x), want %v (%#08x)", what, i,
				got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))
		}
	}
	return nil
}

func sameValues(what string, got, want []float64) error {
	if len(got) != len(want) {
		return fmt.Errorf("%s has %d values, want %d", what, len(got), len(want))
	}
	for i := range got {
		if math.Float64bits(got[i]) != math.Float64bits(want[i]) {
			return fmt.Errorf("%s[%d] = %v, want bitwise %v", what, i, got[i], want[i])
		}
	}
	return nil
}

func sameState(got, want backend.State) error {
	if got.Step != want.Step {
		return fmt.Errorf("state at step %d, want %d", got.Step, want.Step)
	}
	return errors.Join(
		sameValues("LogEMA", []float64{got.LogEMA}, []float64{want.LogEMA}),
		sameBits("Params", got.Params, want.Params),
		sameBits("M", got.M, want.M),
		sameBits("V", got.V, want.V),
	)
}

// wantError reports an error that does not wrap the sentinel.
func wantError(what string, err, sentinel error) error {
	if !errors.Is(err, sentinel) {
		return fmt.Errorf("%s: error %v, want one that wraps %q", what, err, sentinel)
	}
	return nil
}

// guard fills the values around and in a buffer that a backend writes to.
const guard = -12345.678

// A guarded is an array within a larger one whose every value is guard.
type guarded struct {
	whole []float32
	lo    int
}

// guarded arrays have this many values before and after them: more than a
// vector register or a warp holds.
const margin = 64

func newGuarded(n int) guarded {
	g := guarded{make([]float32, n+2*margin), margin}
	for i := range g.whole {
		g.whole[i] = guard
	}
	return g
}

// inner is the array to write to. Its capacity reaches into the guard values.
func (g guarded) inner() []float32 { return g.whole[g.lo : len(g.whole)-g.lo] }

// intact reports a guard value that was overwritten.
func (g guarded) intact(what string) error {
	for i, v := range g.whole {
		if (i < g.lo || i >= len(g.whole)-g.lo) && v != guard {
			return fmt.Errorf("%s: wrote %v at index %d of an array of %d", what, v, i-g.lo, len(g.inner()))
		}
	}
	return nil
}

// untouched reports any value that was overwritten.
func (g guarded) untouched(what string) error {
	for i, v := range g.whole {
		if v != guard {
			return fmt.Errorf("%s: wrote %v at index %d despite the error", what, v, i-g.lo)
		}
	}
	return nil
}

// A padded is a guarded matrix whose rows have padding between them.
type padded struct {
	backend.Matrix
	guarded
}

func newPadded(rows, cols, stride int) padded {
	g := newGuarded(max(0, (rows-1)*stride+cols))
	return padded{backend.Matrix{Rows: rows, Cols: cols, Stride: stride, Data: g.inner()}, g}
}

// intact reports an overwritten value in the padding or around the matrix.
func (p padded) intact(what string) error {
	for i, v := range p.Data {
		if i%p.Stride >= p.Cols && v != guard {
			return fmt.Errorf("%s: wrote %v to the padding of row %d", what, v, i/p.Stride)
		}
	}
	return p.guarded.intact(what)
}
