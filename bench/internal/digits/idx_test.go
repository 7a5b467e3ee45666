package digits

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// idx returns an IDX file.
func idx(magic uint32, data []byte, dims ...uint32) []byte {
	out := binary.BigEndian.AppendUint32(nil, magic)
	for _, d := range dims {
		out = binary.BigEndian.AppendUint32(out, d)
	}
	return append(out, data...)
}

// gz returns data compressed by gzip.
func gz(data []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	w.Write(data)
	w.Close()
	return b.Bytes()
}

// readBytes reads files that hold the given bytes.
func readBytes(images, labels []byte) (Set, error) {
	return read(source{"images", bytes.NewReader(images)}, source{"labels", bytes.NewReader(labels)})
}

func checkError(t *testing.T, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	s := err.Error()
	if !strings.HasPrefix(s, "digits: ") || strings.Count(s, "digits: ") != 1 || strings.ContainsAny(s, "\r\n") {
		t.Errorf("%q is not one line with one prefix", s)
	}
	for _, w := range want {
		if !strings.Contains(s, w) {
			t.Errorf("%q lacks %q", s, w)
		}
	}
}

// TestRead reads drawn pictures from files, plain and compressed.
func TestRead(t *testing.T) {
	want := Render(7, 3, 9)
	pixels := make([]byte, len(want.Pixels.Data))
	for i, v := range want.Pixels.Data {
		pixels[i] = byte(255*v + .5)
		want.Pixels.Data[i] = float32(pixels[i]) / 255
	}
	images, labels := idx(magicImages, pixels, 7, 9, 9), idx(magicLabels, want.Labels, 7)
	dir := t.TempDir()
	for _, c := range []struct {
		name           string
		images, labels []byte
	}{
		{"plain", images, labels},
		{"compressed", gz(images), gz(labels)},
		{"one compressed", images, gz(labels)},
		{"two gzip members", append(gz(images[:100]), gz(images[100:])...), labels},
	} {
		t.Run(c.name, func(t *testing.T) {
			// The names say nothing about the format.
			a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
			if err := errors.Join(os.WriteFile(a, c.images, 0o600), os.WriteFile(b, c.labels, 0o600)); err != nil {
				t.Fatal(err)
			}
			got, err := Read(a, b)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Error("read another set than was written")
			}
			got, err = read(source{a, iotest.OneByteReader(bytes.NewReader(c.images))}, source{b, iotest.DataErrReader(bytes.NewReader(c.labels))})
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("byte by byte: another set, or the error %v", err)
			}
		})
	}
}

func TestReadErrors(t *testing.T) {
	pixels := make([]byte, 12)
	images, labels := idx(magicImages, pixels, 3, 2, 2), idx(magicLabels, []byte{0, 9, 1}, 3)
	badSum := gz(images)
	badSum[len(badSum)-8] ^= 1
	for _, c := range []struct {
		name           string
		images, labels []byte
		want           []string
	}{
		{"swapped", labels, images, []string{"images: ", "magic number 0x00000801, want 0x00000803", "pictures first"}},
		{"labels twice", labels, labels, []string{"images: ", "pictures first"}},
		{"images twice", images, images, []string{"labels: ", "magic number 0x00000803, want 0x00000801", "pictures first"}},
		{"text", []byte("label,pixel"), labels, []string{"images: ", "magic number 0x6c616265", "IDX file of bytes"}},
		{"other type", idx(0x0d03, pixels, 3, 2, 2), labels, []string{"magic number 0x00000d03", "IDX file of bytes"}},
		{"gzip in gzip", gz(gz(images)), labels, []string{"magic number 0x1f8b", "IDX file of bytes"}},
		{"empty", nil, labels, []string{"images: ", "truncated", "header"}},
		{"one byte", images[:1], labels, []string{"truncated", "header"}},
		{"header only", images[:12], labels, []string{"truncated", "header"}},
		{"no pixels", images[:16], labels, []string{"truncated", "after 0 of 12 elements"}},
		{"last pixel missing", images[:len(images)-1], labels, []string{"truncated", "after 11 of 12 elements"}},
		{"trailing byte", append(images[:len(images):len(images)], 0), labels, []string{"images: ", "goes on after the 12 elements"}},
		{"label missing", images, labels[:len(labels)-1], []string{"labels: ", "after 2 of 3 elements"}},
		{"trailing label", images, append(labels[:len(labels):len(labels)], 0), []string{"labels: ", "goes on after the 3 elements"}},
		{"none", idx(magicImages, nil, 0, 28, 28), labels, []string{"images: ", "no elements"}},
		{"no side", idx(magicImages, nil, 3, 0, 0), labels, []string{"no elements"}},
		{"not square", idx(magicImages, pixels, 1, 3, 4), labels, []string{"3 lines of 4 pixels", "square"}},
		{"large side", idx(magicImages, pixels, 1, 1025, 1025), labels, []string{"1025 pixels", "1024"}},
		{"counts differ", images, idx(magicLabels, []byte{1, 2}, 2), []string{"images has 3 pictures", "labels has 2 labels", "one set"}},
		{"label 10", images, idx(magicLabels, []byte{1, 10, 2}, 3), []string{"labels: ", "label 10 of picture 1", "0 to 9"}},
		{"gzip header", []byte("\x1f\x8bx"), labels, []string{"images: ", "truncated", "gzip"}},
		{"bad gzip header", append([]byte("\x1f\x8b"), pixels...), labels, []string{"damaged gzip"}},
		{"truncated gzip", gz(images)[:20], labels, []string{"truncated"}},
		{"gzip sum", badSum, labels, []string{"damaged gzip", "fetch"}},
		{"gzip data", append(gz(images)[:10], 7), labels, []string{"damaged gzip", "fetch"}},
		{"data after gzip", append(gz(images), "junk"...), labels, []string{"images: "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			set, err := readBytes(c.images, c.labels)
			checkError(t, err, c.want...)
			if !reflect.DeepEqual(set, Set{}) {
				t.Errorf("%v beside an error", set)
			}
		})
	}

	dir := t.TempDir()
	missing := filepath.Join(dir, "missing")
	_, err := Read(missing, missing)
	checkError(t, err, missing+": ")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v does not wrap fs.ErrNotExist", err)
	}
	_, err = Read(dir, dir)
	checkError(t, err, dir+": ")
}

