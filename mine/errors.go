package mine

import (
	"errors"
	"fmt"

	"gomine/mine/column"
	"gomine/mine/preprocess"
)

// Sentinel errors.
var (
	// ErrTooFewSamples: the rows cannot be split into parts large enough.
	ErrTooFewSamples = errors.New("too few samples")
	// ErrNonFinite: the data hold NaN or an infinity.
	ErrNonFinite = preprocess.ErrNonFinite
	// ErrDiverged: training ended in scores that are not finite.
	ErrDiverged = errors.New("training diverged")
	// ErrCheckpoint: a folder of checkpoints is of another run, damaged, or cannot be written.
	ErrCheckpoint = errors.New("checkpoint")
)

// FieldError is about a field of a Config that cannot be used, on its own or for
// the data at hand.
type FieldError struct {
	Field string // by its JSON name
	And   string // a second field that the value is made of; empty mostly
	Value any
	Want  string
	Or    string // another field that may be changed instead; empty mostly
	How   string // how: a format of its name
	Err   error  // what there is to unwrap; may be nil
}

func (e *FieldError) Error() string {
	subject := e.Field
	if e.And != "" {
		subject += " + " + e.And
	}
	return "mine: config " + e.Reason(subject, e.Or)
}

// Reason is the text of the error with subject in place of the fields that cannot be used, and other
// in place of the one that may be changed instead.
func (e *FieldError) Reason(subject, other string) string {
	text := fmt.Sprintf("%s is %v, want %s", subject, e.Value, e.Want)
	if e.Or != "" {
		text += "; or " + fmt.Sprintf(e.How, other)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *FieldError) Unwrap() error { return e.Err }

// DivergedError says where training diverged. It wraps ErrDiverged.
type DivergedError struct {
	Step, Steps  int
	Candidate    Candidate
	LearningRate float64
}

func (e *DivergedError) Error() string {
	return fmt.Sprintf("mine: %v at step %d of %d (%v): lower the learning rate, now %g",
		ErrDiverged, e.Step, e.Steps, e.Candidate, e.LearningRate)
}

func (e *DivergedError) Unwrap() error { return ErrDiverged }

// argumentError says which argument a mistake is in.
func argumentError(name string, err error) error {
	if errors.Is(err, column.ErrEmpty) {
		return fmt.Errorf("mine: %s is empty: %w", name, ErrTooFewSamples)
	}
	return fmt.Errorf("%w (argument %s)", err, name)
}
