package preprocess

import "math"

const (
	// leastSpike is the share of the rows from which on a value is a spike, and spikeOver how
	// many times as frequent as any other it is then: the zeros of a sum that is often none
	// are, and the middle of rounded values is not.
	leastSpike = 0.05
	spikeOver  = 3
	// besideSpike is the fewest other values beside which it is one: of fewer, their ranks
	// are far apart.
	besideSpike = 20
	// mostSpikes is how many columns of a side have an input for theirs; none, where more
	// would.
	mostSpikes = 8
)

// A spike is a value that very many rows have, beside many different ones that others have. With p
// its share of the training rows, its input is that of a code,
//
//	(1[v = value] - p)/sqrt(p (1-p)).
//
// Among the ranks alone it is a jump between neighbours, which a network learns slowly.
type spike struct {
	value float64
	share float64 // 0 if there is none
}

// spikeOf returns the spike of ascending values, so many of them different.
func spikeOf(sorted []float64, distinct int) spike {
	if distinct <= besideSpike {
		return spike{}
	}
	var s spike
	most, second := 0, 0
	for lo, hi := 0, 0; lo < len(sorted); lo = hi {
		for hi = lo + 1; hi < len(sorted) && sorted[hi] == sorted[lo]; hi++ {
		}
		if hi-lo > most {
			most, second, s.value = hi-lo, most, sorted[lo]
		} else {
			second = max(second, hi-lo)
		}
	}
	s.share = float64(most) / float64(len(sorted))
	if s.share < leastSpike || most < spikeOver*second {
		return spike{}
	}
	return s
}

// inputs is how many inputs the spike is.
func (s spike) inputs() int {
	if s.share > 0 {
		return 1
	}
	return 0
}

// store writes the input of v, if there is one.
func (s spike) store(dst []float32, v float64) {
	if s.share == 0 {
		return
	}
	has := 0.0
	if v == s.value {
		has = 1
	}
	dst[0] = float32((has - s.share) / math.Sqrt(s.share*(1-s.share)))
}

// withoutSpikes forgets the spikes of a side where these are too many, or where there is no room
// for their inputs.
func (s Side) withoutSpikes(of rows) {
	spikes := 0
	for j := range s.maps {
		spikes += s.maps[j].spike.inputs()
	}
	if spikes == 0 || spikes <= mostSpikes && of.hasRoom(s.Inputs()) {
		return
	}
	for j := range s.maps {
		s.maps[j].spike = spike{}
	}
}
