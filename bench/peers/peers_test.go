package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gomine/bench/internal/report"
	"gomine/bench/throughput"
)

// TestMain lets the test binary stand in for Python with peers.py.
func TestMain(m *testing.M) {
	if os.Getenv("GOMINE_PEER") != "" {
		peer()
		return
	}
	os.Exit(m.Run())
}

// peer answers requests for cases, refuses products, and dies of anything else.
func peer() {
	fmt.Println(`{"versions": {"peer": "1"}}`)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var request struct {
			Case, Op string
			Seconds  float64
		}
		switch err := json.Unmarshal(in.Bytes(), &request); {
		case err == nil && request.Case != "":
			fmt.Printf(`{"steps": 30, "seconds": %g, "value": 0.5}`+"\n", request.Seconds)
		case err == nil && request.Op != "":
			fmt.Println(`{"error": "MemoryError: too large"}`)
		default:
			fmt.Fprintln(os.Stderr, "Traceback\nValueError: no case")
			os.Exit(1)
		}
	}
}

func TestServer(t *testing.T) {
	t.Setenv("GOMINE_PEER", "1")
	s, err := environment{os.Args[0], "peers.py"}.start(t.Context(), "jax", 2)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if s.versions["peer"] != "1" {
		t.Errorf("versions are %v", s.versions)
	}
	w, err := s.train(t.Context(), throughput.Standard()[0], 2*time.Second)
	if want := (window{30, 2, 0.5}); err != nil || w != want {
		t.Errorf("train: %+v, %v, want %+v", w, err, want)
	}
	if _, err := s.multiply(throughput.Products()[0], time.Second); !errors.Is(err, errRefused) || !strings.Contains(err.Error(), "jax: ") || !strings.Contains(err.Error(), "MemoryError: too large") {
		t.Errorf("refused product: %v", err)
	}
	for range 2 { // it is still dead the second time
		var answer any
		if err := s.ask("nonsense", &answer); err == nil || !strings.Contains(err.Error(), "ValueError: no case") {
			t.Errorf("death: %v, want the last line it wrote", err)
		}
	}
}

// TestAlone runs without Python and reads the file back.
func TestAlone(t *testing.T) {
	c := throughput.Standard()[0]
	path := filepath.Join(t.TempDir(), "results.json")
	opt := options{threads: 1, rounds: 3, window: time.Millisecond, python: "no-such-python", dir: t.TempDir(), out: path}
	var out, log bytes.Buffer
	if err := compare(t.Context(), opt, []throughput.Case{c}, &out, &log); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "gomine runs alone") {
		t.Errorf("log does not say that there is no Python:\n%s", &log)
	}
	if !strings.Contains(out.String(), "│ "+c.String()+" │ ") {
		t.Errorf("no row for the case:\n%s", &out)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var r results
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	if v := r.speeds(own, c); len(v) != opt.rounds || report.Median(v) <= 0 {
		t.Errorf("speeds in the file are %v, want %d", v, opt.rounds)
	}
}
