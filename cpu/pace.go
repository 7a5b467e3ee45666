package cpu

import (
	"math"
	"slices"
	"time"
)

// A pace finds by trial how many workers finish steps soonest. More are not
// always faster: waiting for one another costs from one microsecond to tens, as
// the processors are real or virtual, idle or not, and a small step takes little
// longer. The results of a step do not depend on it.
type pace struct {
	counts []int           // of workers, the candidates
	best   []time.Duration // of a step with each in the present trials

	trial int           // every candidate has tryRounds of them, then the best works
	look  int           // steps of the work between two looks at its speed
	kept  int           // steps of the work before the last look
	steps int           // in this trial, or since the last look
	took  time.Duration // by these
}

// workerFLOP are the floating-point operations that a worker must have to do in a
// step to be tried, some 10 µs of work, and those with which it needs no trial.
var workerFLOP = struct{ least, enough int }{1 << 21, 1 << 25} // a variable for tests

// A trial is trySteps long; every candidate has tryRounds of them, so that one
// interruption decides nothing. The machine may have changed after keepSteps. It
// surely has where steps take slump times as long as in the trials, as they do
// when another program takes the processor of a worker for which the others
// wait: a look after lookSteps tells. When trials do not mend it, looks become
// rare.
const trySteps, tryRounds, keepSteps, lookSteps, slump = 32, 3, 1 << 14, 1 << 8, 2

// newPace returns the pace of steps of so many floating-point operations on at
// most so many workers.
func newPace(workers, flop int) *pace {
	most := max(1, min(workers, flop/workerFLOP.least))
	p := &pace{look: lookSteps}
	for n := min(most, max(1, flop/workerFLOP.enough)); n < most; n *= 2 {
		p.counts = append(p.counts, n)
	}
	p.counts = append(p.counts, most)
	p.best = make([]time.Duration, len(p.counts))
	return p
}

// most returns the largest number of workers.
func (p *pace) most() int { return p.counts[len(p.counts)-1] }

func (p *pace) trying() bool { return p.trial < tryRounds*len(p.counts) }

// next returns with how many workers to do how many steps at most.
func (p *pace) next() (workers, steps int) {
	switch {
	case len(p.counts) == 1:
		return p.counts[0], math.MaxInt
	case p.trying():
		return p.counts[p.trial%len(p.counts)], trySteps - p.steps
	}
	return p.counts[p.fastest()], p.look - p.steps
}

// fastest returns the candidate that was best in the trials.
func (p *pace) fastest() int { return slices.Index(p.best, slices.Min(p.best)) }

// done tells how long so many steps took since next.
func (p *pace) done(steps int, took time.Duration) {
	if len(p.counts) == 1 {
		return
	}
	p.steps += steps
	p.took += took
	switch {
	case p.trying() && p.steps >= trySteps:
		i, each := p.trial%len(p.counts), p.took/time.Duration(p.steps)
		if p.trial < len(p.counts) || each < p.best[i] {
			p.best[i] = each
		}
		p.trial++
	case !p.trying() && p.steps >= p.look:
		p.kept += p.steps
		if p.took/time.Duration(p.steps) > slump*p.best[p.fastest()] {
			p.look = min(2*p.look, keepSteps)
			p.kept = keepSteps
		} else {
			p.look = lookSteps
		}
		if p.kept >= keepSteps {
			p.trial, p.kept = 0, 0
		}
	default:
		return
	}
	p.steps, p.took = 0, 0
}
