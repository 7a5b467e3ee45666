package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gomine/mine/simulate"
)

// correlation is the sample correlation of two columns of records.
func correlation(t *testing.T, records [][]string, i, j int) float64 {
	t.Helper()
	var sx, sz, sxx, szz, sxz float64
	for _, record := range records {
		x, errX := strconv.ParseFloat(record[i], 64)
		z, errZ := strconv.ParseFloat(record[j], 64)
		if errX != nil || errZ != nil {
			t.Fatal(errX, errZ)
		}
		sx, sz, sxx, szz, sxz = sx+x, sz+z, sxx+x*x, szz+z*z, sxz+x*z
	}
	n := float64(len(records))
	return (sxz - sx*sz/n) / math.Sqrt((sxx-sx*sx/n)*(szz-sz*sz/n))
}

func TestSimulate(t *testing.T) {
	const rows = 5000
	path := filepath.Join(t.TempDir(), "g.csv")
	code, stdout, stderr := try(t, "", "simulate", "gaussian", "--dim", "2", "--rho", "0.5", "--rows", "5000", "--out", path)
	if code != exitOK || stdout != "" {
		t.Fatalf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	// -(2/2) ln(1 - 0.5^2) = 0.28768.
	if want := "I(X;Z) = 0.2877 nats (gaussian, dim 2, rho 0.5), 5000 rows -> " + path + "\n"; stderr != want {
		t.Errorf("stderr is %q, want %q", stderr, want)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"X0", "X1", "Z0", "Z1"}; !slices.Equal(records[0], want) {
		t.Errorf("header %q, want %q", records[0], want)
	}
	if len(records) != 1+rows {
		t.Fatalf("%d rows, want %d", len(records)-1, rows)
	}
	// Correlations of n normal pairs scatter by at most 1/sqrt(n); five times
	// that is exceeded once in 3e5 such tests, and the seed is fixed.
	tolerance := 5 / math.Sqrt(rows)
	for _, c := range []struct {
		i, j int
		want float64
	}{{0, 2, 0.5}, {1, 3, 0.5}, {0, 3, 0}, {0, 1, 0}} {
		if got := correlation(t, records[1:], c.i, c.j); math.Abs(got-c.want) > tolerance {
			t.Errorf("columns %d and %d correlate by %.3f, want %v within %.3f", c.i, c.j, got, c.want, tolerance)
		}
	}
}

// TestSimulateIsRepeatable checks that stdout, a file, two files and a longer
// sample agree on the rows.
func TestSimulateIsRepeatable(t *testing.T) {
	dir := t.TempDir()
	x, z := filepath.Join(dir, "x.csv"), filepath.Join(dir, "z.csv")
	simulated := func(args ...string) string {
		t.Helper()
		code, stdout, stderr := try(t, "", append([]string{"simulate", "student", "--dim-x", "1", "--dim-z", "2", "--seed", "5"}, args...)...)
		if code != exitOK {
			t.Fatalf("%q: exit %d: %s", args, code, stderr)
		}
		return stdout
	}
	short := simulated("--rows", "1000", "--out", "-")
	long := simulated("--rows", "3e3", "--out", "-")
	if !strings.HasPrefix(long, short) || strings.Count(long, "\n") != 3001 {
		t.Error("a longer sample does not begin with the shorter one")
	}
	if simulated("--rows", "1000", "--seed", "6", "--out", "-") == short {
		t.Error("another seed gives the same sample")
	}
	simulated("--rows", "1000", "--out", x, "--out-z", z)
	xs, errX := os.ReadFile(x)
	zs, errZ := os.ReadFile(z)
	if errX != nil || errZ != nil {
		t.Fatal(errX, errZ)
	}
	xLines, zLines := strings.Split(string(xs), "\n"), strings.Split(string(zs), "\n")
	for i, line := range strings.Split(short, "\n") {
		if i >= len(xLines) || i >= len(zLines) || line != "" && line != xLines[i]+","+zLines[i] {
			t.Fatalf("line %d of two files does not make %q", i+1, line)
		}
	}
}

func TestTruth(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ args, want string }{
		// -(20/2) ln(1 - 0.5^2) = 2.87682.
		{"gaussian --dim 20 --rho 0.5", "I(X;Z) = 2.8768 nats (gaussian, dim 20, rho 0.5)"},
		// rho = sqrt(1 - exp(-2 2/4)) = 0.79506.
		{"gaussian --dim 4 --mi 2", "I(X;Z) = 2.0000 nats (gaussian, dim 4, rho 0.7951)"},
		{"gaussian --rho 0", "I(X;Z) = 0.0000 nats (gaussian, dim 1)"},
		// -ln(1 - 0.01^2)/2 = 5.00025e-5.
		{"gaussian --rho 0.01", "I(X;Z) = 5e-05 nats (gaussian, dim 1, rho 0.01)"},
		{"identical", "I(X;Z) = infinite (identical, dim 1)"},
		{"independent --dim 3 --dim-z 2", "I(X;Z) = 0.0000 nats (independent, dim-x 3, dim-z 2)"},
		// ln(1 + 1/1^2)/2 = 0.34657.
		{"swiss-roll --dim 2 --mi 2 --map-x spiral --map-z network --task-seed 3", "I(X;Z) = 2.0000 nats (swiss-roll, dim 2, rho 0.9299, spiral map of X, network map of Z)"},
		{"channel --map-x cubic --map-z rotation --task-seed 3", "I(X;Z) = 0.3466 nats (channel, dim 1, noise 1, cubic map of X, rotation map of Z)"},
	} {
		path := filepath.Join(dir, "t.npy")
		args := append(append([]string{"simulate"}, strings.Fields(c.args)...), "--rows", "3", "--out", path)
		code, _, stderr := try(t, "", args...)
		if code != exitOK {
			t.Errorf("%s: exit %d: %s", c.args, code, stderr)
		}
		if !strings.HasPrefix(stderr, c.want+", 3 rows -> "+path+" (--x 0:") {
			t.Errorf("%s: %q, want %q and the columns", c.args, stderr, c.want)
		}
	}
}

