package mine

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"gomine/mine/backend"
	"gomine/mine/objective"
	"gomine/mine/preprocess"
)

// A Candidate is one way to train a critic. Each gives a valid lower bound, so
// candidates may be compared by their bounds on validation rows.
type Candidate struct {
	Activation backend.Activation  `json:"activation"`
	Preprocess preprocess.Method   `json:"preprocess"`
	Objective  objective.Objective `json:"objective"`
}

func (c Candidate) String() string {
	return fmt.Sprintf("%v, %v, %v", c.Activation, c.Preprocess, c.Objective)
}

// Config holds everything that changes the number an estimate returns. Start
// from DefaultConfig; the zero value is not valid.
type Config struct {
	// Candidates race for RaceSteps steps each on the first fold. Those that matter for
	// what they say together, Survivors at most, are trained for Steps steps on every
	// fold; one where they add next to nothing to the normal law's critic and not all
	// survive. With one candidate there is no race.
	Candidates []Candidate `json:"candidates"`
	RaceSteps  int         `json:"race_steps"`
	Survivors  int         `json:"survivors"`
	// Networks is how many networks of each survivor are trained on a fold, from other weights and by other
	// batches, 1 where one candidate is enough: their mean, which is the critic of the candidate, is better than each of them.
	// Where there are several folds, every second one is trained on the rows that the first one
	// stops by, and stops by as many others, so that all rows that are not tested on are learnt from.
	Networks int `json:"networks"`
	// Reference says whether the critic in closed form of the normal law with the
	// correlations of the (ranked) columns is heard too.
	Reference bool `json:"reference"`
	// Neighbours says whether nearest neighbours are asked for a second opinion.
	Neighbours bool `json:"neighbours"`
	// Folds is how many parts of the rows are tested on, each by critics that were
	// trained on the others. With 1 there is one part, of TestFraction of the rows. There are
	// fewer where rows are kept together in so few blocks or groups that a part would have
	// less than three.
	Folds int `json:"folds"`

	// Split says what is kept together where rows are split into folds. Beside WithGroups random keeps
	// groups together, and takes them for independent of each other. Block is how many
	// neighbouring rows where it is blocks, for which a number asks; rows in groups have none.
	Split SplitKind `json:"split"`
	Block Length    `json:"block"`

	Hidden       []int   `json:"hidden"`        // widths of the hidden layers, 1 to 4 of them
	Batch        int     `json:"batch"`         // joint pairs per step, fewer where a fold has fewer training rows
	Marginals    int     `json:"marginals"`     // marginal pairs per joint pair, less than Batch
	Steps        int     `json:"steps"`         // training steps of each critic, at most
	LearningRate float64 `json:"learning_rate"` // Adam's peak rate; a cosine brings it to zero over Steps
	WeightDecay  float64 `json:"weight_decay"`  // decoupled, per unit of learning rate
	ClipNorm     Limit   `json:"clip_norm"`     // longest gradient, by its Euclidean norm; NoLimit for any

	EvaluateEvery int `json:"evaluate_every"` // steps between validations
	// Patience is how many validations without a gain of a tenth of a standard error end a training early; four do
	// where one candidate is enough, see Candidates.
	Patience int `json:"patience"`

	ValidationFraction float64 `json:"validation_fraction"` // of the rows, of several folds of those not tested on; decides when to stop and, where there is one fold, the weights
	TestFraction       float64 `json:"test_fraction"`       // of the rows, where there is one fold; gives the reported value, seen by nothing else
	TestPairs          int     `json:"test_pairs"`          // marginal pairs scored over all folds: ten a test row at least, all at most, and where information is high up to a million a fold

	Confidence float64 `json:"confidence"` // level of the interval, such as 0.95
	Seed       uint64  `json:"seed"`

	// Memory is how much memory the rows may take, a third of it as they are and a third as inputs.
	// Of more rows than have room, critics are trained on chunks that are drawn at random, one after
	// the other; it needs one fold, whose other rows have to have room.
	Memory Bytes `json:"memory"`
}

// maxNetworks is more than is worth training of a candidate.
const maxNetworks = 20

// maxFolds is more than is worth training critics for.
const maxFolds = 100

// minClipNorm is far above the 1e-8 that Adam adds to the size of a gradient.
const minClipNorm = 1e-6

