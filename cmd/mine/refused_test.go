package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// refusal is a command line that must not work.
type refusal struct {
	args []string
	code int
	want []string // all in the line on stderr
}

// refused runs command lines that must not work, and looks at how they fail: with
// one line on stderr that says all that is wanted, and nothing on stdout.
func refused(t *testing.T, refusals []refusal) {
	t.Helper()
	allowed := strings.NewReplacer("--config ", "", "config is ", "") // the flag, and the object in its file
	for _, c := range refusals {
		code, stdout, stderr := try(t, "", c.args...)
		if code != c.code {
			t.Errorf("%q: exit %d, want %d (%s)", c.args, code, c.code, stderr)
		}
		if stdout != "" {
			t.Errorf("%q: stdout %q, want nothing", c.args, stdout)
		}
		line, rest, _ := strings.Cut(stderr, "\n")
		message, prefixed := strings.CutPrefix(line, "mine: ")
		if !prefixed || rest != "" {
			t.Errorf("%q: stderr %q, want one line that starts with mine:", c.args, stderr)
		}
		for _, leak := range []string{"mine: ", "table: ", "column: ", "preprocess: ", "config ", "simulate: ", "strconv", "context", "goroutine"} {
			if strings.Contains(allowed.Replace(message), leak) {
				t.Errorf("%q: %q leaks %q", c.args, message, leak)
			}
		}
		for _, want := range c.want {
			if !strings.Contains(message, want) {
				t.Errorf("%q: %q does not say %q", c.args, message, want)
			}
		}
	}
}

// of returns the command line of an estimate of a file as gaussian writes it.
func of(path string, args ...string) []string {
	return append([]string{"estimate", path, "--x", "X*", "--z", "Z*"}, args...)
}

// TestWrongCommands misspells commands and their arguments.
func TestWrongCommands(t *testing.T) {
	refused(t, []refusal{
		{[]string{"estimat"}, exitUsage, []string{`"estimat"`, "did you mean estimate?"}},
		{[]string{"frobnicate"}, exitUsage, []string{`"frobnicate"`, "mine --help"}},
		{[]string{"help", "simulat"}, exitUsage, []string{`"simulat"`, "did you mean simulate?"}},
		{[]string{"doctor", "now"}, exitUsage, []string{"no arguments", `"now"`}},
		{[]string{"doctor", "--threads", "0"}, exitUsage, []string{"--threads is 0"}},
		{[]string{"doctor", "--backend", "tpu"}, exitUsage, []string{"--backend", "all, cpu, cuda"}},
		{[]string{"doctor", "--backend", "cpu", "--device", "1"}, exitUsage, []string{"--device", "CUDA"}},
		{[]string{"version", "now"}, exitUsage, []string{"no arguments", `"now"`}},
		{[]string{"completion"}, exitUsage, []string{"bash, zsh, fish, powershell"}},
		{[]string{"completion", "tcsh"}, exitUsage, []string{`"tcsh"`, "bash, zsh, fish, powershell"}},
	})
}

