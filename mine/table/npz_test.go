package table

import (
	"archive/zip"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// archive returns a zip archive of files, by name and content.
func archive(t testing.TB, method uint16, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, err := w.CreateHeader(&zip.FileHeader{Name: files[i], Method: method})
		if err != nil {
			t.Fatal(err)
		}
		f.Write([]byte(files[i+1]))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestNPZ reads arrays of NPZ files, stored and compressed, in both orders.
func TestNPZ(t *testing.T) {
	x := string(npyFile("|u1", false, "(2, 2)", []byte{1, 2, 3, 4}))
	z := string(npyFile("|u1", true, "(2, 2)", []byte{1, 3, 2, 4}))
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		one, two := write("one.npz", archive(t, method, "x.npy", x)), write("two.npz", archive(t, method, "x.npy", x, "a/z.npy", z))
		for _, path := range []string{one, one + ":x", one + ":x.npy", two + ":x", two + ":a/z"} {
			r, err := Open(path, Options{})
			if err != nil {
				t.Fatal(err)
			}
			m, err := readAll(r)
			if err != nil || m.Rows != 2 || m.at(0, 1) != 2 || m.at(1, 0) != 3 {
				t.Errorf("%s: %v, %v", path, m.Data, err)
			}
		}
		_, err := Open(two, Options{})
		checkError(t, err, `2 arrays, "x", "a/z"`, two+":x")
		_, err = Open(two+":y", Options{})
		checkError(t, err, `no array "y"`, `"x", "a/z"`)
	}
	named := write("d.csv:x", []byte("1,2\n3,4\n"))
	if r, err := Open(named, Options{}); err != nil {
		t.Errorf("a file with a colon in its name: %v", err)
	} else {
		r.Close()
	}
	_, err := Open(write("d.csv", []byte("1,2\n"))+":z", Options{})
	checkError(t, err, "no NPZ file", `"z"`)

	whole := archive(t, zip.Store, "x.npy", x)
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"xlsx":  {archive(t, zip.Deflate, "[Content_Types].xml", "", "xl/workbook.xml", ""), "spreadsheet (XLSX)"},
		"ods":   {archive(t, zip.Store, "mimetype", "", "content.xml", ""), "spreadsheet"},
		"csv":   {archive(t, zip.Deflate, "d.csv", "1,2\n"), `zip archive of "d.csv", which is not supported: unpack it`},
		"text":  {archive(t, zip.Deflate, "x.npy", "1,2\n3,4\n"), "is not an NPY array"},
		"empty": {archive(t, zip.Deflate, "x.npy", ""), "is not an NPY array"},
		"cut":   {whole[:len(whole)-30], "damaged zip"},
		"head":  {whole[:40], "damaged zip"},
	} {
		_, err := Open(write(name, c.data), Options{})
		checkError(t, err, c.want)
	}
}

// TestNPZFromPipe reads an array that does not lie in a file of its own, and leaves no copy behind.
func TestNPZFromPipe(t *testing.T) {
	x := string(npyFile("|u1", false, "(2, 2)", []byte{1, 2, 3, 4}))
	one := archive(t, zip.Deflate, "x.npy", x)
	two := archive(t, zip.Store, "x.npy", x, "z.npy", x)
	for _, d := range deliveries {
		t.Setenv("TMPDIR", t.TempDir())
		r, err := d.open(t, one, Options{})
		if err != nil {
			t.Fatalf("%s: %v", d.name, err)
		}
		m, err := readAll(r)
		if err = errors.Join(err, r.Close()); err != nil || !slices.Equal(m.Data, []float32{1, 2, 3, 4}) {
			t.Errorf("%s: %v, %v", d.name, m.Data, err)
		}
		_, err = d.open(t, two, Options{})
		checkError(t, err, "2 arrays", ":x")
		_, err = d.open(t, one[:len(one)-30], Options{})
		checkError(t, err, "damaged zip")
		_, err = d.open(t, archive(t, zip.Store, "xl/workbook.xml", ""), Options{})
		checkError(t, err, "spreadsheet")
		if left, err := filepath.Glob(filepath.Join(os.TempDir(), "mine-*")); err != nil || len(left) > 0 {
			t.Errorf("%s: %v are left, error %v", d.name, left, err)
		}
	}
	_, err := OpenStream("data", bytes.NewReader(two), Options{})
	checkError(t, err, "save it as a file and name one, as in FILE.npz:x")
}
