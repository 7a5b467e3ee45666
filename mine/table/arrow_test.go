package table

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	arrowarray "github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// arrowBatch returns rows of a schema that are written as JSON.
func arrowBatch(t testing.TB, schema *arrow.Schema, rows string) arrow.RecordBatch {
	t.Helper()
	batch, _, err := arrowarray.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(rows))
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

// arrowBytes returns an Arrow file, or a stream, of the batches.
func arrowBytes(t testing.TB, isFile bool, batches []arrow.RecordBatch, opts ...ipc.Option) []byte {
	t.Helper()
	var buf bytes.Buffer
	opts = append(opts, ipc.WithSchema(batches[0].Schema()))
	var w interface {
		Write(arrow.RecordBatch) error
		Close() error
	} = ipc.NewWriter(&buf, opts...)
	if isFile {
		buf.Reset()
		f, err := ipc.NewFileWriter(&buf, opts...)
		if err != nil {
			t.Fatal(err)
		}
		w = f
	}
	for _, b := range batches {
		if err := w.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// arrowTypes are two batches of all types, and the numbers they stand for.
func arrowTypes(t testing.TB) ([]arrow.RecordBatch, []string, [][]float64) {
	nan := math.NaN()
	fields := []struct {
		name string
		typ  arrow.DataType
		json [2]string
		want [2]float64
	}{
		{"boolean", arrow.FixedWidthTypes.Boolean, [2]string{"true", "false"}, [2]float64{1, 0}},
		{"int8", arrow.PrimitiveTypes.Int8, [2]string{"-128", "null"}, [2]float64{-128, nan}},
		{"int16", arrow.PrimitiveTypes.Int16, [2]string{"-300", "300"}, [2]float64{-300, 300}},
		{"int32", arrow.PrimitiveTypes.Int32, [2]string{"-70000", "1"}, [2]float64{-70000, 1}},
		{"int64", arrow.PrimitiveTypes.Int64, [2]string{"-4611686018427387904", "1"}, [2]float64{-1 << 62, 1}},
		{"uint8", arrow.PrimitiveTypes.Uint8, [2]string{"255", "0"}, [2]float64{255, 0}},
		{"uint16", arrow.PrimitiveTypes.Uint16, [2]string{"65535", "0"}, [2]float64{65535, 0}},
		{"uint32", arrow.PrimitiveTypes.Uint32, [2]string{"4294967295", "0"}, [2]float64{math.MaxUint32, 0}},
		{"uint64", arrow.PrimitiveTypes.Uint64, [2]string{"9223372036854775808", "0"}, [2]float64{1 << 63, 0}},
		{"float32", arrow.PrimitiveTypes.Float32, [2]string{"0.5", "null"}, [2]float64{0.5, nan}},
		{"float64", arrow.PrimitiveTypes.Float64, [2]string{"0.1", "-1e300"}, [2]float64{0.1, -1e300}},
		{"nullable", arrow.PrimitiveTypes.Float64, [2]string{"null", "7"}, [2]float64{nan, 7}},
		{"null", arrow.Null, [2]string{"null", "null"}, [2]float64{nan, nan}},
		{"date32", arrow.FixedWidthTypes.Date32, [2]string{`"1970-01-02"`, `"1969-12-31"`}, [2]float64{86400, -86400}},
		{"date64", arrow.FixedWidthTypes.Date64, [2]string{`"1970-01-02"`, `"1970-01-01"`}, [2]float64{86400, 0}},
		{"timestamp", &arrow.TimestampType{Unit: arrow.Millisecond}, [2]string{`"2023-11-14T22:13:20.250"`, `"1969-12-31T23:59:58.500"`}, [2]float64{1_700_000_000.25, -1.5}},
		{"time32", arrow.FixedWidthTypes.Time32ms, [2]string{`"00:00:01.500"`, `"01:00:00.000"`}, [2]float64{1.5, 3600}},
		{"decimal", &arrow.Decimal128Type{Precision: 20, Scale: 2}, [2]string{`"123.45"`, `"-0.01"`}, [2]float64{123.45, -0.01}},
		{"dictionary", &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.PrimitiveTypes.Float64}, [2]string{"2.5", "null"}, [2]float64{2.5, nan}},
	}
	var all []arrow.Field
	var names []string
	rows := [2]string{}
	want := make([][]float64, 2)
	for _, f := range fields {
		all, names = append(all, arrow.Field{Name: f.name, Type: f.typ, Nullable: true}), append(names, f.name)
		for i := range rows {
			rows[i] += fmt.Sprintf("%q: %s, ", f.name, f.json[i])
			want[i] = append(want[i], f.want[i])
		}
	}
	all = append(all,
		arrow.Field{Name: "list", Type: arrow.ListOf(arrow.PrimitiveTypes.Float32), Nullable: true},
		arrow.Field{Name: "fixed", Type: arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Int16), Nullable: true},
		arrow.Field{Name: "group", Type: arrow.StructOf(arrow.Field{Name: "a", Type: arrow.PrimitiveTypes.Float64, Nullable: true}), Nullable: true})
	names = append(names, "list[0]", "list[1]", "list[2]", "fixed[0]", "fixed[1]", "group.a")
	rows[0] += `"list": [1, null, 3], "fixed": [4, 5], "group": {"a": 6}`
	rows[1] += `"list": null, "fixed": [7, 8], "group": null`
	want[0], want[1] = append(want[0], 1, nan, 3, 4, 5, 6), append(want[1], nan, nan, nan, 7, 8, nan)
	schema := arrow.NewSchema(all, nil)
	both := arrowBatch(t, schema, "[{"+rows[0]+"}, {"+rows[1]+"}]")
	return []arrow.RecordBatch{both, both.NewSlice(0, 0), both}, names, append(want, want...)
}

