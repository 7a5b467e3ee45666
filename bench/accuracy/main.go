// Accuracy measures how right gomine is, on data whose mutual information is
// known: the estimates of the default settings, the coverage of the interval,
// sweeps over families of laws, the error against the number of rows, the
// settings of published estimates beside what was published, and the error on
// random laws, on which settings are chosen.
//
//	go run ./bench/accuracy defaults
//	go run ./bench/accuracy coverage
//	go run ./bench/accuracy sweep --out DIR
//	go run ./bench/accuracy consistency --out DIR
//	go run ./bench/accuracy published --out DIR
//	go run ./bench/accuracy dependence
//	go run ./bench/accuracy tests
//	go run ./bench/accuracy transfer
//	go run ./bench/accuracy conditional
//	go run ./bench/accuracy transfer-tests
//	go run ./bench/accuracy families --half choose --out FILE
//	go run ./bench/accuracy families compare FILE FILE
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"regexp"

	"github.com/spf13/cobra"
)

// program is how this is started.
const program = "go run ./bench/accuracy"

// anything matches every name, where --only says nothing.
var anything = regexp.MustCompile("")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	root := &cobra.Command{
		Use:           "accuracy",
		Short:         "Compare estimates with known mutual information",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(defaultsCommand(), coverageCommand(), intervalsCommand(), sweepCommand(), consistencyCommand(), publishedCommand(), familiesCommand(), dependenceCommand(), testsCommand(), conditionalCommand(), transferCommand(), transferTestsCommand())
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "accuracy:", err)
		os.Exit(1)
	}
}
