package cpu

import (
	"context"
	"math"
	"slices"
	"testing"
	"time"

	"gomine/mine/backend"
	"gomine/mine/objective"
)

func TestPaceCandidates(t *testing.T) {
	for _, c := range []struct {
		workers, flop int
		want          []int
	}{
		{1, 1 << 40, []int{1}},
		{16, 1, []int{1}},
		{2, workerFLOP.least, []int{1}},
		{2, 2 * workerFLOP.least, []int{1, 2}},
		{7, 1 << 26, []int{2, 4, 7}},
		{16, 1 << 30, []int{16}},
	} {
		if got := newPace(c.workers, c.flop).counts; !slices.Equal(got, c.want) {
			t.Errorf("%d workers, %d FLOP: candidates %v, want %v", c.workers, c.flop, got, c.want)
		}
	}
}

// TestPace runs a pace on made-up times, in calls of different lengths.
func TestPace(t *testing.T) {
	for _, call := range []int{1, 7, trySteps, 1000, 1 << 20} {
		p := newPace(4, 4*workerFLOP.least)
		fastest := 2
		done := map[int]int{}
		train := func(total int) {
			for total > 0 {
				for left := min(call, total); left > 0; {
					workers, steps := p.next()
					steps = min(steps, left)
					each := 10 * time.Microsecond
					if workers != fastest {
						each += time.Microsecond
					}
					if done[workers] == 0 {
						each *= 1000 // an interruption
					}
					p.done(steps, time.Duration(steps)*each)
					done[workers] += steps
					left -= steps
					total -= steps
				}
			}
		}
		train(keepSteps / 2)
		if trials := tryRounds * trySteps; done[1] != trials || done[4] != trials || done[2] != keepSteps/2-2*trials {
			t.Errorf("calls of %d: steps by workers %v", call, done)
		}
		// Another program takes a processor: soon one worker is best.
		fastest = 1
		clear(done)
		train(3 * keepSteps)
		if done[1] < keepSteps {
			t.Errorf("calls of %d, after a change: steps by workers %v", call, done)
		}
	}
}

// TestPaceSlump runs a pace on a machine where, from some step on, two workers
// take twenty times as long: soon one worker does the work. Where all take that
// long, nothing is to be gained, and few steps are spent on trials.
func TestPaceSlump(t *testing.T) {
	for _, all := range []bool{false, true} {
		p := newPace(2, 2*workerFLOP.least)
		slow := false
		done := map[int]int{}
		train := func(total int) {
			clear(done)
			for left := total; left > 0; {
				workers, steps := p.next()
				steps = min(steps, left)
				each := 10 * time.Microsecond / time.Duration(workers)
				if slow && (all || workers == 2) {
					each *= 20
				}
				p.done(steps, time.Duration(steps)*each)
				done[workers] += steps
				left -= steps
			}
		}
		train(1000)
		if done[2] < 900 {
			t.Fatalf("at first: steps by workers %v", done)
		}
		slow = true
		if train(1000); !all && done[1] < 400 {
			t.Errorf("after the slump: steps by workers %v", done)
		}
		if train(50_000); all && done[1] > 1500 {
			t.Errorf("after a slump of all: steps by workers %v", done)
		}
	}
}

// TestPaceChangesNothing checks that a run in which the workers become more and
// fewer has the bits of one on one worker.
func TestPaceChangesNothing(t *testing.T) {
	old := workerFLOP
	defer func() { workerFLOP = old }()
	workerFLOP.least, workerFLOP.enough = 1, math.MaxInt
	net := backend.Network{DX: 3, DZ: 2, Hidden: []int{9, 7}, Activation: backend.Softplus}
	run := func(threads int) (values []float64, state backend.State) {
		b := open(t, threads)
		defer b.Close()
		spec, x, z, start := problem(700, net, objective.DV.Default(), 200)
		data, err := b.Load(x, z)
		if err != nil {
			t.Fatal(err)
		}
		tr, err := b.NewTrainer(spec, data, backend.Rows{Lo: 3, Hi: 600})
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.SetState(start); err != nil {
			t.Fatal(err)
		}
		const steps = 500 // more than the trials of 1, 2, 4 and 5 workers
		values = make([]float64, steps)
		if _, err := tr.Train(context.Background(), slices.Repeat([]float64{1e-3}, steps), values); err != nil {
			t.Fatal(err)
		}
		if state, err = tr.State(); err != nil {
			t.Fatal(err)
		}
		return values, state
	}
	values, state := run(5)
	wantValues, wantState := run(1)
	if !slices.Equal(values, wantValues) || !slices.Equal(state.Params, wantState.Params) || state.LogEMA != wantState.LogEMA {
		t.Error("five workers compute something else than one")
	}
}