// TestArrow reads all types from files and streams, compressed and not.
func TestArrow(t *testing.T) {
	batches, names, want := arrowTypes(t)
	for name, opts := range map[string][]ipc.Option{"plain": nil, "lz4": {ipc.WithLZ4()}, "zstd": {ipc.WithZstd()}} {
		for _, isFile := range []bool{true, false} {
			data := arrowBytes(t, isFile, batches, opts...)
			for _, d := range deliveries {
				t.Run(fmt.Sprint(name, "/file=", isFile, "/", d.name), func(t *testing.T) {
					r, err := d.open(t, data, Options{})
					if err != nil {
						t.Fatal(err)
					}
					defer r.Close()
					if !slices.Equal(r.Columns(), names) {
						t.Fatalf("columns %q, want %q", r.Columns(), names)
					}
					checkRows(t, names, exactRows(t, r), want, 1)
				})
			}
			r, err := Open(writeTemp(t, data), Options{From: 1, To: 3})
			if err != nil {
				t.Fatal(err)
			}
			checkRows(t, names, exactRows(t, r), want[1:3], 1)
			r.Close()
		}
	}
}

// TestLists selects lists of equal length as blocks of columns, and refuses others.
func TestLists(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "y", Type: arrow.PrimitiveTypes.Float64}, {Name: "v", Type: arrow.ListOf(arrow.PrimitiveTypes.Float64)}}, nil)
	data := arrowBytes(t, false, []arrow.RecordBatch{arrowBatch(t, schema, `[{"y": 1, "v": [2, 3, 4]}, {"y": 5, "v": [6, 7, 8]}]`)})
	for spec, want := range map[string]string{
		"v": "[1 2 3]", "v[1]": "[2]", "v[1:]": "[2 3]", "v[:2],y": "[1 2 0]", `"v"`: "[1 2 3]", "!v": "[0]", "v,!v[0:1]": "[2 3]", "v*": "[1 2 3]",
		"v[3]": "out of range", "v[1:4]": "out of range", "v[2:2]": "empty", "y[0:1]": "no column", "v[x:]": "no column",
	} {
		r, err := OpenStream("data", bytes.NewReader(data), Options{})
		if err != nil {
			t.Fatal(err)
		}
		cols, err := r.Select("--x", spec)
		if err != nil {
			checkError(t, err, want)
		} else if fmt.Sprint(cols) != want {
			t.Errorf("%s selects %v, want %s", spec, cols, want)
		}
	}
	m, err := readString(string(data), Options{})
	if want := []float32{1, 2, 3, 4, 5, 6, 7, 8}; err != nil || !slices.Equal(m.Data, want) {
		t.Errorf("read %v, error %v, want %v", m.Data, err, want)
	}
	_, err = readString(string(arrowBytes(t, false, []arrow.RecordBatch{arrowBatch(t, schema, `[{"y": 1, "v": [2, 3]}, {"y": 5, "v": [6]}]`)})), Options{})
	checkError(t, err, `row 2, column "v": the list has 1 values, but 2`)
}

