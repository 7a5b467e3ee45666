package experiment

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/spf13/pflag"
)

func TestOutIsMadeAtOnce(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	parse := func(out string) (Flags, error) {
		var f Flags
		set := pflag.NewFlagSet("test", pflag.ContinueOnError)
		f.Register(set)
		return f, set.Parse([]string{"--out", out})
	}
	want := filepath.Join(dir, "a", "b")
	f, err := parse(want)
	if info, statErr := os.Stat(want); err != nil || statErr != nil || !info.IsDir() || f.Out != want {
		t.Errorf("--out %s: %q, %v, %v", want, f.Out, err, statErr)
	}
	if _, err := parse(filepath.Join(file, "b")); err == nil {
		t.Error("a directory within a file is accepted")
	}
}
