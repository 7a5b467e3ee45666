package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime/pprof"
	"strings"
	"time"

	"gomine/bench/throughput"
)

// A stack is a place in the program, innermost function first, and how long
// it was seen there.
type stack struct {
	functions []string
	seconds   float64
}

// sample runs f under the CPU profiler.
func sample(ctx context.Context, f func() error) ([]stack, error) {
	file, err := os.CreateTemp("", "gomine-*.prof")
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, err
	}
	err = f()
	pprof.StopCPUProfile()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "go", "tool", "pprof", "-traces", "-unit=s", file.Name())
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("read the profile with go tool pprof: %w: %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	return parseTraces(string(out))
}

// parseTraces reads what go tool pprof -traces prints: after a header, blocks
// between rules, each with a stack, the time in front of its first function.
func parseTraces(text string) ([]stack, error) {
	var stacks []stack
	blocks := strings.Split(text, "-----------+")
	for _, block := range blocks[1:] {
		var s stack
		for line := range strings.Lines(block) {
			line = strings.TrimSpace(line)
			if strings.Trim(line, "-") == "" {
				continue
			}
			if len(s.functions) == 0 {
				value, function, _ := strings.Cut(line, " ")
				d, err := time.ParseDuration(value)
				if err != nil {
					return nil, fmt.Errorf("profile has a stack of time %q: %w", value, err)
				}
				s.seconds, line = d.Seconds(), strings.TrimSpace(function)
			}
			s.functions = append(s.functions, strings.TrimSuffix(line, " (inline)"))
		}
		if len(s.functions) > 0 {
			stacks = append(stacks, s)
		}
	}
	return stacks, nil
}

// A rule assigns stacks to a part of the step: those with a function that
// matches callee, called, at whatever distance, by one that matches caller.
type rule struct {
	part           string
	callee, caller *regexp.Regexp
}

// rules are tried in turn; what none matches is "other".
var rules = []rule{
	match("sampling and gather", `trainer\)\.draw$|sampling\.`, ``),
	match("projection", `Gemm`, `critic\)\.project[XZ]$`),
	match("hidden layers, forward", `Gemm`, `critic\)\.forward$`),
	match("hidden layers, backward", `Gemm`, `critic\)\.backward$`),
	match("weight gradients", `Gemm`, `trainer\)\.outer`),
	match("output layer", `f32\.(RowDots|\w+OutputGrad)$`, ``),
	match("activation, forward", `f32\.(Add)?(ReLU|ELU|Softplus)$`, ``),
	match("activation, backward", `f32\.(ReLU|ELU|Softplus)Grad$`, ``),
	match("sums of dT", `f32\.(Add|ColumnSums)$`, `trainer\)\.backward$`),
	match("objective", `cpu\.objective\.`, ``),
	match("Adam", `f32\.Adam$`, ``),
	match("packing of weights", `critic\)\.pack$`, ``),
	match("reduction", `f32\.(Add|ColumnSums)$`, `trainer\)\.reduce`),
	match("waiting for workers", `cpu\.poll$|barrier\)\.wait$|worker\)\.loop$`, ``),
}

func match(part, callee, caller string) rule {
	return rule{part, regexp.MustCompile(callee), regexp.MustCompile(caller)}
}

// matches reports whether the stack is one of the rule's.
func (r rule) matches(s stack) bool {
	for i, f := range s.functions {
		if r.callee.MatchString(f) {
			for _, g := range s.functions[i:] {
				if r.caller.MatchString(g) {
					return true
				}
			}
		}
	}
	return false
}

// attribute sums up the stacks by part, in the order of the rules.
func attribute(stacks []stack, o throughput.Operations) []part {
	operations := map[string]float64{
		"projection":              o.Projection,
		"hidden layers, forward":  o.Forward,
		"hidden layers, backward": o.Backward,
		"weight gradients":        o.Weights,
		"output layer":            o.Output,
	}
	parts := make([]part, len(rules)+1)
	for i, r := range rules {
		parts[i] = part{Name: r.part, Operations: operations[r.part]}
	}
	other := &parts[len(rules)]
	other.Name = "other"
	for _, s := range stacks {
		into := other
		for i, r := range rules {
			if r.matches(s) {
				into = &parts[i]
				break
			}
		}
		into.Seconds += s.seconds
	}
	return parts
}
