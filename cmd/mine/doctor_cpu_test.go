//go:build !cuda

package main

import (
	"strings"
	"testing"
)

// TestDoctorWithoutCUDA: a build without CUDA says so, and how to make the other one;
// only who asks for CUDA gets an error.
func TestDoctorWithoutCUDA(t *testing.T) {
	code, stdout, stderr := try(t, "", "doctor")
	if code != exitOK || stderr != "" || !strings.Contains(stdout, "note        cuda is not in this build: make build-cuda") {
		t.Errorf("exit %d, stderr %q, stdout\n%s", code, stderr, stdout)
	}
	code, stdout, stderr = try(t, "", "doctor", "--backend", "cuda")
	if want := "mine: backend cuda: this program was built without the tag cuda: backend unavailable\n"; code != exitError || stderr != want {
		t.Errorf("exit %d, stderr %q, want %d, %q", code, stderr, exitError, want)
	}
	if !strings.Contains(stdout, "  remedy    make build-cuda") {
		t.Errorf("no remedy in\n%s", stdout)
	}
}
