package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed peers.py
var script []byte

//go:embed requirements.txt
var requirements []byte

// An environment is a Python that has the peers, and the script to run in it.
type environment struct{ python, script string }

// prepare makes the virtual environment dir unless it is there already, made
// from the same requirements. Messages of pip go to log.
func prepare(ctx context.Context, python, dir string, log io.Writer) (environment, error) {
	e := environment{filepath.Join(dir, "bin", "python"), filepath.Join(dir, "peers.py")}
	made := filepath.Join(dir, "requirements.txt")
	if have, err := os.ReadFile(made); err != nil || string(have) != string(requirements) {
		found, err := exec.LookPath(python)
		if err != nil {
			return e, fmt.Errorf("no Python: %w", err)
		}
		fmt.Fprintf(log, "making the environment of the peers in %s: some minutes, 5 GB\n", dir)
		wanted := made + ".new"
		for _, step := range []func() error{
			func() error { return execute(ctx, log, found, "-m", "venv", dir) },
			func() error { return os.WriteFile(wanted, requirements, 0o644) },
			func() error {
				return execute(ctx, log, e.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
					"--no-deps", "-r", wanted)
			},
			func() error { return os.Rename(wanted, made) },
		} {
			if err := step(); err != nil {
				return e, fmt.Errorf("make the environment %s: %w", dir, err)
			}
		}
	}
	if err := os.WriteFile(e.script, script, 0o644); err != nil {
		return e, err
	}
	return e, nil
}

func execute(ctx context.Context, log io.Writer, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(name), err)
	}
	return nil
}

// defaultDir is where the environment is kept between runs.
func defaultDir() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	return filepath.Join(cache, "gomine", "peers")
}
