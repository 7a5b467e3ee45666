// Roofline compares the kernels of the CPU backend with what one core can do:
// multiply-adds on registers, and bytes from and to memory.
//
//	go run ./bench/throughput/roofline
//
// A product is bound by the units where its operations per byte of its
// matrices are many, by memory where they are few; element-wise kernels on
// vectors that no cache holds are bound by memory. In a training step most
// operands come from a cache, so small products can pass the memory's bound.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"gomine/bench/internal/report"
	"gomine/bench/throughput"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var window time.Duration
	cmd := &cobra.Command{
		Use:           "roofline",
		Short:         "Compare the kernels with the limits of one core",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if window <= 0 {
				return fmt.Errorf("--window is %v, want more than 0", window)
			}
			rendered, err := roofline(cmd.Context(), window)
			if err == nil {
				fmt.Fprintln(cmd.OutOrStdout(), rendered)
			}
			return err
		},
	}
	cmd.Flags().DurationVar(&window, "window", 300*time.Millisecond, "how long to measure each kernel")
	if err := cmd.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "roofline:", err)
		os.Exit(1)
	}
}

func roofline(ctx context.Context, window time.Duration) (string, error) {
	k, err := throughput.BuildKernels(ctx)
	if err != nil {
		return "", err
	}
	defer k.Close()
	peak, err := k.Peak(ctx)
	if err != nil {
		return "", err
	}
	bandwidths := map[string]float64{} // by operation, bytes per second
	var bandwidth float64
	for _, op := range throughput.MemoryKernels() {
		if bandwidths[op], err = k.Bandwidth(ctx, op, window); err != nil {
			return "", err
		}
		bandwidth = max(bandwidth, bandwidths[op])
	}

	t := report.NewTable("kernel", "FLOP/byte", "GFLOP/s", "GB/s", "bound", "of bound")
	for _, p := range throughput.Products() {
		rate, err := k.Product(ctx, p, window)
		if err != nil {
			return "", err
		}
		intensity := p.Operations() / p.Bytes()
		bound, name := peak, "units"
		if intensity*bandwidth < peak {
			bound, name = intensity*bandwidth, "memory"
		}
		t.AppendRow(table.Row{p, fmt.Sprintf("%.1f", intensity), fmt.Sprintf("%.1f", rate/1e9), "", name, percent(rate / bound)})
	}
	t.AppendSeparator()
	for _, op := range throughput.MemoryKernels() {
		t.AppendRow(table.Row{op, "", "", fmt.Sprintf("%.1f", bandwidths[op]/1e9), "memory", percent(bandwidths[op] / bandwidth)})
	}
	return fmt.Sprintf("One core: %.1f GFLOP/s of multiply-adds, %.1f GB/s of memory\n%s",
		peak/1e9, bandwidth/1e9, t.Render()), nil
}

func percent(v float64) string { return fmt.Sprintf("%.0f%%", 100*v) }
