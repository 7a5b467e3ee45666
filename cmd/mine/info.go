package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/criticfile"
	"gomine/mine/preprocess"
)

func newInfo() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "info CRITIC [flags]",
		Short: "Say what is in the file of a critic",
		Long: `Say what is in the file of a critic that mine estimate --save wrote: the
columns, the settings, the bound of the estimate, and the critics with their
weights.`,
		Example: `  mine info critic.safetensors
  mine info critic.safetensors --json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("%s, want one: that which mine estimate --save wrote", plural(len(args), "file"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := readCritic(args[0])
			if err != nil {
				return err
			}
			var answer bytes.Buffer
			if asJSON {
				if err := json.NewEncoder(&answer).Encode(describeCritic(c)); err != nil {
					return fmt.Errorf("--json: %w", err)
				}
			} else {
				printCritic(&answer, args[0], describeCritic(c))
			}
			return write(cmd, answer.Bytes())
		},
	}
	output := newFlags()
	output.BoolVar(&asJSON, "json", false, "print everything as one JSON object")
	addGroup(cmd, "Output", output)
	return cmd
}

// criticInfo is what mine info --json prints.
type criticInfo struct {
	Format string `json:"format"`
	criticfile.About
	X       sideInfo     `json:"x"`
	Z       sideInfo     `json:"z"`
	LogU    []float64    `json:"log_u"` // of each fold, nats
	Config  mine.Config  `json:"config"`
	Critics []memberInfo `json:"critics"`
}

// sideInfo are the columns of a side, and what became of them by the first maps.
type sideInfo struct {
	Columns []string `json:"columns"`
	Kinds   []string `json:"kinds"`
	Inputs  int      `json:"inputs"`
	preprocess.Summary
}

// memberInfo is a critic of the sum.
type memberInfo struct {
	Fold       int             `json:"fold"`
	Weight     float64         `json:"weight"` // in the sum over all folds
	Candidate  *mine.Candidate `json:"candidate,omitempty"`
	Reference  bool            `json:"reference,omitempty"`
	Hidden     []int           `json:"hidden,omitempty"`
	Step       int             `json:"step,omitempty"`
	Parameters int             `json:"parameters"`
}

func describeCritic(c criticfile.Critic) criticInfo {
	i := criticInfo{Format: criticfile.Format, About: c.About, LogU: c.State.LogU, Config: c.State.Config, Critics: []memberInfo{}}
	for k, p := range c.State.Parts {
		if k == 0 {
			i.X, i.Z = describeSide(p.Maps.X), describeSide(p.Maps.Z)
		}
		for _, m := range p.Critics {
			one := memberInfo{Fold: p.Fold, Weight: m.Weight, Hidden: m.Network.Hidden, Step: m.Step, Parameters: len(m.Params)}
			if r := m.Reference; r != nil {
				one.Reference, one.Parameters = true, len(r.Rho)*(len(r.X.Mean)+len(r.Z.Mean)+1)
			} else {
				one.Candidate = &m.Candidate
			}
			i.Critics = append(i.Critics, one)
		}
	}
	return i
}

func describeSide(s preprocess.Side) sideInfo {
	i := sideInfo{Columns: columnNames(s.Columns()), Inputs: s.Inputs(), Summary: s.Summary()}
	for _, c := range s.Columns() {
		kind := c.Kind.String()
		if c.Kind == column.Code {
			kind = plural(len(c.Labels), "code")
		}
		i.Kinds = append(i.Kinds, kind)
	}
	return i
}

// described are the columns with what they hold.
func (i sideInfo) described() []string {
	all := slices.Clone(i.Columns)
	for j, kind := range i.Kinds {
		switch kind {
		case column.Real.String():
			kind = "number"
		case column.Integer.String():
			kind = "whole number"
		}
		all[j] += " (" + kind + ")"
	}
	return all
}

// printCritic writes the text of mine info.
func printCritic(w io.Writer, file string, i criticInfo) {
	digits := decimals(i.Bound.StdErr)
	fmt.Fprintf(w, "%s: a critic of %s, %s\n\n", file, plural(len(i.LogU), "fold"), i.Format)
	fmt.Fprintf(w, "%-*s%s nats, standard error %s, on the rows that it was tested on\n", reportTab, "bound", fixed(i.Bound.Estimate, digits), fixed(i.Bound.StdErr, digits))
	fmt.Fprintf(w, "%-*s%s\n", reportTab, "rows", grouped(i.Rows.Total))
	for _, side := range []struct {
		name string
		sideInfo
	}{{"X", i.X}, {"Z", i.Z}} {
		fmt.Fprintf(w, "%-*s%s; %s\n", reportTab, side.name, listNames(side.described()), plural(side.Inputs, "input"))
		if len(side.Constant) > 0 {
			fmt.Fprintf(w, "%-*sconstant, and not used: %s\n", reportTab, "", listNames(side.Constant))
		}
	}
	fmt.Fprintf(w, "%-*s%d\n", reportTab, "seed", i.Config.Seed)
	fmt.Fprintf(w, "%-*s%s, on %s\n", reportTab, "written by", i.Program, i.Device)
	fmt.Fprintf(w, "\n%-*s%6s%10s  %s\n", reportTab, "critics", "fold", "weight", "")
	for _, c := range i.Critics {
		text := "that of a normal law, in closed form"
		if c.Candidate != nil {
			text = fmt.Sprintf("%v, hidden %v, step %s", c.Candidate, c.Hidden, grouped(c.Step))
		}
		fmt.Fprintf(w, "%-*s%6d%10.3f  %s\n", reportTab, "", c.Fold, c.Weight, text)
	}
}
