// Package duckdb answers SQL queries by DuckDB, under the build tags duckdb and duckdb_arrow: the
// second one is that of DuckDB's Go bindings, which then exchange Arrow. The bindings link DuckDB
// statically and need cgo. Without the tags a query is an error, and nothing of them is built.
package duckdb

import "errors"

// ErrNotBuilt is the error of a program that was built without DuckDB.
var ErrNotBuilt = errors.New("this program was built without DuckDB")

// Query is a query and where it is asked.
type Query struct {
	// SQL is one or more statements, the last of which gives rows.
	SQL string
	// Database is a file of DuckDB, which is opened for reading alone; "" is none.
	Database string
	// Memory, if not 0, is how many bytes DuckDB may take. What does not fit is in temporary files,
	// in Temporary, a folder that is made when it is needed, and removed.
	Memory    int64
	Temporary string
}
