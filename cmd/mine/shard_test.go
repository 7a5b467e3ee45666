package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gomine/mine"
	"gomine/mine/ranking"
)

// parts runs a command in shares and returns the files.
func parts(t *testing.T, shares int, args ...string) (paths []string) {
	t.Helper()
	dir := t.TempDir()
	for i := range shares {
		path := filepath.Join(dir, fmt.Sprintf("part%d", i))
		code, stdout, stderr := try(t, "", append(args, "--shard", fmt.Sprintf("%d/%d", i, shares), "--output", path)...)
		if code != exitOK || stdout != "" {
			t.Fatalf("shard %d: exit %d: %s%s", i, code, stdout, stderr)
		}
		paths = append(paths, path)
	}
	return paths
}

// divided are commands that can be shared out.
func divided(path string) map[string][]string {
	return map[string][]string{
		"rank":  append([]string{"rank", path, "--target", "Z0", "--permutations", "19", "--fdr-method", "by", "--seed", "7"}, smallCPU...),
		"seeds": append([]string{"estimate", path, "--x", "X*", "--z", "Z*", "--seeds", "3", "--seed", "7"}, smallCPU...),
	}
}

// TestMerge: what is merged is what one process prints, bit for bit, in every form and from any number of
// shares, of which some are empty.
func TestMerge(t *testing.T) {
	path := gaussian(t, "300")
	for name, args := range divided(path) {
		shares := parts(t, map[string]int{"rank": 2, "seeds": 5}[name], args...)
		forms := map[string][][]string{"rank": {{"--output", "x.csv"}, {"--output", "x.json"}}, "seeds": {{"--json"}, {"--unit", "bits"}, {"--output", "x.csv"}}}
		for _, form := range forms[name] {
			run := func(args ...string) string {
				t.Helper()
				args = append(args, form...)
				output := ""
				if form[0] == "--output" {
					output = filepath.Join(t.TempDir(), form[1])
					args[len(args)-1] = output
				}
				code, stdout, stderr := try(t, "", args...)
				if code != exitOK {
					t.Fatalf("%q: exit %d: %s", args, code, stderr)
				}
				if output != "" {
					text, err := os.ReadFile(output)
					if err != nil {
						t.Fatal(err)
					}
					return string(text)
				}
				return stdout
			}
			whole := run(args...)
			merged := run(append([]string{"merge"}, shares...)...)
			if whole != merged || len(whole) < 100 {
				t.Errorf("%s %v: merged\n%s\nand by one process\n%s", name, form, merged, whole)
			}
		}
	}
}

