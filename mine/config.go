package mine

import (
	"fmt"
	"math"

	"gomine/mine/backend"
)

// Preprocessing names what is done to each column before it is cast to
// float32. Mutual information does not change under a monotone map of a
// column, so the choice only decides how easily a network learns the rest.
type Preprocessing uint8

const (
	// Rank maps each value to the normal quantile of its rank; columns with
	// many ties are standardised instead.
	Rank Preprocessing = iota
	// Standardize subtracts the mean and divides by the standard deviation;
	// values beyond four of those are drawn in by a logarithm, and columns with
	// values beyond twelve are ranked.
	Standardize
)

var preprocessingNames = []string{"rank", "standardize"}

func (p Preprocessing) String() string {
	if int(p) < len(preprocessingNames) {
		return preprocessingNames[p]
	}
	return fmt.Sprintf("unknown(%d)", uint8(p))
}

// MarshalText returns the name.
func (p Preprocessing) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText accepts the names that String returns.
func (p *Preprocessing) UnmarshalText(text []byte) error {
	for i, name := range preprocessingNames {
		if name == string(text) {
			*p = Preprocessing(i)
			return nil
		}
	}
	return fmt.Errorf("mine: unknown preprocessing %q, want one of %v", text, preprocessingNames)
}

// A Candidate is one way to train a critic. Each gives a valid lower bound, so
// candidates may be compared by their bounds on validation rows.
type Candidate struct {
	Activation backend.Activation `json:"activation"`
	Preprocess Preprocessing      `json:"preprocess"`
	Objective  backend.Objective  `json:"objective"`
}

func (c Candidate) String() string {
	return fmt.Sprintf("%v, %v, %v", c.Activation, c.Preprocess, c.Objective)
}

// Config holds everything that changes the number an estimate returns. Start
// from DefaultConfig; the zero value is not valid.
type Config struct {
	// Candidates race for RaceSteps steps each, the better half for as many
	// again, until one is left; that one is trained for Steps steps and
	// reported. What counts is the best bound on the validation rows less its
	// standard error. With one candidate there is no race.
	Candidates []Candidate `json:"candidates"`
	RaceSteps  int         `json:"race_steps"`

	Hidden       []int   `json:"hidden"`        // widths of the hidden layers, 1 to 4 of them
	Batch        int     `json:"batch"`         // joint pairs per step, and as many marginal pairs
	Steps        int     `json:"steps"`         // training steps of the winner, at most
	LearningRate float64 `json:"learning_rate"` // Adam's peak rate; a cosine brings it to zero over Steps
	WeightDecay  float64 `json:"weight_decay"`  // decoupled, per unit of learning rate
	EMARate      float64 `json:"ema_rate"`      // of the MINE objective's denominator, in (0, 1]

	EvaluateEvery int `json:"evaluate_every"` // steps between validations
	Patience      int `json:"patience"`       // validations without a new best before stopping early

	ValidationFraction float64 `json:"validation_fraction"` // of the rows; decides when to stop and who wins
	TestFraction       float64 `json:"test_fraction"`       // of the rows; gives the reported value, seen by nothing else
	TestPairs          int     `json:"test_pairs"`          // marginal pairs of the final evaluation; ten a test row at least, all at most

	Confidence float64 `json:"confidence"` // level of the interval, such as 0.95
	Seed       uint64  `json:"seed"`
}

// maxConfidence keeps normal quantiles finite.
const maxConfidence = 1 - 1e-9

