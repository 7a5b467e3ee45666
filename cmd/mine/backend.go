package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gomine/mine"
	"gomine/mine/backend"
)

// compilingAfter is how long the loading of kernels takes before anything is said of
// it: loading from a warm cache is over by then, and stays silent.
const compilingAfter = 500 * time.Millisecond

// openBackend opens a backend. It tells w if kernels have to be compiled for that, which
// can take a minute, and if auto comes down to the CPU in a program that has CUDA.
func openBackend(name string, opt mine.BackendOptions, w io.Writer) (backend.Backend, error) {
	slow := notice{w: w, after: compilingAfter, text: "compiling kernels, once"}
	opt.Compiling = slow.begin
	defer slow.end()
	if name != mine.BackendAuto || !builtWithCUDA {
		return mine.OpenBackend(name, opt)
	}
	b, err := mine.OpenBackend(mine.BackendCUDA, opt)
	if errors.Is(err, backend.ErrUnavailable) {
		fmt.Fprintf(w, "on the CPU, since CUDA is not to be had: %s\n", oneLine(err))
		return mine.OpenBackend(mine.BackendCPU, opt)
	}
	return b, err
}

// A notice is a line that is written if what it tells of is not over soon.
type notice struct {
	w     io.Writer
	after time.Duration
	text  string

	timer   *time.Timer
	written chan struct{}
}

func (n *notice) begin() {
	written := make(chan struct{})
	n.written = written
	n.timer = time.AfterFunc(n.after, func() {
		defer close(written)
		fmt.Fprintln(n.w, n.text)
	})
}

// end sees to it that nothing is written from now on.
func (n *notice) end() {
	if n.timer != nil && !n.timer.Stop() {
		<-n.written
	}
}

// checkCUDAFlags rejects flags that the CPU backend does not read.
func checkCUDAFlags(set *pflag.FlagSet, name string) error {
	for _, flag := range []string{"precision", "device", "device-memory"} {
		if set.Changed(flag) && name == mine.BackendCPU {
			return usagef("--%s is for CUDA, not for %s", flag, chosenBy(set, "backend"))
		}
	}
	return nil
}

// openError words why a backend does not open, and what to do. subject is what asks for it.
func openError(subject string, err error) error {
	switch {
	case !errors.Is(err, backend.ErrUnavailable):
		return err
	case builtWithCUDA:
		return usagef("%s: %s; mine doctor says more, or use --backend cpu", subject, oneLine(err))
	}
	return usagef("%s: %s; doc/gpu.md says how to build with CUDA, or use --backend cpu", subject, oneLine(err))
}

// open opens the backend that the flags ask for.
func (f *estimateFlags) open(cmd *cobra.Command, status *statusLine) (backend.Backend, error) {
	status.clear()
	stderr := cmd.ErrOrStderr()
	if f.quiet {
		stderr = io.Discard
	}
	b, err := openBackend(f.backend.value, mine.BackendOptions{
		Threads: f.threads, Device: f.device, Precision: f.precision.value, MemoryLimit: int64(f.memory),
	}, stderr)
	subject := chosenBy(cmd.Flags(), "backend")
	if file := f.config.file; file != nil && !cmd.Flags().Changed("backend") {
		subject = file.subject("backend") + " is " + f.backend.value
	}
	return b, openError(subject, err)
}