// maxConfidence keeps normal quantiles finite.
const maxConfidence = 1 - 1e-9

// Validate reports the first field that cannot be used, as a *FieldError.
func (c Config) Validate() error {
	bad := func(field string, value any, want string) error {
		return &FieldError{Field: field, Value: value, Want: want}
	}
	switch {
	case len(c.Candidates) == 0:
		return bad("candidates", "empty", "at least one")
	case len(c.Candidates) > 1 && c.RaceSteps < 1:
		return bad("race_steps", c.RaceSteps, "at least 1 to compare candidates")
	case c.Survivors < 1:
		return bad("survivors", c.Survivors, "at least 1")
	case c.Networks < 1 || c.Networks > maxNetworks:
		return bad("networks", c.Networks, fmt.Sprintf("1 to %d", maxNetworks))
	case c.Folds < 1 || c.Folds > maxFolds:
		return bad("folds", c.Folds, fmt.Sprintf("1 to %d", maxFolds))
	case !slices.Contains(SplitKinds(), c.Split):
		return bad("split", c.Split, fmt.Sprintf("one of %v", SplitKinds()))
	case c.Block < 0 || c.Block > AutoLength && c.Split == SplitRandom:
		return bad("block", c.Block, "a number of rows, and auto where the split is random")
	case len(c.Hidden) < 1 || len(c.Hidden) > backend.MaxHidden:
		return bad("hidden", c.Hidden, fmt.Sprintf("1 to %d layers", backend.MaxHidden))
	case c.Batch < 2:
		return bad("batch", c.Batch, "at least 2")
	case c.Marginals < 1 || c.Marginals >= c.Batch || c.Marginals > backend.MaxMarginals:
		return bad("marginals", c.Marginals, fmt.Sprintf("1 to %d in batches of %d", min(c.Batch-1, backend.MaxMarginals), c.Batch))
	case c.Steps < 1:
		return bad("steps", c.Steps, "at least 1")
	case !(c.LearningRate > 0) || !finite(c.LearningRate):
		return bad("learning_rate", c.LearningRate, "a positive number")
	case !(c.WeightDecay >= 0) || !finite(c.WeightDecay):
		return bad("weight_decay", c.WeightDecay, "0 or more")
	case !(c.ClipNorm >= minClipNorm):
		return bad("clip_norm", c.ClipNorm, fmt.Sprintf("at least %g, below which Adam takes gradients for noise, or none", minClipNorm))
	case c.EvaluateEvery < 1:
		return bad("evaluate_every", c.EvaluateEvery, "at least 1")
	case c.Patience < 1:
		return bad("patience", c.Patience, "at least 1")
	case !(c.ValidationFraction > 0 && c.ValidationFraction < 1):
		return bad("validation_fraction", c.ValidationFraction, "between 0 and 1")
	case !(c.TestFraction > 0 && c.TestFraction < 1):
		return bad("test_fraction", c.TestFraction, "between 0 and 1")
	case c.ValidationFraction+c.TestFraction >= 1:
		return &FieldError{Field: "validation_fraction", And: "test_fraction", Value: c.ValidationFraction + c.TestFraction,
			Want: "less than 1, to leave rows to train on"}
	case c.TestPairs < 1:
		return bad("test_pairs", c.TestPairs, "at least 1")
	case c.Memory < 0:
		return bad("memory", int64(c.Memory), "a number of bytes, or none")
	case !(c.Confidence > 0 && c.Confidence <= maxConfidence):
		return bad("confidence", c.Confidence, "between 0 and 1")
	}
	for _, width := range c.Hidden {
		if width < 1 || width > backend.MaxWidth {
			return bad("hidden", c.Hidden, fmt.Sprintf("widths from 1 to %d", backend.MaxWidth))
		}
	}
	for _, cand := range c.Candidates {
		_, activation := cand.Activation.MarshalText()
		if err := errors.Join(activation, cand.Objective.Validate(), cand.Preprocess.Validate()); err != nil {
			return &FieldError{Field: "candidates", Value: cand, Want: "known names", Err: err}
		}
	}
	return nil
}

