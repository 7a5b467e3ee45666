package main

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gomine/mine"
	"gomine/mine/conditional"
	"gomine/mine/transfer"
)

// driven is a CSV file of two series of some rows in each of two groups, in which x drives z.
func driven(t *testing.T, rows int, groups ...string) string {
	t.Helper()
	g := rand.New(rand.NewPCG(1, 1))
	var b strings.Builder
	b.WriteString("who,x,z,same\n")
	for _, who := range groups {
		var x, z float64
		for range rows {
			x, z = 0.5*x+g.NormFloat64(), 0.3*z+x+0.5*g.NormFloat64()
			fmt.Fprintf(&b, "%s,%.6f,%.6f,7\n", who, x, z)
		}
	}
	return file(t, "series.csv", b.String())
}

// transferred is a result of both directions.
func transferred() transfer.Result {
	r := transfer.Result{Net: 0.438, NetStdErr: 0.018, Config: transfer.Config{Lag: 2, Horizon: 1, Lagged: true, Way: conditional.Auto, Estimate: sample().Config}}
	r.XToZ.Estimate, r.XToZ.StdErr, r.XToZ.Low, r.XToZ.High = 0.499, 0.012, 0.4755, 0.5225
	r.ZToX.Estimate, r.ZToX.StdErr, r.ZToX.Low, r.ZToX.High = 0.061, 0.006, 0.0493, 0.0728
	r.XToZ.Lagged = []transfer.Lagged{{Lag: 1, Bound: mine.Bound{Estimate: 0.7, Low: 0.68, High: 0.72}}, {Lag: 2, Bound: mine.Bound{Estimate: 0.5, Low: 0.48, High: 0.52}}}
	r.ZToX.Lagged = []transfer.Lagged{{Lag: 1, Bound: mine.Bound{Estimate: 0.2, Low: 0.18, High: 0.22}}}
	r.XToZ.Way, r.ZToX.Way = conditional.Difference, conditional.Difference
	r.XToZ.Ways = []transfer.Terms{
		{Way: conditional.Difference, Interval: r.XToZ.Interval, With: mine.Bound{Estimate: 0.804}, Without: mine.Bound{Estimate: 0.305}},
		{Way: conditional.ByResidual, Interval: conditional.Interval{Estimate: 0.48, StdErr: 0.02}, With: mine.Bound{Estimate: 0.48}, Without: mine.Bound{Estimate: -0.001}},
	}
	r.ZToX.Ways = []transfer.Terms{{Way: conditional.Difference, Interval: r.ZToX.Interval, With: mine.Bound{Estimate: 0.361}, Without: mine.Bound{Estimate: 0.3}}}
	r.Split = transfer.Split{Series: 3, Windows: 9994, Used: 9700, Blocks: 240, Length: 40, Gap: 3, CorrelationTime: 2.6}
	return r
}

