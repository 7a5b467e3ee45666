package mine

import (
	"context"
	"errors"

	"gomine/mine/column"
)

// Estimate estimates I(X;Z) from paired rows of x and z.
//
// When ctx is cancelled during training, it returns the result of the best critics so
// far together with an error that wraps ctx.Err(). When the backend fails, as when a
// device is lost, it returns that result, scored on the CPU, together with the backend's
// error.
func Estimate(ctx context.Context, x, z column.Source, cfg Config, opts ...Option) (Result, error) {
	e, err := NewEstimator(ctx, x, z, cfg, opts...)
	if err != nil {
		return Result{}, err
	}
	defer e.Close()
	if r, found, err := e.kept(); found || err != nil {
		return r, err
	}
	return e.estimate(ctx)
}

// Fit is Estimate for those who also want the trained critic, to put it to use on
// other rows. The critic has to be closed; it is nil where there is no result.
func Fit(ctx context.Context, x, z column.Source, cfg Config, opts ...Option) (*Fitted, Result, error) {
	e, err := NewEstimator(ctx, x, z, cfg, opts...)
	if err != nil {
		return nil, Result{}, err
	}
	r, err := e.estimate(ctx)
	if e.ensemble == nil {
		return nil, r, errors.Join(err, e.Close())
	}
	f, fittedErr := e.Fitted()
	if fittedErr != nil {
		return nil, r, errors.Join(err, fittedErr, e.Close())
	}
	// The critic outlives the estimator, and with it the backend that was opened.
	f.own, e.own = e.own, false
	return f, r, errors.Join(err, e.Close())
}

// estimate goes through all stages.
func (e *Estimator) estimate(ctx context.Context) (Result, error) {
	fitErr := e.Fit(ctx)
	if fitErr != nil && (errors.Is(fitErr, ErrDiverged) || e.ensemble == nil) {
		return Result{}, fitErr
	}
	r, err := e.Result(ctx)
	if fitErr == nil && err == nil {
		err = e.keep(r)
	}
	return r, errors.Join(fitErr, err)
}
