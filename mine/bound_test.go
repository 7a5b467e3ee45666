package mine_test

import (
	"errors"
	"math"
	"testing"

	"gomine/mine"
	"gomine/mine/backend"
)

// TestNewBound checks the two readings of NWJ, and that DV is never below it.
func TestNewBound(t *testing.T) {
	ev := backend.Evaluation{Rows: 100, Pairs: 1000, Joint: 3, LogU: 1.25, VarT: 2, VarW: 3, CovTW: 1, VarG: 5, Finite: true}
	raw, err := mine.NewBound(ev, 1, 0.95)
	if err != nil {
		t.Fatal(err)
	}
	if want := 3 - math.Exp(0.25); math.Abs(raw.NWJ-want) > 1e-14 {
		t.Errorf("NWJ of the scores as they are is %v, want %v", raw.NWJ, want)
	}
	normal, err := mine.NewBound(ev, ev.LogU, 0.95)
	if err != nil {
		t.Fatal(err)
	}
	if raw.Estimate != 1.75 || normal.Estimate != 1.75 || raw.NWJ > raw.Estimate || math.Abs(normal.NWJ-1.75) > 1e-14 {
		t.Errorf("DV %v, NWJ %v and, of normalised scores, %v; want 1.75, less, 1.75", raw.Estimate, raw.NWJ, normal.NWJ)
	}
	// The variance of T - w is 2 + 3 - 2, of which 5/10 is noise of the ten pairs a row.
	if want := math.Sqrt(2.5 / 100); math.Abs(raw.StdErr-want) > 1e-15 {
		t.Errorf("standard error %v, want %v", raw.StdErr, want)
	}
	ev.LogU = math.Inf(1)
	if _, err := mine.NewBound(ev, 1, 0.95); !errors.Is(err, mine.ErrDiverged) {
		t.Errorf("infinite scores: %v, want ErrDiverged", err)
	}
}

// TestLowerBoundIsCapped: what a hundred rows certify ends at ln 100, however
// small the standard error looks.
func TestLowerBoundIsCapped(t *testing.T) {
	ev := backend.Evaluation{Rows: 100, Pairs: 1000, Joint: 9, LogU: 1, VarT: 1, VarW: 1, CovTW: 1, Finite: true}
	b, err := mine.NewBound(ev, 1, 0.95)
	if err != nil {
		t.Fatal(err)
	}
	if b.Estimate != 8 || b.LowerBound != math.Log(100) {
		t.Errorf("estimate %v, lower bound %v, want 8 and ln 100", b.Estimate, b.LowerBound)
	}
	ev.Joint = 4
	if b, err = mine.NewBound(ev, 1, 0.95); err != nil || b.LowerBound != 3 {
		t.Errorf("lower bound %v, %v, want 3: the standard error is zero", b.LowerBound, err)
	}
}
