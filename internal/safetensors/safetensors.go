// Package safetensors reads and writes files of named arrays in the format of
// https://github.com/huggingface/safetensors: eight bytes with the length of a header,
// little-endian; the header, a JSON object with the type, shape and place of every array;
// the arrays, row-major and little-endian, one after the other.
package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// A Tensor is an array. Values is []float32, []float64 or []uint64, as many as the product
// of Shape.
type Tensor struct {
	Name   string
	Shape  []int
	Values any
}

// A File is what a file holds.
type File struct {
	Metadata map[string]string
	Tensors  []Tensor // in the order of the file
}

// mostHeader is the longest header, in bytes, that other readers take.
const mostHeader = 100_000_000

// metadataName is the member of the header that is no tensor.
const metadataName = "__metadata__"

// entry is a tensor in the header. Ends are from the end of the header on.
type entry struct {
	DType string `json:"dtype"`
	Shape []int  `json:"shape"`
	Ends  [2]int `json:"data_offsets"`
}

// types are those that are read and written, with the bytes that a value takes.
var types = map[string]int{"F32": 4, "F64": 8, "U64": 8}

// typeOf returns the type of values and how many there are.
func typeOf(values any) (dtype string, n int) {
	switch v := values.(type) {
	case []float32:
		return "F32", len(v)
	case []float64:
		return "F64", len(v)
	case []uint64:
		return "U64", len(v)
	}
	return "", 0
}

// Write writes a file. Arrays of eight bytes a value come first, so that all are aligned;
// otherwise their order stays.
func Write(w io.Writer, f File) error {
	tensors := slices.Clone(f.Tensors)
	slices.SortStableFunc(tensors, func(a, b Tensor) int {
		typeA, _ := typeOf(a.Values)
		typeB, _ := typeOf(b.Values)
		return cmp.Compare(types[typeB], types[typeA])
	})
	var head bytes.Buffer
	if err := member(&head, '{', metadataName, f.Metadata); err != nil {
		return err
	}
	at := 0
	for _, t := range tensors {
		dtype, n := typeOf(t.Values)
		if size, err := sizeOf(t.Shape); err != nil || size != n || dtype == "" {
			return fmt.Errorf("safetensors: tensor %s of shape %v has %d values of type %T", t.Name, t.Shape, n, t.Values)
		}
		end := at + n*types[dtype]
		if err := member(&head, ',', t.Name, entry{dtype, t.Shape, [2]int{at, end}}); err != nil {
			return err
		}
		at = end
	}
	head.WriteByte('}')
	for head.Len()%8 > 0 {
		head.WriteByte(' ')
	}
	if head.Len() > mostHeader {
		return fmt.Errorf("safetensors: the header has %d bytes, at most %d are allowed", head.Len(), mostHeader)
	}
	if err := binary.Write(w, binary.LittleEndian, uint64(head.Len())); err != nil {
		return err
	}
	if _, err := w.Write(head.Bytes()); err != nil {
		return err
	}
	for _, t := range tensors {
		if err := binary.Write(w, binary.LittleEndian, t.Values); err != nil {
			return err
		}
	}
	return nil
}

// member writes a member of a JSON object, behind what separates it from the one before.
func member(head *bytes.Buffer, separator byte, name string, value any) error {
	head.WriteByte(separator)
	for i, v := range []any{name, value} {
		text, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("safetensors: %s: %w", name, err)
		}
		if i > 0 {
			head.WriteByte(':')
		}
		head.Write(text)
	}
	return nil
}

// sizeOf returns the product of a shape.
func sizeOf(shape []int) (int, error) {
	n := 1
	for _, d := range shape {
		if d < 0 || d > 0 && n > math.MaxInt/8/d {
			return 0, fmt.Errorf("shape %v is impossible", shape)
		}
		n *= d
	}
	return n, nil
}

// ErrOther is wrapped by the error about a file that does not begin as one of the format does.
var ErrOther = errors.New("it is no safetensors file")

