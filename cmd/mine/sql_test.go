package main

import (
	"strings"
	"testing"

	"gomine/internal/duckdb"
)

// TestWrongSQL: what cannot be asked is an error of the command line, in every command that reads a table.
func TestWrongSQL(t *testing.T) {
	path := file(t, "a.csv", "a,b\n1,2\n")
	for _, c := range []struct{ args, want string }{
		{"columns --sql", "needs a value"},
		{"columns --sql=", "--sql is empty"},
		{"estimate --sql= --x a --z b", "--sql is empty"},
		{"estimate " + path + " --sql x --x a --z b", "exclude each other"},
		{"test " + path + " --sql x --x a --z b", "exclude each other"},
		{"transfer " + path + " --sql x --x a --z b", "exclude each other"},
		{"columns " + path + " --sql x", "exclude each other"},
		{"matrix " + path + " --sql x", "exclude each other"},
		{"rank " + path + " --sql x --target a", "exclude each other"},
		{"score critic.safetensors " + path + " --sql x", "exclude each other"},
		{"evaluate critic.safetensors " + path + " --sql x", "exclude each other"},
		{"evaluate --sql x", "no critic"},
		{"columns " + path + " --database a.duckdb", "without --sql"},
		{"columns --sql x --database=", "--database is empty"},
	} {
		code, stdout, stderr := try(t, "", strings.Fields(c.args)...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: exit %d, %q, %q; want %q", c.args, code, stdout, stderr, c.want)
		}
	}
}

// TestWithoutDuckDB: help does not offer --sql, and an error says how to get it.
func TestWithoutDuckDB(t *testing.T) {
	_, help, _ := try(t, "", "estimate", "--help")
	if offered := strings.Contains(help, "--sql"); offered != duckdb.Built {
		t.Errorf("help offers --sql: %t, and DuckDB is there: %t", offered, duckdb.Built)
	}
	if duckdb.Built {
		return
	}
	code, _, stderr := try(t, "", "columns", "--sql", "select 1")
	if code != exitUsage || !strings.Contains(stderr, "make build-duckdb") {
		t.Errorf("exit %d, %q", code, stderr)
	}
}
