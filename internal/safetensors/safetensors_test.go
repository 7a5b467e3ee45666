package safetensors

import (
	"bytes"
	"encoding/binary"
	"math"
	"reflect"
	"strings"
	"testing"
)

// raw makes a file of a header and data.
func raw(header, data string) []byte {
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...), data...)
}

// TestLayout: the bytes are those of the format's description.
func TestLayout(t *testing.T) {
	var b bytes.Buffer
	err := Write(&b, File{map[string]string{"a": "b"}, []Tensor{
		{"narrow", []int{1, 2}, []float32{1, -2}},
		{"wide", []int{1}, []float64{0.5}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	header := `{"__metadata__":{"a":"b"},"wide":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},"narrow":{"dtype":"F32","shape":[1,2],"data_offsets":[8,16]}}`
	header += strings.Repeat(" ", (8-len(header)%8)%8)
	want := raw(header, "\x00\x00\x00\x00\x00\x00\xe0\x3f"+"\x00\x00\x80\x3f"+"\x00\x00\x00\xc0")
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("wrote\n%q, want\n%q", b.Bytes(), want)
	}
}

// TestRoundTrip: every type comes back bit for bit, infinities and empty arrays too.
func TestRoundTrip(t *testing.T) {
	want := File{map[string]string{"text": "{\"a\": \"é\"}"}, []Tensor{
		{"f64", []int{2, 1, 2}, []float64{math.Pi, math.Inf(-1), math.SmallestNonzeroFloat64, math.Copysign(0, -1)}},
		{"u64", []int{2}, []uint64{1, math.MaxUint64}},
		{"none", []int{0, 3}, []float64{}},
		{"f32", []int{3}, []float32{1, float32(math.Inf(1)), math.MaxFloat32}},
	}}
	var b bytes.Buffer
	if err := Write(&b, want); err != nil {
		t.Fatal(err)
	}
	got, err := Read(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Metadata, want.Metadata) || len(got.Tensors) != len(want.Tensors) {
		t.Fatalf("read %v, want %v", got, want)
	}
	byName := map[string]Tensor{}
	for _, tensor := range got.Tensors {
		byName[tensor.Name] = tensor
	}
	for _, w := range want.Tensors {
		if !reflect.DeepEqual(byName[w.Name], w) {
			t.Errorf("read %v, want %v", byName[w.Name], w)
		}
	}
}

// TestDamaged: every mistake in a file is an error that says what it is.
func TestDamaged(t *testing.T) {
	const one = `{"dtype":"F32","shape":[1],"data_offsets":[0,4]}`
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "ends before"},
		{"length", binary.LittleEndian.AppendUint64(nil, math.MaxUint64), "no safetensors file"},
		{"no JSON", raw("abc", ""), "no JSON object"},
		{"array", raw("[]", ""), "no JSON object"},
		{"cut", raw(`{"a":`+one, "1234"), "no JSON"},
		{"behind", raw(`{"a":`+one+`} x`, "1234"), "goes on"},
		{"twice", raw(`{"a":`+one+`,"a":`+one+`}`, "1234"), "tensor a twice"},
		{"metadata", raw(`{"__metadata__":{"a":1}}`, ""), "no object of texts"},
		{"metadata twice", raw(`{"__metadata__":{},"__metadata__":{}}`, ""), "metadata twice"},
		{"type", raw(`{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}`, "1234"), `a has type "BF16"`},
		{"shape", raw(`{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`, "1234"), "impossible"},
		{"overflow", raw(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, ""), "impossible"},
		{"size", raw(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, "1234"), "tensor a of shape"},
		{"truncated", raw(`{"a":`+one+`}`, "123"), "truncated"},
		{"gap", raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, "12345678"), "behind 0"},
		{"overlap", raw(`{"a":`+one+`,"b":`+one+`}`, "1234"), "tensor b"},
		{"more", raw(`{"a":`+one+`}`, "12345"), "1 bytes follow"},
	} {
		if _, err := Read(c.data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

// FuzzRead: no file makes the reader panic, and what it takes can be written and read again.
func FuzzRead(f *testing.F) {
	f.Add(raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"__metadata__":{"k":"v"}}`, "1234"))
	f.Add(raw(`{"a":{"dtype":"U64","shape":[1,1],"data_offsets":[0,8]},"b":{"dtype":"F64","shape":[0],"data_offsets":[8,8]}}`, "12345678"))
	f.Fuzz(func(t *testing.T, data []byte) {
		first, err := Read(data)
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := Write(&b, first); err != nil {
			t.Fatal(err)
		}
		again, err := Read(b.Bytes())
		if err != nil || len(again.Tensors) != len(first.Tensors) {
			t.Fatalf("written again it has %d tensors of %d, error %v", len(again.Tensors), len(first.Tensors), err)
		}
	})
}
