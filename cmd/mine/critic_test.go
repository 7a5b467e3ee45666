package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/criticfile"
)

// savedCritic saves a critic of gaussian's columns.
func savedCritic(t *testing.T) (critic, data string) {
	t.Helper()
	data = gaussian(t, "400")
	critic = filepath.Join(t.TempDir(), "c.safetensors")
	code, stdout, stderr := try(t, "", of(data, append([]string{"--save", critic}, smallCPU...)...)...)
	if code != exitOK || !strings.Contains(stdout, "The critic is in "+critic) {
		t.Fatalf("exit %d: %s\n%s", code, stdout, stderr)
	}
	return critic, data
}

// fresh are rows that no critic has seen, with the columns Z1, other, X0, Z0, X1.
func fresh(rows int) (text string, x, z column.Source) {
	var b strings.Builder
	values := make([][]float32, 4)
	b.WriteString("Z1,other,X0,Z0,X1\n")
	for i := range rows {
		v := []float32{float32(math.Sin(float64(i + 1))), float32(math.Cos(float64(3 * i))), float32(math.Sin(float64(i)) + .1), float32(i%5) - 2}
		for j := range v {
			values[j] = append(values[j], v[j])
		}
		fmt.Fprintf(&b, "%v,text,%v,%v,%v\n", v[3], v[0], v[2], v[1])
	}
	return b.String(), column.Slices(values[:2]...), column.Slices(values[2:]...)
}

// want are the critic's scores and bound by the library.
func want(t *testing.T, path string, x, z column.Source) ([]float64, mine.Bound) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	saved, err := criticfile.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	critic, err := mine.Restore(saved.State)
	if err != nil {
		t.Fatal(err)
	}
	defer critic.Close()
	scores, err := critic.Scores(t.Context(), x, z)
	if err != nil {
		t.Fatal(err)
	}
	bound, err := critic.Evaluate(t.Context(), x, z)
	if err != nil {
		t.Fatal(err)
	}
	return scores, bound
}

// TestScore: every form of the answer holds the numbers of the library, whatever the order
// of the columns and whatever else is in the file.
func TestScore(t *testing.T) {
	critic, data := savedCritic(t)
	text, x, z := fresh(50)
	path := file(t, "new.csv", text)
	scores, bound := want(t, critic, x, z)

	code, stdout, stderr := try(t, "", "score", critic, path, "--backend", "cpu")
	lines := strings.Fields(stdout)
	if code != exitOK || stderr != "" || len(lines) != 51 || lines[0] != "information_nats" {
		t.Fatalf("exit %d: %s\n%s", code, stdout, stderr)
	}
	for i, line := range lines[1:] {
		if line != fmt.Sprint(scores[i]) {
			t.Fatalf("row %d: %s, want %v", i, line, scores[i])
		}
	}
	_, stdout, _ = try(t, "", "score", critic, path, "--backend", "cpu", "--json", "--unit", "bits", "--rows", "10:12")
	if want := fmt.Sprintf(`{"row":10,"information":%v,"unit":"bits"}`, mine.Bits(scores[10])); !strings.HasPrefix(stdout, want+"\n") || strings.Count(stdout, "\n") != 2 {
		t.Errorf("--json prints %s, want %s first, of two", stdout, want)
	}
	out := filepath.Join(t.TempDir(), "s.npy")
	if code, stdout, stderr = try(t, "", "score", critic, path, "--backend", "cpu", "--output", out); code != exitOK || stdout != "" {
		t.Fatalf("exit %d: %s\n%s", code, stdout, stderr)
	}
	npy, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	values := make([]float64, 50)
	if err := binary.Read(bytes.NewReader(npy[len(npy)-400:]), binary.LittleEndian, values); err != nil || !slices.Equal(values, scores) {
		t.Errorf("the array holds %v, want %v, error %v", values, scores, err)
	}

	code, stdout, stderr = try(t, "", "evaluate", critic, path, "--backend", "cpu", "--json")
	var got evaluated
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != exitOK || stderr != "" || got.Bound != bound || got.Rows != 50 {
		t.Errorf("exit %d: %s, want %v, error %v, %s", code, stdout, bound, err, stderr)
	}
	code, stdout, stderr = try(t, "", "evaluate", critic, data, "--backend", "cpu")
	if code != exitOK || !strings.Contains(stdout, "400 rows") || !strings.Contains(stderr, "about 100% of the rows") {
		t.Errorf("exit %d: %s\n%s", code, stdout, stderr)
	}
}