func TestTransferReport(t *testing.T) {
	const want = `TE(X -> Z) = 0.499 nats   95% interval 0.475 to 0.522   (standard error 0.012)
TE(Z -> X) = 0.061 nats   95% interval 0.049 to 0.073   (standard error 0.006)
X tells more about the future of Z: 0.438 nats more, +- 0.018 at most

X           a,b of g.csv
Z           all columns of z.npy
series      3, by who
windows     2 rows of the past, to say what is 1 row ahead: 9,994 windows
split       240 blocks of some 40 rows, with 3 between those of a series: 9,700
            windows used, correlated over 3 rows
terms       X -> Z by difference: 0.804 less 0.305 = 0.499 +- 0.012, taken
            X -> Z by residual: 0.480 less 0.000 = 0.480 +- 0.020
            Z -> X by difference: 0.361 less 0.300 = 0.061 +- 0.006
lagged      I(X(t-1); Z(t)) = 0.700 nats, 0.680 to 0.720
            I(X(t-2); Z(t)) = 0.500 nats, 0.480 to 0.520
            I(Z(t-1); X(t)) = 0.200 nats, 0.180 to 0.220
settings    --lag 2 --horizon 1 --lagged=true --way auto`
	in := inputs{X: source{File: "g.csv", Columns: "a,b"}, Z: source{File: "z.npy"}, Group: "who"}
	text := func(r transfer.Result) string { return string(reportTransfer(r, in, nats, []bool{false, true, true})) }
	r := transferred()
	got := text(r)
	if !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if !strings.Contains(got, "note: 2 of 3 rows lack a value") {
		t.Errorf("what is missing is not in\n%s", got)
	}
	r.Warnings = []mine.Warning{{Code: mine.WarnUnresolved, Message: "walks meet"}}
	r.Split.Unresolved = true
	if got := text(r); !strings.Contains(got, "cannot be said") || !strings.Contains(got, "warning: walks meet.") {
		t.Errorf("that nothing can be said is not in\n%s", got)
	}
	r = transferred()
	r.XToZ, r.ZToX, r.Net = r.ZToX, r.XToZ, -r.Net
	if got := text(r); !strings.Contains(got, "Z tells more about the future of X") {
		t.Errorf("the direction is not in\n%s", got)
	}
	r.XToZ.High = r.ZToX.Low + 0.001
	if got := text(r); !strings.Contains(got, "the data do not show") {
		t.Errorf("that there is no direction is not in\n%s", got)
	}
}

// TestTransferTest: x drives z, which a test says, and nothing is said of the other direction; in text and as JSON.
func TestTransferTest(t *testing.T) {
	path := driven(t, 400, "a")
	args := append([]string{"transfer", path, "--x", "x", "--z", "z", "--test", "--permutations", "99", "--lagged=false"}, smallCPU...)
	code, stdout, stderr := try(t, "", append(args, "--json")...)
	if code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	type tested struct{ Test *transfer.Test }
	var r struct {
		XToZ         tested `json:"x_to_z"`
		ZToX         tested `json:"z_to_x"`
		Permutations int
	}
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatal(err)
	}
	// With one part of 99 permutations p is .01, with two ln(10^4) + 1 times .0001.
	if f, b := r.XToZ.Test, r.ZToX.Test; f == nil || b == nil || f.PValue > 0.01 || b.PValue < 0.001 || f.Blocks != b.Blocks || r.Permutations != 99 {
		t.Errorf("%+v and %+v of %d permutations", f, b, r.Permutations)
	}
	code, stdout, _ = try(t, "", args...)
	for _, want := range []string{"\ntest        no transfer from X to Z: p = 0.0", "\n            no transfer from Z to X: p = ", "--test --permutations 99"} {
		if code != exitOK || !strings.Contains(strings.Join(strings.Fields(stdout), " "), strings.Join(strings.Fields(want), " ")) {
			t.Errorf("exit %d: %q is not in\n%s", code, want, stdout)
		}
	}
	walk := func() (b strings.Builder) {
		g := rand.New(rand.NewPCG(2, 2))
		b.WriteString("x,z\n")
		var x, z float64
		for range 1000 {
			x, z = x+g.NormFloat64(), z+g.NormFloat64()
			fmt.Fprintf(&b, "%v,%v\n", x, z)
		}
		return b
	}()
	refused(t, []refusal{
		{[]string{"transfer", path, "--x", "x", "--z", "z", "--permutations", "99"}, exitUsage, []string{"--permutations", "add --test"}},
		{[]string{"transfer", path, "--x", "x", "--z", "z", "--test", "--permutations", "0"}, exitUsage, []string{"--permutations is 0"}},
		{[]string{"transfer", path, "--x", "x", "--z", "z", "--test", "--permutations", "5"}, exitUsage, []string{"--permutations is 5, want at least 19"}},
		{append([]string{"transfer", file(t, "walk.csv", walk.String()), "--x", "x", "--z", "z", "--test"}, smallCPU...), exitError, []string{"no test", "random walks", "differences"}},
	})
}