// TestReadBelievesBytes reads headers that claim up to 4 PiB.
func TestReadBelievesBytes(t *testing.T) {
	labels := idx(magicLabels, []byte{1}, 1<<32-1)
	for _, images := range [][]byte{
		idx(magicImages, []byte{1}, 1<<32-1, 1024, 1024),
		gz(idx(magicImages, []byte{1}, 1<<32-1, 1024, 1024)),
		idx(magicImages, []byte{1}, 1, 1<<32-1, 1<<32-1),
		idx(magicImages, []byte{1}, 1, 1, 1),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := readBytes(images, labels)
		runtime.ReadMemStats(&after)
		checkError(t, err)
		// Buffers and, for gzip, its window take some 60 KiB.
		if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
			t.Errorf("%v: took %d bytes", err, took)
		}
	}
}

func FuzzIDX(f *testing.F) {
	images, labels := idx(magicImages, make([]byte, 12), 3, 2, 2), idx(magicLabels, []byte{0, 9, 1}, 3)
	f.Add(images, labels)
	f.Add(gz(images), gz(labels))
	f.Add(labels, images)
	for n := range images {
		f.Add(images[:n], labels)
	}
	f.Add(idx(magicImages, []byte{1}, 1<<32-1, 1024, 1024), labels)
	f.Add(idx(magicImages, []byte{1}, 1, 1, 1), idx(magicLabels, []byte{10}, 1))
	f.Fuzz(func(t *testing.T, images, labels []byte) {
		set, err := readBytes(images, labels)
		if err != nil {
			checkError(t, err)
		} else {
			n, pixels := len(set.Labels), set.Size*set.Size
			if n < 1 || set.Pixels.Rows != n || set.Pixels.Cols != pixels || set.Pixels.Validate() != nil {
				t.Errorf("%d labels, %d pictures of %d pixels", n, set.Pixels.Rows, set.Pixels.Cols)
			}
			if slices.Max(set.Labels) > 9 || slices.Min(set.Pixels.Data) < 0 || slices.Max(set.Pixels.Data) > 1 {
				t.Error("a label or a pixel is out of range")
			}
		}
		// The same bytes compressed are the same set, unless they are gzip
		// already.
		if bytes.HasPrefix(images, gzipMagic) || bytes.HasPrefix(labels, gzipMagic) {
			return
		}
		again, errAgain := readBytes(gz(images), gz(labels))
		if (err == nil) != (errAgain == nil) || !reflect.DeepEqual(set, again) {
			t.Errorf("plain: %v, %v; compressed: %v, %v", set, err, again, errAgain)
		}
	})
}
