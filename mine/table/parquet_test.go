package table

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// parquetColumn is a column of a Parquet file that a test writes: its values, of Go's type of
// its physical type, and their levels.
type parquetColumn struct {
	node              schema.Node
	values            any
	defined, repeated []int16
}

// parquetBytes returns a Parquet file that has all columns once in each row group.
func parquetBytes(t testing.TB, groups int, columns []parquetColumn, opts ...parquet.WriterProperty) []byte {
	t.Helper()
	return parquetFrom(t, "", groups, columns, opts...)
}

// parquetFrom is parquetBytes with the Arrow schema of the columns in base64, if any.
func parquetFrom(t testing.TB, origin string, groups int, columns []parquetColumn, opts ...parquet.WriterProperty) []byte {
	t.Helper()
	var fields schema.FieldList
	for _, c := range columns {
		fields = append(fields, c.node)
	}
	root, err := schema.NewGroupNode("schema", parquet.Repetitions.Required, fields, -1)
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	w := file.NewParquetWriter(&buf, root, file.WithWriterProps(parquet.NewWriterProperties(opts...)))
	for range groups {
		g := w.AppendRowGroup()
		for _, c := range columns {
			cw, err := g.NextColumn()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.write(cw); err != nil {
				t.Fatal(err)
			}
			if err := cw.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if origin != "" {
		if err := w.AppendKeyValueMetadata("ARROW:schema", origin); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func (c parquetColumn) write(w file.ColumnChunkWriter) (err error) {
	switch w := w.(type) {
	case *file.BooleanColumnChunkWriter:
		_, err = w.WriteBatch(c.values.([]bool), c.defined, c.repeated)
	case *file.Int32ColumnChunkWriter:
		_, err = w.WriteBatch(c.values.([]int32), c.defined, c.repeated)
	case *file.Int64ColumnChunkWriter:
		_, err = w.WriteBatch(c.values.([]int64), c.defined, c.repeated)
	case *file.Int96ColumnChunkWriter:
		_, err = w.WriteBatch(c.values.([]parquet.Int96), c.defined, c.repeated)
	case *file.Float32ColumnChunkWriter:
		_, err = w.WriteBatch(c.values.([]float32), c.defined, c.repeated)
	case *file.Float64ColumnChunkWriter:
		_, err = w.WriteBatch(c.values.([]float64), c.defined, c.repeated)
	case *file.ByteArrayColumnChunkWriter:
		_, err = w.WriteBatch(c.values.([]parquet.ByteArray), c.defined, c.repeated)
	case *file.FixedLenByteArrayColumnChunkWriter:
		_, err = w.WriteBatch(c.values.([]parquet.FixedLenByteArray), c.defined, c.repeated)
	default:
		err = fmt.Errorf("no writer for %T", w)
	}
	return err
}

// plain is a required column.
func plain(name string, typ parquet.Type, logical schema.LogicalType, size int, values any) parquetColumn {
	node, err := schema.NewPrimitiveNodeLogical(name, parquet.Repetitions.Required, logical, typ, size, -1)
	if err != nil {
		panic(err)
	}
	return parquetColumn{node: node, values: values}
}

// vectors is a column of lists of optional float32.
func vectors(name string, values []float32, defined, repeated []int16) parquetColumn {
	element := schema.MustPrimitive(schema.NewPrimitiveNode("element", parquet.Repetitions.Optional, parquet.Types.Float, -1, -1))
	list := schema.MustGroup(schema.NewGroupNode("list", parquet.Repetitions.Repeated, schema.FieldList{element}, -1))
	group := schema.MustGroup(schema.NewGroupNodeLogical(name, parquet.Repetitions.Optional, schema.FieldList{list}, schema.ListLogicalType{}, -1))
	return parquetColumn{node: group, values: values, defined: defined, repeated: repeated}
}

// inGroup is an optional column in an optional group.
func inGroup(group, name string, values []float64, defined []int16) parquetColumn {
	field := schema.NewFloat64Node(name, parquet.Repetitions.Optional, -1)
	return parquetColumn{
		node:   schema.MustGroup(schema.NewGroupNode(group, parquet.Repetitions.Optional, schema.FieldList{field}, -1)),
		values: values, defined: defined,
	}
}

// caesar is a time of the 31st of December 1969.
func caesar(nanoseconds uint64) (v parquet.Int96) {
	binary.LittleEndian.PutUint64(v[:8], nanoseconds)
	binary.LittleEndian.PutUint32(v[8:], 2440587)
	return v
}

// parquetTypes are columns of all types, and the numbers they stand for: NaN where there is
// none.
func parquetTypes() ([]parquetColumn, []string, [][]float64) {
	nan := math.NaN()
	types := parquet.Types
	micros := schema.NewTimestampLogicalType(true, schema.TimeUnitMicros)
	columns := []parquetColumn{
		plain("boolean", types.Boolean, schema.NoLogicalType{}, 0, []bool{true, false, true}),
		plain("int8", types.Int32, schema.NewIntLogicalType(8, true), 0, []int32{-128, 0, 127}),
		plain("int32", types.Int32, schema.NoLogicalType{}, 0, []int32{math.MinInt32, 0, math.MaxInt32}),
		plain("uint32", types.Int32, schema.NewIntLogicalType(32, false), 0, []int32{-1, 0, 1}),
		plain("int64", types.Int64, schema.NoLogicalType{}, 0, []int64{-1 << 62, 0, 1 << 53}),
		plain("uint64", types.Int64, schema.NewIntLogicalType(64, false), 0, []int64{-1 << 63, 0, 1}),
		plain("float16", types.FixedLenByteArray, schema.Float16LogicalType{}, 2, []parquet.FixedLenByteArray{{0, 0x3c}, {0, 0xc0}, {0xff, 0x7b}}),
		plain("float32", types.Float, schema.NoLogicalType{}, 0, []float32{1.5, -2.25, 300}),
		plain("float64", types.Double, schema.NoLogicalType{}, 0, []float64{0.1, -1e300, 3}),
		plain("date", types.Int32, schema.DateLogicalType{}, 0, []int32{-1, 0, 20000}),
		plain("timestamp", types.Int64, micros, 0, []int64{1_700_000_000_250_000, 0, -1_500_000}),
		plain("time", types.Int32, schema.NewTimeLogicalType(false, schema.TimeUnitMillis), 0, []int32{1500, 0, 86_399_999}),
		plain("int96", types.Int96, schema.NoLogicalType{}, 0, []parquet.Int96{caesar(0), caesar(86_399_500_000_000), caesar(1e9)}),
		plain("decimal32", types.Int32, schema.NewDecimalLogicalType(9, 2), 0, []int32{12345, -1, 0}),
		plain("decimal64", types.Int64, schema.NewDecimalLogicalType(18, 18), 0, []int64{123456789012345678, -1, 0}),
		plain("decimal128", types.FixedLenByteArray, schema.NewDecimalLogicalType(20, 1), 9, []parquet.FixedLenByteArray{{255, 255, 255, 255, 255, 255, 255, 255, 251}, {1, 0, 0, 0, 0, 0, 0, 0, 0}, make([]byte, 9)}),
		plain("decimal", types.ByteArray, schema.NewDecimalLogicalType(4, 3), 0, []parquet.ByteArray{{4, 210}, {255}, {0}}),
		inGroup("group", "optional", []float64{7}, []int16{2, 1, 0}),
		vectors("vector", []float32{1, 2, 3}, []int16{3, 3, 0, 2, 3}, []int16{0, 1, 0, 0, 1}),
	}
	names := []string{
		"boolean", "int8", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64", "date", "timestamp", "time", "int96",
		"decimal32", "decimal64", "decimal128", "decimal", "group.optional", "vector[0]", "vector[1]",
	}
	return columns, names, [][]float64{
		{
			1, -128, math.MinInt32, math.MaxUint32, -1 << 62, 1 << 63, 1, 1.5, 0.1, -86400, 1_700_000_000.25, 1.5, -86400,
			123.45, 0.123456789012345678, -0.5, 1.234, 7, 1, 2,
		},
		{0, 0, 0, 0, 0, 0, -2, -2.25, -1e300, 0, 0, 0, -0.5, -0.01, -1e-18, 1 << 64 / 10., -0.001, nan, nan, nan},
		{1, 127, math.MaxInt32, 1, 1 << 53, 1, 65504, 300, 3, 1728e6, -1.5, 86399.999, -86399, 0, 0, 0, 0, nan, nan, 3},
	}
}

// exactRows returns the rows of r in float64, and checks that what is no number is missing.
func exactRows(t testing.TB, r *Reader) (rows [][]float64) {
	t.Helper()
	bad := func(_ int, e *ValueError) error {
		if e.Missing {
			return nil
		}
		return e
	}
	if err := r.each(t.Context(), &pass{cols: sequence(0, len(r.names)), bad: bad, add: func(row []float64) { rows = append(rows, slices.Clone(row)) }}); err != nil {
		t.Fatal(err)
	}
	return rows
}

// checkRows checks that rows are groups times what is wanted, bit for bit.
func checkRows(t testing.TB, names []string, rows, want [][]float64, groups int) {
	t.Helper()
	if len(rows) != groups*len(want) {
		t.Fatalf("%d rows, want %d", len(rows), groups*len(want))
	}
	for i, row := range rows {
		for j, v := range row {
			if w := want[i%len(want)][j]; v != w && (v == v || w == w) {
				t.Errorf("row %d, column %s is %v, want %v", i, names[j], v, w)
			}
		}
	}
}

// TestParquet reads all types in every compression, encoding and version of pages, from files,
// compressed files and pipes.
func TestParquet(t *testing.T) {
	columns, names, want := parquetTypes()
	codecs := compress.Codecs
	for _, codec := range []compress.Compression{codecs.Uncompressed, codecs.Snappy, codecs.Gzip, codecs.Brotli, codecs.Zstd, codecs.Lz4Raw} {
		for _, dictionary := range []bool{false, true} {
			for _, version := range []parquet.DataPageVersion{parquet.DataPageV1, parquet.DataPageV2} {
				data := parquetBytes(t, 2, columns, parquet.WithCompression(codec), parquet.WithDictionaryDefault(dictionary), parquet.WithDataPageVersion(version))
				for _, d := range deliveries {
					t.Run(fmt.Sprint(codec, "/dictionary=", dictionary, "/version=", version, "/", d.name), func(t *testing.T) {
						r, err := d.open(t, data, Options{})
						if err != nil {
							t.Fatal(err)
						}
						defer r.Close()
						if !slices.Equal(r.Columns(), names) || !r.HasHeader() {
							t.Fatalf("columns %q, want %q", r.Columns(), names)
						}
						checkRows(t, names, exactRows(t, r), want, 2)
					})
				}
			}
		}
	}
}

// TestParquetLong reads more rows than are decoded at a time, in several row groups and pages,
// with and without nulls, all of them and some.
func TestParquetLong(t *testing.T) {
	const rows, groups = 2*blockRows + 17, 3
	numbers, some := make([]float64, rows), []float64{}
	var defined, listed, repeated []int16
	var elements []float32
	for i := range numbers {
		numbers[i] = float64(i) / 4
		if i%3 == 0 {
			defined = append(defined, 0)
			listed, repeated = append(listed, 0), append(repeated, 0)
			continue
		}
		defined, some = append(defined, 1), append(some, float64(-i))
		listed, repeated = append(listed, 3, 3, 3), append(repeated, 0, 1, 1)
		elements = append(elements, float32(i), float32(2*i), float32(3*i))
	}
	optional := parquetColumn{node: schema.NewFloat64Node("some", parquet.Repetitions.Optional, -1), values: some, defined: defined}
	data := parquetBytes(t, groups, []parquetColumn{
		plain("all", parquet.Types.Double, schema.NoLogicalType{}, 0, numbers), optional, vectors("list", elements, listed, repeated),
	}, parquet.WithDataPageSize(5000))
	want := func(i int) []float64 {
		k := i % rows
		if k%3 == 0 {
			return []float64{float64(k) / 4, math.NaN(), math.NaN(), math.NaN(), math.NaN()}
		}
		return []float64{float64(k) / 4, float64(-k), float64(k), float64(2 * k), float64(3 * k)}
	}
	for _, bounds := range [][2]int{{0, 0}, {0, 10}, {5, rows}, {rows - 1, rows + 1}, {rows, 2 * rows}, {2*rows + blockRows, 3*rows - 1}, {3*rows - 1, 4 * rows}} {
		from, to := bounds[0], bounds[1]
		r, err := Open(writeTemp(t, data), Options{From: from, To: to})
		if err != nil {
			t.Fatal(err)
		}
		got := exactRows(t, r)
		r.Close()
		if to == 0 || to > groups*rows {
			to = groups * rows
		}
		if len(got) != to-from {
			t.Fatalf("rows %v: read %d", bounds, len(got))
		}
		for i, row := range got {
			if w := want(from + i); fmt.Sprint(row) != fmt.Sprint(w) {
				t.Fatalf("rows %v: row %d is %v, want %v", bounds, from+i, row, w)
			}
		}
	}
}

// TestParquetErrors reads what cannot be used.
func TestParquetErrors(t *testing.T) {
	words := plain("word", parquet.Types.ByteArray, schema.StringLogicalType{}, 0, []parquet.ByteArray{[]byte("pear"), []byte("fig"), []byte("7")})
	blob := plain("blob", parquet.Types.ByteArray, schema.NoLogicalType{}, 0, []parquet.ByteArray{{1}, {2}, {3}})
	one := plain("x", parquet.Types.Double, schema.NoLogicalType{}, 0, []float64{1, math.Inf(1), 3})
	optional := parquetColumn{node: schema.NewFloat64Node("a null", parquet.Repetitions.Optional, -1), values: []float64{1, 2}, defined: []int16{1, 1, 0}}
	for _, c := range []struct {
		column parquetColumn
		opt    Options
		want   []string
	}{
		{words, Options{}, []string{`column "word"`, `1 of 3 values are none, the first of them "7"`, "--categorical 0"}},
		{blob, Options{}, []string{`row 1, column "blob": `, "type BYTE_ARRAY"}},
		{one, Options{}, []string{`row 2, column "x": +Inf is not a finite number`}},
		{optional, Options{}, []string{`row 3, column "a null": the value is null`}},
		{one, Options{Transpose: true}, []string{"--transpose"}},
		{one, Options{From: 3}, []string{"no row 3"}},
		{vectors("list", []float32{1, 2, 3}, []int16{3, 3, 3}, []int16{0, 1, 0}), Options{}, []string{`row 2, column "list": the list has 1 values, but 2`}},
		{vectors("list", []float32{1, 2, 3}, []int16{3, 3, 3}, []int16{0, 0, 1}), Options{}, []string{`row 2, column "list": the list has 2 values, but 1`}},
		{vectors("list", []float32{1, 2}, []int16{3, 3, 1}, []int16{0, 1, 0}), Options{}, []string{`row 2, column "list": the list has 0 values, but 2`}},
		{vectors("list", []float32{}, []int16{1, 0, 1}, []int16{0, 0, 0}), Options{Missing: MissingNaN}, []string{`row 1, column "list": the list is empty, and none was found that is not`}},
	} {
		data := parquetBytes(t, 1, []parquetColumn{c.column})
		for _, d := range deliveries[:3] {
			r, err := d.open(t, data, c.opt)
			if err == nil {
				_, err = readAll(r)
				r.Close()
			}
			checkError(t, err, c.want...)
		}
	}
}

// TestParquetDamaged cuts and changes a file: every part of it is missed, and no change ends
// in a panic, in waiting for ever, or in more or fewer rows.
func TestParquetDamaged(t *testing.T) {
	columns, _, want := parquetTypes()
	const few = 5 // bytes, from one cut or change to the next
	whole := parquetBytes(t, 1, columns[:1])
	_, err := readString(string(whole[:len(whole)-few]), Options{})
	checkError(t, err, "data: truncated: the file does not end as a Parquet file does")
	packed := gz(whole)
	_, err = readString(string(packed[:len(packed)/2]), Options{})
	checkError(t, err, "data: truncated or damaged gzip data")
	for k := 5; k < len(columns); k += 3 {
		data := parquetBytes(t, 2, columns[k:min(k+3, len(columns))], parquet.WithCompression(compress.Codecs.Snappy), parquet.WithStats(false))
		for n := len(parquetMagic); n < len(data); n += few {
			if _, err := readString(string(data[:n]), Options{Missing: MissingNaN}); err == nil {
				t.Fatalf("%d of %d bytes are read", n, len(data))
			}
		}
		for i := len(parquetMagic) + k%few; i < len(data); i += few {
			changed := bytes.Clone(data)
			changed[i] ^= 1 << (i % 8)
			m, err := readString(string(changed), Options{Missing: MissingNaN})
			if err != nil {
				checkError(t, err)
			} else if m.Rows != 2*len(want) {
				t.Errorf("byte %d: %d rows, want %d", i, m.Rows, 2*len(want))
			}
		}
	}
}

// TestParquetIndices reads indices that no dictionary has: in runs and packed, of numbers and texts.
func TestParquetIndices(t *testing.T) {
	const each = 8 // equal values are a run from then on
	at := func(i int) int { return i / each % 2 }
	var xs []float64
	var words []parquet.ByteArray
	for i := range 3 * each {
		xs = append(xs, []float64{1.5, 2.5}[at(i)])
		words = append(words, parquet.ByteArray([]string{"pear", "fig"}[at(i)]))
	}
	for _, version := range []parquet.DataPageVersion{parquet.DataPageV1, parquet.DataPageV2} {
		for _, c := range []parquetColumn{
			plain("x", parquet.Types.Double, schema.NoLogicalType{}, 0, xs),
			plain("word", parquet.Types.ByteArray, schema.StringLogicalType{}, 0, words),
		} {
			data := parquetBytes(t, 1, []parquetColumn{c}, parquet.WithDataPageVersion(version), parquet.WithCompression(compress.Codecs.Uncompressed))
			indices := []byte{1, each << 1, 0, each << 1, 1, each << 1, 0} // bits, and three runs
			if bytes.Count(data, indices) != 1 {
				t.Fatalf("%s: no indices % x", c.node.Name(), indices)
			}
			for _, wrong := range [][]byte{
				{32, 3 * each << 1, 0xff, 0xff, 0xff, 0x7f, 0}, // a run of the largest int32
				{32, 3 * each << 1, 0, 0, 0, 0x80, 0},          // of the smallest
				{26, 3 * each << 1, 1, 0, 0, 0x7c, 0},          // of more bits than it should have
				{24, 3<<1 | 1, 0, 0, 0x10, 0, 0},               // packed
				{64, each << 1, 0, 0, 0, 0, 0},
			} {
				_, err := readString(string(bytes.Replace(data, indices, wrong, 1)), Options{Missing: MissingNaN})
				checkError(t, err, "damaged", "of a dictionary")
			}
		}
	}
}

// FuzzParquet reads files, which must be an error or a matrix.
func FuzzParquet(f *testing.F) {
	columns, _, _ := parquetTypes()
	for _, c := range columns {
		f.Add(parquetBytes(f, 1, []parquetColumn{c}))
		f.Add(parquetBytes(f, 2, []parquetColumn{c}, parquet.WithDictionaryDefault(false), parquet.WithCompression(compress.Codecs.Zstd), parquet.WithDataPageVersion(parquet.DataPageV2)))
	}
	whole := plain("d", parquet.Types.Int64, schema.NoLogicalType{}, 0, []int64{1500})
	f.Add(parquetFrom(f, schemaText(f, arrow.Field{Name: "d", Type: arrow.FixedWidthTypes.Duration_ms}), 1, []parquetColumn{whole}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.HasPrefix(data, parquetMagic) {
			checkRead(t, data, Options{Missing: MissingNaN})
		}
	})
}