// TestTransferNothing: where critics find nothing there is no interval, neither to read nor in JSON.
func TestTransferNothing(t *testing.T) {
	r := transferred()
	r.ZToX.Interval = conditional.Interval{High: math.Inf(1)}
	r.ZToX.Nothing = true
	r.ZToX.Ways = []transfer.Terms{{Way: conditional.Difference, Interval: r.ZToX.Interval, Nothing: true}}
	r.ZToX.Lagged = []transfer.Lagged{{Lag: 1, Nothing: true}}
	text := string(reportTransfer(r, inputs{}, nats, nil))
	for _, want := range []string{
		"TE(Z -> X): nothing found, no critic is better than none: no upper limit\nX tells about the future of Z; from Z to X nothing was found\n",
		"Z -> X by difference: nothing found in either term\n",
		"I(Z(t-1); X(t)): nothing found\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if strings.Contains(text, "0.000 to 0.000") {
		t.Errorf("an interval of no width in\n%s", text)
	}
	document, err := encodeTransfer(r, settings{}, inputs{})
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(document, &fields); err != nil {
		t.Fatal(err)
	}
	back, forward := fields["z_to_x"].(map[string]any), fields["x_to_z"].(map[string]any)
	for _, name := range []string{"std_err", "low", "high"} {
		if v, there := back[name]; there {
			t.Errorf("%s is %v where nothing was found", name, v)
		}
		if _, there := forward[name]; !there {
			t.Errorf("no %s of the other direction", name)
		}
	}
	if v, there := fields["net_std_err"]; there {
		t.Errorf("net_std_err is %v", v)
	}
	r = transferred()
	r.Split.Levels = true
	if text := string(reportTransfer(r, inputs{}, nats, nil)); !strings.Contains(text, "cannot be said") {
		t.Errorf("of series with levels a direction is called stronger:\n%s", text)
	}
}

// TestTransfer runs the command: the direction is found, --json has what the doc says, and
// --config repeats the numbers.
func TestTransfer(t *testing.T) {
	path := driven(t, 300, "ann", "bob")
	args := append([]string{"transfer", path, "--x", "x", "--z", "z", "--group", "who", "--lag", "2", "--lagged=false"}, smallCPU...)
	code, quiet, stderr := try(t, "", append(args, "--quiet")...)
	var forward, back float64
	if _, err := fmt.Sscanf(quiet, "%g %g\n", &forward, &back); code != exitOK || stderr != "" || err != nil {
		t.Fatalf("exit %d, %q: %v %s", code, quiet, err, stderr)
	}
	if forward < 0.3 || back > 0.2 {
		t.Errorf("transfer of %v and %v, of series of which x drives z", forward, back)
	}
	code, text, stderr := try(t, "", append(args, "--json")...)
	if code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	var all struct {
		Schema       string
		Unit         string
		XToZ         transfer.Direction `json:"x_to_z"`
		ZToX         transfer.Direction `json:"z_to_x"`
		Net          float64
		Split        transfer.Split
		Lag, Horizon int
		Config       json.RawMessage
		Input        inputs
	}
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	if all.Schema != transferSchema || all.Unit != "nats" || all.Lag != 2 || all.Horizon != 1 || all.Input.Group != "who" || all.Split.Series != 2 || all.Split.Windows != 2*298 {
		t.Errorf("%+v", all)
	}
	if got := fmt.Sprintf("%.6f %.6f\n", all.XToZ.Estimate, all.ZToX.Estimate); got != quiet {
		t.Errorf("--json has %s, --quiet %s", got, quiet)
	}
	again := []string{"transfer", path, "--x", "x", "--z", "z", "--group", "who", "--lag", "2", "--lagged=false", "--quiet", "--config", file(t, "config.json", string(all.Config))}
	if code, stdout, stderr := try(t, "", again...); code != exitOK || stdout != quiet {
		t.Errorf("--config: exit %d, %s, want %s: %s", code, stdout, quiet, stderr)
	}
	code, report, stderr := try(t, "", append(args, "--unit", "bits")...)
	if code != exitOK || !strings.Contains(report, "bits") {
		t.Errorf("exit %d: %s%s", code, report, stderr)
	}
}