// TestWrongFlags gives flags that do not exist, and values that they cannot read.
func TestWrongFlags(t *testing.T) {
	good := gaussian(t, "400")
	refused(t, []refusal{
		{of(good, "--stpes", "5"), exitUsage, []string{"--stpes", "did you mean --steps?"}},
		{of(good, "--learning"), exitUsage, []string{"--learning", "mine estimate --help"}},
		{of(good, "-q"), exitUsage, []string{"-q"}},
		{of(good, "--steps"), exitUsage, []string{"--steps needs a value"}},
		{of(good, "--steps", "many"), exitUsage, []string{"--steps", `"many"`, "whole number"}},
		{of(good, "--steps", "1.5"), exitUsage, []string{"--steps", "whole number"}},
		{of(good, "--lr", "fast"), exitUsage, []string{"--lr", `"fast"`, "want a number"}},
		{of(good, "--seed", "-1"), exitUsage, []string{"--seed", "0 or more"}},
		{of(good, "--race=perhaps"), exitUsage, []string{"--race", "true or false"}},
		{of(good, "--hidden", "64,x"), exitUsage, []string{"--hidden", "128,128"}},
		{of(good, "--objective", "infonce"), exitUsage, []string{"--objective", `"infonce"`, "dv, mine[:rate], nwj, js, smile[:tau], nce[:nu]"}},
		{of(good, "--activation", "tanh"), exitUsage, []string{"--activation", "softplus, elu, relu"}},
		{of(good, "--preprocess", "none"), exitUsage, []string{"--preprocess", "rank, standardize"}},
		{of(good, "--unit", "dits"), exitUsage, []string{"--unit", "nats, bits"}},
		{of(good, "--backend", "tpu"), exitUsage, []string{"--backend", "auto, cpu, cuda"}},
		{of(good, "--precision", "fp64"), exitUsage, []string{"--precision", "auto, fp32, 3xtf32, tf32, bf16"}},
		{of(good, "--backend", "cpu", "--precision", "tf32"), exitUsage, []string{"--precision", "CUDA"}},
		{of(good, "--backend", "cpu", "--device", "1"), exitUsage, []string{"--device", "CUDA"}},
		{of(good, "--backend", "cpu", "--device-memory", "1e9"), exitUsage, []string{"--device-memory", "CUDA"}},
		{of(good, "--device-memory", "0"), exitUsage, []string{"--device-memory is 0"}},
		{of(good, "--header", "maybe"), exitUsage, []string{"--header", "yes, no"}},
		{of(good, "--separator", "ab"), exitUsage, []string{"--separator", `"ab"`}},
		{of(good, "--decimal", ";"), exitUsage, []string{"--decimal", `";"`, "a point or a comma"}},
		{of(good, "--missing", "zero"), exitUsage, []string{"--missing", "error, drop"}},
		{of(good, "--comment", ""), exitUsage, []string{"--comment is empty", "none"}},
		{of(good, "--rows", "5"), exitUsage, []string{"--rows", `"5"`, "A:B"}},
		{of(good, "--rows", "-5:"), exitUsage, []string{"--rows", "A:B"}},
		{of(good, "--rows", "5:5"), exitUsage, []string{"--rows", "no rows"}},
		{of(good, "--sample", "0"), exitUsage, []string{"--sample is 0"}},
		{[]string{"columns"}, exitUsage, []string{"0 files", "want one"}},
		{[]string{"columns", good, good}, exitUsage, []string{"2 files", "want one"}},
		{[]string{"columns", good, "--sample", "-1"}, exitUsage, []string{"--sample is -1"}},
	})
}

// TestWrongSettings gives settings that cannot be used.
func TestWrongSettings(t *testing.T) {
	good := gaussian(t, "400")
	refused(t, []refusal{
		{of(good, "--steps", "0"), exitUsage, []string{"--steps is 0"}},
		{of(good, "--batch", "-3"), exitUsage, []string{"--batch is -3"}},
		{of(good, "--lr", "0"), exitUsage, []string{"--lr is 0"}},
		{of(good, "--lr", "NaN"), exitUsage, []string{"--lr is NaN"}},
		{of(good, "--weight-decay", "-1"), exitUsage, []string{"--weight-decay is -1"}},
		{of(good, "--objective", "mine:1.5"), exitUsage, []string{"--objective", "rate of objective mine is 1.5", "(0, 1]"}},
		{of(good, "--objective", "smile:0"), exitUsage, []string{"--objective", "tau of objective smile is 0"}},
		{of(good, "--objective", "nce:many"), exitUsage, []string{"--objective", `nu of objective nce is "many"`}},
		{of(good, "--objective", "js:2"), exitUsage, []string{"--objective", "js has no parameter"}},
		{of(good, "--marginals", "0"), exitUsage, []string{"--marginals is 0", "1 to 64"}},
		{of(good, "--marginals", "8", "--batch", "8"), exitUsage, []string{"--marginals is 8", "1 to 7", "batches of 8"}},
		{of(good, "--clip-norm", "0"), exitUsage, []string{"--clip-norm is 0"}},
		{of(good, "--clip-norm", "-1"), exitUsage, []string{"--clip-norm is -1"}},
		{of(good, "--clip-norm", "few"), exitUsage, []string{"--clip-norm", "none"}},
		{of(good, "--evaluate-every", "0"), exitUsage, []string{"--evaluate-every is 0"}},
		{of(good, "--patience", "0"), exitUsage, []string{"--patience is 0"}},
		{of(good, "--race-steps", "0"), exitUsage, []string{"--race-steps is 0"}},
		{of(good, "--race=false", "--race-steps", "0"), exitUsage, []string{"--race-steps is 0"}},
		{of(good, "--hidden", "0"), exitUsage, []string{"--hidden is [0]"}},
		{of(good, "--hidden", "1,1,1,1,1"), exitUsage, []string{"--hidden is"}},
		{of(good, "--validation-fraction", "1"), exitUsage, []string{"--validation-fraction is 1"}},
		{of(good, "--test-fraction", "inf"), exitUsage, []string{"--test-fraction is +Inf"}},
		{of(good, "--test-fraction", "0.9", "--validation-fraction", "0.2"), exitUsage, []string{"--validation-fraction + --test-fraction is 1.1"}},
		{of(good, "--test-pairs", "0"), exitUsage, []string{"--test-pairs is 0"}},
		{of(good, "--confidence", "95"), exitUsage, []string{"--confidence is 95"}},
		{of(good, "--threads", "0"), exitUsage, []string{"--threads is 0"}},
		{of(good, "--json", "--quiet"), exitUsage, []string{"--json", "--quiet"}},
	})
}