// TestScoreByPosition: a file without names has the columns of X and then those of Z, and of
// two files each has those of its side.
func TestScoreByPosition(t *testing.T) {
	critic, _ := savedCritic(t)
	text, x, z := fresh(20)
	scores, _ := want(t, critic, x, z)
	var all, onlyX, onlyZ strings.Builder
	for line := range strings.Lines(strings.SplitN(text, "\n", 2)[1]) {
		f := strings.Split(strings.TrimSpace(line), ",") // Z1,other,X0,Z0,X1
		fmt.Fprintf(&all, "%s,%s,%s,%s\n", f[2], f[4], f[3], f[0])
		fmt.Fprintf(&onlyX, "%s,%s\n", f[2], f[4])
		fmt.Fprintf(&onlyZ, "%s,%s\n", f[3], f[0])
	}
	fx, fz := file(t, "x.csv", onlyX.String()), file(t, "z.csv", onlyZ.String())
	for _, files := range [][]string{{file(t, "all.csv", all.String())}, {fx, fz}} {
		code, stdout, stderr := try(t, "", append([]string{"score", critic, "--backend", "cpu"}, files...)...)
		lines := strings.Fields(stdout)
		if code != exitOK || len(lines) != 21 || lines[20] != fmt.Sprint(scores[19]) {
			t.Errorf("%v: exit %d: %s\n%s", files, code, stdout, stderr)
		}
	}
	refused(t, []refusal{
		{[]string{"score", critic, fx}, exitUsage, []string{"x.csv has no names and 2 columns", "the critic has 4", "X0, X1, Z0, Z1"}},
	})
}

// TestNumbersForNames: columns that an estimate knew by their numbers are found by them, and
// never the same one for X and for Z.
func TestNumbersForNames(t *testing.T) {
	_, data := savedCritic(t)
	text, err := os.ReadFile(data)
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(text), "\n")
	critic := filepath.Join(t.TempDir(), "c.safetensors")
	one := file(t, "one.csv", body)
	code, _, stderr := try(t, "", append([]string{"estimate", one, "--x", "3,1", "--z", "0,2", "--save", critic}, smallCPU...)...)
	if code != exitOK {
		t.Fatal(stderr)
	}
	_, byNumber, _ := try(t, "", "score", critic, one, "--backend", "cpu")
	swapped := file(t, "named.csv", "0,1,2,3\n"+body)
	if _, byName, _ := try(t, "", "score", critic, swapped, "--header", "yes", "--backend", "cpu"); byName != byNumber || len(byName) < 1000 {
		t.Errorf("by name\n%.200s, by number\n%.200s", byName, byNumber)
	}
}

// TestTwoFiles: a critic of two files whose columns have the same numbers takes them from one
// file by position, X first.
func TestTwoFiles(t *testing.T) {
	text, err := os.ReadFile(gaussian(t, "400"))
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(text), "\n")
	var xs, zs strings.Builder
	for line := range strings.Lines(body) {
		f := strings.Split(strings.TrimSpace(line), ",")
		fmt.Fprintf(&xs, "%s,%s\n", f[0], f[1])
		fmt.Fprintf(&zs, "%s,%s\n", f[2], f[3])
	}
	x, z, one := file(t, "x.csv", xs.String()), file(t, "z.csv", zs.String()), file(t, "one.csv", body)
	critic := filepath.Join(t.TempDir(), "c.safetensors")
	if code, _, stderr := try(t, "", append([]string{"estimate", x, z, "--save", critic}, smallCPU...)...); code != exitOK {
		t.Fatal(stderr)
	}
	_, two, _ := try(t, "", "score", critic, x, z, "--backend", "cpu")
	if code, stdout, stderr := try(t, "", "score", critic, one, "--backend", "cpu"); stdout != two || len(two) < 1000 {
		t.Errorf("exit %d: of one file\n%.200s\nof two\n%.200s\n%s", code, stdout, two, stderr)
	}
	refused(t, []refusal{
		{[]string{"score", critic, file(t, "named.csv", "0,1,2,3\n"+body), "--header", "yes"}, exitUsage, []string{"in X and in Z of the critic", "two files"}},
	})
}

