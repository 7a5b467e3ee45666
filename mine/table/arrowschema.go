package table

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	flatbuffers "github.com/google/flatbuffers/go"
)

// The places of what is counted in the description of a schema, which is a FlatBuffer: those of
// the tables Message, Schema and Field of Arrow's format/Message.fbs and format/Schema.fbs.
const (
	messageHeader  = 8
	schemaFields   = 6
	schemaMetadata = 8
	fieldChildren  = 14
	fieldMetadata  = 16
)

// readSchema reads the first message of a stream, checks the counts in it, and returns a reader
// of the whole stream. Package ipc makes room for as many fields as a damaged count says.
func readSchema(in *bufio.Reader) (io.Reader, error) {
	const prefix = 8 // the mark, and the length
	var message bytes.Buffer
	if _, err := io.CopyN(&message, in, prefix); err != nil {
		return nil, damaged(noEOF(err))
	}
	if !isArrowStream(message.Bytes()) {
		return nil, damaged(errors.New("it does not begin with a schema"))
	}
	if _, err := io.CopyN(&message, in, int64(binary.LittleEndian.Uint32(message.Bytes()[4:]))); err != nil {
		return nil, damaged(noEOF(err))
	}
	if err := guarded(func() error { return checkSchema(message.Bytes()[prefix:]) }); err != nil {
		return nil, err
	}
	return io.MultiReader(&message, in), nil
}

// checkSchema returns an error if the message has more fields than its bytes can hold. It panics
// where an offset leads out of the message.
func checkSchema(message []byte) error {
	left := len(message) / flatbuffers.SizeUOffsetT
	count := func(t flatbuffers.Table, place flatbuffers.VOffsetT) (n int, at flatbuffers.UOffsetT, err error) {
		o := flatbuffers.UOffsetT(t.Offset(place))
		if o == 0 {
			return 0, 0, nil
		}
		n, at = t.VectorLen(o), t.Vector(o)
		if left -= n; n < 0 || left < 0 {
			return 0, 0, damaged(fmt.Errorf("a schema of %d bytes says that it has %d fields", len(message), n))
		}
		return n, at, nil
	}
	var check func(t flatbuffers.Table, fields, metadata flatbuffers.VOffsetT) error
	check = func(t flatbuffers.Table, fields, metadata flatbuffers.VOffsetT) error {
		if _, _, err := count(t, metadata); err != nil {
			return err
		}
		n, at, err := count(t, fields)
		for i := range flatbuffers.UOffsetT(n) {
			if err != nil {
				break
			}
			err = check(flatbuffers.Table{Bytes: message, Pos: t.Indirect(at + i*flatbuffers.SizeUOffsetT)}, fieldChildren, fieldMetadata)
		}
		return err
	}
	root := flatbuffers.Table{Bytes: message, Pos: flatbuffers.GetUOffsetT(message)}
	o := flatbuffers.UOffsetT(root.Offset(messageHeader))
	if o == 0 {
		return damaged(errors.New("it does not begin with a schema"))
	}
	return check(flatbuffers.Table{Bytes: message, Pos: root.Indirect(root.Pos + o)}, schemaFields, schemaMetadata)
}

// arrowLeaf is a column of a Parquet file, as the Arrow schema has it that it was written from.
type arrowLeaf struct {
	name string
	typ  arrow.DataType
}

// arrowLeaves returns the columns of the Arrow schema that writers such as pyarrow keep in a Parquet
// file, in its order; nil if there is none, or a damaged one: it says what Parquet's own cannot.
func arrowLeaves(entries metadata.KeyValueMetadata) []arrowLeaf {
	entry := entries.FindValue("ARROW:schema")
	if entry == nil {
		return nil
	}
	message, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(*entry, "="))
	if err != nil {
		return nil
	}
	var leaves []arrowLeaf
	var add func(name string, typ arrow.DataType)
	add = func(name string, typ arrow.DataType) {
		switch typ := storage(typ).(type) {
		case *arrow.DictionaryType:
			add(name, typ.ValueType)
		case *arrow.StructType:
			for _, f := range typ.Fields() {
				add(name+"."+f.Name, f.Type)
			}
		case arrow.ListLikeType: // a map is a list of keys and values
			add(name, typ.Elem())
		default:
			leaves = append(leaves, arrowLeaf{name, typ})
		}
	}
	err = guarded(func() error {
		in, err := readSchema(bufio.NewReader(bytes.NewReader(message)))
		if err != nil {
			return err
		}
		r, err := ipc.NewReader(in, ipc.WithAllocator(bounded{memory.DefaultAllocator, int64(len(message))}))
		if err != nil {
			return err
		}
		defer r.Release()
		for _, f := range r.Schema().Fields() {
			add(f.Name, f.Type)
		}
		return nil
	})
	if err != nil {
		return nil
	}
	return leaves
}
