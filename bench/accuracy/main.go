// Accuracy measures how right gomine is, on data whose mutual information is
// known: the estimates of the default settings, and the coverage of the
// interval.
//
//	go run ./bench/accuracy defaults
//	go run ./bench/accuracy coverage
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
		Use:           "accuracy",
		Short:         "Compare estimates with known mutual information",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(defaultsCommand(), coverageCommand())
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "accuracy:", err)
		os.Exit(1)
	}
}
