package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gomine/mine"
	"gomine/mine/backend"
)

// TestDoctor: on the CPU all is well, and both forms of the answer say so.
func TestDoctor(t *testing.T) {
	code, stdout, stderr := try(t, "", "doctor", "--backend", "cpu", "--threads", "1")
	if code != exitOK || stderr != "" {
		t.Errorf("exit %d, stderr %q", code, stderr)
	}
	for _, want := range []string{"build       mine ", "machine     ", "nvidia      ", "cpu         1 threads, ", "  estimate  ", ": ok\n", " training steps/s"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is not in\n%s", want, stdout)
		}
	}
	code, stdout, stderr = try(t, "", "doctor", "--backend", "cpu", "--json")
	if code != exitOK || stderr != "" {
		t.Errorf("--json: exit %d, stderr %q", code, stderr)
	}
	var c checkup
	if err := json.Unmarshal([]byte(stdout), &c); err != nil {
		t.Fatalf("%v: %s", err, stdout)
	}
	if !c.Well || len(c.Backends) != 1 || c.Backends[0].Known == nil || c.Machine.Processors < 1 {
		t.Fatalf("%s", stdout)
	}
	// Two pairs of correlation 0.8: -2 ln(1-0.64)/2.
	k, truth := c.Backends[0].Known, -math.Log(0.36)
	if math.Abs(k.Truth-truth) > 1e-12 || math.Abs(k.Estimate-truth) > 4*k.StdErr+checkBias || k.StepsPerSecond <= 0 {
		t.Errorf("%+v, truth %v", k, truth)
	}
}

// idle is a backend whose trainers do nothing and say that all is done.
type idle struct{ backend.Backend }

func (i idle) NewTrainer(spec backend.Spec, data backend.Data, train backend.Rows) (backend.Trainer, error) {
	t, err := i.Backend.NewTrainer(spec, data, train)
	return idleTrainer{t}, err
}

type idleTrainer struct{ backend.Trainer }

func (idleTrainer) Train(_ context.Context, rates, values []float64) (int, error) {
	for i := range values {
		values[i] = math.Log(2) // what JS is at the start
	}
	return len(rates), nil
}

func openCPU() (backend.Backend, error) {
	return mine.OpenBackend(mine.BackendCPU, mine.BackendOptions{Threads: 1})
}

// TestDoctorNotices: a backend that computes something else is found out.
func TestDoctorNotices(t *testing.T) {
	open := func() (backend.Backend, error) {
		b, err := openCPU()
		return idle{b}, err
	}
	c := checkup{Backends: []examined{
		examine(t.Context(), "idle", open, checkConfig(), nil),
		examine(t.Context(), "cpu", openCPU, checkConfig(), nil),
	}}
	c.conclude()
	if c.Well || c.Agreement == nil || c.Agreement.ok() {
		t.Errorf("agreement %+v, well %v, want neither", c.Agreement, c.Well)
	}
	err := c.complaint()
	if err == nil || !strings.HasPrefix(err.Error(), "backend idle: the estimate of a known information is ") || !strings.HasSuffix(err.Error(), "; the backends do not agree") {
		t.Errorf("complaint %v", err)
	}
	var b bytes.Buffer
	c.print(&b)
	for _, want := range []string{"truth 1.0217: WRONG\n", "  remedy    please report", "wanted: WRONG\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, &b)
		}
	}
}

func TestKnown(t *testing.T) {
	for _, c := range []struct {
		estimate float64
		right    bool
	}{
		{1, true}, {1.39, true}, {1.41, false}, {0.6 - checkBias + 0.01, true}, {0.6 - checkBias - 0.01, false},
		{math.NaN(), false}, {math.Inf(1), false},
	} {
		if wrong := (known{Truth: 1, Estimate: c.estimate, StdErr: 0.1}).wrong(); (wrong == "") != c.right {
			t.Errorf("estimate %v: %q, want right %v", c.estimate, wrong, c.right)
		}
	}
	if (agreement{Difference: math.NaN(), Allowed: 1}).ok() {
		t.Error("NaN agrees")
	}
}

// TestDoctorOpening: what keeps a backend from opening is a problem with a remedy.
func TestDoctorOpening(t *testing.T) {
	for _, c := range []struct {
		err    error
		remedy string
	}{
		{fmt.Errorf("cuda: open: data of 9 bytes: %w", backend.ErrOutOfMemory), "nvidia-smi lists the programs"},
		{fmt.Errorf("cuda: open: no: %w", backend.ErrUnavailable), "doc/gpu.md"},
		{fmt.Errorf("cuda: open: device lost"), "Xid"},
	} {
		e := examine(t.Context(), "cuda", func() (backend.Backend, error) { return nil, c.err }, checkConfig(), nil)
		if !strings.HasPrefix(e.Problem, "open: ") || !strings.Contains(e.Remedy, c.remedy) {
			t.Errorf("%v: problem %q, remedy %q, want %q in it", c.err, e.Problem, e.Remedy, c.remedy)
		}
	}
}

func TestDoctorInterrupted(t *testing.T) {
	code, stdout, stderr := runUntil(t, 0, "doctor", "--backend", "cpu")
	if code != exitInterrupted || stdout != "" || stderr != "mine: interrupted before the end of the check\n" {
		t.Errorf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

// TestNotice: a line is written if there was time for it, and never after the end.
func TestNotice(t *testing.T) {
	var quick, slow bytes.Buffer
	n := notice{w: &quick, after: time.Hour, text: "quick"}
	n.begin()
	n.end()
	n = notice{w: &slow, after: 0, text: "slow"}
	n.begin()
	<-n.written
	n.end()
	if quick.Len() > 0 || slow.String() != "slow\n" {
		t.Errorf("%q and %q, want nothing and slow", &quick, &slow)
	}
	n = notice{}
	n.end() // of what never began
}

func TestMachine(t *testing.T) {
	info := file(t, "info", "model name\t: A B C\nMemTotal:       24683652 kB\nother\n")
	if got := value(info, "model name"); got != "A B C" {
		t.Errorf("model name %q", got)
	}
	if got := kilobytes(value(info, "MemTotal")); got != 24683652<<10 {
		t.Errorf("memory %d", got)
	}
	if got := value(info, "other") + value("absent", "other"); got != "" || kilobytes(got) != 0 {
		t.Errorf("what is not there is %q", got)
	}
	nvidia := file(t, "version", "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  Sun Jul 27 07:18:01 UTC 2025\nGCC version: gcc\n")
	if got := nvidiaDriver(nvidia); got != "580.65.06" {
		t.Errorf("driver %q", got)
	}
	open := file(t, "open", "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  575.51  Release Build\n")
	if got := nvidiaDriver(open); got != "575.51" {
		t.Errorf("open driver %q", got)
	}
	library := file(t, "libcuda.so.1", "")
	if got := findLibrary([]string{t.TempDir(), filepath.Dir(library)}); got != library {
		t.Errorf("library %q, want %q", got, library)
	}
	if got := findLibrary([]string{t.TempDir()}); got != "" {
		t.Errorf("library %q in an empty folder", got)
	}
}
