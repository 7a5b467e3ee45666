package table

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// schemaText returns the Arrow schema of the fields as writers of Parquet files keep it.
func schemaText(t testing.TB, fields ...arrow.Field) string {
	t.Helper()
	var buf bytes.Buffer
	if err := ipc.NewWriter(&buf, ipc.WithSchema(arrow.NewSchema(fields, nil))).Close(); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(buf.Bytes())
}

// TestParquetDurations: durations, for which Parquet has no type, are seconds by the Arrow schema beside it; by
// that of other columns, a damaged one, or none they are the whole numbers that Parquet says.
func TestParquetDurations(t *testing.T) {
	none := schema.NoLogicalType{}
	element := schema.MustPrimitive(schema.NewPrimitiveNode("element", parquet.Repetitions.Required, parquet.Types.Int64, -1, -1))
	list := schema.MustGroup(schema.NewGroupNode("list", parquet.Repetitions.Repeated, schema.FieldList{element}, -1))
	columns := []parquetColumn{
		plain("words", parquet.Types.ByteArray, schema.StringLogicalType{}, 0, []parquet.ByteArray{[]byte("fig")}),
		{
			node: schema.MustGroup(schema.NewGroupNode("s", parquet.Repetitions.Required, schema.FieldList{
				schema.MustPrimitive(schema.NewPrimitiveNode("d", parquet.Repetitions.Required, parquet.Types.Int64, -1, -1)),
			}, -1)), values: []int64{1_500_000},
		},
		plain("i", parquet.Types.Int64, none, 0, []int64{1500}),
		{
			node:   schema.MustGroup(schema.NewGroupNodeLogical("l", parquet.Repetitions.Required, schema.FieldList{list}, schema.ListLogicalType{}, -1)),
			values: []int64{1500, 3000}, defined: []int16{1, 1}, repeated: []int16{0, 1},
		},
		plain("t", parquet.Types.Int64, schema.NewTimestampLogicalType(true, schema.TimeUnitMillis), 0, []int64{1500}),
	}
	words := arrow.Field{Name: "words", Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}}
	micros := arrow.Field{Name: "s", Type: arrow.StructOf(arrow.Field{Name: "d", Type: arrow.FixedWidthTypes.Duration_us})}
	whole, other := arrow.Field{Name: "i", Type: arrow.PrimitiveTypes.Int64}, arrow.Field{Name: "j", Type: arrow.FixedWidthTypes.Duration_us}
	millis := arrow.Field{Name: "l", Type: arrow.FixedSizeListOf(2, arrow.FixedWidthTypes.Duration_ms)}
	last := arrow.Field{Name: "t", Type: arrow.FixedWidthTypes.Duration_us} // Parquet's own type is what holds
	read := func(origin string) string {
		r, err := OpenStream("data", bytes.NewReader(parquetFrom(t, origin, 1, columns)), Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		all, err := r.Read(t.Context(), []int{1, 2, 3, 4, 5})
		if err != nil {
			t.Fatal(err)
		}
		row := make([]float64, 5)
		if err := all[0].Read(row, 0, 1, 0, 5); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(row)
	}
	const asIs, inSeconds = "[1.5e+06 1500 1500 3000 1.5]", "[1.5 1500 1.5 3 1.5]"
	good := schemaText(t, words, micros, whole, millis, last)
	for name, c := range map[string]struct{ origin, want string }{
		"with it":        {good, inSeconds},
		"not padded":     {strings.TrimRight(good, "="), inSeconds},
		"of other names": {schemaText(t, words, other, other, other, other), asIs},
		"of fewer":       {schemaText(t, words, micros, whole, millis), asIs},
		"without it":     {"", asIs},
		"no base64":      {"*" + good, asIs},
		"not a schema":   {base64.StdEncoding.EncodeToString([]byte("nothing of that kind")), asIs},
		"empty":          {"=", asIs},
	} {
		if got := read(c.origin); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	message, err := base64.StdEncoding.DecodeString(good)
	if err != nil {
		t.Fatal(err)
	}
	const few = 5 // bytes, from one change to the next
	for i := 0; i < len(message); i += few {
		changed := bytes.Clone(message)
		changed[i] ^= 0xff
		read(base64.StdEncoding.EncodeToString(changed))
		read(base64.StdEncoding.EncodeToString(message[:i]))
	}
}