// TestWrongFiles names files and columns that cannot be used.
func TestWrongFiles(t *testing.T) {
	good := gaussian(t, "400")
	other := gaussian(t, "300")
	few := file(t, "few.csv", "a,b\n1,2\n2,1\n3,5\n")
	text := file(t, "text.csv", "a,b\n1,2\n2,one\n3,5\n")
	ragged := file(t, "ragged.csv", "a,b\n1,2\n2\n")
	infinite := file(t, "infinite.csv", "a,b\n1,2\n2,inf\n")
	header := file(t, "header.csv", "a,b\n")
	empty := file(t, "empty.csv", "")
	constant := file(t, "constant.csv", "a,b\n"+strings.Repeat("1,2\n1,3\n1,4\n", 100))
	dir := t.TempDir()
	refused(t, []refusal{
		{[]string{"estimate"}, exitUsage, []string{"no data file"}},
		{[]string{"estimate", "a", "b", "c"}, exitUsage, []string{"3 files"}},
		{[]string{"estimate", good}, exitUsage, []string{"--x and --z"}},
		{[]string{"estimate", good, "--x", "0"}, exitUsage, []string{"--z"}},
		{[]string{"estimate", good, good}, exitUsage, []string{"g.csv", "twice"}},
		{[]string{"estimate", "-", "-"}, exitUsage, []string{"standard input"}},
		{[]string{"estimate", good, "--x", "X*", "--z", "Y*"}, exitUsage, []string{"g.csv", "--z", `"Y*"`}},
		{[]string{"estimate", good, "--x", "X0,X0", "--z", "Z*"}, exitUsage, []string{"g.csv", "--x", "twice"}},
		{[]string{"estimate", good, "--x", "0:3", "--z", "2:4"}, exitUsage, []string{"g.csv", "--x", "--z", "Z0"}},
		{[]string{"estimate", good, other, "--z", "nope"}, exitUsage, []string{"--z", `"nope"`}},
		{[]string{"estimate", good, other}, exitError, []string{"400 rows", "300 rows"}},
		{[]string{"estimate", good, other, "--sample", "200"}, exitError, []string{"400 rows", "300 rows"}},
		{[]string{"estimate", "absent.csv", "--x", "0", "--z", "1"}, exitError, []string{"absent.csv", "no such file"}},
		{[]string{"estimate", dir, "--x", "0", "--z", "1"}, exitError, []string{"directory"}},
		{[]string{"estimate", empty, "--x", "0", "--z", "1"}, exitError, []string{"empty.csv"}},
		{[]string{"estimate", header, "--x", "a", "--z", "b"}, exitError, []string{"header.csv"}},
		{[]string{"estimate", text, "--x", "a", "--z", "b"}, exitError, []string{"text.csv", "line 3", `"one"`}},
		{[]string{"estimate", ragged, "--x", "a", "--z", "b"}, exitError, []string{"ragged.csv", "line 3"}},
		{[]string{"estimate", infinite, "--x", "a", "--z", "b"}, exitError, []string{"infinite.csv", "line 3"}},
		{[]string{"estimate", few, "--x", "a", "--z", "b"}, exitError, []string{"few.csv", "3 rows"}},
		{[]string{"estimate", constant, "--x", "a", "--z", "b"}, exitError, []string{"constant.csv", "constant"}},
		{of(good, "--lr", "1e30", "--hidden", "8", "--race=false"), exitError, []string{"diverged", "--lr"}},
	})
}

