package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"

	"gomine/bench/internal/experiment"
	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/preprocess"
	"gomine/mine/simulate"
)

// setUsage describes the flag --set, whose value change reads.
const setUsage = "JSON object with fields of the configuration to change, such as {\"steps\":2000}"

// change sets the fields of a JSON object in a configuration; "" has none.
func change(cfg *mine.Config, set string) error {
	if set == "" {
		return nil
	}
	dec := json.NewDecoder(strings.NewReader(set))
	dec.DisallowUnknownFields()
	if err := dec.Decode(cfg); err != nil {
		return fmt.Errorf("--set: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("--set: there is more behind the object")
	}
	return nil
}

// configFor returns the default settings with one objective in place of the
// race, unless that is "race".
func configFor(rows int, objective string, steps int, quick bool, seed uint64) (mine.Config, error) {
	cfg := mine.DefaultConfig(rows)
	if objective != "race" {
		candidate := mine.Candidate{Activation: backend.Softplus, Preprocess: preprocess.Rank}
		if err := candidate.Objective.UnmarshalText([]byte(objective)); err != nil {
			return cfg, err
		}
		cfg = mine.SingleConfig(rows, candidate)
	}
	cfg.Seed = seed
	if steps > 0 {
		cfg.Steps = steps
	}
	if quick {
		experiment.Shorten(&cfg)
	}
	return cfg, nil
}

// estimateLaw draws rows by the seed of the configuration and estimates.
func estimateLaw(ctx context.Context, b backend.Backend, law *simulate.Task, rows int, cfg mine.Config) (mine.Result, error) {
	x, z := law.Sample(rows, cfg.Seed)
	return mine.Estimate(ctx, column.RowMajor(x, law.DX), column.RowMajor(z, law.DZ), cfg, mine.WithBackend(b))
}

// sideBySide returns what do gives for the numbers below n, one on each processor. The first
// error ends what has not begun.
func sideBySide[T any](ctx context.Context, n int, do func(ctx context.Context, i int) (T, error)) ([]T, error) {
	all := make([]T, n)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan int)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				var err error
				if all[i], err = do(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := range n {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	wg.Wait()
	if ctx.Err() != nil {
		return all, context.Cause(ctx)
	}
	return all, nil
}
