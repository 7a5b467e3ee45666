package kernels

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The emulator must find the faults that it is there for.

// build compiles emulator/testdata/faulty.cc with the emulator.
func build(t *testing.T, flags ...string) string {
	t.Helper()
	if _, err := exec.LookPath("g++"); err != nil {
		t.Skip("the emulator needs g++")
	}
	program := filepath.Join(t.TempDir(), "faulty")
	args := append([]string{"-std=c++17", "-DGOMINE_EMULATOR", "-I.", "-Iemulator", "emulator/emulator.cc", "emulator/tensor.cc", "emulator/testdata/faulty.cc", "-o", program}, flags...)
	if out, err := exec.Command("g++", args...).CombinedOutput(); err != nil {
		t.Fatalf("g++: %v\n%s", err, out)
	}
	return program
}

func TestEmulatorFindsFaults(t *testing.T) {
	program := build(t, "-O1")
	// The sum over i of i (63 - i).
	const reversed = "41664"
	run := func(kernel, seed string) (value, failure string) {
		t.Helper()
		out, err := exec.Command(program, kernel, seed).Output()
		if err != nil {
			t.Fatalf("%s: %v", kernel, err)
		}
		value, failure, _ = strings.Cut(strings.TrimSpace(string(out)), "\n")
		return value, failure
	}
	for _, seed := range []string{"0", "1", "2", "3"} {
		if value, failure := run("right", seed); value != reversed || failure != "" {
			t.Errorf("right kernel, order %s: %s, %s", seed, value, failure)
		}
	}
	// Without the barrier the first thread reads what nobody has written.
	if value, _ := run("no-barrier", "0"); value == reversed {
		t.Error("a missing barrier went unnoticed")
	}
	if value, _ := run("unset", "0"); !strings.Contains(value, "nan") {
		t.Errorf("shared memory that was never written reads as %s, want NaN", value)
	}
	for kernel, want := range map[string]string{
		"divergent":       "",
		"different":       "divergent barriers",
		"partial-shuffle": "waits for others",
	} {
		_, failure := run(kernel, "0")
		if want == "" {
			// Threads that have ended do not count: a GPU lets the others pass.
			if failure != "" {
				t.Errorf("%s: %s", kernel, failure)
			}
			continue
		}
		if !strings.Contains(failure, want) {
			t.Errorf("%s: %q, want %q", kernel, failure, want)
		}
	}
}

// TestEmulatorTruncates: a tensor core adds 1 and four products, with bits below 2^-24
// dropped before and after, as in tensor.cc. The result is in units of 2^-24, of which
// FP32 above 1 has every second one and below 1 all.
func TestEmulatorTruncates(t *testing.T) {
	program := build(t, "-O1")
	for kernel, want := range map[string]string{
		"tensor-kept":      "4", // four of 2^-24, of which each is below a unit of FP32
		"tensor-dropped":   "0", // four of 2^-25, together 2^-23
		"tensor-truncated": "4", // four of 1.75 2^-24, each cut to 1
		"tensor-negative":  "0", // toward zero, not down
	} {
		out, err := exec.Command(program, kernel, "0").Output()
		if err != nil {
			t.Fatalf("%s: %v", kernel, err)
		}
		if value, failure, _ := strings.Cut(strings.TrimSpace(string(out)), "\n"); value != want || failure != "" {
			t.Errorf("%s: %s units, want %s; %s", kernel, value, want, failure)
		}
	}
}

func TestEmulatorFindsAccessesOutOfBounds(t *testing.T) {
	program := build(t, "-O1", "-g", "-fsanitize=address", "-fsanitize-sections=emulated_shared")
	run := func(kernel string) string {
		cmd := exec.Command(program, kernel, "0")
		cmd.Env = append(cmd.Environ(), "ASAN_OPTIONS=detect_leaks=0")
		out, _ := cmd.CombinedOutput()
		return string(out)
	}
	if out := run("right"); strings.Contains(out, "AddressSanitizer") {
		t.Errorf("right kernel: %s", out)
	}
	for _, kernel := range []string{"beyond-shared", "beyond-global"} {
		if out := run(kernel); !strings.Contains(out, "heap-buffer-overflow") {
			t.Errorf("%s: an access out of bounds went unnoticed: %s", kernel, out)
		}
	}
}
