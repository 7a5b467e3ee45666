package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gomine/internal/duckdb"
	"gomine/mine/table"
)

// sqlFlags ask a query for the rows instead of a file.
type sqlFlags struct{ query, database string }

func (f *sqlFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.query, "sql", "", "`QUERY` whose rows are read instead of a file, by DuckDB: \"select a, b from 'data.parquet' order by id\"")
	flags.StringVar(&f.database, "database", "", "`FILE` of DuckDB, read alone, that --sql asks")
	flags.Lookup("sql").Hidden, flags.Lookup("database").Hidden = !duckdb.Built, !duckdb.Built
}

// check reports, before anything is read, a query that cannot be asked.
func (f *sqlFlags) check(set *pflag.FlagSet) error {
	switch {
	case !set.Changed("sql") && !set.Changed("database"):
		return nil
	case !set.Changed("sql"):
		return usagef("--database %s without --sql: say which rows of it", f.database)
	case set.Changed("database") && f.database == "":
		return usagef("--database is empty: name a file of DuckDB")
	case !duckdb.Built:
		return usagef("--sql: %w: build it by make build-duckdb (see doc/files.md), or pipe: duckdb -csv -c QUERY | mine ... -", duckdb.ErrNotBuilt)
	}
	return nil
}

// hasQuery reports whether a command line has a query instead of a file.
func hasQuery(cmd *cobra.Command) bool { return cmd.Flags().Changed("sql") }

// queryAlone checks the query, and that there are no files beside it.
func queryAlone(cmd *cobra.Command, files []string) error {
	switch {
	case strings.TrimSpace(cmd.Flags().Lookup("sql").Value.String()) == "":
		return usagef("--sql is empty: give a query, such as \"select * from 'data.parquet'\"")
	case len(files) > 0:
		return usagef("--sql and %s exclude each other: read the file in the query, from '%s'", strings.Join(files, " "), files[0])
	}
	return nil
}

// files are the data files that args name, or what stands for one: the query.
func (f *sqlFlags) files(args []string) []string {
	if f.query == "" {
		return args
	}
	name := queryPrefix + strings.Join(strings.Fields(f.query), " ")
	if f.database != "" {
		name += " (" + f.database + ")"
	}
	return append(args, name)
}

// databaseOf is the file of --database, if there is one.
func databaseOf(set *pflag.FlagSet) []string {
	if !set.Changed("database") {
		return nil
	}
	return []string{set.Lookup("database").Value.String()}
}

// queryPrefix begins what stands for a file in a report.
const queryPrefix = "sql: "

// open asks the query. It is read once, as standard input is: asked again, it may have its rows in
// another order.
func (f *sqlFlags) open(ctx context.Context, o table.Options) (*table.Reader, error) {
	if f.database != "" {
		if _, err := os.Stat(f.database); err != nil {
			return nil, fmt.Errorf("--database %s: %w", f.database, pathCause(err))
		}
	}
	batches, err := duckdb.Open(ctx, duckdb.Query{
		SQL: f.query, Database: f.database, Memory: o.Memory,
		Temporary: filepath.Join(os.TempDir(), "mine-sql-"+strconv.Itoa(os.Getpid())),
	})
	if err != nil {
		return nil, fmt.Errorf("--sql: %w", err)
	}
	return table.OpenArrow("--sql", batches, o)
}