// TestWrongSimulations asks for laws that do not exist.
func TestWrongSimulations(t *testing.T) {
	dir := t.TempDir()
	refused(t, []refusal{
		{[]string{"simulate"}, exitUsage, []string{"no family", "simulate list"}},
		{[]string{"simulate", "gausian", "--out", "-"}, exitUsage, []string{`"gausian"`, "gaussian"}},
		{[]string{"simulate", "gaussian", "channel", "--out", "-"}, exitUsage, []string{"2 families"}},
		{[]string{"simulate", "gaussian"}, exitUsage, []string{"--out"}},
		{[]string{"simulate", "gaussian", "--out", "g.parquet"}, exitUsage, []string{"--out", ".parquet", ".npy"}},
		{[]string{"simulate", "gaussian", "--out", "-", "--out-z", "-"}, exitUsage, []string{"--out-z"}},
		{[]string{"simulate", "gaussian", "--out", "-", "--rows", "0"}, exitUsage, []string{"--rows is 0"}},
		{[]string{"simulate", "gaussian", "--out", "-", "--nu", "3"}, exitUsage, []string{"gaussian", "--nu"}},
		{[]string{"simulate", "gaussian", "--out", "-", "--task-seed", "3"}, exitUsage, []string{"gaussian", "--task-seed"}},
		{[]string{"simulate", "gaussian", "--out", "-", "--rho", "1"}, exitUsage, []string{"--rho is 1"}},
		{[]string{"simulate", "gaussian", "--out", "-", "--rho", "nan"}, exitUsage, []string{"--rho is NaN"}},
		{[]string{"simulate", "gaussian", "--out", "-", "--dim", "0"}, exitUsage, []string{"--dim is 0"}},
		{[]string{"simulate", "gaussian", "--out", "-", "--mi", "0"}, exitUsage, []string{"--mi is 0"}},
		{[]string{"simulate", "gaussian", "--out", "-", "--mi", "100"}, exitUsage, []string{"--mi is 100"}},
		{[]string{"simulate", "gaussian", "--out", "-", "--mi", "1", "--rho", ".5"}, exitUsage, []string{"--mi and --rho"}},
		{[]string{"simulate", "student", "--out", "-", "--map-x", "exp"}, exitUsage, []string{"student", "exp"}},
		{[]string{"simulate", "gaussian", "--out", "-", "--map-x", "square"}, exitUsage, []string{"--map-x", "cubic"}},
		{[]string{"simulate", "gaussian", "--out", filepath.Join(dir, "absent", "g.csv")}, exitError, []string{"absent", "no such file"}},
		{[]string{"simulate", "gaussian", "--out", dir}, exitError, []string{"directory"}},
	})
}

// TestRefusedGroups: groups and blocks that cannot be kept together.
func TestRefusedGroups(t *testing.T) {
	path := filepath.Join(t.TempDir(), "g.csv")
	var b strings.Builder
	b.WriteString("X0,Z0,one,each\n")
	for i := range 300 {
		fmt.Fprintf(&b, "%v,%v,7,%d\n", math.Sin(float64(i*i)), math.Cos(float64(3*i*i)), i)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, []refusal{
		{of(path, "--group", "one"), exitError, []string{"300 rows are in one group", "at least 10"}},
		{of(path, "--group", "each"), exitError, []string{"in 300 groups", "several rows each"}},
		{of(path, "--group", "two"), exitUsage, []string{`no column "two"`}},
		{of(path, "--group", "one,each"), exitUsage, []string{"--group one,each is 2 columns"}},
		{of(path, "--group", "X0"), exitUsage, []string{"--x and --group"}},
		{of(path, "--group", "one", "--split", "blocks"), exitUsage, []string{"--split is blocks", "auto where rows have groups"}},
		{of(path, "--group", "one", "--block", "20"), exitUsage, []string{"--block is 20", "auto where rows have groups"}},
		{[]string{"matrix", path, "--columns", "X0,Z0", "--group", "one", "--block", "20"}, exitUsage, []string{"--block is 20", "auto where rows have groups"}},
		{[]string{"matrix", path, "--columns", "X0,Z0", "--group", "one", "--split", "blocks"}, exitUsage, []string{"--split is blocks"}},
		{of(path, "--split", "thirds"), exitUsage, []string{"auto, random, blocks"}},
		{of(path, "--block", "0"), exitUsage, []string{"want a number of rows, or auto"}},
		{of(path, "--block", "400"), exitUsage, []string{"--block is 400, want at most 2", "300 rows into 10 blocks"}},
		{of(path, "--block", "20", "--split", "random"), exitUsage, []string{"--block is 20"}},
	})
}