// TestRefusedCritics: what cannot be scored is said in words, and no file is written.
func TestRefusedCritics(t *testing.T) {
	critic, data := savedCritic(t)
	content, err := os.ReadFile(critic)
	if err != nil {
		t.Fatal(err)
	}
	text, _, _ := fresh(20)
	good := file(t, "new.csv", text)
	old := file(t, "old.safetensors", strings.Replace(string(content), "gomine.critic/2", "gomine.critic/1", 1))
	cut := file(t, "cut.safetensors", string(content[:len(content)-1]))
	gap := file(t, "gap.csv", strings.Replace(text, "text,", "text,NA", 1))
	out := filepath.Join(t.TempDir(), "out.csv")
	refused(t, []refusal{
		{[]string{"score"}, exitUsage, []string{"no critic"}},
		{[]string{"score", critic}, exitUsage, []string{"no data file"}},
		{[]string{"score", "absent.safetensors", good}, exitError, []string{"absent.safetensors", "no such file"}},
		{[]string{"score", data, good}, exitError, []string{"g.csv: it is no safetensors file", "mine estimate --save"}},
		{[]string{"info", file(t, "c.json", `{"schema": "gomine.estimate/1"}`)}, exitError, []string{"c.json: it is no safetensors file", "mine estimate --save"}},
		{[]string{"evaluate", file(t, "empty", ""), good}, exitError, []string{"empty: it is no safetensors file", "mine estimate --save"}},
		{[]string{"score", old, good, "--output", out}, exitError, []string{`format is "gomine.critic/1"`, `"gomine.critic/2" alone`, "train again"}},
		{[]string{"evaluate", cut, good}, exitError, []string{"cut.safetensors", "truncated"}},
		{[]string{"info", cut}, exitError, []string{"cut.safetensors", "truncated"}},
		{[]string{"info"}, exitUsage, []string{"0 files", "want one"}},
		{[]string{"score", critic, file(t, "less.csv", strings.NewReplacer("X0", "Y0", "Z1", "W1").Replace(text)), "--output", out}, exitUsage, []string{"less.csv", `no column "X0"`, "also missing: Z1"}},
		{[]string{"score", critic, gap, "--output", out}, exitError, []string{"gap.csv", "line 2", "X0"}},
		{[]string{"score", critic, good, "--json", "--output", "a.npy"}, exitUsage, []string{"--json", "a.npy"}},
		{[]string{"score", critic, good, "--threads", "0"}, exitUsage, []string{"--threads is 0"}},
		{[]string{"score", critic, good, "--output", good}, exitUsage, []string{"would replace the data"}},
		{[]string{"score", critic, good, "--output", critic}, exitUsage, []string{"would replace the data"}},
		{of(data, "--save", data), exitUsage, []string{"--save", "would replace the data"}},
		{of(data, "--save", "-"), exitUsage, []string{"--save", "name one"}},
		{of(data, "--save", out, "--output", out), exitUsage, []string{"--save and --output"}},
		{of(data, "--save", filepath.Join(t.TempDir(), "gone", "c")), exitError, []string{"--save", "there is no folder"}},
	})
	if _, err := os.Stat(out); err == nil {
		t.Errorf("%s was written", out)
	}
}

// TestInfo: the text and the JSON name the columns and the critics.
func TestInfo(t *testing.T) {
	critic, _ := savedCritic(t)
	code, stdout, stderr := try(t, "", "info", critic)
	for _, part := range []string{"2 folds", "gomine.critic/2", "X0 (number), X1 (number); ", "Z0 (number), Z1 (number); ", "weight", "seed", "400"} {
		if code != exitOK || !strings.Contains(stdout, part) {
			t.Errorf("exit %d, no %q in\n%s%s", code, part, stdout, stderr)
		}
	}
	_, stdout, _ = try(t, "", "info", critic, "--json")
	var got criticInfo
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatal(err)
	}
	var sum float64
	for _, c := range got.Critics {
		sum += c.Weight
	}
	if !slices.Equal(got.X.Columns, []string{"X0", "X1"}) || got.Rows.Total != 400 || len(got.LogU) != 2 || !(sum > 0) {
		t.Errorf("--json prints %s", stdout)
	}
}
