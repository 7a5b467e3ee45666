package mine

import (
	"time"

	"gomine/mine/backend"
)

// An Option wires an estimate to its surroundings. Options never change the
// number; that is what Config is for. The exceptions are WithGroups, WithBlocks and WithFoldsOf, which are data.
type Option func(*wiring)

type wiring struct {
	backend   backend.Backend
	threads   int
	called    [2]string // what messages call x and z
	groups    []int
	worth     float64       // of a row of groups, in independent ones; 0 if it is not known
	arranged  *arrangement  // of another estimator; nil for one of its own
	dir       string        // of checkpoints; empty where none are kept
	every     time.Duration // between two of a critic, at least
	outspoken bool
	progress  func(Progress)
	last      Progress
	reported  time.Time
}

// progressEvery is the shortest time between two reports of one phase.
const progressEvery = 100 * time.Millisecond

func (w *wiring) report(p Progress) {
	if w.progress == nil {
		return
	}
	now := time.Now()
	if p.Phase == w.last.Phase && p.Step < p.Steps && now.Sub(w.reported) < progressEvery {
		return
	}
	w.last, w.reported = p, now
	w.progress(p)
}

// WithBackend runs on an open backend, which stays open. The default is the
// CPU backend, opened for the estimate and closed after it.
func WithBackend(b backend.Backend) Option { return func(w *wiring) { w.backend = b } }

// WithThreads limits the default CPU backend, and the one that stands in for a backend
// that fails, to n threads; 0 means all processors. The result does not depend on it.
func WithThreads(n int) Option { return func(w *wiring) { w.threads = n } }

// WithNames says what warnings, and errors about columns that nothing is learnt from, call the sides, in place of
// x and z.
func WithNames(x, z string) Option { return func(w *wiring) { w.called = [2]string{x, z} } }

// WithGroups says which rows belong together, such as those of one person: those of equal
// numbers, one a row, are never both trained and tested on, and the standard error is that
// of independent groups. Groups that hold copies of each other's rows are one group, and groups that are alike where
// they follow each other are kept together in blocks, unless Config.Split is SplitRandom.
func WithGroups(ids []int) Option { return WithBlocks(ids, 0) }

// WithBlocks is WithGroups for blocks of series, by their numbers: their rows are alike, but not as
// those of one person are. A row is worth that many independent ones, from 0 to 1, as package dependence
// may have found. Nothing is looked for between blocks of a known worth, nor warned of.
func WithBlocks(ids []int, worth float64) Option {
	return func(w *wiring) { w.groups, w.worth = ids, worth }
}

// WithCheckpoints keeps what critics have learnt in the folder dir, which is made if there is
// none, so that the same estimate, begun again after it has ended in whatever way, goes on from
// there and comes to the same result, bit for bit but for Result.Timing. A critic is kept when it
// is validated, but not before a time of every since the last time, and when its training ends.
// The result is kept as well, and Estimate, unlike Fit, returns it without scoring anything again. The
// files stay. A folder of another estimate, of other data or of another version is an error
// that wraps ErrCheckpoint; so is one that another estimate has open, and a file that cannot be written, which ends the training.
func WithCheckpoints(dir string, every time.Duration) Option {
	return func(w *wiring) { w.dir, w.every = dir, every }
}

// WithoutSilence makes the critic of Fit say something where all weights are 0, as of rows that tell nothing, or too little to be
// sure: in each fold it is the one with the highest bound on the validation rows then. Critics that these rows call clearly worse than
// none are weighed too, instead of none in their place, so that the Result may be another.
func WithoutSilence() Option { return func(w *wiring) { w.outspoken = true } }

// WithProgress calls f at most some ten times a second and at the end of each phase, from
// whichever critic is in training; the others wait for it meanwhile.
func WithProgress(f func(Progress)) Option { return func(w *wiring) { w.progress = f } }

// Progress is the state of a running estimate.
type Progress struct {
	Phase       Phase
	Step, Steps int       // done and planned in the phase; of the whole race in PhaseRace, passes over the rows in PhasePrepare
	Candidate   Candidate // in training; meaningless while preparing
	Fold        int       // that it is trained on, from 0; 0 in a race
	Network     int       // of the candidate's networks on the fold, from 0
	Train       float64   // mean value of the objective on the latest batches, see Point
	Validation  float64   // best validation bound so far, nats; 0 before the first
}

// Phase is what an estimate is busy with.
type Phase string

const (
	PhasePrepare Phase = "prepare"
	PhaseRace    Phase = "race"
	PhaseTrain   Phase = "train"
	PhaseScore   Phase = "score" // on more pairs, where information is high; steps are critics
)
