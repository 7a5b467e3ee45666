//go:build duckdb && duckdb_arrow

package duckdb

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	bindings "github.com/duckdb/duckdb-go-bindings"
)

// Built says whether this program has DuckDB.
const Built = true

// Open asks q. Its rows come as DuckDB finds them, in batches of 2048; only one batch and what
// DuckDB itself buffers are in memory. When ctx is cancelled, the query ends and the error wraps ctx.Err().
// The reader is to be released, by the goroutine that reads.
func Open(ctx context.Context, q Query) (array.RecordReader, error) {
	r := &reader{ctx: ctx, references: 1}
	if err := r.open(q); err != nil {
		r.Release()
		return nil, err
	}
	return r, nil
}

// reader is a query that is being answered. It is not safe for concurrent use.
type reader struct {
	ctx        context.Context
	stop       func() // ends the watch on ctx; nil before it begins
	references int

	database   bindings.Database
	connection bindings.Connection
	result     bindings.Result
	options    bindings.ArrowOptions
	schema     *arrow.Schema
	batch      arrow.RecordBatch // the present one, or nil
	err        error
}

func (r *reader) open(q Query) error {
	if err := r.connect(q); err != nil {
		return err
	}
	r.watch()
	if err := r.execute(q.SQL); err != nil {
		return r.because(err)
	}
	return r.describe()
}

// watch interrupts the query when the context ends: again and again, as DuckDB forgets an interruption that
// comes right before a statement begins.
func (r *reader) watch() {
	const again = 20 * time.Millisecond
	closed, ended := make(chan struct{}), make(chan struct{})
	r.stop = func() { close(closed); <-ended }
	go func() {
		defer close(ended)
		select {
		case <-r.ctx.Done():
		case <-closed:
			return
		}
		for {
			bindings.Interrupt(r.connection)
			select {
			case <-closed:
				return
			case <-time.After(again):
			}
		}
	}()
}

// connect opens the database.
func (r *reader) connect(q Query) error {
	var config bindings.Config
	if bindings.CreateConfig(&config) == bindings.StateError {
		return errors.New("no memory for the configuration of DuckDB")
	}
	defer bindings.DestroyConfig(&config)
	var settings [][2]string
	if q.Database != "" {
		settings = append(settings, [2]string{"access_mode", "READ_ONLY"})
	}
	if q.Temporary != "" {
		settings = append(settings, [2]string{"temp_directory", q.Temporary})
	}
	if q.Memory > 0 {
		settings = append(settings, [2]string{"memory_limit", strconv.FormatInt(q.Memory, 10) + "B"})
	}
	for _, s := range settings {
		if bindings.SetConfig(config, s[0], s[1]) == bindings.StateError {
			return fmt.Errorf("DuckDB does not take the setting %s = %s", s[0], s[1])
		}
	}
	var reason string
	if bindings.OpenExt(q.Database, &r.database, config, &reason) == bindings.StateError {
		return errors.New(oneLine(reason))
	}
	if bindings.Connect(r.database, &r.connection) == bindings.StateError {
		return errors.New("DuckDB opens no connection to the database")
	}
	return nil
}

// execute executes the statements and has the result of the last one.
func (r *reader) execute(sql string) error {
	var statements bindings.ExtractedStatements
	n := bindings.ExtractStatements(r.connection, sql, &statements)
	defer bindings.DestroyExtracted(&statements)
	if n == 0 {
		reason := bindings.ExtractStatementsError(statements)
		if reason == "" {
			reason = "there is no statement in the query"
		}
		return errors.New(oneLine(reason))
	}
	for i := range n {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		if err := r.executeOne(statements, i, i == n-1); err != nil {
			return err
		}
	}
	return nil
}

// executeOne executes statement i.
func (r *reader) executeOne(statements bindings.ExtractedStatements, i bindings.IdxT, last bool) error {
	var prepared bindings.PreparedStatement
	state := bindings.PrepareExtractedStatement(r.connection, statements, i, &prepared)
	defer bindings.DestroyPrepare(&prepared)
	if state == bindings.StateError {
		return errors.New(oneLine(bindings.PrepareError(prepared)))
	}
	if bindings.NParams(prepared) > 0 {
		return errors.New("the query has parameters: write their values in")
	}
	if !last {
		var result bindings.Result
		defer bindings.DestroyResult(&result)
		if bindings.ExecutePrepared(prepared, &result) == bindings.StateError {
			return errors.New(oneLine(bindings.ResultError(&result)))
		}
		return nil
	}
	if bindings.PreparedStatementType(prepared) != bindings.StatementTypeSelect {
		return errors.New("the last statement gives no rows: end with a select")
	}
	if bindings.ExecutePreparedStreaming(prepared, &r.result) == bindings.StateError {
		return errors.New(oneLine(bindings.ResultError(&r.result)))
	}
	return nil
}

// describe has the schema of the result.
func (r *reader) describe() error {
	r.options = bindings.ResultGetArrowOptions(&r.result)
	n := bindings.ColumnCount(&r.result)
	names, types := make([]string, n), make([]bindings.LogicalType, n)
	for i := range n {
		names[i], types[i] = bindings.ColumnName(&r.result, i), bindings.ColumnLogicalType(&r.result, i)
	}
	defer func() {
		for i := range types {
			bindings.DestroyLogicalType(&types[i])
		}
	}()
	schema, e := bindings.NewArrowSchema(r.options, types, names)
	r.schema = schema
	return errorOf(&e)
}

// errorOf is the error that e holds, if any.
func errorOf(e *bindings.ErrorData) error {
	defer bindings.DestroyErrorData(e)
	if !bindings.ErrorDataHasError(*e) {
		return nil
	}
	return errors.New(oneLine(bindings.ErrorDataMessage(*e)))
}

// oneLine is a text of DuckDB on one line, without the mark below a place in it.
func oneLine(text string) string {
	return strings.TrimSuffix(strings.Join(strings.Fields(text), " "), " ^")
}

// because is err, or the end of the context that is behind it.
func (r *reader) because(err error) error {
	if ended := r.ctx.Err(); ended != nil {
		return ended
	}
	return err
}

// Next goes on to the next batch.
func (r *reader) Next() bool {
	r.drop()
	if r.err != nil {
		return false
	}
	chunk := bindings.FetchChunk(r.result)
	if chunk.Ptr == nil { // the end, or an error
		if reason := bindings.ResultError(&r.result); reason != "" {
			r.err = r.because(errors.New(oneLine(reason)))
		}
		return false
	}
	defer bindings.DestroyDataChunk(&chunk)
	batch, e := bindings.DataChunkToArrowArray(r.options, r.schema, chunk)
	if r.err = errorOf(&e); r.err != nil {
		return false
	}
	r.batch = batch
	return true
}

// drop releases the present batch.
func (r *reader) drop() {
	if r.batch != nil {
		r.batch.Release()
		r.batch = nil
	}
}

func (r *reader) Schema() *arrow.Schema          { return r.schema }
func (r *reader) RecordBatch() arrow.RecordBatch { return r.batch }
func (r *reader) Record() arrow.RecordBatch      { return r.batch }
func (r *reader) Err() error                     { return r.err }
func (r *reader) Retain()                        { r.references++ }

// Release ends the query, if nobody else retains the reader, and closes the database.
func (r *reader) Release() {
	if r.references--; r.references > 0 {
		return
	}
	r.drop()
	if r.stop != nil {
		r.stop()
	}
	bindings.DestroyArrowOptions(&r.options)
	bindings.DestroyResult(&r.result)
	bindings.Disconnect(&r.connection)
	bindings.Close(&r.database)
}
