package criticfile

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gomine/mine"
	"gomine/mine/column"
)

// TestPython: the example that reads the file with numpy and safetensors alone computes the
// same scores, from all kinds of columns and all maps. Both compute in float32 and float64 in
// another order; scores have a size of 10.
func TestPython(t *testing.T) {
	python := os.Getenv("MINE_TEST_PYTHON")
	if python == "" {
		t.Skip("MINE_TEST_PYTHON does not name a Python with numpy and safetensors")
	}
	x, z := mixed(200, 7)
	t.Run("mixed", func(t *testing.T) { comparePython(t, python, trained(t, 5), x, z) })
	x, z = labelled(200, 7)
	t.Run("labelled", func(t *testing.T) { comparePython(t, python, classifier(t), x, z) })
}

// comparePython has the example score rows too.
func comparePython(t *testing.T, python string, saved Critic, x, z column.Source) {
	t.Helper()
	rows := x.Rows()
	var b strings.Builder
	var sources []column.Column
	sources = append(append(sources, x.Columns()...), z.Columns()...)
	for j, c := range sources {
		b.WriteString(strings.Repeat(",", min(j, 1)) + c.Name)
	}
	for i := range rows {
		b.WriteByte('\n')
		row := make([]float64, len(sources))
		if err := errors.Join(x.Read(row, i, i+1, 0, len(x.Columns())), z.Read(row[len(x.Columns()):], i, i+1, 0, len(z.Columns()))); err != nil {
			t.Fatal(err)
		}
		for j, v := range row {
			text := fmt.Sprint(v)
			if labels := sources[j].Labels; labels != nil {
				text = labels[int(v)]
			}
			b.WriteString(strings.Repeat(",", min(j, 1)) + text)
		}
	}
	dir := t.TempDir()
	critic, data := filepath.Join(dir, "c.safetensors"), filepath.Join(dir, "data.csv")
	if err := errors.Join(os.WriteFile(critic, write(t, saved), 0o600), os.WriteFile(data, []byte(b.String()), 0o600)); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(python, "../../doc/examples/score.py", critic, data).Output()
	if err != nil {
		t.Fatalf("%v: %s", err, err.(*exec.ExitError).Stderr)
	}
	f, err := mine.Restore(saved.State)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want, err := f.Scores(t.Context(), x, z)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(out))
	if len(lines) != rows+1 {
		t.Fatalf("%d lines, want %d", len(lines), rows+1)
	}
	for i, line := range lines[1:] {
		if v, err := strconv.ParseFloat(line, 64); err != nil || !(math.Abs(v-want[i]) <= 1e-5) {
			t.Errorf("row %d: %s, want %v", i, line, want[i])
		}
	}
}
