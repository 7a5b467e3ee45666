//go:build !duckdb || !duckdb_arrow

package duckdb

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow/array"
)

// Built says whether this program has DuckDB.
const Built = false

// Open returns ErrNotBuilt.
func Open(context.Context, Query) (array.RecordReader, error) { return nil, ErrNotBuilt }
