package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"gomine/cuda"
	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/objective"
	"gomine/mine/preprocess"
	"gomine/mine/simulate"
)

// The sample of the check, and how large its network is. The network is too small for
// a GPU to be faster than a processor: what counts is that a step is right.
const (
	checkRows  = 10_000
	checkRho   = 0.8
	checkDim   = 2
	checkSteps = 600
	checkSeed  = 1

	// checkBias is how far a right estimate of the check lies below the truth in the
	// mean, in nats, since the critic is not the best there can be: 0.018 +- 0.007 over
	// 16 seeds on the CPU.
	checkBias = 0.02
	// checkErrors is how many standard errors an estimate may be off: a right one is
	// so once in 16,000 draws, and the draw is always the same.
	checkErrors = 4
)

// checkup is what mine doctor finds.
type checkup struct {
	Version   string     `json:"version"`
	Machine   machine    `json:"machine"`
	Backends  []examined `json:"backends"`
	Agreement *agreement `json:"agreement,omitempty"` // where two backends were examined
	Notes     []string   `json:"notes,omitempty"`
	Well      bool       `json:"well"`
}

// examined is what there is to say of one backend.
type examined struct {
	Backend string     `json:"backend"`
	Device  string     `json:"device,omitempty"`
	CUDA    *cudaFacts `json:"cuda,omitempty"`
	Opening float64    `json:"opening_seconds"`
	Known   *known     `json:"known_information,omitempty"`
	Problem string     `json:"problem,omitempty"`
	Remedy  string     `json:"remedy,omitempty"`
}

// cudaFacts is a cuda.Description as JSON.
type cudaFacts struct {
	Capability string  `json:"compute_capability"`
	Driver     string  `json:"driver_cuda_version"` // newest that it is for
	Total      int64   `json:"memory_bytes"`
	Free       int64   `json:"memory_free_bytes"`
	Precision  string  `json:"precision"`
	Kernels    string  `json:"kernels"`
	Loading    float64 `json:"loading_seconds"`
}

// known is an estimate of information that is known, in nats.
type known struct {
	Truth          float64 `json:"truth"`
	Estimate       float64 `json:"estimate"`
	StdErr         float64 `json:"std_err"`
	StepsPerSecond float64 `json:"steps_per_second"`
	Seconds        float64 `json:"seconds"`
}

// agreement compares the estimates of two backends from the same seed, in nats.
type agreement struct {
	Difference float64 `json:"difference"`
	Allowed    float64 `json:"allowed"`
}

// wrong says what is wrong with the estimate, or nothing.
func (k known) wrong() string {
	low, high := k.Truth-checkBias-checkErrors*k.StdErr, k.Truth+checkErrors*k.StdErr
	if k.Estimate >= low && k.Estimate <= high { // false for NaN
		return ""
	}
	return fmt.Sprintf("the estimate of a known information is %.4f nats, want %.4f to %.4f", k.Estimate, low, high)
}

// examine opens a backend, describes it and has it estimate a known information.
func examine(ctx context.Context, name string, open func() (backend.Backend, error), config mine.Config, status *statusLine) examined {
	e := examined{Backend: name}
	fail := func(err error) examined {
		e.Problem, e.Remedy = oneLine(err), remedy(name, err)
		return e
	}
	began := time.Now()
	b, err := open()
	e.Opening = time.Since(began).Seconds()
	if err != nil {
		return fail(err)
	}
	defer b.Close()
	e.Device = b.Device()
	if d, ok := cuda.Describe(b); ok {
		e.CUDA = &cudaFacts{
			Capability: fmt.Sprintf("%d.%d", d.Arch/10, d.Arch%10),
			Driver:     fmt.Sprintf("%d.%d", d.Driver/1000, d.Driver%1000/10),
			Total:      d.Total, Free: d.Free, Precision: string(d.Precision),
			Kernels: d.Kernels, Loading: d.Loading.Seconds(),
		}
	}
	k, err := estimateKnown(ctx, b, config, status)
	if err != nil {
		return fail(err)
	}
	e.Known = &k
	if e.Problem = k.wrong(); e.Problem != "" {
		e.Remedy = "please report it with the output of mine doctor --json; do not trust this backend here"
	}
	return e
}

// estimateKnown estimates the information of correlated Gaussians.
func estimateKnown(ctx context.Context, b backend.Backend, config mine.Config, status *statusLine) (known, error) {
	task, err := simulate.New("gaussian", simulate.Params{Dim: checkDim, Rho: checkRho}, "", "")
	if err != nil {
		return known{}, err
	}
	x, z := task.Sample(checkRows, checkSeed)
	options := []mine.Option{mine.WithBackend(b)}
	if status != nil {
		options = append(options, mine.WithProgress(status.estimating))
	}
	r, err := mine.Estimate(ctx, column.RowMajor(x, task.DX), column.RowMajor(z, task.DZ), config, options...)
	status.clear()
	if err != nil {
		return known{}, err
	}
	total := r.Timing.Prepare + r.Timing.Train + r.Timing.Evaluate
	return known{Truth: task.Truth, Estimate: r.Estimate, StdErr: r.StdErr,
		StepsPerSecond: r.Timing.StepsPerSecond, Seconds: total.Seconds()}, nil
}

// checkConfig is how the check estimates: one candidate, all steps.
func checkConfig() mine.Config {
	c := mine.SingleConfig(checkRows, mine.Candidate{Activation: backend.Softplus, Preprocess: preprocess.Rank, Objective: objective.JS.Default()})
	c.Hidden = []int{32, 32}
	c.Batch = 256
	c.Steps, c.Patience = checkSteps, checkSteps
	c.LearningRate = 4e-3
	c.TestPairs = 50_000
	c.Seed = checkSeed
	return c
}

// remedy says what to do about an error of a backend.
func remedy(name string, err error) string {
	switch {
	case errors.Is(err, backend.ErrOutOfMemory):
		return "nvidia-smi lists the programs that hold the device's memory: end one, or take another device with --device"
	case errors.Is(err, backend.ErrUnavailable) && !builtWithCUDA:
		return "make build-cuda builds a program that has it, see doc/gpu.md"
	case errors.Is(err, backend.ErrUnavailable):
		return "doc/gpu.md says what is needed; nvidia-smi shows the devices and the driver"
	case name == mine.BackendCUDA:
		return "nvidia-smi -q and the kernel's log (dmesg, lines with Xid) say whether the device has a fault"
	}
	return ""
}

// agree compares the estimates of the first two backends that have one. The seed is
// the same, so all that differs is rounding: by far less than the standard error, which
// is what the estimates differ from the truth by.
func agree(all []examined) *agreement {
	var found []known
	for _, e := range all {
		if e.Known != nil {
			found = append(found, *e.Known)
		}
	}
	if len(found) < 2 {
		return nil
	}
	return &agreement{
		Difference: math.Abs(found[0].Estimate - found[1].Estimate),
		Allowed:    math.Max(found[0].StdErr, found[1].StdErr),
	}
}

// ok says whether the backends agree.
func (a agreement) ok() bool { return a.Difference <= a.Allowed }