// TestFamilies checks that every family works with the defaults that the list
// shows, and that every parameter it reads has a flag.
func TestFamilies(t *testing.T) {
	for _, family := range simulate.Families() {
		if code, stdout, stderr := try(t, "", "simulate", family.Name, "--rows", "2", "--out", "-"); code != exitOK || strings.Count(stdout, "\n") != 3 {
			t.Errorf("%s: exit %d, stdout %q, stderr %q", family.Name, code, stdout, stderr)
		}
		for _, name := range family.Reads {
			if !slices.ContainsFunc(parameters, func(p parameter) bool { return p.name == name }) {
				t.Errorf("%s reads %s, for which there is no flag", family.Name, name)
			}
		}
	}
}

// TestSimulateOverwrites checks that a file is replaced, or kept if the new
// one cannot be finished.
func TestSimulateOverwrites(t *testing.T) {
	path := file(t, "g.csv", "old")
	if code, _, stderr := runUntil(t, 0, "simulate", "gaussian", "--rows", "1e9", "--out", path); code != exitInterrupted || !strings.HasPrefix(stderr, "mine: interrupted") {
		t.Errorf("exit %d, stderr %q", code, stderr)
	}
	if content, err := os.ReadFile(path); err != nil || string(content) != "old" {
		t.Errorf("after an interruption the file holds %.40q, %v", content, err)
	}
	if code, _, stderr := try(t, "", "simulate", "gaussian", "--rows", "1", "--out", path); code != exitOK {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if content, err := os.ReadFile(path); err != nil || !strings.HasPrefix(string(content), "X0,Z0\n") {
		t.Errorf("the file holds %.40q, %v", content, err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// TestSimulateRefuses checks that a refused parameter is told by its flag, its
// value and what is wanted, and that the library's error is still there.
func TestSimulateRefuses(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"gaussian --rho 1", "gaussian: --rho is 1, want a number between -1 and 1, both excluded (family identical has z = x)"},
		{"gaussian --dim 2 --mi 21", "gaussian: --mi is 21, want 0 to 20 nats, at most 10 for each column"},
		{"channel --noise -1", "channel: --noise is -1, want a positive number"},
		{"student --dim 2 --dim-z 0", "student: --dim-z is 0, want at least 1"},
		{"student --nu 0.5", "student: --nu is 0.5, want a number, at least 0.7"},
		{"student --map-x exp", "student: --map-x is exp, want a map that can hold tails this heavy in float64, such as asinh"},
		{"student --dim 2 --map-z network", "student: --map-z is network, want a map that can hold tails this heavy in float64, such as asinh"},
		{"gaussian --map-x spiral", "gaussian: --map-x is spiral, want another map for 1 column: it turns pairs of columns"},
		{"gaussian --dim 2 --map-x spiral --task-seed 3", "family gaussian does not read --task-seed: see mine simulate list"},
		{"identical --dim 5000 --map-z rotation", "identical: --map-z is rotation, want another map for 5000 columns: it rotates at most 4096"},
		{"circle --turns 0", "circle: --turns is 0, want 1 to 1000000"},
		{"discrete --symbols 1", "discrete: --symbols is 1, want at least 2"},
	} {
		code, _, stderr := try(t, "", append([]string{"simulate", "--out", "-"}, strings.Fields(c.args)...)...)
		if code != exitUsage || stderr != "mine: "+c.want+"\n" {
			t.Errorf("%s: exit %d, %q, want exit %d, %q", c.args, code, stderr, exitUsage, c.want)
		}
	}
	// No command line reaches this one: few seeds, if any, are refused.
	seed := fmt.Errorf("simulate: correlated: %w", &simulate.ParamError{Param: "seed", Value: uint64(7), Want: "another seed"})
	err := refusedFlag("correlated", seed)
	if !errors.As(err, new(usageError)) || !errors.Is(err, seed) || err.Error() != "correlated: --task-seed is 7, want another seed" {
		t.Errorf("the seed of a task: %#v", err)
	}
}
