package main

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"gomine/mine/table"
)

// TestColumns looks at all that is said about the columns of a file.
func TestColumns(t *testing.T) {
	path := file(t, "d.csv", ",age,sex,note,score,one,size\n0,31,f,,1.5,1,1\n1,47,m,,NA,1,big\n2,25,f,,-2.25,1,2\n3,25,f,,1.5,1,2\n")
	code, stdout, stderr := try(t, "", "columns", path)
	if code != exitOK || stderr != "" {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	var got [][]string
	for line := range strings.Lines(stdout) {
		got = append(got, strings.Fields(line))
	}
	words := func(text string) []string { return strings.Fields(text) }
	want := [][]string{
		words(path + ": 4 rows of 7 columns, names in the file"), {},
		words("index name type distinct ties missing min max serial estimate"),
		words(`0 "" whole 4 0% 0 0 3 0.25 used by its name alone: counts the rows`),
		words("1 age whole 3 50% 0 25 47 0.06 used"),
		words("2 sex text 2 75% 0 used as codes"),
		words("3 note empty 0 0% 4 refused: no value"),
		words("4 score number 2 50% 1 -2.25 1.5 -0.33 refused without --missing drop"),
		words("5 one whole 1 100% 0 1 1 0.00 left out: constant"),
		words("6 size mixed 3 50% 0 1 2 0.17 refused without --categorical: no number in line 3"),
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v\nwant\n%v", got, want)
	}

	unread := table.Description{Rows: 1, Text: 1, Problem: &table.ValueError{Row: 1, Text: "binary", Unread: true}}
	if got, want := verdict(0, unread), "refused: binary"; got != want {
		t.Errorf("bytes: %s, want %s", got, want)
	}

	for want, d := range map[string]table.Description{
		"refused: times in a, and numbers in b":                       {Rows: 1, Conflict: "times in a, and numbers in b"},
		"refused without --categorical: texts in a, and numbers in b": {Rows: 1, Conflict: "texts in a, and numbers in b", ByCodes: true},
	} {
		if got := verdict(0, d); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}

	code, stdout, _ = try(t, "a;b\n1,5;2\n1,5;2\n", "columns", "-", "--json")
	var document struct {
		File    string
		Rows    int
		Repeats int `json:"repeated_rows"`
		Columns []struct {
			Name, Type, Estimate string
			Min                  float64
		}
	}
	if err := json.Unmarshal([]byte(stdout), &document); err != nil || code != exitOK {
		t.Fatalf("exit %d: %v in %s", code, err, stdout)
	}
	if d := document; d.File != "-" || d.Rows != 2 || d.Repeats != 1 || len(d.Columns) != 2 || d.Columns[0].Name != "a" || d.Columns[0].Min != 1.5 || d.Columns[1].Type != "whole" {
		t.Errorf("%+v", d)
	}
}