// TestMergeRefusals: what does not fit together is named, and nothing is written.
func TestMergeRefusals(t *testing.T) {
	path := gaussian(t, "300")
	seeds := divided(path)["seeds"]
	two := parts(t, 2, seeds...)
	other := parts(t, 2, append(seeds, "--seed", "8")...)
	data := parts(t, 2, append(seeds, "--rows", "0:299")...)
	rank := parts(t, 2, divided(path)["rank"]...)
	changed := func(from, to string) string {
		text, err := os.ReadFile(two[1])
		if err != nil || !bytes.Contains(text, []byte(from)) {
			t.Fatalf("%s in %s: %v", from, text, err)
		}
		return file(t, "changed", strings.Replace(string(text), from, to, 1))
	}
	old := changed(`"version":"mine `, `"version":"mine 0 `)
	output := filepath.Join(t.TempDir(), "merged.json")
	for _, c := range []struct {
		name  string
		parts []string
		want  []string
	}{
		{"missing", two[1:], []string{"no file is shard 0/2", "missing"}},
		{"twice", []string{two[0], two[1], two[0]}, []string{two[0], "both shard 0/2"}},
		{"another seed", []string{two[0], other[1]}, []string{other[1], "config.config.seed is 8, but 7"}},
		{"other rows", []string{two[0], data[1]}, []string{data[1], "0:299"}},
		{"another command", []string{two[0], rank[1]}, []string{rank[1], "kind is rank, but estimate"}},
		{"another build", []string{two[0], old}, []string{old, "version is mine 0"}},
		{"other data", []string{two[0], changed(`"data":"`, `"data":"f`)}, []string{"the data are others"}},
		{"an estimate", []string{two[0], path}, []string{path, "no whole JSON object"}},
		{"absent", []string{"absent"}, []string{"absent: no such file"}},
	} {
		code, stdout, stderr := try(t, "", append(append([]string{"merge"}, c.parts...), "--output", output)...)
		for _, want := range c.want {
			if code != exitError || stdout != "" || !strings.Contains(stderr, want) || strings.Contains(stderr, "shard: ") {
				t.Errorf("%s: exit %d, %q, want %q", c.name, code, stderr, want)
			}
		}
	}
	if _, err := os.Stat(output); err == nil {
		t.Error("something was written")
	}
	// Parts of another build fit together, but not with this one.
	if code, _, stderr := try(t, "", "merge", old, file(t, "first", strings.Replace(read(t, two[0]), `"version":"mine `, `"version":"mine 0 `, 1))); code != exitError || !strings.Contains(stderr, "the build that made them") {
		t.Errorf("another build: exit %d, %s", code, stderr)
	}
	refused(t, []refusal{
		{[]string{"merge"}, exitUsage, []string{"no parts"}},
		{[]string{"merge", two[0], two[1], "--output", two[0]}, exitUsage, []string{"would replace the data"}},
	})
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestShardEnvironment: the variables of schedulers make a shard, which is said; --shard wins over them.
func TestShardEnvironment(t *testing.T) {
	path := gaussian(t, "300")
	seeds := divided(path)["seeds"]
	for name, value := range map[string]string{"ID": "2", "COUNT": "2", "MIN": "1", "MAX": "2"} {
		t.Setenv("SLURM_ARRAY_TASK_"+name, value)
	}
	part := filepath.Join(t.TempDir(), "part")
	code, stdout, stderr := try(t, "", append(seeds, "--output", part)...)
	if code != exitOK || stdout != "" || !strings.HasPrefix(stderr, "mine: shard 1/2, by SLURM_ARRAY_TASK_ID and SLURM_ARRAY_TASK_COUNT; --shard all computes everything\n") {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
	if text := read(t, part); !strings.Contains(text, `"shard":1,"shards":2`) {
		t.Errorf("the part is %.300s", text)
	}
	if code, stdout, stderr := try(t, "", append(seeds, "--shard", "all", "--quiet")...); code != exitOK || stderr != "" || math.IsNaN(number(t, []byte(stdout))) {
		t.Errorf("--shard all: exit %d: %s%s", code, stdout, stderr)
	}
	estimate := append([]string{"estimate", path, "--x", "X*", "--z", "Z*", "--quiet"}, smallCPU...)
	if code, _, stderr := try(t, "", estimate...); code != exitOK || stderr != "" {
		t.Errorf("one estimate: exit %d: %s", code, stderr)
	}
	refused(t, []refusal{{seeds, exitUsage, []string{"shard 1/2", "SLURM_ARRAY_TASK_ID", "--output FILE", "--shard all"}}})
	t.Setenv("SLURM_ARRAY_TASK_COUNT", "7")
	refused(t, []refusal{{seeds, exitUsage, []string{"SLURM_ARRAY_TASK_COUNT=7", "--shard I/N"}}})
}

// TestShardRefusals are wrong uses of --shard, --seeds and mine rank.
func TestShardRefusals(t *testing.T) {
	path := gaussian(t, "300")
	constant := file(t, "constant.csv", "a,b\n"+strings.Repeat("1,2\n3,2\n", 100))
	all := divided(path)
	with := func(name string, more ...string) []string {
		return append(all[name][:len(all[name]):len(all[name])], more...)
	}
	refused(t, []refusal{
		{with("seeds", "--shard", "3/3", "--output", "p"), exitUsage, []string{`--shard "3/3"`, "0/n to (n-1)/n"}},
		{with("seeds", "--shard", "0/3"), exitUsage, []string{"--shard 0/3", "--output FILE"}},
		{with("seeds", "--seeds", "1"), exitUsage, []string{"--seeds is 1, want at least 2"}},
		{with("seeds", "--seed", "18446744073709551615"), exitUsage, []string{"--seed 18446744073709551615", "lower it"}},
		{with("seeds", "--save", "c.safetensors"), exitUsage, []string{"--save", "--seeds"}},
		{with("seeds", "--report", "r.html"), exitUsage, []string{"--report", "--seeds"}},
		{[]string{"estimate", path, "--x", "X*", "--z", "Z*", "--shard", "0/2"}, exitUsage, []string{"--shard", "--seeds"}},
		{[]string{"rank", path}, exitUsage, []string{"--target is missing"}},
		{[]string{"rank", path, path, "--target", "Z0"}, exitUsage, []string{"2 files, want one"}},
		{with("rank", "--x", "Z*"), exitUsage, []string{"Z0", "--target", "--x"}},
		{with("rank", "--target", "nothing"), exitUsage, []string{"--target", "nothing"}},
		{with("rank", "--permutations", "18"), exitUsage, []string{"--permutations is 18, want at least 19"}},
		{with("rank", "--forward", "0"), exitUsage, []string{"--forward is 0"}},
		{with("rank", "--forward", "4"), exitUsage, []string{"--forward is 4", "3 columns"}},
		{with("rank", "--forward", "1", "--shard", "0/2", "--output", "p"), exitUsage, []string{"--forward cannot be shared out (shard 0/2)", "rank in shards without --forward", "by --x", "--shard all"}},
		{with("rank", "--rows", "0:70"), exitError, []string{"70 rows, want at least 80"}},
		{with("rank", "--rows", "0:81"), exitError, []string{"give more rows", "half"}},
		{append([]string{"rank", constant, "--target", "b"}, smallCPU...), exitError, []string{"constant.csv", "--target b", "constant"}},
		{[]string{"slurm"}, exitUsage, []string{"no command"}},
		{[]string{"slurm", "--", "test", path, path}, exitUsage, []string{"test is no command that takes --shard", "rank"}},
		{[]string{"slurm", "--", "rank", path, "--target", "Z0"}, exitUsage, []string{"no --output"}},
		{[]string{"slurm", "--", "estimate", path, path, "--output", "o"}, exitUsage, []string{"--seeds"}},
		{[]string{"slurm", "--", "rank", "-", "--target", "Z0", "--output", "o"}, exitUsage, []string{"standard input"}},
		{[]string{"slurm", "--", "rank", path, "--target", "Z0", "--output", "o", "--shard", "0/2"}, exitUsage, []string{"--shard"}},
		{[]string{"slurm", "--", "rank", path, "--target", "Z0", "--output", "o", "--forward", "2"}, exitUsage, []string{"--forward in the command", "rank in shards without --forward"}},
		{[]string{"slurm", "--", "rank", path, "--tagret", "Z0"}, exitUsage, []string{"--tagret", "--target"}},
		{[]string{"slurm", "--", "matrix", path, "--screen-only", "--output", "o.csv"}, exitUsage, []string{"--screen-only"}},
		{[]string{"slurm", "--", "estimate", path, "--seeds", "3", "--output", "o", "--save", "c.safetensors"}, exitUsage, []string{"--save", "--seeds"}},
		{[]string{"slurm", "--", "estimate", path, "--seeds", "3", "--output", "o.txt", "--format", "csv"}, exitUsage, []string{"--format csv", "o.txt", ".csv"}},
		{[]string{"slurm", "--", "estimate", path, "--seeds", "3", "--output", "o", "--format", "markdown"}, exitUsage, []string{"--format markdown"}},
		{[]string{"slurm", "--time", "1 day", "--", "rank", path, "--target", "Z0", "--output", "o"}, exitUsage, []string{"1 day"}},
		{[]string{"slurm", "--shards", "0", "--", "rank", path, "--target", "Z0", "--output", "o"}, exitUsage, []string{"--shards is 0"}},
	})
}

// TestSeedsMissing: the answer of several seeds says how many rows lack a value.
func TestSeedsMissing(t *testing.T) {
	path := gaussian(t, "300")
	gaps := file(t, "gaps.csv", read(t, path)+"1,,,\n,,,1\n")
	args := append(divided(gaps)["seeds"], "--missing", "drop")
	code, text, stderr := try(t, "", args...)
	if code != exitOK || !strings.Contains(text, "\nnote: 2 rows were left out because values are missing.\n") {
		t.Errorf("exit %d: %s%s", code, text, stderr)
	}
}

// TestRankCommand: the forward selection is in all forms of the answer.
func TestRankCommand(t *testing.T) {
	path := gaussian(t, "300")
	args := append(divided(path)["rank"], "--forward", "2")
	code, text, stderr := try(t, "", append(args, "--json")...)
	if code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	var all struct {
		Schema       string
		Unit         string
		Target       string
		Pairing      string
		Exact        bool
		Permutations int
		Rows         halves
		Columns      []ranking.Column
		Steps        []ranking.Step
		Input        map[string]any
	}
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	if all.Schema != rankSchema || all.Unit != "nats" || all.Target != "Z0" || all.Pairing != "rows" || !all.Exact ||
		all.Rows != (halves{150, 150}) || len(all.Columns) != 3 || len(all.Steps) != 2 || all.Input["file"] != path {
		t.Errorf("%+v", all)
	}
	// Z0 is correlated with X0 alone; with 19 permutations p is .05 and q three times that.
	if best := all.Columns[0]; best.Name != "X0" || best.PValue != 0.05 || best.Estimate < 0.2 || all.Steps[0].Name != "X0" {
		t.Errorf("the best is %+v", best)
	}
	code, text, _ = try(t, "", args...)
	for _, want := range []string{"3 columns of ", "\n   1  X0 ", "\nstep  column", "\n   1  X0 ", "whatever the dependence", "note: with 19 permutations one column alone has a q of 0.28 at least", "--permutations 110"} {
		if code != exitOK || !strings.Contains(strings.Join(strings.Fields(text), " "), strings.Join(strings.Fields(want), " ")) {
			t.Errorf("exit %d: no %q in\n%s", code, want, text)
		}
	}
	output := filepath.Join(t.TempDir(), "rank.csv")
	if code, _, stderr := try(t, "", append(args, "--output", output)...); code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	if lines := strings.Split(read(t, output), "\n"); len(lines) != 5 || !strings.HasPrefix(lines[1], "1,X0,0,") || strings.Count(lines[1], ",") != strings.Count(lines[0], ",") {
		t.Errorf("CSV %q", lines)
	}
}

// TestRankWarnings: the CSV of a ranking names the warnings about a column, and an error in place of what is not known.
func TestRankWarnings(t *testing.T) {
	warned := ranking.Column{Name: "a", Findings: &ranking.Findings{Warnings: []mine.Warning{{Code: mine.WarnSerial}, {Code: mine.WarnConstant}}}}
	got, err := rankCSV(rankDocument{Columns: []ranking.Column{warned, {Name: "b", Error: "too few rows"}}})
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(got), "\n")
	want := string(mine.WarnSerial) + " " + string(mine.WarnConstant) + ","
	if !strings.HasSuffix(lines[0], ",warnings,error") || !strings.HasSuffix(lines[1], ","+want) || !strings.HasSuffix(lines[2], ",,too few rows") {
		t.Errorf("CSV %q, want %q", lines, want)
	}
}

// TestSlurm runs the script with an sbatch that does at once what it is told: the answer is that of one process.
func TestSlurm(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash")
	}
	path := gaussian(t, "300")
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"mine": "#!/bin/bash\n" + asMine + "=1 exec " + quoted(self) + ` "$@"` + "\n",
		"sbatch": `#!/bin/bash
set -e
job=$(mktemp) && cat > "$job"
tasks=$(sed -n 's/^#SBATCH --array=0-//p' "$job")
if [ -n "$tasks" ]; then
  for i in $(seq 0 "$tasks"); do
    SLURM_ARRAY_TASK_ID=$i SLURM_ARRAY_TASK_COUNT=$((tasks+1)) SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_MAX=$tasks bash "$job" >&2
  done
  echo "42;cluster"
else
  [ "$1" = --dependency=afterok:42 ] && bash "$job" >&2
fi
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	args := append(divided(path)["seeds"], "--format", "json")
	code, whole, stderr := try(t, "", args...)
	if code != exitOK {
		t.Fatal(stderr)
	}
	output := filepath.Join(dir, "it's seeds")
	given := append([]string{"slurm", "--shards", "2", "--cpus", "1", "--sbatch=--partition=long", "--"}, args...)
	for i, a := range given {
		if a == "--threads" { // which the script sets
			given = append(given[:i:i], given[i+2:]...)
			break
		}
	}
	code, script, stderr := try(t, "", append(given, "--output", output)...)
	if code != exitOK || strings.Count(script, "#SBATCH --partition=long\n") != 2 {
		t.Fatalf("exit %d: %s\n%s", code, stderr, script)
	}
	cmd := exec.CommandContext(t.Context(), bash, file(t, "job.sh", script))
	cmd.Env = append(os.Environ(), "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s\n%s", err, text, script)
	}
	if merged := read(t, output); merged != whole {
		t.Errorf("merged\n%s\nand by one process\n%s", merged, whole)
	}
}
