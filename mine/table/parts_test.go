package table

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// writeParts writes files to a folder, and returns it.
func writeParts(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func readPattern(t *testing.T, pattern string, opt Options) (flat, error) {
	t.Helper()
	r, err := Open(pattern, opt)
	if err != nil {
		return flat{}, err
	}
	defer r.Close()
	return readAll(r)
}

// TestParts reads several files as one table, by the names of the columns.
func TestParts(t *testing.T) {
	column := func(name string, v ...float64) parquetColumn {
		return plain(name, parquet.Types.Double, schema.NoLogicalType{}, 0, v)
	}
	dir := writeParts(t, map[string]string{
		"a-1.csv": "x,z\n1,2\n3,4\n", "a-2.csv": "z;x\n6;5\n", "a-3.csv": string(gz([]byte("x,z\n7,8\n"))), "other.csv": "y\n1\n",
		"b-1.parquet": string(parquetBytes(t, 1, []parquetColumn{column("x", 1, 3), column("z", 2, 4)})),
		"b-2.parquet": string(parquetBytes(t, 2, []parquetColumn{column("z", 6), column("x", 5)})),
		"c1.npz":      string(archive(t, 0, "v.npy", string(npyFile("|u1", false, "(1, 2)", []byte{1, 2})))),
		"c2.npz":      string(archive(t, 0, "v.npy", string(npyFile("|u1", false, "(1, 2)", []byte{3, 4})))),
		"[d].csv":     "9,8\n7,6\n",
	})
	for _, c := range []struct {
		pattern string
		opt     Options
		want    []float32
	}{
		{"a-*.csv", Options{}, []float32{1, 2, 3, 4, 5, 6, 7, 8}},
		{"a-[12].csv", Options{}, []float32{1, 2, 3, 4, 5, 6}},
		{"a-?.csv", Options{From: 1, To: 3}, []float32{3, 4, 5, 6}},
		{"a-?.csv", Options{From: 3}, []float32{7, 8}},
		{"a-?.csv", Options{To: 1}, []float32{1, 2}},
		{"a-?.csv", Options{Sample: 4}, []float32{1, 2, 3, 4, 5, 6, 7, 8}},
		{"b-*", Options{}, []float32{1, 2, 3, 4, 5, 6, 5, 6}},
		{"b-*", Options{From: 2, To: 3}, []float32{5, 6}},
		{"c*.npz:v", Options{}, []float32{1, 2, 3, 4}},
		{"[d].csv", Options{}, []float32{9, 8, 7, 6}},
	} {
		m, err := readPattern(t, filepath.Join(dir, c.pattern), c.opt)
		if err != nil || !slices.Equal(m.Data, c.want) {
			t.Errorf("%s, %+v: %v, %v, want %v", c.pattern, c.opt, m.Data, err, c.want)
		}
	}
}

// TestPartsErrors reads files that make no table.
func TestPartsErrors(t *testing.T) {
	dir := writeParts(t, map[string]string{
		"a1.csv": "x,z\n1,2\n", "a2.csv": "x,y\n1,2\n", "b1.csv": "x,z\n1,2\n", "b2.csv": "x,z,y\n1,2,3\n",
		"c1.csv": "x,z\n1,2\n", "c2.csv": "z,x\n1,2\n3,oops\n", "d1.csv": "x,x\n1,2\n", "d2.csv": "x,y\n1,2\n",
	})
	for pattern, want := range map[string][]string{
		"a*.csv": {"a2.csv: no column \"z\"", "a1.csv has"},
		"b*.csv": {"b2.csv: column \"y\"", "b1.csv does not have"},
		"c*.csv": {`c2.csv: line 3, column "x": "oops" is not a number`},
		"e*.csv": {"no file matches the pattern"},
		"[":      {"syntax error in pattern"},
		"d*.csv": {"d2.csv: several columns are named \"x\""},
	} {
		_, err := readPattern(t, filepath.Join(dir, pattern), Options{})
		checkError(t, err, want...)
	}
}

// TestPartsOfDifferentMeaning: files whose values stand for different things in a column that is read make no
// table; other widths of numbers, other units of times, nulls alone, and text or arrays of numbers do.
func TestPartsOfDifferentMeaning(t *testing.T) {
	types, none := parquet.Types, schema.NoLogicalType{}
	stamps := func(u schema.TimeUnitType, v int64) parquetColumn {
		return plain("a", types.Int64, schema.NewTimestampLogicalType(true, u), 0, []int64{v})
	}
	unset := parquetColumn{
		node:   schema.MustPrimitive(schema.NewPrimitiveNodeLogical("a", parquet.Repetitions.Optional, schema.NullLogicalType{}, types.Int32, 0, -1)),
		values: []int32{}, defined: []int16{0},
	}
	content := map[string]string{"csv": "a,y\n1,0\n", "words.csv": "a,y\nfig,0\n"}
	for name, c := range map[string]parquetColumn{
		"micros": stamps(schema.TimeUnitMicros, 1e6), "millis": stamps(schema.TimeUnitMillis, 1e3), "unset": unset,
		"date": plain("a", types.Int32, schema.DateLogicalType{}, 0, []int32{1}),
		"time": plain("a", types.Int32, schema.NewTimeLogicalType(false, schema.TimeUnitMillis), 0, []int32{1000}),
		"int":  plain("a", types.Int64, none, 0, []int64{1}), "small": plain("a", types.Int32, none, 0, []int32{1}),
		"double": plain("a", types.Double, none, 0, []float64{1}), "float": plain("a", types.Float, none, 0, []float32{1}),
		"decimal": plain("a", types.Int32, schema.NewDecimalLogicalType(9, 2), 0, []int32{100}),
		"boolean": plain("a", types.Boolean, none, 0, []bool{true}),
		"text":    plain("a", types.ByteArray, schema.StringLogicalType{}, 0, []parquet.ByteArray{[]byte("fig")}),
	} {
		content[name] = string(parquetBytes(t, 1, []parquetColumn{c, plain("y", types.Double, none, 0, []float64{0})}))
	}
	for name, typ := range map[string]arrow.DataType{
		"arrow.int": arrow.PrimitiveTypes.Int8, "arrow.nanos": arrow.FixedWidthTypes.Timestamp_ns, "arrow.duration": arrow.FixedWidthTypes.Duration_s,
		"arrow.words": &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String},
	} {
		value := map[string]string{"arrow.nanos": `"1970-01-01 00:00:01"`, "arrow.words": `"fig"`, "arrow.duration": `"1s"`}[name]
		s := arrow.NewSchema([]arrow.Field{{Name: "a", Type: typ}, {Name: "y", Type: arrow.PrimitiveTypes.Float64}}, nil)
		content[name] = string(arrowBytes(t, true, []arrow.RecordBatch{arrowBatch(t, s, `[{"a": `+cmp.Or(value, "1")+`, "y": 0}]`)}))
	}
	open := func(files []string) *Reader {
		all := make(map[string]string)
		for i, f := range files {
			all[fmt.Sprint("p-", i)] = content[f]
		}
		r, err := Open(filepath.Join(writeParts(t, all), "p-*"), Options{Missing: MissingNaN})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	read := func(files []string, categorical bool, spec string) error {
		r := open(files)
		defer r.Close()
		cols, err := r.Select("--x", spec)
		if err != nil {
			t.Fatal(err)
		}
		if categorical {
			r.Categorical(cols)
		}
		_, err = r.Read(t.Context(), cols)
		return err
	}
	for _, files := range [][]string{
		{"int", "small", "double", "float", "decimal", "csv", "arrow.int"}, {"micros", "millis", "date", "arrow.nanos"}, {"csv", "boolean"},
		{"text", "words.csv", "arrow.words"}, {"unset", "millis", "unset", "date"}, {"int", "unset"}, {"unset", "boolean", "boolean"},
	} {
		if err := read(files, false, "a"); err != nil {
			t.Errorf("%q: %v", files, err)
		}
	}
	for _, c := range []struct {
		files       []string
		categorical bool
		want        string
	}{
		{[]string{"micros", "int"}, false, "p-1: column \"a\" holds numbers, and times in "},
		{[]string{"double", "micros"}, false, "holds times, and numbers in "},
		{[]string{"micros", "millis", "csv"}, false, "p-2: column \"a\" holds values without a type, and times in "},
		{[]string{"unset", "date", "small"}, false, "p-2: column \"a\" holds numbers, and times in "},
		{[]string{"date", "time"}, false, "holds times of day, and times in "},
		{[]string{"int", "boolean"}, false, "holds booleans, and numbers in "},
		{[]string{"arrow.duration", "arrow.int"}, false, "holds numbers, and durations in "},
		{[]string{"arrow.nanos", "double"}, true, "holds numbers, and times in "},
		{[]string{"text", "int"}, false, "holds numbers, and texts in "},
		{[]string{"text", "boolean"}, true, "holds booleans, and texts in "},
		{[]string{"csv", "boolean"}, true, "holds booleans, and values without a type in "},
		{[]string{"int", "text"}, false, "is text, and not a number"},
	} {
		checkError(t, read(c.files, c.categorical, "a"), c.want)
		if err := read(c.files, false, "y"); err != nil {
			t.Errorf("%q, without the column: %v", c.files, err)
		}
	}
	if err := read([]string{"int", "text"}, true, "a"); err != nil {
		t.Errorf("numbers and texts as codes: %v", err)
	}
	for want, files := range map[string][]string{"times in p-0, and numbers in p-2": {"micros", "date", "int"}, "texts in p-0, and numbers in p-1": {"text", "int"}, "": {"int", "text"}} {
		r := open(files)
		got, err := r.Describe(t.Context())
		r.Close()
		if err != nil || strings.ReplaceAll(got.Columns[0].Conflict, filepath.Dir(r.name)+string(filepath.Separator), "") != want || got.Columns[1].Conflict != "" ||
			got.Columns[0].ByCodes != strings.HasPrefix(want, "texts") {
			t.Errorf("%q: %+v, error %v, want %s", files, got, err, want)
		}
	}
}

// TestCounterInParts: an index is refused that begins anew in each file, or goes on, or is pandas'; so is
// one of a single file that is pandas', which stands behind the data.
func TestCounterInParts(t *testing.T) {
	index := func(v ...int64) parquetColumn {
		return plain("__index_level_0__", parquet.Types.Int64, schema.NoLogicalType{}, 0, v)
	}
	x := func(v ...float64) parquetColumn {
		return plain("x", parquet.Types.Double, schema.NoLogicalType{}, 0, v)
	}
	dir := writeParts(t, map[string]string{
		"anew-1.csv": ",x\n0,5\n1,7\n", "anew-2.csv": ",x\n0,6\n1,2\n2,3\n",
		"on-1.csv": ",x\n0,5\n1,7\n", "on-2.csv": ",x\n2,6\n3,2\n",
		"hour-1.csv": "hour,x\n0,5\n1,7\n0,5\n", "hour-2.csv": "hour,x\n1,6\n0,2\n1,3\n",
		"single-1.csv": "t,x\n0,5\n", "single-2.csv": "t,x\n1,5\n", "single-3.csv": "t,x\n2,5\n",
		"pandas-1.parquet": string(parquetBytes(t, 1, []parquetColumn{x(5, 7, 5), index(3, 8, 9)})),
		"pandas-2.parquet": string(parquetBytes(t, 1, []parquetColumn{x(6, 2, 4), index(0, 2, 5)})),
	})
	for _, c := range []struct {
		pattern, spec string
		opt           Options
		want          []string // of the error; nil for none
	}{
		{"anew-*.csv", ":", Options{}, []string{"(index 0) counts the rows", "'!0'"}},
		{"anew-*.csv", ":", Options{From: 1}, []string{"(index 0) counts the rows"}},
		{"anew-*.csv", "0", Options{}, nil},
		{"on-*.csv", ":", Options{}, []string{"(index 0) counts the rows"}},
		{"hour-*.csv", ":", Options{}, nil},
		{"single-*.csv", ":", Options{}, []string{"(index 0) counts the rows"}},
		{"pandas-*.parquet", ":", Options{}, []string{`column "__index_level_0__" (index 1) is the index that pandas has written`, "'!__index_level_0__'"}},
		{"pandas-*.parquet", "__index_level_0__", Options{}, nil},
		{"pandas-1.parquet", "!x", Options{}, []string{"is the index that pandas has written"}},
		{"pandas-1.parquet", "!__index_level_0__", Options{}, nil},
	} {
		r, err := Open(filepath.Join(dir, c.pattern), c.opt)
		if err != nil {
			t.Fatal(err)
		}
		cols, err := r.Select("--x", c.spec)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = r.Read(t.Context(), cols); c.want != nil {
			checkError(t, err, c.want...)
		} else if err != nil {
			t.Errorf("%s %s: %v", c.pattern, c.spec, err)
		}
		r.Close()
	}
}

// TestChanged changes a file between two looks at it.
func TestChanged(t *testing.T) {
	for _, pattern := range []string{"a-1.csv", "a-*.csv"} {
		dir := writeParts(t, map[string]string{"a-1.csv": "x\n1\n", "a-2.csv": "x\n2\n"})
		r, err := Open(filepath.Join(dir, pattern), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(filepath.Join(dir, "a-1.csv"), time.Time{}, time.Unix(1e9, 0)); err != nil {
			t.Fatal(err)
		}
		_, err = readAll(r)
		checkError(t, err, "a-1.csv: the file was changed while it was read")
		r.Close()
	}
}

// TestPartsMissing counts rows without a value where they are, and ignores those that are not
// asked for.
func TestPartsMissing(t *testing.T) {
	dir := writeParts(t, map[string]string{"a1.csv": "x,z\noops,2\n3,4\n", "a2.csv": "x,z\n,6\n7,8\n"})
	m, err := readPattern(t, filepath.Join(dir, "a*.csv"), Options{From: 1, Missing: MissingNaN})
	if err != nil || fmt.Sprint(m.Data) != fmt.Sprint([]float32{3, 4, float32(math.NaN()), 6, 7, 8}) {
		t.Errorf("%v, %v", m.Data, err)
	}
	if bytes.Contains([]byte(fmt.Sprint(err)), []byte("oops")) {
		t.Error("a row that was not asked for is looked at")
	}
}