// TestLateLists: lists are as long as the first that has values, in whichever batch that is, of a file, of a
// stream and of a program that overwrites its batches. Those that are empty alone are no columns.
func TestLateLists(t *testing.T) {
	list := arrow.ListOf(arrow.PrimitiveTypes.Float64)
	fields := []arrow.Field{
		{Name: "y", Type: arrow.PrimitiveTypes.Float64}, {Name: "v", Type: list, Nullable: true}, {Name: "w", Type: arrow.BinaryTypes.String},
		{Name: "g", Type: arrow.StructOf(arrow.Field{Name: "v", Type: list, Nullable: true}), Nullable: true},
	}
	late := []string{
		`[{"y": 1, "v": null, "w": "fig", "g": null}]`, `[{"y": 2, "v": null, "w": "pear", "g": {"v": [7]}}, {"y": 3, "v": null, "w": "fig", "g": null}]`,
		`[{"y": 4, "v": null, "w": "fig", "g": null}, {"y": 5, "v": [8, 9], "w": "fig", "g": null}]`, `[{"y": 6, "v": [1, 2], "w": "pear", "g": {"v": [5]}}]`,
	}
	nan := math.NaN()
	want := [][]float64{{1, nan, nan, nan}, {2, nan, nan, 7}, {3, nan, nan, nan}, {4, nan, nan, nan}, {5, 8, 9, nan}, {6, 1, 2, 5}}
	open := func(how string, rows []string) (*Reader, error) {
		if how != "file" { // which has one dictionary alone
			fields[2].Type = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}
		}
		schema := arrow.NewSchema(fields, nil)
		if how == "program" {
			return OpenArrow("data", newFleeting(t, schema, rows...), Options{Missing: MissingNaN})
		}
		var batches []arrow.RecordBatch
		for _, r := range rows {
			batches = append(batches, arrowBatch(t, schema, r))
		}
		return OpenStream("data", bytes.NewReader(arrowBytes(t, how == "file", batches)), Options{Missing: MissingNaN})
	}
	for _, how := range []string{"file", "stream", "program"} {
		r, err := open(how, late)
		if err != nil {
			t.Fatal(err)
		}
		if names := []string{"y", "v[0]", "v[1]", "w", "g.v[0]"}; !slices.Equal(r.Columns(), names) {
			t.Fatalf("%s: columns %q, want %q", how, r.Columns(), names)
		}
		all, err := r.Read(t.Context(), []int{0, 1, 2, 4}, []int{3})
		if err != nil {
			t.Fatal(err)
		}
		rows := make([][]float64, all[0].Rows())
		for i := range rows {
			rows[i] = make([]float64, 4)
			if err := all[0].Read(rows[i], i, i+1, 0, 4); err != nil {
				t.Fatal(err)
			}
		}
		checkRows(t, r.Columns(), rows, want, 1)
		if got, want := texts(t, all[1], 0), []string{"fig", "pear", "fig", "fig", "fig", "pear"}; !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", how, got, want)
		}
		r.Close()

		r, err = open(how, []string{`[{"y": 1, "v": [], "w": "fig", "g": null}]`, `[{"y": 1, "v": [], "w": "fig", "g": null}]`})
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.Read(t.Context(), []int{1})
		checkError(t, err, `data: row 1, column "v": the list is empty, and none was found that is not`)
		r.Close()
	}
}

// TestArrowDamaged cuts and changes files and streams: every part of them is missed, and no
// change ends in a panic.
func TestArrowDamaged(t *testing.T) {
	batches, _, _ := arrowTypes(t)
	const few = 11 // bytes, from one cut or change to the next
	for _, opts := range [][]ipc.Option{nil, {ipc.WithZstd()}} {
		for _, isFile := range []bool{true, false} {
			data := arrowBytes(t, isFile, batches, opts...)
			for n := 8; n < len(data); n += few {
				if _, err := readString(string(data[:n]), Options{Missing: MissingNaN}); err == nil {
					t.Fatalf("file: %t: %d of %d bytes are read", isFile, n, len(data))
				}
			}
			for i := 8; i < len(data); i += few {
				changed := bytes.Clone(data)
				changed[i] ^= 1 << (i % 8)
				if _, err := readString(string(changed), Options{Missing: MissingNaN}); err != nil {
					checkError(t, err)
				}
			}
			if isFile {
				continue
			}
			_, err := readString(string(append(bytes.Clone(data), data...)), Options{Missing: MissingNaN})
			checkError(t, err, "data after the end")
		}
	}
}

