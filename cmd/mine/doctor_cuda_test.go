//go:build cuda

package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gomine/mine"
	"gomine/mine/backend"
)

// emulated runs the command mine with variables of the emulator set, see
// kernels/emulator/README.md, and skips the test on a device, which does not read them.
func emulated(t *testing.T, variable string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	if b := openCUDA(t); !strings.Contains(b.Device(), "emulator") {
		t.Skip("for the emulator")
	}
	cmd := mineCommand(t, args...)
	cmd.Env = append(cmd.Env, variable)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run() // the exit code says it all
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

func openCUDA(t *testing.T) backend.Backend {
	t.Helper()
	b, err := mine.OpenBackend(mine.BackendCUDA, mine.BackendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// TestDoctorCUDA: what stands in the way of CUDA is named, with a remedy, and is an
// error. Without a driver that does, the process ends before there is a command line.
func TestDoctorCUDA(t *testing.T) {
	empty, foreign := t.TempDir(), filepath.Dir(file(t, "notes.txt", "nothing"))
	old := t.TempDir()
	cubins(t, old, 80)
	for _, c := range []struct {
		variable       string
		args           []string
		stdout, stderr []string
	}{
		{"GOMINE_EMULATOR_DEVICES=0", nil, nil, []string{"there is no NVIDIA GPU"}},
		{"GOMINE_EMULATOR_DRIVER=11080", nil, nil, []string{"CUDA 11.8", "12.0 is the oldest", "R525"}},
		{"GOMINE_EMULATOR_MEMORY=100000", nil, []string{"nvidia-smi lists the programs"}, []string{"backend cuda: ", "bytes", "free", "out of memory"}},
		{"GOMINE_EMULATOR_ARCH=60", nil, []string{"doc/gpu.md says what is needed"}, []string{"backend cuda: ", "sm_60", "7.0"}},
		{"GOMINE_EMULATOR_ARCH=75", []string{"--precision", "tf32"}, []string{"doc/gpu.md"}, []string{"backend cuda: ", "capability 7.5", "tf32"}},
		{"GOMINE_EMULATOR_FAIL=cuModuleLoadData:1:221", nil, []string{"doc/gpu.md"}, []string{"backend cuda: open: kernels", "libnvidia-ptxjitcompiler"}},
		{"GOMINE_KERNELS=" + empty, nil, []string{"doc/gpu.md"}, []string{empty, "adam.cubin", "unset GOMINE_KERNELS"}},
		{"GOMINE_KERNELS=" + foreign, nil, []string{"doc/gpu.md"}, []string{foreign, "only notes.txt", "unset GOMINE_KERNELS"}},
		{"GOMINE_KERNELS=" + old, nil, []string{"doc/gpu.md"}, []string{"adam.cubin", "sm_80", "sm_90", "GOMINE_KERNELS"}},
		{"GOMINE_EMULATOR_FAIL=cuGraphLaunch:2:719", nil, []string{"Xid"}, []string{"backend cuda: ", "device lost"}},
		{"", []string{"--device", "3"}, []string{"nvidia-smi shows the devices"}, []string{"backend cuda: open: device 3 of 1"}},
	} {
		code, stdout, stderr := emulated(t, c.variable, append([]string{"doctor", "--backend", "cuda"}, c.args...)...)
		if code != exitError {
			t.Errorf("%s: exit %d, want %d", c.variable, code, exitError)
		}
		for _, want := range c.stdout {
			if text := strings.Join(strings.Fields(stdout), " "); !strings.Contains(text, want) {
				t.Errorf("%s: %q is not in\n%s", c.variable, want, stdout)
			}
		}
		for _, want := range c.stderr {
			if !strings.Contains(stderr, want) {
				t.Errorf("%s: %q is not in stderr %q", c.variable, want, stderr)
			}
		}
	}
}

// cubins writes a stand-in for the cubin of every source of kernels: the header of an
// ELF file for machine 190 with the compute capability in its flags, and one empty section.
func cubins(t *testing.T, folder string, arch byte) {
	t.Helper()
	header := make([]byte, 64+64)
	copy(header, "\x7fELF\x02\x01\x01\x33\x07")
	header[18], header[40], header[48], header[60] = 190, 64, arch, 1
	sources, err := filepath.Glob(filepath.Join(root, "kernels", "*.cu"))
	if err != nil || len(sources) == 0 {
		t.Fatalf("sources %v, error %v", sources, err)
	}
	for _, source := range sources {
		name := strings.TrimSuffix(filepath.Base(source), ".cu") + ".cubin"
		if err := os.WriteFile(filepath.Join(folder, name), header, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDoctorDescribes has both backends examined on so few steps that an emulator can
// do them, so few that the estimate is wrong, as the checkup must say; but both are
// wrong alike.
func TestDoctorDescribes(t *testing.T) {
	config := checkConfig()
	config.Steps, config.EvaluateEvery, config.Batch, config.TestPairs = 4, 2, 64, 1
	config.Hidden = []int{8}
	config.ValidationFraction, config.TestFraction = 0.02, 0.02
	open := func() (backend.Backend, error) {
		return mine.OpenBackend(mine.BackendCUDA, mine.BackendOptions{Precision: "fp32"})
	}
	c := checkup{Backends: []examined{
		examine(t.Context(), mine.BackendCUDA, open, config, nil),
		examine(t.Context(), mine.BackendCPU, openCPU, config, nil),
	}}
	c.conclude()
	on := c.Backends[0]
	if on.CUDA == nil || on.CUDA.Precision != "fp32" || on.CUDA.Total < on.CUDA.Free || on.CUDA.Free < 1 || on.CUDA.Kernels == "" {
		t.Errorf("description %+v", on.CUDA)
	}
	if !strings.HasPrefix(on.Problem, "the estimate of a known information is ") || c.Well {
		t.Errorf("problem %q, well %v after 4 steps", on.Problem, c.Well)
	}
	// Four steps of rounding, of a bound near 0.
	if c.Agreement == nil || !(c.Agreement.Difference < 1e-4) {
		t.Errorf("agreement %+v", c.Agreement)
	}
	var b bytes.Buffer
	c.print(&b)
	for _, want := range []string{"  device    compute capability ", "  kernels   ", "  memory    ", "agreement   "} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, &b)
		}
	}
}

// TestDeviceLost: a device that is lost in the middle of an estimate leaves the best
// so far, and exit code 1.
func TestDeviceLost(t *testing.T) {
	path := gaussian(t, "400")
	args := append([]string{"estimate", path, "--x", "X*", "--z", "Z*", "--backend", "cuda", "--race=false"}, small...)
	// Ten steps, to the first look, are three launches: of seven by the critics of two folds, side by side or not, one has
	// made four.
	const lost = "GOMINE_EMULATOR_FAIL=cuGraphLaunch:7:719"
	code, stdout, stderr := emulated(t, lost, args...)
	if code != exitError || !strings.HasPrefix(stdout, "FAILED on cuda: the best so far") || !strings.Contains(stdout, "I(X;Z) = ") {
		t.Errorf("exit %d, stderr %q, stdout\n%s", code, stderr, stdout)
	}
	if !strings.Contains(stderr, "mine: ") || !strings.Contains(stderr, "device lost") || !strings.Contains(stderr, " training steps of ") {
		t.Errorf("stderr %q", stderr)
	}
	code, stdout, _ = emulated(t, lost, append(args, "--json")...)
	var d struct {
		mine.Result
	}
	if err := json.Unmarshal([]byte(stdout), &d); code != exitError || err != nil || d.Stop != mine.StopFailed || d.Steps < 10 || math.IsNaN(d.Estimate) {
		t.Errorf("exit %d, error %v, stop %q after %d steps", code, err, d.Stop, d.Steps)
	}
}

// TestOutOfMemory: an estimate that does not fit says what was asked, what is free and
// which flags help.
func TestOutOfMemory(t *testing.T) {
	code, stdout, stderr := emulated(t, "GOMINE_EMULATOR_MEMORY=100000", of(gaussian(t, "400"), "--backend", "cuda", "--race=false")...)
	if code != exitError || stdout != "" {
		t.Errorf("exit %d, stdout %q", code, stdout)
	}
	for _, want := range []string{"bytes", "free", "out of memory", "--batch", "--device-memory"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%q is not in %q", want, stderr)
		}
	}
}

// TestAutoSaysCPU: where CUDA is not to be had, auto goes on with the CPU, and says so.
func TestAutoSaysCPU(t *testing.T) {
	args := of(gaussian(t, "400"), small...)
	const variable = "GOMINE_EMULATOR_FAIL=cuModuleLoadData:1:221"
	code, stdout, stderr := emulated(t, variable, args...)
	if code != exitOK || !strings.Contains(stdout, " on cpu ") || !strings.HasPrefix(stderr, "on the CPU, since CUDA is not to be had: ") {
		t.Errorf("exit %d, stderr %q, stdout\n%s", code, stderr, stdout)
	}
	if code, _, stderr := emulated(t, variable, append(args, "--quiet")...); code != exitOK || stderr != "" {
		t.Errorf("--quiet: exit %d, stderr %q", code, stderr)
	}
}
