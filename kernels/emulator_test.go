package kernels

import (
	"fmt"
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
	args := append([]string{"-std=c++17", "-DGOMINE_EMULATOR", "-I.", "-Iemulator", "emulator/emulator.cc", "emulator/tensor.cc", "emulator/copies.cc", "emulator/testdata/faulty.cc", "-o", program}, flags...)
	if out, err := exec.Command("g++", args...).CombinedOutput(); err != nil {
		t.Fatalf("g++: %v\n%s", err, out)
	}
	return program
}

// reversed is the sum over i of i (63 - i).
const reversed = "41664"

// run returns what a kernel computed, and what went wrong.
func run(t *testing.T, program, kernel, seed string) (value, failure string) {
	t.Helper()
	out, err := exec.Command(program, kernel, seed).Output()
	if err != nil {
		t.Fatalf("%s: %v", kernel, err)
	}
	value, failure, _ = strings.Cut(strings.TrimSpace(string(out)), "\n")
	return value, failure
}

func TestEmulator(t *testing.T) {
	program := build(t, "-O1")
	t.Run("faults", func(t *testing.T) { findsFaults(t, program) })
	t.Run("copies", func(t *testing.T) { copiesLate(t, program) })
	t.Run("matrices", func(t *testing.T) { loadsMatrices(t, program) })
	t.Run("tensor", func(t *testing.T) { truncates(t, program) })
}

func findsFaults(t *testing.T, program string) {
	for _, seed := range []string{"0", "1", "2", "3"} {
		if value, failure := run(t, program, "right", seed); value != reversed || failure != "" {
			t.Errorf("right kernel, order %s: %s, %s", seed, value, failure)
		}
	}
	// Without the barrier the first thread reads what nobody has written.
	if value, _ := run(t, program, "no-barrier", "0"); value == reversed {
		t.Error("a missing barrier went unnoticed")
	}
	if value, _ := run(t, program, "unset", "0"); !strings.Contains(value, "nan") {
		t.Errorf("shared memory that was never written reads as %s, want NaN", value)
	}
	for kernel, want := range map[string]string{
		"divergent":       "",
		"different":       "divergent barriers",
		"partial-shuffle": "waits for others",
	} {
		_, failure := run(t, program, kernel, "0")
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

// copiesLate: asynchronous copies take place when they are waited for, and
// until then what they overwrite is not there.
func copiesLate(t *testing.T, program string) {
	for _, seed := range []string{"0", "1", "2", "3"} {
		for kernel, want := range map[string]struct{ value, failure string }{
			"copied":          {reversed, ""},
			"copy-half":       {"20832", ""}, // of four values the last two are zero
			"copy-read-early": {"nan", ""},
			"copy-over-read":  {"nan", ""},
			"copy-no-wait":    {"nan", "without waiting for its copies"},
			"copy-misaligned": {"", "not aligned"},
		} {
			value, failure := run(t, program, kernel, seed)
			if !strings.Contains(value, want.value) || !strings.Contains(failure, want.failure) || (failure != "") != (want.failure != "") {
				t.Errorf("%s, order %s: %s, %q, want %s, %q", kernel, seed, value, failure, want.value, want.failure)
			}
		}
	}
}

// loadsMatrices: lane l gets 32 (m mod 2) + l of matrix m, if all rows are aligned.
func loadsMatrices(t *testing.T, program string) {
	want := 0
	for thread := range 64 {
		for m := range 4 {
			want += thread * (m + 1) * (m%2*32 + thread%32)
		}
	}
	if value, failure := run(t, program, "matrices", "2"); value != fmt.Sprint(want) || failure != "" {
		t.Errorf("matrices: %s, want %d; %s", value, want, failure)
	}
	if _, failure := run(t, program, "matrices-misaligned", "0"); !strings.Contains(failure, "not aligned") {
		t.Errorf("rows of a matrix that are not aligned went unnoticed: %q", failure)
	}
}

// truncates: a tensor core adds 1 and four products, with bits below 2^-24
// dropped before and after, as in tensor.cc. The result is in units of 2^-24, of which
// FP32 above 1 has every second one and below 1 all.
func truncates(t *testing.T, program string) {
	for kernel, want := range map[string]string{
		"tensor-kept":      "4", // four of 2^-24, of which each is below a unit of FP32
		"tensor-dropped":   "0", // four of 2^-25, together 2^-23
		"tensor-truncated": "4", // four of 1.75 2^-24, each cut to 1
		"tensor-negative":  "0", // toward zero, not down
	} {
		if value, failure := run(t, program, kernel, "0"); value != want || failure != "" {
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
