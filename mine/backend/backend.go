// Package backend is the contract between the estimator and the machines that
// run it: a Backend loads data and trains critics on it, and the networks whose
// information is maximised or minimised.
//
// The contract is coarse on purpose. A backend runs whole training steps,
// evaluates row ranges, scores pairs and differentiates with respect to the
// inputs; how it multiplies matrices is its own business. It is a
// deterministic function of its inputs: the same calls give bitwise the same
// answers on the same device class, whatever the number of threads.
//
// # Critic
//
// The critic T of a Network maps a pair (x, z) to a score. With f the
// activation and L >= 1 hidden layers,
//
//	h_1 = f(x Wx + z Wz + b_1)
//	h_k = f(h_{k-1} W_k + b_k),  k = 2..L
//	T   = h_L . w + c
//
// # A training step
//
// Step s takes B of the training rows (sampling.Batches.Rows) and the cycle next
// of its entries (sampling.Batches.Marginal). The joint scores are
// J_i = T(x_i, z_i). Every entry is in K = Spec.Marginals marginal pairs with its
// x, and in as many with its z: M_ik = T(x_i, z_j) with j the k-th entry after i on
// the cycle, k = 1..K, so that no joint pair is among them. The objective is a
// value V and the weights a_i = dV/dJ_i and b_ik = -dV/dM_ik (package objective);
// the gradient, no longer than Spec.ClipNorm, goes into Adam, which ascends V.
//
// # What a backend offers
//
// Not every backend needs to offer everything: Capabilities says what one does, and
// what it does not is refused with an error that names both. Callers ask first.
//
// Conformance of an implementation is decided by package backendtest.
package backend

import (
	"context"
	"errors"
	"fmt"
)

// Sentinel errors. Every error of a backend wraps one of them, or is an error
// of the context.
var (
	// ErrUnavailable: the device, its driver or the build does not offer this.
	ErrUnavailable = errors.New("backend unavailable")
	// ErrShape: sizes that do not fit together, or an index out of range.
	ErrShape = errors.New("shape mismatch")
	// ErrOutOfMemory: the device cannot hold what was asked for.
	ErrOutOfMemory = errors.New("out of memory")
	// ErrClosed: the backend, data or trainer was closed before.
	ErrClosed = errors.New("already closed")
)

// A Backend creates data, trainers and scorers on one device. It is safe for
// concurrent use; Close may be called twice.
type Backend interface {
	// Name is the short name of the implementation, such as "cpu".
	Name() string
	// Device describes what it runs on, for reports.
	Device() string
	// Capabilities says what of this contract the backend offers. It does not
	// change.
	Capabilities() Capabilities
	// Load makes the rows of x [n, dx] and z [n, dz] available to trainers.
	// The backend may keep using the arrays, so they must not change before
	// Data.Close. Values must be finite.
	Load(x, z Matrix) (Data, error)
	// NewTrainer returns a trainer of spec on rows train of data, at step 0
	// with all parameters zero: call SetState before training. The index of train
	// must not change before Trainer.Close.
	NewTrainer(spec Spec, data Data, train Rows) (Trainer, error)
	// NewScorer returns a critic with the given parameters, in the order of
	// Network.Blocks; they are copied.
	NewScorer(net Network, params []float32) (Scorer, error)
	// NewModel returns a perceptron at step 0 with all parameters zero: call
	// SetState before training.
	NewModel(spec ModelSpec) (Model, error)
	Close() error
}

// A Divider is a backend that can be divided into several, for independent work side by
// side that gives the same results.
type Divider interface {
	// Divide returns backends for so many pieces of work, or fewer where there is not enough to
	// share. They are to be closed by the caller.
	Divide(most int) ([]Backend, error)
}

// Data is a set of paired rows on a device.
type Data interface {
	Rows() int
	Dims() (dx, dz int)
	// Replace puts other rows in place of all, in matrices of as many rows and
	// columns: what is trained on them goes on with those. As with Load, the
	// backend may keep using the arrays, and no longer uses the old ones. No
	// trainer may be at work on the data.
	Replace(x, z Matrix) error
	Close() error
}

// A Scorer is one critic that is put to use. It is not safe for concurrent use.
// After Close every method but Close returns ErrClosed. A method that is given a
// context that is cancelled already does nothing and returns its error.
type Scorer interface {
	// Evaluate scores rows of data: all joint pairs, and the marginal pairs of p.
	// It needs at least two rows. If influence is not nil, of rows.Len() values,
	// it receives the influence value of every row, see Evaluation.
	Evaluate(ctx context.Context, data Data, rows Rows, p Pairing, influence []float64) (Evaluation, error)

	// Scores stores T(x row xs[i], z row zs[i]) of data in dst[i].
	Scores(ctx context.Context, data Data, xs, zs []int, dst []float32) error

	// InputGradients stores weights[i] * dT/dx and weights[i] * dT/dz of the
	// pair (x row xs[i], z row zs[i]) in row i of gx [len(xs), dx] and gz
	// [len(xs), dz].
	InputGradients(ctx context.Context, data Data, xs, zs []int, weights []float32, gx, gz Matrix) error

	Close() error
}

