package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gomine/mine/simulate"
)

// mostInfo is the largest information of a development task, in nats. Of no more than
// that can a few thousand rows tell.
const mostInfo = 4

// A recipe is a family whose parameters are drawn at random.
type recipe struct {
	group  string // in the table
	family string // of simulate
	params func(draws) simulate.Params
	maps   []string // of which each side gets one; none if empty
}

// columnwise are the maps of single columns that every family but student can have.
var columnwise = []string{"cubic", "exp", "asinh", "cdf", "sqrtabs"}

// mixing are the maps of several columns.
var mixing = []string{"rotation", "spiral", "network"}

// recipes are in an order in which the first few already differ. The ranges are ours:
// no task of a published benchmark suite was looked at to choose them. A new recipe goes
// to the end, so that the numbers of the others stay.
var recipes = []recipe{
	{"gaussian", "gaussian", dense(1, 1, 3), nil},
	{"gaussian, sparse", "gaussian", sparse(6, 20), nil},
	{"student", "student", student(1, 1, 0.9), nil},
	{"copula", "copula-clayton", theta(0.3, 15), nil},
	{"mixture", "mixture", mixed(1, 1, 2, 5), nil},
	{"uniform noise", "uniform-noise", dense(1, 1, 3), nil},
	{"gaussian, mapped", "gaussian", dense(2, 5, mostInfo), columnwise},
	{"gaussian", "gaussian", dense(6, 20, mostInfo), nil},
	{"sine product", "sine-product", waves(1, 1, 3), nil},
	{"student", "student", student(2, 3, 0.8), nil},

	{"function", "function-sine", noisy(1, 3, 0.08, 0.8), nil},
	{"gaussian, rotated", "gaussian", sparse(3, 10), []string{"rotation"}},
	{"copula", "copula-gumbel", theta(1.1, 8), nil},
	{"correlated", "correlated", sides(1, 5), nil},
	{"gaussian", "gaussian", dense(21, 50, mostInfo), nil},
	{"gaussian, mapped", "gaussian", dense(1, 1, 3), columnwise},
	{"uniform noise", "uniform-noise", dense(2, 5, mostInfo), nil},
	{"student", "student", student(4, 5, 0.6), nil},
	{"mixture", "mixture", mixed(1, 1, 6, 12), nil},
	{"independent", "independent", sides(1, 20), nil},

	{"copula", "copula-t", heavy(0, 0.95), nil},
	{"gaussian, sparse", "gaussian", sparse(21, 50), nil},
	{"function", "function-cubic", noisy(1, 3, 0.08, 0.8), nil},
	{"student, mapped", "student", student(1, 3, 0.8), []string{"asinh"}},
	{"gaussian", "gaussian", dense(2, 5, mostInfo), nil},
	{"channel", "channel", dense(2, 20, mostInfo), nil},
	{"copula", "copula-frank", theta(0.5, 40), nil},
	{"gaussian, mapped", "gaussian", sparse(6, 20), columnwise},
	{"binary channel", "binary-channel", noisy(1, 4, 0.2, 2), nil},
	{"mixture", "mixture", mixed(2, 3, 2, 5), nil},

	{"circle", "circle", circling, nil},
	{"gaussian, rotated", "gaussian", dense(2, 8, mostInfo), []string{"rotation"}},
	{"student", "student", student(1, 1, 0), nil},
	{"copula, mapped", "copula-clayton", theta(0.3, 15), columnwise},
	{"gaussian, sparse", "gaussian", sparse(3, 5), nil},
	{"function", "function-linear", noisy(1, 3, 0.08, 0.8), nil},
	{"sine product", "sine-product", waves(2, 5, 2), nil},
	{"uniform noise, mapped", "uniform-noise", dense(1, 3, 3), columnwise},
	{"correlated", "correlated", sides(3, 10), nil},
	{"student, mapped", "student", student(2, 5, 0.7), []string{"sqrtabs", "rotation"}},

	{"gaussian, spiral", "gaussian", dense(2, 8, mostInfo), []string{"spiral"}},
	{"gaussian, network", "gaussian", sparse(3, 10), []string{"network"}},
	{"swiss roll", "swiss-roll", dense(1, 1, 3), nil},
	{"gamma exponential", "gamma-exponential", gammas, nil},
	{"gaussian, network", "gaussian", dense(2, 8, mostInfo), []string{"network"}},
	{"gaussian, spiral", "gaussian", sparse(3, 10), []string{"spiral", "rotation"}},
	{"uniform noise, mapped", "uniform-noise", dense(2, 4, 3), mixing},
	{"swiss roll", "swiss-roll", dense(2, 5, mostInfo), nil},
}

// A developed is a task on which settings are chosen or their error is reported: a
// law with known information that follows from the number alone.
type developed struct {
	Number int             `json:"task"`
	Group  string          `json:"group"`
	Family string          `json:"family"`
	Params simulate.Params `json:"params"`
	MapX   string          `json:"map_x"`
	MapZ   string          `json:"map_z"`
	Truth  float64         `json:"truth"`

	law *simulate.Task
}

