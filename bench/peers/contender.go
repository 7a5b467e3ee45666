package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"gomine/bench/throughput"
	"gomine/cpu"
	"gomine/mine/backend"
)

// A window is an uninterrupted stretch of training.
type window struct {
	Steps   int     `json:"steps"`
	Seconds float64 `json:"seconds"`
	Value   float64 `json:"value"` // objective of the last step, nats
}

// A contender trains critics. What is done once for a case, such as compiling,
// is done by the first call of train and not part of the window.
type contender interface {
	train(ctx context.Context, c throughput.Case, window time.Duration) (window, error)
	close() error
}

// library is gomine itself.
type library struct {
	device backend.Backend
	runs   map[throughput.Case]*throughput.Run
}

func newLibrary(threads int) (*library, error) {
	device, err := cpu.Open(cpu.Options{Threads: threads})
	if err != nil {
		return nil, err
	}
	return &library{device, map[throughput.Case]*throughput.Run{}}, nil
}

func (l *library) train(ctx context.Context, c throughput.Case, length time.Duration) (window, error) {
	run := l.runs[c]
	n := c.StepsPerCall()
	if run == nil {
		var err error
		if run, err = throughput.NewRun(l.device, c, c.Rows()); err != nil {
			return window{}, err
		}
		l.runs[c] = run
		for range 2 {
			if _, err := run.Steps(ctx, n); err != nil {
				return window{}, err
			}
		}
	}
	var w window
	for began := time.Now(); w.Seconds < length.Seconds(); w.Seconds = time.Since(began).Seconds() {
		var err error
		if w.Value, err = run.Steps(ctx, n); err != nil {
			return w, err
		}
		w.Steps += n
	}
	return w, nil
}

func (l *library) close() error {
	var errs []error
	for _, run := range l.runs {
		errs = append(errs, run.Close())
	}
	return errors.Join(append(errs, l.device.Close())...)
}

// errRefused: the server could not do what it was asked for, and goes on.
var errRefused = errors.New("request refused")

// A server is peers.py with one contender: see there for what it understands.
type server struct {
	name     string
	cmd      *exec.Cmd
	in       io.WriteCloser
	out      *bufio.Reader
	log      bytes.Buffer // its standard error
	versions map[string]string
}

func (e environment) start(ctx context.Context, name string, threads int) (*server, error) {
	s := &server{name: name, cmd: exec.CommandContext(ctx, e.python, e.script, name, "--threads", fmt.Sprint(threads))}
	// Settings of the shell that choose other kernels or numbers of threads
	// would make a comparison with something else.
	s.cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "OPENBLAS_") || strings.HasPrefix(v, "OMP_") || strings.HasPrefix(v, "MKL_")
	})
	s.cmd.Stderr = &s.log
	var err error
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.out = bufio.NewReader(out)
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var hello struct{ Versions map[string]string }
	if err := s.receive(&hello); err != nil {
		s.close()
		return nil, err
	}
	s.versions = hello.Versions
	return s, nil
}

// ask sends a request and stores the answer.
func (s *server) ask(request, answer any) error {
	line, err := json.Marshal(request)
	if err != nil {
		return err
	}
	if _, err := s.in.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("%s has ended: %w%s", s.name, err, s.lastWords())
	}
	return s.receive(answer)
}

func (s *server) receive(answer any) error {
	line, err := s.out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("%s has ended: %w%s", s.name, err, s.lastWords())
	}
	var refusal struct{ Error string }
	if err := json.Unmarshal(line, &refusal); err != nil {
		return fmt.Errorf("%s answers %q: %w", s.name, line, err)
	}
	if refusal.Error != "" {
		return fmt.Errorf("%s: %w: %s", s.name, errRefused, refusal.Error)
	}
	return json.Unmarshal(line, answer)
}

// lastWords returns the last line that an ended server wrote to its standard
// error.
func (s *server) lastWords() string {
	s.cmd.Wait()
	text := strings.TrimSpace(s.log.String())
	if text == "" {
		return ""
	}
	return ": " + text[strings.LastIndexByte(text, '\n')+1:]
}

func (s *server) train(_ context.Context, c throughput.Case, length time.Duration) (window, error) {
	var w window
	err := s.ask(map[string]any{"case": c.String(), "seconds": length.Seconds()}, &w)
	return w, err
}

func (s *server) close() error {
	err := s.in.Close() // ends its loop over the requests
	s.cmd.Wait()
	return err
}