// Check reports that a file of so many bytes cannot be one of the format, by its first bytes, of which it
// needs eight.
func Check(first []byte, size int64) error {
	if len(first) < 8 {
		return fmt.Errorf("safetensors: %w: it ends before a header", ErrOther)
	}
	switch length := binary.LittleEndian.Uint64(first); {
	case length > mostHeader: // as any text says
		return fmt.Errorf("safetensors: %w", ErrOther)
	case length > uint64(size-8):
		return fmt.Errorf("safetensors: its header has %d bytes, and the file %d: it is truncated, or of another format", length, size)
	}
	return nil
}

// Read takes a whole file apart. It is an error if the arrays leave a gap, overlap, or do
// not end with the file, and if one is of another type than those of a Tensor.
func Read(data []byte) (File, error) {
	var f File
	if err := Check(data, int64(len(data))); err != nil {
		return f, err
	}
	length, rest := binary.LittleEndian.Uint64(data), data[8:]
	entries, err := readHeader(rest[:length], &f)
	if err != nil {
		return f, err
	}
	rest = rest[length:]
	at := 0
	slices.SortStableFunc(f.Tensors, func(a, b Tensor) int {
		x, y := entries[a.Name].Ends, entries[b.Name].Ends
		return cmp.Or(cmp.Compare(x[0], y[0]), cmp.Compare(x[1], y[1]), cmp.Compare(a.Name, b.Name))
	})
	for i := range f.Tensors {
		t := &f.Tensors[i]
		e := entries[t.Name]
		n, err := sizeOf(e.Shape)
		width := types[e.DType]
		switch {
		case err != nil:
			return f, fmt.Errorf("safetensors: tensor %s: %w", t.Name, err)
		case width == 0:
			return f, fmt.Errorf("safetensors: tensor %s has type %q, want F32, F64 or U64", t.Name, e.DType)
		case e.Ends[0] != at || e.Ends[1]-at != n*width || e.Ends[1] > len(rest):
			return f, fmt.Errorf("safetensors: tensor %s of shape %v and type %s is said to be at %v of %d bytes, behind %d: the file is damaged or truncated",
				t.Name, e.Shape, e.DType, e.Ends, len(rest), at)
		}
		t.Shape, t.Values = e.Shape, valuesOf(e.DType, rest[at:e.Ends[1]])
		at = e.Ends[1]
	}
	if at != len(rest) {
		return f, fmt.Errorf("safetensors: %d bytes follow the last tensor: the file is damaged", len(rest)-at)
	}
	return f, nil
}

// readHeader reads the header into f, tensors by name alone, and returns their entries.
func readHeader(text []byte, f *File) (map[string]entry, error) {
	entries := map[string]entry{}
	d := json.NewDecoder(bytes.NewReader(text))
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return nil, errors.New("safetensors: the header is no JSON object: the file is damaged, or of another format")
	}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("safetensors: the header is no JSON (%w)", err)
		}
		name := token.(string) // a decoder gives no other in an object
		if name == metadataName {
			if f.Metadata != nil {
				return nil, errors.New("safetensors: the header has its metadata twice")
			}
			if err := d.Decode(&f.Metadata); err != nil {
				return nil, fmt.Errorf("safetensors: the metadata are no object of texts: %w", err)
			}
			continue
		}
		var e entry
		if err := d.Decode(&e); err != nil {
			return nil, fmt.Errorf("safetensors: tensor %s: %w", name, err)
		}
		if _, twice := entries[name]; twice {
			return nil, fmt.Errorf("safetensors: the header has tensor %s twice", name)
		}
		entries[name] = e
		f.Tensors = append(f.Tensors, Tensor{Name: name})
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("safetensors: the header is no JSON (%w)", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("safetensors: the header goes on behind its object")
	}
	return entries, nil
}

// valuesOf decodes values.
func valuesOf(dtype string, raw []byte) any {
	n := len(raw) / types[dtype]
	switch dtype {
	case "F32":
		v := make([]float32, n)
		for i := range v {
			v[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		}
		return v
	case "F64":
		v := make([]float64, n)
		for i := range v {
			v[i] = math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:]))
		}
		return v
	}
	v := make([]uint64, n)
	for i := range v {
		v[i] = binary.LittleEndian.Uint64(raw[8*i:])
	}
	return v
}
