// Paper repeats the experiments of Belghazi et al., "Mutual Information Neural
// Estimation" (ICML 2018), with this library: information is estimated,
// maximised and minimised.
//
//	go run ./bench/paper gaussian --out DIR
//	go run ./bench/paper nonlinear --quick
//	go run ./bench/paper bidirectional --out DIR
//	go run ./bench/paper bottleneck --out DIR
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/spf13/cobra"

	"gomine/bench/paper/bidirectional"
	"gomine/bench/paper/bottleneck"
	"gomine/bench/paper/estimation"
	"gomine/bench/paper/gan"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	root := &cobra.Command{
		Use:           "paper",
		Short:         "Repeat the experiments of the MINE paper",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(
		estimation.GaussianCommand(), estimation.NonlinearCommand(),
		gan.GridCommand(), gan.SpiralCommand(), gan.StackedCommand(),
		bidirectional.Command(), bottleneck.Command(),
	)
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "paper:", err)
		os.Exit(1)
	}
}
