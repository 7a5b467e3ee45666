//go:build duckdb && duckdb_arrow

package duckdb

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
)

// numbers are the values of the first column of the answer to q, in batches.
func numbers(t *testing.T, q Query) (all []int64, batches int) {
	t.Helper()
	r, err := Open(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	for r.Next() {
		batches++
		all = append(all, r.RecordBatch().Column(0).(*array.Int64).Int64Values()...)
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return all, batches
}

// TestOpen: all rows, in the order that is asked for, in batches.
func TestOpen(t *testing.T) {
	const rows = 300_000
	all, batches := numbers(t, Query{SQL: "select range from range(300000) order by range desc"})
	if len(all) != rows || batches < 100 {
		t.Fatalf("%d rows in %d batches, want %d in many", len(all), batches, rows)
	}
	for i, v := range all {
		if v != int64(rows-1-i) {
			t.Fatalf("row %d is %d", i, v)
		}
	}
}

// TestTypes: what columns of the answer are in Arrow.
func TestTypes(t *testing.T) {
	r, err := Open(t.Context(), Query{SQL: "select 1::double d, 'a' s, [1, 2] l, [1, 2]::int[2] a, 'a'::enum('a', 'b') e, {'p': 1} g, 1::hugeint h, timestamp '2020-01-01' t"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	var got []string
	for _, f := range r.Schema().Fields() {
		got = append(got, f.Name+" "+f.Type.ID().String())
	}
	want := "d FLOAT64, s STRING, l LIST, a FIXED_SIZE_LIST, e DICTIONARY, g STRUCT, h DECIMAL128, t TIMESTAMP"
	if text := strings.ToUpper(strings.Join(got, ", ")); text != strings.ToUpper(want) {
		t.Errorf("%s, want %s", text, want)
	}
}

func TestWrongQueries(t *testing.T) {
	for sql, want := range map[string]string{
		"selec 1":                          "Parser Error",
		"select nothing from nowhere":      "nowhere does not exist",
		"select * from 'nowhere.parquet'":  "nowhere.parquet",
		"select cast('a' as int)":          "Conversion Error",
		"create table t (a int)":           "gives no rows",
		"select 1; create table t (a int)": "gives no rows",
		"drop table nowhere; select 1":     "nowhere does not exist",
		" ; ":                              "no statement",
		"select $1":                        "parameters",
	} {
		r, err := Open(t.Context(), Query{SQL: sql})
		if err == nil { // an error of a value may come with the rows
			for r.Next() {
			}
			err = r.Err()
			r.Release()
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q on one line", sql, err, want)
		}
	}
}

// TestErrorAfterRows: an error in a late row ends the rows with that error, and not as if they were all. Of
// several threads of DuckDB, one that the error has interrupted may be the first to say so.
func TestErrorAfterRows(t *testing.T) {
	r, err := Open(t.Context(), Query{SQL: "set threads = 1; select if(range = 900000, error('boom'), range) from range(1000000)"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	rows := int64(0)
	for r.Next() {
		rows += r.RecordBatch().NumRows()
	}
	if err := r.Err(); rows == 0 || err == nil || !strings.Contains(err.Error(), "boom") {
		t.Errorf("%d rows and %v, want some and then the error", rows, err)
	}
	if r.Next() {
		t.Error("there is a batch after the error")
	}
}

// TestCancel ends a query without end: before its first row, and between rows.
func TestCancel(t *testing.T) {
	const endless = "select %s from range(10000000) a, range(10000000) b"
	for _, what := range []string{"count(*)", "a.range"} {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(200*time.Millisecond, cancel)
		began := time.Now()
		r, err := Open(ctx, Query{SQL: strings.Replace(endless, "%s", what, 1)})
		if err == nil {
			for r.Next() {
			}
			err = r.Err()
			r.Release()
		}
		if taken := time.Since(began); !errors.Is(err, context.Canceled) || taken > 20*time.Second {
			t.Errorf("%s: %v after %v", what, err, taken)
		}
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(cancelled, Query{SQL: "select 1"}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v", err)
	}
}

// TestDatabase reads a file of DuckDB, which is not written to.
func TestDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.duckdb")
	all, _ := numbers(t, Query{SQL: "attach '" + path + "' as d; create table d.t as select range as a from range(5); select a from d.t"})
	if len(all) != 5 {
		t.Fatalf("%d rows", len(all))
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if all, _ := numbers(t, Query{SQL: "from t where a > 1", Database: path}); len(all) != 3 {
		t.Errorf("%d rows, want 3", len(all))
	}
	if _, err := Open(t.Context(), Query{SQL: "drop table t; select 1", Database: path}); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("a table is dropped: %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the file was written to (%v)", err)
	}
	for _, wrong := range []string{path + ".gone", t.TempDir()} {
		if _, err := Open(t.Context(), Query{SQL: "select 1", Database: wrong}); err == nil {
			t.Errorf("%s is opened", wrong)
		}
	}
}

// TestMemory: what does not fit in memory goes to the folder for it, which is gone afterwards.
func TestMemory(t *testing.T) {
	q := Query{SQL: "select range a, hash(range) b from range(4000000) order by b", Memory: 64 << 20, Temporary: filepath.Join(t.TempDir(), "spill")}
	r, err := Open(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	rows := int64(0)
	if !r.Next() {
		t.Fatal(r.Err())
	}
	if files, _ := os.ReadDir(q.Temporary); len(files) == 0 {
		t.Error("nothing was written to the folder: is the limit still one?")
	}
	for more := true; more; more = r.Next() {
		rows += r.RecordBatch().NumRows()
	}
	if err := r.Err(); err != nil || rows != 4_000_000 {
		t.Errorf("%d rows, %v", rows, err)
	}
	r.Release()
	if _, err := os.Stat(q.Temporary); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
}