// A Trainer is one critic in training, and the Scorer of its present parameters.
type Trainer interface {
	Scorer

	// Train runs len(rates) steps, step i with learning rate rates[i], and
	// stores each step's objective value (nats, before its update) in
	// values[i]. It returns the number of steps done, which is less than
	// len(rates) only together with an error; the state is then that of the
	// steps done. values must be as long as rates. A non-finite value is stored
	// as it is and is not an error.
	Train(ctx context.Context, rates []float64, values []float64) (int, error)

	// Gradient returns the value of the objective on the batch of the next
	// step and stores dV/dparameters, in the order of Network.Blocks and before it
	// is clipped, in grad. The state does not change.
	Gradient(ctx context.Context, grad []float32) (value float64, err error)

	// ObjectiveGradients returns the value of the objective on the batch of the
	// next step and stores its derivatives with respect to the batch's rows: with
	// rows and next as Batch returns them, row i of gx [B, dx] and gz [B, dz] is
	// dV/dx and dV/dz of row rows[i], as it takes part in its joint and its
	// marginal pairs. MINE's weights are those of its training step. Nothing is
	// clipped. The state does not change.
	ObjectiveGradients(ctx context.Context, gx, gz Matrix) (value float64, err error)

	// Batch returns the integers of a step: the training rows, counted from
	// the start of the training rows, and for entry i the entry next[i] that
	// follows it on the cycle. Entry i gives its x to marginal pairs with the z of
	// next[i], next[next[i]] and so on, Spec.Marginals of them.
	Batch(step uint64) (rows, next []int, err error)

	// State copies the parameters and the optimiser's state. Training on from
	// a restored state is bitwise the same as never having stopped. Neither call
	// needs the data, which may be closed by then.
	State() (State, error)
	SetState(State) error
}

// A Matrix is a row-major view: row i is Data[i*Stride : i*Stride+Cols].
type Matrix struct {
	Rows, Cols, Stride int
	Data               []float32
}

// NewMatrix returns a zero matrix without padding.
func NewMatrix(rows, cols int) Matrix {
	return Matrix{Rows: rows, Cols: cols, Stride: cols, Data: make([]float32, rows*cols)}
}

// Row returns row i.
func (m Matrix) Row(i int) []float32 { return m.Data[i*m.Stride : i*m.Stride+m.Cols] }

// IsZero reports whether m is the zero Matrix, which stands for none.
func (m Matrix) IsZero() bool { return m.Rows == 0 && m.Cols == 0 && m.Data == nil }

// Validate reports whether the view lies within its array; the error wraps
// ErrShape.
func (m Matrix) Validate() error {
	switch {
	case m.Rows < 0 || m.Cols < 1:
		return fmt.Errorf("matrix of %d rows and %d columns: %w", m.Rows, m.Cols, ErrShape)
	case m.Stride < m.Cols:
		return fmt.Errorf("matrix stride %d is below its %d columns: %w", m.Stride, m.Cols, ErrShape)
	// Divided, because the product may overflow.
	case m.Rows > 0 && (len(m.Data) < m.Cols || (len(m.Data)-m.Cols)/m.Stride < m.Rows-1):
		return fmt.Errorf("matrix of %d rows of stride %d and %d columns does not fit in %d values: %w",
			m.Rows, m.Stride, m.Cols, len(m.Data), ErrShape)
	}
	return nil
}

// CheckShape is Validate for a matrix that must be [rows, cols]; the error calls
// it name and wraps ErrShape.
func (m Matrix) CheckShape(name string, rows, cols int) error {
	if err := m.Validate(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if m.Rows != rows || m.Cols != cols {
		return fmt.Errorf("%s is [%d, %d], want [%d, %d]: %w", name, m.Rows, m.Cols, rows, cols, ErrShape)
	}
	return nil
}

// Rows names rows of data, in an order: the range [Lo, Hi) of them or, where Index
// is not nil, rows Index[Lo], Index[Lo+1], .., Index[Hi-1]. A row may be named more
// than once.
type Rows struct {
	Lo, Hi int
	Index  []int32
}

// Len returns the number of rows.
func (r Rows) Len() int { return r.Hi - r.Lo }

// At returns the i-th row.
func (r Rows) At(i int) int {
	if r.Index != nil {
		return int(r.Index[r.Lo+i])
	}
	return r.Lo + i
}

// Validate reports whether there is at least one row and all lie within n rows of
// data; the error wraps ErrShape.
func (r Rows) Validate(n int) error {
	limit, what := n, "rows"
	if r.Index != nil {
		limit, what = len(r.Index), "entries of the index"
	}
	if r.Lo < 0 || r.Hi > limit || r.Lo >= r.Hi {
		return fmt.Errorf("%s [%d, %d) of %d: %w", what, r.Lo, r.Hi, limit, ErrShape)
	}
	if r.Index != nil {
		for i, row := range r.Index[r.Lo:r.Hi] {
			if row < 0 || int(row) >= n {
				return fmt.Errorf("entry %d of the index is row %d of %d: %w", r.Lo+i, row, n, ErrShape)
			}
		}
	}
	return nil
}

// State is all that training depends on beside the Spec and the data. Params,
// M and V have NumParams entries in the order of Blocks, of a Network or an MLP.
type State struct {
	Step   uint64    // steps done
	LogEMA float64   // log of the moving average of e^T; only MINE, from step 1 on
	Params []float32 // parameters
	M, V   []float32 // Adam's first and second moments
}

// Clone returns a deep copy.
func (s State) Clone() State {
	s.Params = append([]float32(nil), s.Params...)
	s.M = append([]float32(nil), s.M...)
	s.V = append([]float32(nil), s.V...)
	return s
}

// Validate reports whether the state fits a network or perceptron; the error
// wraps ErrShape.
func (s State) Validate(n interface{ NumParams() int }) error {
	want := n.NumParams()
	if len(s.Params) != want || len(s.M) != want || len(s.V) != want {
		return fmt.Errorf("state of %d, %d, %d values, network has %d parameters: %w",
			len(s.Params), len(s.M), len(s.V), want, ErrShape)
	}
	return nil
}
