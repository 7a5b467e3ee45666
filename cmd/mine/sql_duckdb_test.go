//go:build duckdb && duckdb_arrow

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestSQLIsTheFile: the rows of a query give the estimate of the file that they are from, to the last bit.
func TestSQLIsTheFile(t *testing.T) {
	path := gaussian(t, "2000")
	query := fmt.Sprintf("select * from '%s'", path)
	estimate := func(input ...string) (value, std float64, from string) {
		code, stdout, stderr := try(t, "", slices.Concat([]string{"estimate", "--x", "X*", "--z", "Z*", "--json"}, input, smallCPU)...)
		var r struct {
			Estimate float64
			StdErr   float64 `json:"std_err"`
			Input    struct{ X struct{ File string } }
		}
		if err := json.Unmarshal([]byte(stdout), &r); code != exitOK || err != nil {
			t.Fatalf("%q: exit %d, %v: %s", input, code, err, stderr)
		}
		return r.Estimate, r.StdErr, r.Input.X.File
	}
	want, std, _ := estimate(path)
	for _, input := range [][]string{{"--sql", query}, {"--sql", query, "--memory", "400MB"}} {
		got, gotStd, from := estimate(input...)
		if got != want || gotStd != std || want == 0 || from != "sql: "+query {
			t.Errorf("%q: %v +- %v of %q, want %v +- %v", input, got, gotStd, from, want, std)
		}
	}
}

// TestSQLColumns: lists, words and missing values of a query are what they are in Parquet.
func TestSQLColumns(t *testing.T) {
	parquet := filepath.Join(t.TempDir(), "a.parquet")
	query := "select range / 7 as r, ['a', 'b', 'c'][1 + range % 3] as s, [range, range * 2] as l, if(range % 4 = 0, null, range) as n, range::decimal(9, 2) as d from range(5000)"
	columns := func(input ...string) string {
		code, stdout, stderr := try(t, "", append([]string{"columns", "--json"}, input...)...)
		if code != exitOK {
			t.Fatalf("%q: exit %d: %s", input, code, stderr)
		}
		_, rest, found := strings.Cut(stdout, `"columns"`)
		if !found {
			t.Fatalf("no columns in %s", stdout)
		}
		return rest
	}
	got := columns("--sql", query)
	// The first statement writes the file, the second one is what --sql needs.
	columns("--sql", fmt.Sprintf("copy (%s) to '%s' (format parquet); select 1 as a", query, parquet))
	if want := columns(parquet); got != want {
		t.Errorf("%s\nwant, as in Parquet,\n%s", got, want)
	}
	if text := columns("--sql", "select s from t", "--database", database(t, query)); !strings.Contains(text, `"s"`) {
		t.Errorf("of a database: %s", text)
	}
	for _, c := range []struct{ sql, flags, want string }{
		{query, "", "null"},
		{query + " limit 0", "--missing drop", "no data rows"},
		{"select 1 as r, 2 as s", "", "--sql"},
		{"select r, s from nowhere", "", "nowhere does not exist"},
	} {
		code, stdout, stderr := try(t, "", append([]string{"estimate", "--x", "r,s", "--z", "n", "--sql", c.sql}, strings.Fields(c.flags)...)...)
		if code == exitOK || stdout != "" || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: exit %d, %q", c.sql, code, stderr)
		}
	}
}

// database makes a file of DuckDB with the rows of a query as table t.
func database(t *testing.T, query string) string {
	path := filepath.Join(t.TempDir(), "a.duckdb")
	if code, _, stderr := try(t, "", "columns", "--sql", fmt.Sprintf("attach '%s' as d; create table d.t as %s; select 1 as a", path, query)); code != exitOK {
		t.Fatal(stderr)
	}
	return path
}

// TestDatabaseIsKept: no answer replaces the database.
func TestDatabaseIsKept(t *testing.T) {
	path := database(t, "select range as a, range as b from range(9)")
	code, _, stderr := try(t, "", "estimate", "--sql", "from t", "--database", path, "--x", "a", "--z", "b", "--output", path)
	if code != exitUsage || !strings.Contains(stderr, "would replace the data") {
		t.Errorf("exit %d, %q", code, stderr)
	}
}

// TestInterruptQuery: SIGINT ends a query that has no end.
func TestInterruptQuery(t *testing.T) {
	cmd := mineCommand(t, "estimate", "--sql", "select count(*) as a, 1 as b from range(10000000) x, range(10000000) y where hash(x.range + y.range) = 1", "--x", "a", "--z", "b")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	began := time.Now()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted || time.Since(began) > 20*time.Second {
		t.Errorf("exit %d (%v) after %v: %s", code, err, time.Since(began), stderr.String())
	}
}
