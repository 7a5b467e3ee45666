package mine

import (
	"time"

	"gomine/mine/neighbours"
	"gomine/mine/preprocess"
)

// Result is an estimate with everything needed to judge and to repeat it. All
// information is in nats.
type Result struct {
	// Bound is that of the critics together on the test rows of each fold, which none of that
	// fold's critics has learnt from: Bound.Estimate is the estimate of I(X;Z). Not without any
	// influence of them are the weights, which other folds' critics decide, and the kinds of
	// critics, which the first fold's race does; see doc/mathematics.md.
	Bound

	// Training is the bound of the same critics on rows that they were trained on, as much
	// too high as Estimate is too low, where what they lack is rows.
	Training float64 `json:"training"`
	// Likely is Estimate and a share of what is between it and Training: nearer to I(X;Z)
	// as a rule, but no bound, and without an interval. It is Estimate where LowerBound is not
	// above 0: Training is, of independent columns too. Nor is it raised above ln(test rows of a fold),
	// where no number can be trusted. See doc/mathematics.md.
	Likely float64 `json:"likely"`
	// Neighbours is a second opinion, which knows no critics: what the nearest neighbours among
	// at most 10,000 of the rows say, see package neighbours. It is an estimate and no
	// bound, low in many columns. It is nil where there are more than 8 columns, where rows
	// are kept together, where training ended early, and where Config.Neighbours is false.
	Neighbours *neighbours.Result `json:"neighbours,omitempty"`

	// Plugin is that of the frequencies of the values, where both sides have few and rows are
	// independent; else nil.
	Plugin *Plugin `json:"plugin,omitempty"`
	// EntropyX and EntropyZ are those of sides that are a single column of codes with
	// several rows a code; else 0. Normalised is Estimate as a share of the smaller one, 0
	// where there is none.
	EntropyX   float64 `json:"entropy_x,omitempty"`
	EntropyZ   float64 `json:"entropy_z,omitempty"`
	Normalised float64 `json:"normalised,omitempty"`

	Critics []CriticResult `json:"critics"`
	Folds   []FoldResult   `json:"folds"`
	Scores  Histogram      `json:"scores"`

	// Winner is the candidate that weighs most; the curve and what follows are those of
	// its critic of the first fold.
	Winner   Candidate   `json:"winner"`
	Race     []RaceEntry `json:"race,omitempty"` // empty without a race
	Curve    []Point     `json:"curve"`
	BestStep int         `json:"best_step"` // the weights used are those after this many steps
	Steps    int         `json:"steps"`     // steps of training
	Stop     StopReason  `json:"stop"`

	Warnings []Warning          `json:"warnings,omitempty"`
	Rows     RowCounts          `json:"rows"`
	Split    Split              `json:"split"`
	X        preprocess.Summary `json:"x"`
	Z        preprocess.Summary `json:"z"`

	Config  Config `json:"config"`
	Backend string `json:"backend"`
	Device  string `json:"device"`
	Timing  Timing `json:"timing"`
}

// CriticResult says what a candidate is worth, the mean of its networks, on the test rows of the folds that have it.
type CriticResult struct {
	Candidate Candidate `json:"candidate"`
	Reference bool      `json:"reference,omitempty"` // no candidate, but the normal law's critic in closed form
	Weight    float64   `json:"weight"`              // in the sum of all, the mean over the folds
	Estimate  float64   `json:"estimate"`            // its bound alone, as it is
	StdErr    float64   `json:"std_err"`
	Folds     int       `json:"folds"`            // that have it, on whose test rows Estimate is; without any it is 0
	Steps     []int     `json:"steps,omitempty"`  // of training, of the first networks of all folds, then of the second ones; 0 of those that are not there
	Curves    [][]Point `json:"curves,omitempty"` // of training, likewise
	Failed    int       `json:"failed,omitempty"` // networks whose training diverged, which have no say
}

// FoldResult is the bound on the test rows of one fold.
type FoldResult struct {
	Rows     int       `json:"rows"`
	Estimate float64   `json:"estimate"`
	StdErr   float64   `json:"std_err"`
	Weights  []float64 `json:"weights"` // of the candidates, and, behind them, of the reference
}