// Validate reports the first field that cannot be used, by its JSON name.
func (c Config) Validate() error {
	bad := func(field string, value any, want string) error {
		return fmt.Errorf("mine: config %s is %v, want %s", field, value, want)
	}
	finite := func(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
	switch {
	case len(c.Candidates) == 0:
		return bad("candidates", "empty", "at least one")
	case len(c.Candidates) > 1 && c.RaceSteps < 1:
		return bad("race_steps", c.RaceSteps, "at least 1 to compare candidates")
	case len(c.Hidden) < 1 || len(c.Hidden) > backend.MaxHidden:
		return bad("hidden", c.Hidden, fmt.Sprintf("1 to %d layers", backend.MaxHidden))
	case c.Batch < 2:
		return bad("batch", c.Batch, "at least 2")
	case c.Steps < 1:
		return bad("steps", c.Steps, "at least 1")
	case !(c.LearningRate > 0) || !finite(c.LearningRate):
		return bad("learning_rate", c.LearningRate, "a positive number")
	case !(c.WeightDecay >= 0) || !finite(c.WeightDecay):
		return bad("weight_decay", c.WeightDecay, "0 or more")
	case !(c.EMARate > 0 && c.EMARate <= 1):
		return bad("ema_rate", c.EMARate, "in (0, 1]")
	case c.EvaluateEvery < 1:
		return bad("evaluate_every", c.EvaluateEvery, "at least 1")
	case c.Patience < 1:
		return bad("patience", c.Patience, "at least 1")
	case !(c.ValidationFraction > 0 && c.ValidationFraction < 1):
		return bad("validation_fraction", c.ValidationFraction, "between 0 and 1")
	case !(c.TestFraction > 0 && c.TestFraction < 1):
		return bad("test_fraction", c.TestFraction, "between 0 and 1")
	case c.ValidationFraction+c.TestFraction >= 1:
		return bad("validation_fraction + test_fraction", c.ValidationFraction+c.TestFraction, "less than 1, to leave rows to train on")
	case c.TestPairs < 1:
		return bad("test_pairs", c.TestPairs, "at least 1")
	case !(c.Confidence > 0 && c.Confidence <= maxConfidence):
		return bad("confidence", c.Confidence, "between 0 and 1")
	}
	for _, width := range c.Hidden {
		if width < 1 || width > backend.MaxWidth {
			return bad("hidden", c.Hidden, fmt.Sprintf("widths from 1 to %d", backend.MaxWidth))
		}
	}
	for _, cand := range c.Candidates {
		if _, err := cand.Activation.MarshalText(); err != nil {
			return fmt.Errorf("mine: config candidates: %w", err)
		}
		if _, err := cand.Objective.MarshalText(); err != nil {
			return fmt.Errorf("mine: config candidates: %w", err)
		}
		if int(cand.Preprocess) >= len(preprocessingNames) {
			return bad("candidates", cand.Preprocess, "a known preprocessing")
		}
	}
	return nil
}

// DefaultConfig returns the settings that the accuracy tables were made with,
// for data of the given number of rows.
//
// The candidates cover what one critic cannot: smooth densities want a smooth
// activation, edges ReLU, heavy tails ranks. All ascend the Jensen–Shannon
// objective, whose bounded weights keep single pairs from deciding a step:
// where information is high DV training collapses (7.5 nats come out as 5),
// and elsewhere it is seldom better.
func DefaultConfig(rows int) Config {
	return Config{
		Candidates: []Candidate{
			{backend.Softplus, Rank, backend.JS},
			{backend.ReLU, Rank, backend.JS},
			{backend.ReLU, Standardize, backend.JS},
		},
		RaceSteps:          1500,
		Hidden:             []int{128, 128},
		Batch:              defaultBatch(rows),
		Steps:              5000,
		LearningRate:       1e-3,
		WeightDecay:        0,
		EMARate:            0.01,
		EvaluateEvery:      100,
		Patience:           15,
		ValidationFraction: share(rows, 20_000),
		TestFraction:       share(rows, 200_000),
		TestPairs:          1_000_000,
		Confidence:         0.95,
		Seed:               1,
	}
}

// share is a fifth of the rows, less where that would be more than most rows:
// then more would cost time and add little.
func share(rows, most int) float64 {
	return min(0.2, float64(most)/float64(max(rows, 1)))
}

// defaultBatch is 512 rows, less where an epoch would have fewer than eight
// batches.
func defaultBatch(rows int) int {
	batch := 512
	for batch > 16 && batch*13 > rows {
		batch /= 2
	}
	return batch
}