// TestTransferMissing: with --missing drop rows that lack a value end windows, and do not
// bring rows together that are not neighbours.
func TestTransferMissing(t *testing.T) {
	g := rand.New(rand.NewPCG(2, 1))
	var b strings.Builder
	b.WriteString("x,z\n")
	for i := range 400 {
		if i%100 == 50 {
			fmt.Fprintf(&b, "%.6f,\n", g.NormFloat64())
			continue
		}
		fmt.Fprintf(&b, "%.6f,%.6f\n", g.NormFloat64(), g.NormFloat64())
	}
	args := append([]string{"transfer", file(t, "holes.csv", b.String()), "--x", "x", "--z", "z", "--lagged=false"}, smallCPU...)
	code, _, stderr := try(t, "", args...)
	if code != exitError || !strings.Contains(stderr, "--missing drop") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	code, text, stderr := try(t, "", append(args, "--missing", "drop")...)
	// 399 windows of two rows, of which each of four rows is in two.
	if code != exitOK || !strings.Contains(text, "391 windows") || !strings.Contains(text, "4 of 400 rows lack a value") {
		t.Errorf("exit %d: %s%s", code, text, stderr)
	}
}

func TestTransferErrors(t *testing.T) {
	path := driven(t, 60, "ann", "bob")
	named := file(t, "short.csv", "who,x,z\nann,1,2\nann,2,3\nann,3,1\nann,5,2\nbob,1,5\n")
	numbered := file(t, "numbered.csv", "who,x,z\n3,1,2\n3,2,3\n3,3,1\n3,5,2\n8,1,5\n")
	nobody := file(t, "nobody.csv", "who,x,z\n3,1,2\n,2,3\n3,3,1\n")
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{path, "--x", "x", "--z", "z", "--lag", "0"}, exitUsage, "--lag is 0, want at least 1"},
		{[]string{path, "--x", "x", "--z", "z", "--horizon", "0"}, exitUsage, "--horizon is 0, want at least 1"},
		{[]string{path, "--x", "x", "--z", "z", "--lag", "120"}, exitError, "series.csv: there are 120 rows, want at least 121 for a lag of 120"},
		{[]string{path, "--x", "x", "--z", "z", "--lag", "20"}, exitError, "blocks of"},
		{[]string{path, "--x", "x", "--z", "z", "--split", "random"}, exitUsage, "--split is random, want auto or blocks"},
		{[]string{path, "--x", "x", "--z", "z", "--sample", "50"}, exitUsage, "--rows A:B"},
		{[]string{path, "--x", "same", "--z", "z"}, exitError, "series.csv: no column of x ever changes"},
		{[]string{path, "--x", "x", "--z", "x"}, exitUsage, "--x and --z"},
		{[]string{path, "--x", "x"}, exitUsage, "--z"},
		{[]string{named, "--x", "x", "--z", "z", "--group", "who", "--lag", "2"}, exitError, `short.csv: series "bob" of --group who has 1 row, want at least 3 for a lag of 2`},
		{[]string{numbered, "--x", "x", "--z", "z", "--group", "who"}, exitError, "numbered.csv: series 8 of --group who has 1 row, want"},
		{[]string{nobody, "--x", "x", "--z", "z", "--group", "who", "--missing", "drop"}, exitError, "row 1 has no value of --group who"},
	} {
		args := append(append([]string{"transfer"}, c.args...), smallCPU...)
		code, stdout, stderr := try(t, "", args...)
		if code != c.code || stdout != "" || !strings.Contains(stderr, c.want) || strings.Contains(stderr, "transfer: ") || strings.Contains(stderr, "lagged: ") {
			t.Errorf("%q: exit %d, %q, want %d and %q", c.args, code, stderr, c.code, c.want)
		}
	}
}