// Point is one validation of a training run.
type Point struct {
	Step int `json:"step"`
	// Train is the mean value of the objective on the batches since the last
	// point, less that of the best constant critic, which is 0 but for JS and NCE.
	Train      float64 `json:"train"`
	Validation float64 `json:"validation"` // DV bound on the validation rows
}

// RaceEntry is how far a candidate came in the race.
type RaceEntry struct {
	Candidate  Candidate `json:"candidate"`
	Steps      int       `json:"steps"`           // steps it was trained for before it was dropped or won
	Validation float64   `json:"validation"`      // its best validation bound
	StdErr     float64   `json:"std_err"`         // of that bound
	Curve      []Point   `json:"curve,omitempty"` // of its training
	Error      string    `json:"error,omitempty"` // why it could not go on, such as divergence
}

// StopReason says what ended the training.
type StopReason string

const (
	StopSchedule    StopReason = "schedule"    // all steps done
	StopPatience    StopReason = "patience"    // no gain for Config.Patience validations, or for four, see there
	StopInterrupted StopReason = "interrupted" // the context was cancelled
	StopFailed      StopReason = "failed"      // the backend could not go on
	StopCheckpoint  StopReason = "checkpoint"  // a checkpoint could not be written
)

// Early reports whether training did not end by itself: the result is the best so far.
func (s StopReason) Early() bool {
	return s == StopInterrupted || s == StopFailed || s == StopCheckpoint
}

// WarningCode identifies a kind of warning.
type WarningCode string

const (
	WarnClimbing      WarningCode = "climbing"      // validation still improved when training ended
	WarnCeiling       WarningCode = "ceiling"       // the estimate is near ln(test rows)
	WarnConstant      WarningCode = "constant"      // constant columns were dropped
	WarnRare          WarningCode = "rare"          // columns of codes that are all rare were dropped
	WarnCodes         WarningCode = "codes"         // whole numbers seem to have no order
	WarnSentinel      WarningCode = "sentinel"      // a value may stand for a missing one
	WarnIDs           WarningCode = "ids"           // values that are there once teach nothing
	WarnMerged        WarningCode = "merged"        // different values of a column became one when they were read
	WarnDeterministic WarningCode = "deterministic" // a column of x and one of z are functions of each other
	WarnNothing       WarningCode = "nothing"       // no critic beat the trivial one
	WarnUnstable      WarningCode = "unstable"      // a few pairs dominate the exponential mean
	WarnInterrupted   WarningCode = "interrupted"   // the run did not end by itself
	WarnDiverged      WarningCode = "diverged"      // a critic has no say in some folds
	WarnBatch         WarningCode = "batch"         // a batch has fewer rows than asked for
	WarnFolds         WarningCode = "folds"         // some folds have no critic
	WarnFewRows       WarningCode = "few-rows"      // too few test rows for a reliable standard error
	WarnSerial        WarningCode = "serial"        // neighbouring rows are alike
	WarnUnresolved    WarningCode = "unresolved"    // so many are that nothing can be said
	WarnOrdered       WarningCode = "ordered"       // rows are in the order of a column, and may be a series
	WarnRepeats       WarningCode = "repeats"       // rows are there more than once
	WarnNeighbours    WarningCode = "neighbours"    // nearest neighbours find more than the critics
)

// Warning tells what limits an estimate, and what to do about it.
type Warning struct {
	Code    WarningCode `json:"code"`
	Message string      `json:"message"`
}

// Timing of a run.
type Timing struct {
	Prepare  time.Duration `json:"prepare_ns"`  // reading the inputs, preprocessing
	Race     time.Duration `json:"race_ns"`     // all candidates
	Train    time.Duration `json:"train_ns"`    // the survivors on all folds
	Evaluate time.Duration `json:"evaluate_ns"` // the test rows
	// StepsPerSecond is that of their training, all together, validations included.
	StepsPerSecond float64 `json:"steps_per_second"`
}

// Bits converts nats to bits.
func Bits(nats float64) float64 { return nats / ln2 }

const ln2 = 0.693147180559945309417232121458
