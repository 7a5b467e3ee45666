package main

import (
	"strings"

	"gomine/mine/table"
)

// markCategorical has a file be read with the columns of --categorical that it has as codes.
func (f *inputFlags) markCategorical(r *table.Reader) {
	for _, part := range f.codes {
		cols, err := r.Select("--categorical", part)
		if err != nil {
			continue
		}
		if f.found == nil {
			f.found = make(map[string]bool)
		}
		f.found[part] = true
		r.Categorical(cols)
	}
}

// checkCategorical reports a part of --categorical that none of the files has.
func (f *inputFlags) checkCategorical(files []string) error {
	for _, part := range f.codes {
		if !f.found[part] {
			return usagef("--categorical: %s has no column %s: mine columns FILE lists them", strings.Join(files, " and "), part)
		}
	}
	return nil
}
