package backend

import (
	"context"
	"fmt"
)

// MLP is the shape of a multilayer perceptron of L >= 0 hidden layers: with f
// the activation,
//
//	h_0 = x
//	h_k = f(h_{k-1} W_k + b_k),  k = 1..L
//	y   = h_L W_{L+1} + b_{L+1}
//
// It is what is trained beside a critic: encoders, generators, classifiers.
type MLP struct {
	Inputs     int
	Hidden     []int // widths of the hidden layers, at most MaxHidden; none for a linear map
	Outputs    int
	Activation Activation // of the hidden layers
}

// Blocks returns the layout of the parameters, without gaps: for k = 1..L+1 Wk
// [inputs of layer k, its outputs] and bk [1, its outputs].
func (m MLP) Blocks() []Block {
	var blocks []Block
	offset := 0
	last := m.Inputs
	for k, width := range m.widths() {
		w := Block{Weights, k + 1, last, width, offset}
		b := Block{Bias, k + 1, 1, width, w.Offset + w.Len()}
		blocks = append(blocks, w, b)
		offset = b.Offset + b.Len()
		last = width
	}
	return blocks
}

// widths returns the outputs of every layer.
func (m MLP) widths() []int {
	return append(append([]int(nil), m.Hidden...), m.Outputs)
}

// NumParams returns the number of parameters.
func (m MLP) NumParams() int {
	blocks := m.Blocks()
	last := blocks[len(blocks)-1]
	return last.Offset + last.Len()
}

// Validate reports whether the shape is one that every backend can run; the
// error wraps ErrShape.
func (m MLP) Validate() error {
	if len(m.Hidden) > MaxHidden {
		return fmt.Errorf("perceptron with %d hidden layers, want at most %d: %w", len(m.Hidden), MaxHidden, ErrShape)
	}
	for i, width := range append([]int{m.Inputs}, m.widths()...) {
		if width < 1 || width > MaxWidth {
			return fmt.Errorf("perceptron with layer %d of width %d, want 1 to %d: %w", i, width, MaxWidth, ErrShape)
		}
	}
	if int(m.Activation) >= len(activationNames) {
		return fmt.Errorf("activation %v: %w", m.Activation, ErrShape)
	}
	return nil
}

// ModelSpec is everything that a model depends on.
type ModelSpec struct {
	MLP  MLP
	Adam Adam // weight decay applies to the matrices, not to the biases
	Rows int  // most rows of a pass
}

// Validate reports whether a backend can run the spec; the error wraps ErrShape.
func (s ModelSpec) Validate() error {
	if err := s.MLP.Validate(); err != nil {
		return err
	}
	if s.Rows < 1 || s.Rows > maxModelRows {
		return fmt.Errorf("model of %d rows, want 1 to %d: %w", s.Rows, maxModelRows, ErrShape)
	}
	return s.Adam.validate()
}

// maxModelRows bounds the rows of a pass, whose outputs are all kept.
const maxModelRows = 1 << 24

// A Model is a multilayer perceptron in training. What it is trained for is the
// caller's: a pass forward gives the outputs y of some rows, a pass back takes
// dV/dy to dV/dx and adds dV/dparameters to the gradient, and an update
// ascends V by Adam. A model is not safe for concurrent use. After Close every
// method but Close returns ErrClosed. A method that is given a context that is
// cancelled already does nothing and returns its error.
type Model interface {
	// Forward stores the outputs of rows x [n, Inputs] in y [n, Outputs], 1 <= n
	// <= ModelSpec.Rows, and keeps what Backward needs.
	Forward(ctx context.Context, x, y Matrix) error

	// Backward takes dy = dV/dy [n, Outputs] of the rows of the last Forward: it
	// adds their dV/dparameters to the gradient and stores dV/dx in dx [n,
	// Inputs], unless dx is the zero Matrix. Without a Forward since the last
	// Update or SetState the error wraps ErrShape.
	Backward(ctx context.Context, dy, dx Matrix) error

	// InputGradients is Backward without the gradient of the parameters.
	InputGradients(ctx context.Context, dy, dx Matrix) error

	// Gradient stores the gradient since the last Update in grad, in the order
	// of MLP.Blocks: zeros if there was no Backward.
	Gradient(grad []float32) error

	// Update takes a step of Adam with learning rate rate along scale times the
	// gradient, and forgets the gradient.
	Update(rate, scale float64) error

	// State copies the parameters and the optimiser's state, whose LogEMA is 0.
	// SetState forgets the gradient. A new model has all parameters zero.
	State() (State, error)
	SetState(State) error
	Close() error
}
