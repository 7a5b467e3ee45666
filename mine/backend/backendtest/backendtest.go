// Package backendtest decides whether an implementation keeps the contract of
// package backend.
//
// The truth is never another backend: it is the definition in float64 (which
// this package's own tests check against central differences and closed
// forms), an exact integer, or the backend itself where the contract promises
// bitwise equality. A tolerance is a small multiple of the rounding error that
// a float64 error analysis predicts for the arithmetic under test, so it
// follows the conditioning of each case.
package backendtest

import (
	"errors"
	"slices"
	"testing"

	"gomine/mine/backend"
)

// Float32 is the unit roundoff of IEEE single precision.
const Float32 = 1.0 / (1 << 24)

// Run reports as errors of t every rule of package backend that the backend
// breaks, computing in float32. It calls open for a fresh backend as often as
// it needs one and closes each.
func Run(t *testing.T, open func(t testing.TB) backend.Backend) {
	t.Helper()
	RunUnit(t, open, Float32)
}

// RunUnit is Run for a backend whose products have the unit roundoff unit,
// such as 2^-11 for TF32 or 2^-8 for bfloat16 operands. Every tolerance is
// proportional to it.
func RunUnit(t *testing.T, open func(t testing.TB) backend.Backend, unit float64) {
	t.Helper()
	runRules(t, rules(), open, unit)
}

// RunArithmetic is RunUnit with those rules alone that the rounding of products
// can break: what a backend with several precisions need not run in full for
// each of them.
func RunArithmetic(t *testing.T, open func(t testing.TB) backend.Backend, unit float64) {
	t.Helper()
	runRules(t, slices.Concat(scoreRules, gradientRules, objectiveRules, trainRules, marginalRules, evaluateRules, modelRules), open, unit)
}

func runRules(t *testing.T, rules []rule, open func(t testing.TB) backend.Backend, unit float64) {
	t.Helper()
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			var shared backend.Backend
			if !r.isolated {
				shared = open(t)
				defer closeBackend(t, shared)
			}
			for _, c := range r.cases() {
				t.Run(c.name, func(t *testing.T) {
					b := shared
					if r.isolated {
						b = open(t)
						defer closeBackend(t, b)
					}
					err := c.run(subject{b, unit})
					var missing undeclared
					if errors.As(err, &missing) {
						t.Skip(missing)
					}
					if err != nil {
						t.Errorf("%v\nrule: %s", err, r.text)
					}
				})
			}
		})
	}
}

func closeBackend(t *testing.T, b backend.Backend) {
	t.Helper()
	if err := b.Close(); err != nil {
		t.Errorf("Backend.Close: %v", err)
	}
}

// undeclared ends a case that needs what the backend does not offer.
type undeclared struct{ error }

// A subject is a backend under test.
type subject struct {
	backend.Backend
	unit float64 // unit roundoff of its arithmetic
}

// A rule is one promise of the contract and the cases that try to catch a
// backend breaking it.
type rule struct {
	name     string
	text     string // what the contract says
	isolated bool   // the cases close the backend
	cases    func() []testCase
}

// A testCase returns an error if the subject breaks the rule.
type testCase struct {
	name string
	run  func(s subject) error
}

func rules() []rule {
	var all []rule
	for _, part := range [][]rule{
		batchRules, scoreRules, gradientRules, objectiveRules, trainRules, marginalRules, pairRules, evaluateRules, scorerRules,
		repeatRules, memoryRules, replaceRules, errorRules, cancelRules, modelRules, modelStateRules,
	} {
		all = append(all, part...)
	}
	return all
}
