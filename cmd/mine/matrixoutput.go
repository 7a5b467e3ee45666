package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"gomine/internal/journal"
	"gomine/internal/wholefile"
	"gomine/mine/pairwise"
)

// matrixOutput is the files that a matrix is written to, and the journal beside them.
type matrixOutput struct {
	path  string
	files []outputFlag
	done  *journal.Journal // nil where there are no files
}

// matrixForms are the ends of files, and what is written to them.
var matrixForms = []struct {
	end   string
	write func(*matrix, io.Writer) error
}{
	{".csv", (*matrix).writeCSV},
	{".json", (*matrix).writeJSON},
	{".md", (*matrix).writeMarkdown},
	{".png", func(m *matrix, w io.Writer) error { return m.heatMap(w, pngCanvas) }},
	{".svg", func(m *matrix, w io.Writer) error { return m.heatMap(w, svgCanvas) }},
}

// matrixEnds are the ends of the files of all forms.
func matrixEnds() []string {
	var ends []string
	for _, form := range matrixForms {
		ends = append(ends, form.end)
	}
	return ends
}

func (o *matrixOutput) register(flags *pflag.FlagSet) {
	flags.StringVar(&o.path, "output", "", "`PATH` to write all pairs to as well: a file, by its end "+strings.Join(matrixEnds(), ", ")+"; or a folder for all of these, with a / at its end where it is new")
}

// check reports, before anything takes time, what cannot be written.
func (o *matrixOutput) check(set *pflag.FlagSet, data string) error {
	if !set.Changed("output") {
		return nil
	}
	if o.path == "" {
		return usagef("--output is empty: name a file or a folder")
	}
	if strings.HasSuffix(o.path, "/") {
		if err := os.Mkdir(o.path, 0o777); err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("--output %s: %w", o.path, pathCause(err))
		}
	}
	paths := []string{o.path}
	if there, err := os.Stat(o.path); err == nil && there.IsDir() {
		paths = nil
		for _, end := range matrixEnds() {
			paths = append(paths, filepath.Join(o.path, "matrix"+end))
		}
	} else if !slices.Contains(matrixEnds(), filepath.Ext(o.path)) {
		return usagef("--output %s: want a folder, or a file that ends in %s", o.path, strings.Join(matrixEnds(), ", "))
	}
	for _, path := range paths {
		f := outputFlag{path: path, flag: "output"}
		if err := f.check(set, []string{data}); err != nil {
			return err
		}
		o.files = append(o.files, f)
	}
	return nil
}

// journal is the path of the journal, "" without files.
func (o *matrixOutput) journal() string {
	switch len(o.files) {
	case 0:
		return ""
	case 1:
		return o.path + ".journal"
	}
	return filepath.Join(o.path, "matrix.journal")
}

// journalHeader is what a run has to have in common with one that it goes on from.
type journalHeader struct {
	Schema    string   `json:"schema"`
	Version   string   `json:"version"` // of the program
	Data      string   `json:"data"`    // see fingerprint
	Variables int      `json:"variables"`
	Config    settings `json:"config"`
}

// journalSchema names the form of a journal.
const journalSchema = "gomine.matrix.journal/1"

// journalEntry is a pair that is done.
type journalEntry struct {
	Pair     int               `json:"pair"`
	Estimate pairwise.Estimate `json:"estimate"`
}

// begin opens the journal, if there are files, and takes from it what is done.
func (o *matrixOutput) begin(m *matrix) error {
	if o.journal() == "" {
		return nil
	}
	data, err := m.fingerprint()
	if err != nil {
		return err
	}
	j, entries, err := journal.Open(o.journal(), journalHeader{journalSchema, version(), data, len(m.variables), m.settings})
	if errors.Is(err, journal.ErrOther) {
		return fmt.Errorf("%s is of an earlier run with other data, settings or version of mine: remove it, or name another --output", o.journal())
	}
	if err != nil {
		return err
	}
	o.done = j
	for i, text := range entries {
		var e journalEntry
		if err := json.Unmarshal(text, &e); err != nil || e.Pair < 0 || e.Pair >= len(m.estimates) {
			return fmt.Errorf("%s: line %d is no pair of this table: remove the file", o.journal(), i+2)
		}
		m.estimates[e.Pair] = &e.Estimate
	}
	return nil
}

// add adds a pair to the journal.
func (o *matrixOutput) add(pair int, e pairwise.Estimate) error {
	if o.done == nil {
		return nil
	}
	return o.done.Add(journalEntry{pair, e})
}

// write writes the files, and removes the journal.
func (o *matrixOutput) write(m *matrix) error {
	for _, f := range o.files {
		at := slices.Index(matrixEnds(), filepath.Ext(f.path))
		err := f.failed(wholefile.Write(f.path, func(w io.Writer) error { return matrixForms[at].write(m, w) }))
		if err != nil {
			return err
		}
	}
	if o.done == nil {
		return nil
	}
	return o.done.Remove()
}
