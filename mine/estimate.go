package mine

import (
	"context"
	"errors"
)

// Sentinel errors.
var (
	// ErrTooFewSamples: the rows cannot be split into parts large enough.
	ErrTooFewSamples = errors.New("too few samples")
	// ErrNonFinite: the data hold NaN or an infinity.
	ErrNonFinite = errors.New("value is not finite")
	// ErrDiverged: training ended in scores that are not finite.
	ErrDiverged = errors.New("training diverged")
)

// Estimate estimates I(X;Z) from paired rows of x and z.
//
// When ctx is cancelled during training, it returns the result of the best
// weights so far together with an error that wraps ctx.Err().
func Estimate(ctx context.Context, x, z Variable, cfg Config, opts ...Option) (Result, error) {
	e, err := NewEstimator(ctx, x, z, cfg, opts...)
	if err != nil {
		return Result{}, err
	}
	defer e.Close()
	fitErr := e.Fit(ctx)
	if fitErr != nil && (ctx.Err() == nil || e.run == nil || e.run.best.step == 0) {
		return Result{}, fitErr
	}
	if fitErr == nil {
		return e.Result(ctx)
	}
	r, err := e.result(context.WithoutCancel(ctx), hastyPairs)
	return r, errors.Join(fitErr, err)
}