// develop returns the task of a number. Tasks 2i and 2i+1 are of the same recipe, so
// that even and odd numbers have as many of each. Parameters that make more than
// mostInfo are drawn again.
func develop(number int) (developed, error) {
	const tries = 1000
	rec := recipes[number/2%len(recipes)]
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], uint64(number))
	d := draws{rand.New(rand.NewChaCha8(key))}
	for range tries {
		p := rec.params(d)
		p.Seed = d.Uint64()
		law, err := simulate.New(rec.family, p, d.oneOf(rec.maps), d.oneOf(rec.maps))
		if err != nil {
			return developed{}, fmt.Errorf("task %d: %w", number, err)
		}
		if law.Truth <= mostInfo {
			return developed{Number: number, Group: rec.group, Family: rec.family, Params: law.Params,
				MapX: law.MapX, MapZ: law.MapZ, Truth: law.Truth, law: law}, nil
		}
	}
	return developed{}, fmt.Errorf("task %d: no parameters of %s with at most %d nats", number, rec.group, mostInfo)
}

// The halves of the tasks: settings are chosen on one, and reported on the other.
const (
	chooseHalf = "choose"
	reportHalf = "report"
	bothHalves = "both"
)

func halfNames() []string { return []string{chooseHalf, reportHalf, bothHalves} }

// developments returns the first n tasks of a half, or of each half.
func developments(half string, n int) ([]developed, error) {
	if !slices.Contains(halfNames(), half) {
		return nil, fmt.Errorf("--half is %q, want one of %q", half, halfNames())
	}
	var all []developed
	for number := range 2 * n {
		if half == chooseHalf && number%2 == 1 || half == reportHalf && number%2 == 0 {
			continue
		}
		task, err := develop(number)
		if err != nil {
			return nil, err
		}
		all = append(all, task)
	}
	return all, nil
}

// only returns those of the tasks that have the numbers, all of them where there are none.
func only(tasks []developed, numbers []int) ([]developed, error) {
	if len(numbers) == 0 {
		return tasks, nil
	}
	var some []developed
	for _, n := range numbers {
		i := slices.IndexFunc(tasks, func(d developed) bool { return d.Number == n })
		if i < 0 {
			return nil, fmt.Errorf("--only: there is no task %d among the tasks of this half", n)
		}
		some = append(some, tasks[i])
	}
	return some, nil
}

// draws are the random numbers of one task.
type draws struct{ *rand.Rand }

func (d draws) within(lo, hi float64) float64 { return lo + (hi-lo)*d.Float64() }

// scale is uniform in its logarithm.
func (d draws) scale(lo, hi float64) float64 {
	return math.Exp(d.within(math.Log(lo), math.Log(hi)))
}

// whole is uniform among lo to hi.
func (d draws) whole(lo, hi int) int { return lo + d.IntN(hi-lo+1) }

func (d draws) oneOf(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return names[d.IntN(len(names))]
}

// dense spreads up to most nats evenly over all of lo to hi columns a side.
func dense(lo, hi int, most float64) func(draws) simulate.Params {
	return func(d draws) simulate.Params {
		return simulate.Params{Dim: d.whole(lo, hi), Info: d.within(0.02, most)}
	}
}

// sparse has one or two pairs of columns that are dependent, and up to 3 nats.
func sparse(lo, hi int) func(draws) simulate.Params {
	return func(d draws) simulate.Params {
		return simulate.Params{Dim: d.whole(lo, hi), Pairs: d.whole(1, 2), Info: d.within(0.05, 3)}
	}
}

func sides(lo, hi int) func(draws) simulate.Params {
	return func(d draws) simulate.Params {
		return simulate.Params{DimX: d.whole(lo, hi), DimZ: d.whole(lo, hi)}
	}
}

// heavy has one to ten degrees of freedom and a correlation.
func heavy(lo, hi float64) func(draws) simulate.Params {
	return func(d draws) simulate.Params {
		return simulate.Params{Nu: d.scale(1, 10), Rho: d.within(lo, hi)}
	}
}

func student(lo, hi int, rho float64) func(draws) simulate.Params {
	return func(d draws) simulate.Params {
		p := heavy(0, rho)(d)
		p.DimX, p.DimZ = d.whole(lo, hi), d.whole(lo, hi)
		return p
	}
}

func theta(lo, hi float64) func(draws) simulate.Params {
	return func(d draws) simulate.Params { return simulate.Params{Theta: d.scale(lo, hi)} }
}

func mixed(lo, hi, fewest, most int) func(draws) simulate.Params {
	return func(d draws) simulate.Params {
		return simulate.Params{Dim: d.whole(lo, hi), Components: d.whole(fewest, most)}
	}
}

func waves(lo, hi, most int) func(draws) simulate.Params {
	return func(d draws) simulate.Params {
		return simulate.Params{Dim: d.whole(lo, hi), Turns: d.whole(1, most)}
	}
}

func noisy(lo, hi int, weak, strong float64) func(draws) simulate.Params {
	return func(d draws) simulate.Params {
		return simulate.Params{Dim: d.whole(lo, hi), Noise: d.scale(weak, strong)}
	}
}

func gammas(d draws) simulate.Params {
	return simulate.Params{Dim: d.whole(1, 3), Theta: d.scale(0.05, 5)}
}

func circling(d draws) simulate.Params {
	return simulate.Params{Noise: d.scale(0.03, 0.9), Turns: d.whole(1, 3)}
}