// TestArrowWithoutRows: a file or stream that has columns and no rows is whole, and says so; cut
// off, it is not.
func TestArrowWithoutRows(t *testing.T) {
	batches, _, _ := arrowTypes(t)
	for _, isFile := range []bool{true, false} {
		data := arrowBytes(t, isFile, []arrow.RecordBatch{batches[0].NewSlice(0, 0)})
		_, err := readString(string(data), Options{})
		checkError(t, err, "no data rows")
		_, err = readString(string(data[:len(data)-8]), Options{})
		checkError(t, err, "truncated")
	}
}

// TestNullLists: a list that is null is missing, though it has elements, as those of fixed size
// have.
func TestNullLists(t *testing.T) {
	elements := arrowarray.NewFloat64Builder(memory.DefaultAllocator)
	elements.AppendValues([]float64{1, 2, 9, 9, 3, 4}, nil)
	values := elements.NewArray()
	typ := arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Float64)
	valid := memory.NewBufferBytes([]byte{0b101})
	list := arrowarray.MakeFromData(arrowarray.NewData(typ, 3, []*memory.Buffer{valid}, []arrow.ArrayData{values.Data()}, 1, 0))
	schema := arrow.NewSchema([]arrow.Field{{Name: "v", Type: typ, Nullable: true}}, nil)
	data := arrowBytes(t, true, []arrow.RecordBatch{arrowarray.NewRecordBatch(schema, []arrow.Array{list}, 3)})
	_, err := readString(string(data), Options{})
	checkError(t, err, "row 2", "null")
	m, err := readString(string(data), Options{Missing: MissingNaN})
	if err != nil || m.at(0, 1) != 2 || m.at(1, 0) == m.at(1, 0) || m.at(2, 0) != 3 {
		t.Errorf("%+v, %v", m, err)
	}
}

// TestArrowTexts reads texts as codes, but for those of numbers, and refuses what is neither.
func TestArrowTexts(t *testing.T) {
	words := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}
	for _, typ := range []arrow.DataType{arrow.BinaryTypes.String, arrow.BinaryTypes.LargeString, words} {
		schema := arrow.NewSchema([]arrow.Field{{Name: "a word", Type: typ}}, nil)
		batch := arrowBatch(t, schema, `[{"a word": "pear"}, {"a word": "fig"}, {"a word": "pear"}]`)
		r, err := OpenStream("f", bytes.NewReader(arrowBytes(t, true, []arrow.RecordBatch{batch, batch})), Options{})
		if err != nil {
			t.Fatal(err)
		}
		all, err := r.Read(t.Context(), []int{0})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := texts(t, all[0], 0), []string{"pear", "fig", "pear", "pear", "fig", "pear"}; !slices.Equal(got, want) || len(all[0].Cols[0].Labels) != 2 {
			t.Errorf("%s: %q, want %q", typ, got, want)
		}
		_, err = readString(string(arrowBytes(t, true, []arrow.RecordBatch{arrowBatch(t, schema, `[{"a word": "7"}]`)})), Options{})
		checkError(t, err, `"7"`, "--categorical 0")
		_, err = readString(string(arrowBytes(t, true, []arrow.RecordBatch{arrowBatch(t, schema, `[{"a word": "fig"}, {"a word": null}]`)})), Options{})
		checkError(t, err, `row 2, column "a word": `, "null")
	}
	schema := arrow.NewSchema([]arrow.Field{{Name: "b", Type: arrow.BinaryTypes.Binary}}, nil)
	_, err := readString(string(arrowBytes(t, true, []arrow.RecordBatch{arrowBatch(t, schema, `[{"b": "AQ=="}]`)})), Options{})
	checkError(t, err, `row 1, column "b": `, "type binary")
}

// FuzzArrow reads files and streams, which must be an error or a matrix: as regular files, whose
// size bounds the memory that damaged data ask for, so that each takes little time.
func FuzzArrow(f *testing.F) {
	batches, _, _ := arrowTypes(f)
	for _, opts := range [][]ipc.Option{nil, {ipc.WithLZ4()}, {ipc.WithZstd()}} {
		f.Add(arrowBytes(f, true, batches, opts...))
		f.Add(arrowBytes(f, false, batches, opts...))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !bytes.HasPrefix(data, arrowMagic) && !isArrowStream(data) {
			return
		}
		r, err := newReader("data", bytes.NewReader(data), io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data))), Options{Missing: MissingNaN})
		if err == nil {
			_, err = readAll(r)
		}
		if err != nil {
			checkError(t, err)
		}
	})
}
