package mine

import (
	"context"
	"errors"

	"gomine/mine/column"
)

// Estimate estimates I(X;Z) from paired rows of x and z.
//
// When ctx is cancelled during training, it returns the result of the best
// weights so far together with an error that wraps ctx.Err(). When the backend
// fails, as when a device is lost, it returns that result, evaluated on the CPU,
// together with the backend's error.
func Estimate(ctx context.Context, x, z column.Source, cfg Config, opts ...Option) (Result, error) {
	e, err := NewEstimator(ctx, x, z, cfg, opts...)
	if err != nil {
		return Result{}, err
	}
	defer e.Close()
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
	f := e.fitted
	if r.Steps == 0 || f == nil {
		return nil, r, errors.Join(err, e.Close())
	}
	// The critic outlives the estimator, and with it the backend that was opened.
	f.own, e.own, e.fitted = e.own, false, nil
	return f, r, errors.Join(err, e.Close())
}

// estimate goes through all stages.
func (e *Estimator) estimate(ctx context.Context) (Result, error) {
	err := e.Fit(ctx)
	if err == nil {
		r, err := e.Result(ctx)
		if !backendFailed(err) {
			return r, err
		}
		e.stop = StopFailed
		return e.hasty(ctx, errors.Join(err, e.rescue(), e.settle()))
	}
	if errors.Is(err, ErrDiverged) || e.fitted == nil {
		return Result{}, err
	}
	return e.hasty(ctx, err)
}

// hasty returns the result of the best critic so far together with the error that
// kept training from a better one.
func (e *Estimator) hasty(ctx context.Context, why error) (Result, error) {
	r, err := e.result(context.WithoutCancel(ctx), hastyPairs)
	return r, errors.Join(why, err)
}
