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

	"gomine/internal/shard"
	"gomine/internal/wholefile"
	"gomine/mine/pairwise"
)

// matrixOutput is the files that a matrix is written to, and the journal beside them.
type matrixOutput struct {
	path    string
	files   []outputFlag
	journal runJournal // without a path where there are no files
}

// matrixForms are the ends of files, and what is written to them.
var matrixForms = []struct {
	end   string
	write func(*pairTable, io.Writer) error
}{
	{".csv", (*pairTable).writeCSV},
	{".json", (*pairTable).writeJSON},
	{".md", (*pairTable).writeMarkdown},
	{".png", func(t *pairTable, w io.Writer) error { return t.heatMap(w, pngCanvas) }},
	{".svg", func(t *pairTable, w io.Writer) error { return t.heatMap(w, scalableCanvas) }},
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

// check reports, before anything takes time, what cannot be written. A part of a run is one file of any
// name.
func (o *matrixOutput) check(set *pflag.FlagSet, data []string, part bool) error {
	if !set.Changed("output") {
		return nil
	}
	if o.path == "" {
		return usagef("--output is empty: name a file or a folder")
	}
	paths := []string{o.path}
	if !part {
		if strings.HasSuffix(o.path, "/") {
			if err := os.Mkdir(o.path, 0o777); err != nil && !errors.Is(err, os.ErrExist) {
				return fmt.Errorf("--output %s: %w", o.path, pathCause(err))
			}
		}
		if there, err := os.Stat(o.path); err == nil && there.IsDir() {
			paths = nil
			for _, end := range matrixEnds() {
				paths = append(paths, filepath.Join(o.path, "matrix"+end))
			}
		} else if !slices.Contains(matrixEnds(), filepath.Ext(o.path)) {
			return usagef("--output %s: want a folder (%s/ makes one), or a file that ends in %s", o.path, o.path, strings.Join(matrixEnds(), ", "))
		}
	}
	for _, path := range paths {
		f := outputFlag{path: path, flag: "output"}
		if err := f.check(set, data); err != nil {
			return err
		}
		o.files = append(o.files, f)
	}
	if o.journal.path = o.path + ".journal"; len(paths) > 1 {
		o.journal.path = filepath.Join(o.path, "matrix.journal")
	}
	return nil
}

// matrixJournal names the form of the journal of a matrix.
const matrixJournal = "gomine.matrix.journal/1"

// matrixItem is a pair in a journal and, with what the screen says of it, in a part of a run.
type matrixItem struct {
	Pair     int                `json:"pair"` // see pairwise.Index
	Screen   *pairwise.Pair     `json:"screen,omitempty"`
	Estimate *pairwise.Estimate `json:"estimate,omitempty"`
}

// begin opens the journal, if there are files, and takes from it what is done.
func (o *matrixOutput) begin(m *matrixRun, s shard.Shard) error {
	if o.journal.path == "" {
		return nil
	}
	run, err := m.run()
	if err != nil {
		return err
	}
	entries, err := o.journal.begin(matrixJournal, s, run)
	if err != nil {
		return err
	}
	for i, text := range entries {
		var e matrixItem
		if err := json.Unmarshal(text, &e); err != nil || e.Pair < 0 || e.Pair >= len(m.estimates) || e.Estimate == nil {
			return o.journal.damaged(i, "pair")
		}
		m.estimates[e.Pair] = e.Estimate
	}
	return nil
}

// write writes the files, and removes the journal.
func (o *matrixOutput) write(t *pairTable) error {
	for _, f := range o.files {
		at := slices.Index(matrixEnds(), filepath.Ext(f.path))
		err := f.failed(wholefile.Write(f.path, func(w io.Writer) error { return matrixForms[at].write(t, w) }))
		if err != nil {
			return err
		}
	}
	return o.journal.end()
}
