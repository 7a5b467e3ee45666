package pairwise

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"gomine/cpu"
	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/neighbours"
	"gomine/mine/preprocess"
)

// An Estimate is what critics say of a pair: mine.Result without its details, which mine.Estimate of the
// two variables with the same configuration gives. Where there is none, Error says why.
type Estimate struct {
	mine.Bound
	Likely     float64            `json:"likely"`
	Normalised float64            `json:"normalised"` // see Normalised; of Bound.Estimate
	Neighbours *neighbours.Result `json:"neighbours,omitempty"`
	Split      mine.SplitKind     `json:"split"`
	Warnings   []mine.Warning     `json:"warnings,omitempty"`
	Error      string             `json:"error,omitempty"`
}

// MarshalJSON leaves the numbers out where there is none.
func (e Estimate) MarshalJSON() ([]byte, error) {
	if e.Error != "" {
		return json.Marshal(struct {
			Warnings []mine.Warning `json:"warnings,omitempty"`
			Error    string         `json:"error"`
		}{e.Warnings, e.Error})
	}
	type plain Estimate
	return json.Marshal(plain(e))
}

// Work is pairs to be estimated.
type Work struct {
	Variables []Variable
	Pairs     []Pair
	Groups    []int           // which rows belong together, as for mine.WithGroups; nil for none
	Backend   backend.Backend // stays open; nil for the CPU
	Threads   int             // of the CPU; 0 for all processors
	// Done is called with every estimate as soon as it is there, in no order, from one goroutine at a
	// time. An error ends the work.
	Done func(k int, e Estimate) error
}

// config returns the settings that a pair is estimated with: rows that were sorted by a variable are
// independent, which no other pair shows by itself, unless some are copies of others.
func (p Pair) config(cfg mine.Config) mine.Config {
	if p.Independent && cfg.Split == mine.SplitAuto {
		cfg.Split = mine.SplitRandom
	}
	return cfg
}

// EstimatePairs estimates the information of pairs by critics, pairs side by side on the threads of the CPU or on parts of a device. Each
// estimate is that of mine.Estimate of the two variables, with rows at random where Pair.Independent says so: it depends on nothing else. A pair that cannot be
// estimated, such as one whose training diverges, has the reason in its Estimate; the end of ctx, a backend
// that fails and an error of Done end the work.
func EstimatePairs(ctx context.Context, w Work, cfg mine.Config) (err error) {
	if err := cmp.Or(cfg.Validate(), validateGroups(cfg, w.Groups)); err != nil {
		return err
	}
	b := w.Backend
	if b == nil {
		if b, err = cpu.Open(cpu.Options{Threads: w.Threads}); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, b.Close()) }()
	}
	parts := []backend.Backend{b}
	if d, ok := b.(backend.Divider); ok {
		if parts, err = d.Divide(len(w.Pairs)); err != nil {
			return err
		}
		defer func() {
			for _, p := range parts {
				err = errors.Join(err, p.Close())
			}
		}()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, part := range parts {
		wg.Go(func() {
			for ctx.Err() == nil {
				k := int(next.Add(1)) - 1
				if k >= len(w.Pairs) {
					return
				}
				e, err := w.estimate(ctx, part, w.Pairs[k], cfg)
				if err == nil {
					mu.Lock()
					err = w.Done(k, e)
					mu.Unlock()
				}
				if err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return fmt.Errorf("pairwise: %w", context.Cause(ctx))
	}
	return nil
}

// estimate estimates a pair. An error is one that ends the work.
func (w *Work) estimate(ctx context.Context, b backend.Backend, p Pair, cfg mine.Config) (Estimate, error) {
	cfg = p.config(cfg)
	opts := []mine.Option{mine.WithBackend(b), mine.WithThreads(1)}
	if w.Groups != nil {
		opts = append(opts, mine.WithGroups(w.Groups))
	}
	r, err := mine.Estimate(ctx, w.Variables[p.A].Data, w.Variables[p.B].Data, cfg, opts...)
	if err != nil && ctx.Err() != nil {
		return Estimate{}, ctx.Err()
	}
	var field *mine.FieldError
	var groups *mine.GroupsError
	switch {
	case err == nil:
	case errors.Is(err, mine.ErrDiverged), errors.Is(err, mine.ErrTooFewSamples), errors.Is(err, preprocess.ErrConstant), errors.As(err, &field),
		errors.As(err, &groups) && groups.Given > 0: // the two columns have copies in several groups
		return Estimate{Error: err.Error()}, nil
	default:
		return Estimate{}, fmt.Errorf("%s and %s: %w", w.Variables[p.A].Name, w.Variables[p.B].Name, err)
	}
	if p.Independent && cfg.Split == mine.SplitRandom {
		r.Warnings = slices.DeleteFunc(r.Warnings, func(w mine.Warning) bool { return w.Code == mine.WarnSerial })
	}
	return Estimate{
		Bound: r.Bound, Likely: r.Likely, Normalised: Normalised(r.Estimate), Neighbours: r.Neighbours, Split: r.Split.Kind, Warnings: r.Warnings,
	}, nil
}
