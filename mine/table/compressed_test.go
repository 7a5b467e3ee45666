package table

import (
	"bytes"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// zst compresses data by zstd.
func zst(data []byte) []byte {
	var buf bytes.Buffer
	w, err := zstd.NewWriter(&buf)
	if err != nil {
		panic(err)
	}
	w.Write(data)
	w.Close()
	return buf.Bytes()
}

// TestZstd reads text and NPY from zstd files of one frame, of several, and after a frame of
// something else.
func TestZstd(t *testing.T) {
	text := []byte("x,z\n1,2\n3,4\n")
	array := npyFile("|u1", false, "(2, 2)", []byte{1, 2, 3, 4})
	skipped := append([]byte{0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0}, "abc"...)
	for name, data := range map[string][]byte{
		"text": zst(text), "NPY": zst(array), "two frames": append(zst(text[:5]), zst(text[5:])...), "skipped": append(skipped, zst(text)...),
	} {
		for _, d := range []int{0, 2, 4} {
			r, err := deliveries[d].open(t, data, Options{})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			m, err := readAll(r)
			if err != nil || !slices.Equal(m.Data, []float32{1, 2, 3, 4}) {
				t.Errorf("%s, %s: %v, %v", name, deliveries[d].name, m.Data, err)
			}
		}
	}
	long := zst(bytes.Repeat([]byte("1,2\n3,4\n"), 1<<16))
	for _, c := range []struct {
		data []byte
		want string
	}{
		{long[:len(long)-3], "truncated or damaged zstd data"},
		{zst(nil), "empty file inside the zstd file"},
		{gz(zst(text)), "zstd data inside compressed data"},
		{zst(gz(text)), "gzip data inside compressed data"},
		{append(zst(text), 'x'), "zstd"},
	} {
		_, err := readString(string(c.data), Options{})
		checkError(t, err, c.want)
	}
}
