// Peers runs the training step of gomine beside the same step in PyTorch and
// JAX, and its matrix products beside those of OpenBLAS, and prints the ratios.
//
//	go run ./bench/peers
//	go run ./bench/peers --out bench/results/peers.json
//
// The contenders take turns, a window of a second each, round after round, so
// that what else the machine does hits all of them; the tables show medians of
// the rounds. Every contender is a process of its own that lives through all
// rounds and waits without computing while it is not its turn. The Python
// environment is made on the first run and kept; without Python, gomine runs
// alone. torch-compile needs a C++ compiler.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"gomine/bench/internal/report"
	"gomine/bench/throughput"
)

const own = "gomine"

// frameworks are the contenders in Python by the names peers.py knows them by.
var frameworks = []string{"torch-eager", "torch-compile", "jax"}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	threads, rounds int
	window          time.Duration
	products        bool
	python, dir     string
	out             string
}

func command() *cobra.Command {
	var opt options
	cmd := &cobra.Command{
		Use:   "peers [CASE ...]",
		Short: "Compare the training step with PyTorch, JAX and OpenBLAS",
		Long: "Runs every case, the standard ones by default, in gomine, PyTorch (eager and\n" +
			"compiled) and JAX in turn, and the matrix products of the standard cases in gomine\n" +
			"and OpenBLAS. A case is written as in the names of the benchmarks:\n" +
			"d=40/h=128/l=2/batch=512/f=relu.",
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case opt.threads < 1:
				return fmt.Errorf("--threads is %d, want at least 1", opt.threads)
			case opt.rounds < 1:
				return fmt.Errorf("--rounds is %d, want at least 1", opt.rounds)
			case opt.window <= 0:
				return fmt.Errorf("--window is %v, want more than 0", opt.window)
			}
			cases := throughput.Standard()
			if len(args) > 0 {
				cases = nil
			}
			for _, name := range args {
				c, err := throughput.ParseCase(name)
				if err != nil {
					return err
				}
				cases = append(cases, c)
			}
			// The garbage collector shall not have more processors than the
			// peers' allocators.
			runtime.GOMAXPROCS(min(opt.threads, runtime.GOMAXPROCS(0)))
			return compare(cmd.Context(), opt, cases, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.IntVar(&opt.threads, "threads", 2, "threads of every contender")
	f.IntVar(&opt.rounds, "rounds", 7, "rounds to take the medians of")
	f.DurationVar(&opt.window, "window", time.Second, "how long a contender trains in a round")
	f.BoolVar(&opt.products, "products", true, "compare matrix products as well")
	f.StringVar(&opt.python, "python", "python3", "Python to make the environment with")
	f.StringVar(&opt.dir, "environment", defaultDir(), "directory of the Python environment")
	f.StringVar(&opt.out, "out", "", "write the raw measurements to this file as JSON")
	return cmd
}

// compare measures everything, prints the tables to out and tells of its
// progress on log.
func compare(ctx context.Context, opt options, cases []throughput.Case, out, log io.Writer) error {
	r := newResults(opt)
	env, err := prepare(ctx, opt.python, opt.dir, log)
	alone := err != nil
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if alone {
		fmt.Fprintf(log, "peers: %v: gomine runs alone\n", err)
	}

	library, err := newLibrary(opt.threads)
	if err != nil {
		return err
	}
	defer library.close()
	r.Versions[own] = library.device.Device()
	names := []string{own}
	contenders := map[string]contender{own: library}
	if !alone {
		for _, name := range frameworks {
			s, err := env.start(ctx, name, opt.threads)
			if err != nil {
				fmt.Fprintln(log, "peers: left out:", err)
				continue
			}
			defer s.close()
			names = append(names, name)
			contenders[name] = s
			r.add(s.versions)
		}
	}
	for round := range opt.rounds {
		for _, c := range cases {
			for i := range names {
				name := names[(i+round)%len(names)] // nobody always follows the same neighbour
				t := contenders[name]
				if t == nil {
					continue
				}
				w, err := t.train(ctx, c, opt.window)
				switch {
				case ctx.Err() != nil:
					return ctx.Err()
				case err != nil && name == own:
					return err
				case err != nil:
					fmt.Fprintln(log, "peers: left out from here on:", err)
					delete(contenders, name)
					continue
				}
				fmt.Fprintf(log, "round %d/%d  %-40v %-14s %10.1f steps/s\n",
					round+1, opt.rounds, c, name, float64(w.Steps)/w.Seconds)
				r.Training = append(r.Training, training{w, name, c.String(), round})
			}
		}
	}
	if opt.products {
		if err := compareProducts(ctx, opt, env, alone, r, log); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			fmt.Fprintln(log, "peers: products left out from here on:", err)
		}
	}
	r.print(out, cases)
	if opt.out != "" {
		return report.WriteJSON(opt.out, r)
	}
	return nil
}

// compareProducts measures the matrix products on one thread.
func compareProducts(ctx context.Context, opt options, env environment, alone bool, r *results, log io.Writer) error {
	const length = 100 * time.Millisecond
	kernels, err := throughput.BuildKernels(ctx)
	if err != nil {
		return err
	}
	defer kernels.Close()
	var blas *server
	if !alone {
		if blas, err = env.start(ctx, "openblas", 1); err != nil {
			fmt.Fprintln(log, "peers: left out:", err)
		} else {
			defer blas.close()
			r.add(blas.versions)
		}
	}
	for round := range opt.rounds {
		fmt.Fprintf(log, "round %d/%d  products\n", round+1, opt.rounds)
		peak, err := kernels.Peak(ctx)
		if err != nil {
			return err
		}
		r.Peak = append(r.Peak, peak/1e9)
		for _, p := range throughput.Products() {
			rate, err := kernels.Product(ctx, p, length)
			if err != nil {
				return err
			}
			r.Products = append(r.Products, speed{p, own, round, rate / 1e9})
			if blas == nil {
				continue
			}
			if rate, err = blas.multiply(p, length); errors.Is(err, errRefused) {
				continue // over before Python can time it
			} else if err != nil {
				return err
			}
			r.Products = append(r.Products, speed{p, "openblas", round, rate / 1e9})
		}
	}
	return nil
}
