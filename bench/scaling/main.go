// Scaling measures how the cost of gomine grows: the time of a training step
// with the batch, the columns, the widths and the threads, and the time and the
// memory of whole estimates with the rows, and of all pairs of columns.
//
//	go run ./bench/scaling step
//	go run ./bench/scaling rows
//	go run ./bench/scaling pairs
//	go run ./bench/scaling rows --max 1e6 --out bench/results/scaling.json
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	root := &cobra.Command{
		Use:           "scaling",
		Short:         "Measure how time and memory grow with the size of the task",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(stepCommand(), rowsCommand(), pairsCommand())
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "scaling:", err)
		os.Exit(1)
	}
}
