// Mine estimates the mutual information of two groups of columns of a data
// file, with an error bar. Run "mine help" for its commands.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// gcPercent is the garbage collector's allowance over what is in use. What is
// in use is mostly the data, of which a copy's worth of garbage would be a lot,
// and there is little garbage to collect.
const gcPercent = 20

func main() {
	debug.SetGCPercent(gcPercent)
	// A write to a closed pipe is then an error like any other, instead of
	// the end of the process.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal asks for the best so far; with the handler gone, a
	// second one ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
