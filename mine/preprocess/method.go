// Package preprocess takes columns as they are given to the inputs of a network: the
// one place between a column.Source, in float64, and the float32 matrices that
// backends train on. Mutual information does not change under a one-to-one map of
// a column, so the maps only decide how easily a network learns the rest.
//
// Pairs are the rows to learn from, in split order. Maps are fitted on the training
// rows among them and then belong to the critic: they take any other rows, in the
// units of the original columns, to its inputs.
package preprocess

import (
	"errors"
	"fmt"
)

// ErrNonFinite is wrapped by the error about data that hold NaN or an infinity.
var ErrNonFinite = errors.New("value is not finite")

// Method names what is done to each column of numbers before it is cast to float32.
type Method uint8

const (
	// Rank maps each value to the normal quantile of its rank, equal ones to that of
	// the mean of their ranks, however many there are: nothing is lost by it.
	Rank Method = iota
	// Standardize subtracts the mean and divides by the standard deviation;
	// values beyond four of those are drawn in by a logarithm, and columns with
	// values beyond twelve are ranked.
	Standardize
	// Fourier is Rank with more inputs on sides of few columns, see harmonics.
	Fourier
	// Codes is Rank but for columns of few whole numbers, which it takes for codes without an
	// order, see takenForCodes.
	Codes
)

var methodNames = []string{"rank", "standardize", "fourier", "codes"}

// Methods lists all of them.
func Methods() []Method { return []Method{Rank, Standardize, Fourier, Codes} }

func (m Method) String() string {
	if int(m) < len(methodNames) {
		return methodNames[m]
	}
	return fmt.Sprintf("unknown(%d)", uint8(m))
}

// Validate reports a method that does not exist.
func (m Method) Validate() error {
	if int(m) >= len(methodNames) {
		return fmt.Errorf("preprocess: unknown method %v, want one of %v", m, methodNames)
	}
	return nil
}

// MarshalText returns the name.
func (m Method) MarshalText() ([]byte, error) { return []byte(m.String()), m.Validate() }

// UnmarshalText accepts the names that String returns.
func (m *Method) UnmarshalText(text []byte) error {
	for i, name := range methodNames {
		if name == string(text) {
			*m = Method(i)
			return nil
		}
	}
	return fmt.Errorf("preprocess: unknown method %q, want one of %v", text, methodNames)
}