// ValidateGroups reports the first field that cannot be used where rows are in groups, by WithGroups, beside what
// Validate reports: groups say what stays together.
func (c Config) ValidateGroups() error {
	switch {
	case c.Split == SplitBlocks:
		return &FieldError{Field: "split", Value: c.Split, Want: "auto where rows have groups, which are kept together, or random where these are independent whatever their order"}
	case c.Block != AutoLength:
		return &FieldError{Field: "block", Value: c.Block, Want: "auto where rows have groups: it is a number of rows, and groups that depend on each other are kept together by themselves"}
	}
	return nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// slot is the number of a network of a candidate among those of a fold: by candidates, first networks before second ones.
func (c Config) slot(candidate, network int) int { return network*len(c.Candidates) + candidate }

// slotsOf returns those of the networks of a candidate, of so many slots.
func (c Config) slotsOf(candidate, slots int) []int {
	var all []int
	for s := candidate; s < slots; s += len(c.Candidates) {
		all = append(all, s)
	}
	return all
}

// inSlot returns the candidate of a slot and which of its networks that is.
func (c Config) inSlot(slot int) (candidate Candidate, network int) {
	return c.Candidates[slot%len(c.Candidates)], slot / len(c.Candidates)
}

// A Limit is a largest value, or NoLimit. As JSON and as text it is a number or
// "none".
type Limit float64

// NoLimit is the Limit that everything is within.
var NoLimit = Limit(math.Inf(1))

func (l Limit) String() string {
	if l == NoLimit {
		return "none"
	}
	return strconv.FormatFloat(float64(l), 'g', -1, 64)
}

// MarshalJSON returns a number, or "none".
func (l Limit) MarshalJSON() ([]byte, error) {
	if l == NoLimit {
		return []byte(`"none"`), nil
	}
	return json.Marshal(float64(l))
}

// UnmarshalJSON reads what MarshalJSON returns.
func (l *Limit) UnmarshalJSON(text []byte) error {
	if string(text) == `"none"` {
		*l = NoLimit
		return nil
	}
	return json.Unmarshal(text, (*float64)(l))
}

// crossfitRows is the number of rows up to which all of them are tested on by default.
// Above, a fifth tells the bound to a few thousandths of a nat, and what there is to
// learn takes the time.
const crossfitRows = 100_000

const (
	// deepRows is the number of rows from which on a third hidden layer pays: at 10,000 and 50,000 rows it takes off a
	// tenth of the error and more, at 1,000 it adds to it.
	deepRows = 5000
	// pairedRows is that up to which two networks of each of four candidates are worth their time. Above, two networks
	// of two candidates are as good as one of four, or better.
	pairedRows = 20_000
)

// Effort is how much time an estimate may take.
type Effort string

const (
	// Fast is half the steps, two hidden layers, two folds and two survivors: a fifth to a tenth of the time.
	Fast Effort = "fast"
	// Normal is what the accuracy tables were made with.
	Normal Effort = "normal"
	// Thorough is twice the steps and patience, all candidates that count for something on each fold, and
	// ten folds, or, where there is one, two candidates of networks twice as wide: several times the time.
	Thorough Effort = "thorough"
)

// Efforts lists all of them.
func Efforts() []Effort { return []Effort{Fast, Normal, Thorough} }

func (e Effort) String() string { return string(e) }

// DefaultConfig returns ConfigFor(rows, Normal).
func DefaultConfig(rows int) Config { return ConfigFor(rows, Normal) }

// ConfigFor returns settings for data of the given number of rows. Efforts other than
// Fast and Thorough count as Normal.
//
// The candidates cover what one critic cannot: smooth densities want a smooth
// activation, edges ReLU, skewed columns ranks, heavy tails of several columns a radius
// in their units, functions that turn often their harmonics, whole numbers without an order
// an input each (see preprocess.Method); what the columns make the same does not run.
// The Jensen–Shannon objective, whose bounded
// weights keep single pairs from deciding a step, is better where information is high,
// Donsker and Varadhan's where little of it hides in many columns.
//
// More rows have more to tell: the steps grow with their square root, from 2,000 up to
// 10,000 rows to 6,300 at 100,000. But for Fast, networks have three layers from 5,000 rows on, there are two of
// each candidate on a fold, of four candidates up to 20,000 rows, in batches of 512 rows or three eighths of all, and of two
// above; and a training may go on for two fifths of its steps without a gain, eight validations at least. Above 100,000 rows there is one
// fold and one survivor of the race beside the reference, of four networks, which see the rows in the same way, with 5,000 steps each.
func ConfigFor(rows int, effort Effort) Config {
	c := normalConfig(rows)
	if effort != Fast {
		if rows >= deepRows {
			c.Hidden = []int{64, 64, 64}
		}
		switch {
		case rows <= pairedRows:
			c.Batch, c.Networks = broadBatch(rows), 2
		case rows <= crossfitRows:
			c.Survivors, c.Networks = 2, 2
		default:
			c.Networks = 4
		}
		c.Patience = max(c.Patience, 2*c.Steps/(5*c.EvaluateEvery))
	}
	switch effort {
	case Fast:
		c.Folds, c.Survivors = min(c.Folds, 2), min(c.Survivors, 2)
		c.Steps, c.RaceSteps = c.Steps/2, c.RaceSteps/2
	case Thorough:
		c.Survivors = len(c.Candidates)
		c.Steps, c.RaceSteps, c.Patience = 2*c.Steps, 2*c.RaceSteps, 2*c.Patience
		if c.Folds > 1 {
			c.Folds = min(10, max(c.Folds, rows/50)) // with rows enough to test on
		} else {
			c.Survivors, c.Hidden = 2, []int{128, 128, 128}
		}
	}
	return c
}

func normalConfig(rows int) Config {
	js, dv := objective.JS.Default(), objective.DV.Default()
	c := Config{
		Candidates: []Candidate{
			{backend.Softplus, preprocess.Rank, js},
			{backend.Softplus, preprocess.Rank, dv},
			{backend.Softplus, preprocess.Standardize, dv},
			{backend.ReLU, preprocess.Rank, dv},
			{backend.ReLU, preprocess.Standardize, js},
			{backend.ReLU, preprocess.Standardize, dv},
			{backend.Softplus, preprocess.Fourier, dv},
			{backend.Softplus, preprocess.Codes, dv},
		},
		RaceSteps:          600,
		Survivors:          4,
		Networks:           1,
		Reference:          true,
		Neighbours:         true,
		Folds:              5,
		Split:              SplitAuto,
		Block:              AutoLength,
		Hidden:             []int{64, 64},
		Batch:              defaultBatch(rows),
		Marginals:          1,
		Steps:              max(2000, int(20*math.Sqrt(float64(min(rows, crossfitRows))))),
		LearningRate:       1e-2,
		WeightDecay:        0,
		ClipNorm:           NoLimit,
		EvaluateEvery:      100,
		Patience:           8,
		ValidationFraction: share(rows, 20_000),
		TestFraction:       share(rows, 200_000),
		TestPairs:          1_000_000,
		Confidence:         0.95,
		Seed:               1,
		Memory:             AllMemory,
	}
	if rows > crossfitRows {
		c.Folds, c.Survivors, c.Hidden, c.Steps = 1, 1, []int{128, 128}, 5000
	}
	return c
}

// SingleConfig returns settings for one critic by itself, as the literature has it: one
// split of the rows, a network of two layers of 128, 5,000 steps, and nothing else that
// is heard. It is for experiments with a critic; DefaultConfig is for a number.
func SingleConfig(rows int, c Candidate) Config {
	cfg := DefaultConfig(rows)
	cfg.Candidates, cfg.Networks, cfg.Survivors, cfg.Reference, cfg.Neighbours, cfg.Folds = []Candidate{c}, 1, 1, false, false, 1
	cfg.Hidden, cfg.Batch, cfg.Steps, cfg.LearningRate, cfg.Patience = []int{128, 128}, defaultBatch(rows), 5000, 1e-3, 15
	return cfg
}

// share is a fifth of the rows, less where that would be more than most rows:
// then more would cost time and add little.
func share(rows, most int) float64 {
	return min(0.2, float64(most)/float64(max(rows, 1)))
}

// broadBatch is 512 rows, less where that would be more than three eighths of all: a fold of two is trained on
// two fifths, where these rows are not so few that validation takes more.
func broadBatch(rows int) int {
	return max(minTrainRows, min(512, largestBatch(rows*3/8)))
}

// largestBatch is the largest batch of at most so many rows that kernels are made for.
func largestBatch(rows int) int { return rows / minTrainRows * minTrainRows }

// defaultBatch is 512 rows, less where an epoch would have fewer than eight
// batches.
func defaultBatch(rows int) int {
	batch := 512
	for batch > minTrainRows && batch*13 > rows {
		batch /= 2
	}
	return batch
}
