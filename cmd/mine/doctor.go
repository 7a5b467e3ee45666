package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"gomine/cuda"
	"gomine/mine"
	"gomine/mine/backend"
)

// allBackends is what --backend of mine doctor is if not the name of one.
const allBackends = "all"

// doctorFlags are the flags of mine doctor.
type doctorFlags struct {
	backend   choice
	precision choice
	device    int
	threads   int
	json      bool
}

func newDoctor() *cobra.Command {
	var f doctorFlags
	cmd := &cobra.Command{
		Use:   "doctor [flags]",
		Short: "Check that the backends work on this machine",
		Long: `Check that the backends work on this machine: what they run on, how long they
take to open, whether an estimate of a known information is right, and whether
backends agree. It takes some seconds, and minutes where the NVIDIA driver has
to compile the kernels first.

An estimate is right if it is within four standard errors of the truth, or a
little more below it: a network of this size loses some 0.02 nats. Backends
agree if their estimates from the same seed differ by less than one standard
error.

Exit codes: 0 all is well, 1 something is not, 2 error in the command line, 130
interrupted.`,
		Example: `  mine doctor
  mine doctor --backend cuda --json`,
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	flags := newFlags()
	addChoice(flags, &f.backend, "backend", "what to check", allBackends, mine.BackendCPU, mine.BackendCUDA)
	addChoice(flags, &f.precision, "precision", "matrix products on CUDA", precisions()...)
	flags.Var((*count)(&f.device), "device", "CUDA device `N`, from 0")
	flags.Var((*count)(&f.threads), "threads", "`N` threads of the CPU")
	flags.Lookup("threads").DefValue = "all processors"
	addVariable(flags, "threads", threadsVariable)
	flags.BoolVar(&f.json, "json", false, "print everything as one JSON object")
	addGroup(cmd, "Check", flags)
	return cmd
}

// precisions lists the values of --precision, the default first.
func precisions() []string {
	all := []string{"auto"}
	for _, p := range cuda.Precisions() {
		all = append(all, string(p))
	}
	return all
}

func (f *doctorFlags) run(cmd *cobra.Command) error {
	if err := checkThreads(cmd.Flags(), f.threads); err != nil {
		return err
	}
	if err := checkCUDAFlags(cmd.Flags(), f.backend.value); err != nil {
		return err
	}
	ctx, stderr := cmd.Context(), cmd.ErrOrStderr()
	status := newStatusLine(stderr, nats)
	c := checkup{Version: version(), Machine: thisMachine()}
	names := []string{f.backend.value}
	switch {
	case f.backend.value == allBackends && builtWithCUDA:
		names = []string{mine.BackendCPU, mine.BackendCUDA}
	case f.backend.value == allBackends:
		names = []string{mine.BackendCPU}
		c.Notes = append(c.Notes, "cuda is not in this build: make build-cuda builds one that has it, see doc/gpu.md")
	}
	options := mine.BackendOptions{Threads: f.threads, Device: f.device, Precision: f.precision.value}
	for _, name := range names {
		open := func() (backend.Backend, error) { return openBackend(name, options, stderr) }
		c.Backends = append(c.Backends, examine(ctx, name, open, checkConfig(), status))
		if ctx.Err() != nil {
			return interruptedError("interrupted before the end of the check")
		}
	}
	c.conclude()
	var answer bytes.Buffer
	if f.json {
		if err := json.NewEncoder(&answer).Encode(c); err != nil {
			return fmt.Errorf("--json: %w", err)
		}
	} else {
		c.print(&answer)
	}
	if err := write(cmd, answer.Bytes()); err != nil {
		return err
	}
	return c.complaint()
}

// conclude compares the backends, and decides whether all is well.
func (c *checkup) conclude() {
	c.Agreement = agree(c.Backends)
	c.Well = c.complaint() == nil
}

// complaint is an error that names what is wrong, or nil.
func (c *checkup) complaint() error {
	var wrong []string
	for _, e := range c.Backends {
		if e.Problem != "" {
			wrong = append(wrong, "backend "+e.Backend+": "+e.Problem)
		}
	}
	if c.Agreement != nil && !c.Agreement.ok() {
		wrong = append(wrong, "the backends do not agree")
	}
	if len(wrong) == 0 {
		return nil
	}
	return errors.New(strings.Join(wrong, "; "))
}

// print writes the checkup for people to read.
func (c *checkup) print(w io.Writer) {
	line := func(label, format string, args ...any) {
		for _, l := range wrap(strings.Fields(fmt.Sprintf(format, args...)), reportWidth-reportTab) {
			fmt.Fprintf(w, "%-*s%s\n", reportTab, label, l)
			label = ""
		}
	}
	line("build", "%s", c.Version)
	line("machine", "%s", c.Machine.text())
	line("nvidia", "%s", c.Machine.nvidia())
	for _, e := range c.Backends {
		fmt.Fprintln(w)
		e.print(line)
	}
	if a := c.Agreement; a != nil {
		fmt.Fprintln(w)
		verdict := "ok"
		if !a.ok() {
			verdict = "WRONG"
		}
		line("agreement", "%.4f nats between the backends, less than %.4f wanted: %s", a.Difference, a.Allowed, verdict)
	}
	for _, note := range c.Notes {
		fmt.Fprintln(w)
		line("note", "%s", note)
	}
}

// print writes what there is to say of one backend, line by line.
func (e examined) print(line func(label, format string, args ...any)) {
	label := e.Backend
	if e.Device != "" {
		line(label, "%s", e.Device)
		label = ""
	}
	if d := e.CUDA; d != nil {
		line("  device", "compute capability %s, driver for CUDA %s, precision %s", d.Capability, d.Driver, d.Precision)
		line("  kernels", "%s: loaded in %.1f s", d.Kernels, d.Loading)
		line("  memory", "%s, %s free", gigabytes(d.Total), gigabytes(d.Free))
	}
	if k := e.Known; k != nil {
		verdict := "ok"
		if k.wrong() != "" {
			verdict = "WRONG"
		}
		line("  estimate", "%.4f nats, standard error %.4f, truth %.4f: %s", k.Estimate, k.StdErr, k.Truth, verdict)
		line("  speed", "%s training steps/s of a network of %v; %.1f s in all", grouped(int(k.StepsPerSecond+0.5)), checkConfig().Hidden, k.Seconds)
	}
	if e.Problem != "" {
		if label == "" {
			label = "  PROBLEM"
		}
		line(label, "%s", e.Problem)
	}
	if e.Remedy != "" {
		line("  remedy", "%s", e.Remedy)
	}
}

// text describes the machine in a line.
func (m machine) text() string {
	parts := []string{m.System, plural(m.Processors, "processor") + fmt.Sprintf(", %d used", m.Used)}
	if m.Processor != "" {
		parts = append(parts, m.Processor)
	}
	if m.Memory > 0 {
		parts = append(parts, fmt.Sprintf("%s of memory, %s free", gigabytes(m.Memory), gigabytes(m.Available)))
	}
	return strings.Join(parts, ", ")
}

// nvidia says what of NVIDIA's driver is there.
func (m machine) nvidia() string {
	driver, library := "no driver loaded", "no libcuda.so.1 found"
	if m.Driver != "" {
		driver = "driver " + m.Driver
	}
	if m.Library != "" {
		library = m.Library
	}
	return driver + ", " + library
}

// gigabytes prints a number of bytes.
func gigabytes(bytes int64) string { return fmt.Sprintf("%.1f GB", float64(bytes)/1e9) }
