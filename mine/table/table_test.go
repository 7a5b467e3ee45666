package table

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// gz returns data compressed by gzip.
func gz(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data)
	w.Close()
	return b.Bytes()
}

// writeTemp writes data to a new file and returns its path. The name says
// nothing about the format, which is told by content.
func writeTemp(t testing.TB, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// delivery is one way in which the same bytes reach a Reader.
type delivery struct {
	name string
	open func(t testing.TB, data []byte, opt Options) (*Reader, error)
}

var deliveries = []delivery{
	{"file", func(t testing.TB, data []byte, opt Options) (*Reader, error) {
		return Open(writeTemp(t, data), opt)
	}},
	{"gzip file", func(t testing.TB, data []byte, opt Options) (*Reader, error) {
		return Open(writeTemp(t, gz(data)), opt)
	}},
	{"stream", func(t testing.TB, data []byte, opt Options) (*Reader, error) {
		return OpenStream("data", bytes.NewReader(data), opt)
	}},
	{"gzip stream of single bytes", func(t testing.TB, data []byte, opt Options) (*Reader, error) {
		return OpenStream("data", iotest.OneByteReader(bytes.NewReader(gz(data))), opt)
	}},
	{"stream that ends with its data", func(t testing.TB, data []byte, opt Options) (*Reader, error) {
		return OpenStream("data", iotest.DataErrReader(bytes.NewReader(data)), opt)
	}},
}

// flat is a column.Compact with its descriptions side by side.
type flat struct {
	Rows, Cols int
	Data       []float32
	Exact      [][]float64
	Names      []string
	Merged     []float64
}

// readFlat is Reader.Read for tests.
func readFlat(r *Reader, ctx context.Context, groups ...[]int) ([]flat, error) {
	sources, err := r.Read(ctx, groups...)
	if err != nil {
		return nil, err
	}
	all := make([]flat, len(sources))
	for i, c := range sources {
		f := flat{Rows: c.Rows(), Cols: len(c.Cols), Data: c.Values.Data, Exact: c.Exact}
		for _, described := range c.Cols {
			f.Names, f.Merged = append(f.Names, described.Name), append(f.Merged, described.Merged)
		}
		all[i] = f
	}
	return all, nil
}

// readAll reads every column into one matrix.
func readAll(r *Reader) (flat, error) {
	defer r.Close()
	cols, err := r.Select("--x", ":")
	if err != nil {
		return flat{}, err
	}
	m, err := readFlat(r, context.Background(), cols)
	if err != nil {
		return flat{}, err
	}
	return m[0], nil
}

func readString(data string, opt Options) (flat, error) {
	r, err := OpenStream("data", strings.NewReader(data), opt)
	if err != nil {
		return flat{}, err
	}
	return readAll(r)
}

// at is the value of column j in row i.
func (m flat) at(i, j int) float64 {
	if m.Exact != nil && m.Exact[j] != nil {
		return m.Exact[j][i]
	}
	return float64(m.Data[i*m.Cols+j])
}

func TestText(t *testing.T) {
	abc, idx := []string{"a", "b", "c"}, []string{"0", "1", "2"}
	six := []float32{1, 2, 3, 4, 5, 6}
	for _, c := range []struct {
		name, data string
		opt        Options
		names      []string
		want       []float32
	}{
		{"header", "a,b,c\n1,2,3\n4,5,6\n", Options{}, abc, six},
		{"no header", "1,2,3\n4,5,6\n", Options{}, idx, six},
		{"numeric header", "7,8,9\n1,2,3\n4,5,6\n", Options{Header: HeaderYes}, []string{"7", "8", "9"}, six},
		{"no end of line", "a,b,c\n1,2,3\n4,5,6", Options{}, abc, six},
		{"CRLF", "a,b,c\r\n1,2,3\r\n4,5,6\r\n", Options{}, abc, six},
		{"byte order mark", "\ufeffa,b,c\n1,2,3\n4,5,6\n", Options{}, abc, six},
		{"byte order mark and quotes", "\ufeff\"a\",b,c\n1,2,3\n4,5,6\n", Options{}, abc, six},
		{"spaces around", " a , b,c \n 1 ,2\t, 3\n4, 5 ,6\n", Options{}, abc, six},
		{"quotes", "\"a\",\"b\",c\n\"1\",2,\"3\"\n4,5,\" 6 \"\n", Options{}, abc, six},
		{"comma and quote in a name", "\"a,\"\"x\"\"\",b\n1,2\n", Options{}, []string{`a,"x"`, "b"}, six[:2]},
		{"line end in a name", "\"a\nx\",b\n1,2\n", Options{}, []string{"a\nx", "b"}, six[:2]},
		{"blank lines", "\na,b,c\n\n1,2,3\n\n\n4,5,6\n\n", Options{}, abc, six},
		{"tabs", "a\tb\tc\n1\t2\t3\n4\t5\t6\n", Options{}, abc, six},
		{"semicolons", "a;b;c\n1;2;3\n4;5;6\n", Options{}, abc, six},
		{"bars", "a|b|c\n1|2|3\n4|5|6\n", Options{}, abc, six},
		{"white space", "  a b\tc\n 1   2 3  \n4\t\t5 6\n", Options{}, abc, six},
		{"white space, CRLF, no end of line", "a b c \r\n1 2  3\r\n4 5 6 ", Options{}, abc, six},
		{"white space and quotes", "\"a b\"  c\n1 2\n", Options{}, []string{"a b", "c"}, six[:2]},
		{"white space, given", "a b c\n1  2 3\n4 5 6\n", Options{Comma: ' '}, abc, six},
		{"other separator", "a:b:c\n1:2:3\n4:5:6\n", Options{Comma: ':'}, abc, six},
		{"separator beyond ASCII", "1·2·3\n4·5·6\n", Options{Comma: '·'}, idx, six},
		{"commas in names, tabs between", "a,1\tb,2\n1\t2\n", Options{}, []string{"a,1", "b,2"}, six[:2]},
		{"numpy.savetxt", "# a b c\n1.0e+00 2.0e+00 3.0e+00\n4 5 6\n", Options{}, abc, six},
		{"one column", "a\n1\n2\n3\n", Options{}, abc[:1], six[:3]},
		{"one column, no header", "1\n2\n3\n", Options{}, idx[:1], six[:3]},
		{"one value", "1", Options{}, idx[:1], six[:1]},
		{"pandas index", ",0,1\n1,2,3\n4,5,6\n", Options{}, []string{"", "0", "1"}, six},
		{"number forms", "+1,2.,.3e1\n4e0,0x5p0,60E-1\n", Options{}, idx, six},
		{"same name twice", "a,a,c\n1,2,3\n4,5,6\n", Options{}, []string{"a", "a", "c"}, six},
	} {
		for _, d := range deliveries {
			t.Run(c.name+"/"+d.name, func(t *testing.T) {
				r, err := d.open(t, []byte(c.data), c.opt)
				if err != nil {
					t.Fatal(err)
				}
				names := slices.Clone(r.Columns())
				m, err := readAll(r)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(names, c.names) || !slices.Equal(m.Names, c.names) {
					t.Errorf("columns %q, matrix %q, want %q", names, m.Names, c.names)
				}
				if m.Cols != len(c.names) || m.Rows != len(c.want)/len(c.names) || !slices.Equal(m.Data, c.want) {
					t.Errorf("read [%d, %d] %v, want %v", m.Rows, m.Cols, m.Data, c.want)
				}
			})
		}
	}
}

// TestStdin reads "-" from a pipe and from a file that another program has
// read a part of.
func TestStdin(t *testing.T) {
	stdin := os.Stdin
	defer func() { os.Stdin = stdin }()
	check := func(in *os.File, text string) {
		t.Helper()
		os.Stdin = in
		r, err := Open("-", Options{})
		if err != nil {
			t.Fatal(err)
		}
		m, err := readAll(r)
		if text != "" {
			checkError(t, err, "stdin: ", text)
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if want := []float32{1, 2, 3, 4}; !slices.Equal(m.Data, want) {
			t.Errorf("read %v, want %v", m.Data, want)
		}
		if _, err := in.Stat(); err != nil {
			t.Errorf("Close closed the standard input: %v", err)
		}
	}
	pipe := func(data []byte) *os.File {
		in, out, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			out.Write(data)
			out.Close()
		}()
		return in
	}
	text := []byte("1,2\n3,4\n")
	array := npyFile("|u1", false, "(2, 2)", []byte{1, 2, 3, 4})
	check(pipe(text), "")
	check(pipe(gz(text)), "")
	check(pipe(array), "")
	check(pipe(gz(array)), "")
	check(pipe([]byte("1,2\n3\n")), "line 2")

	for _, data := range [][]byte{text, gz(text), array, npyFile("|u1", true, "(2, 2)", []byte{1, 3, 2, 4})} {
		f, err := os.Open(writeTemp(t, append([]byte("skipped\n"), data...)))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.Seek(int64(len("skipped\n")), io.SeekStart); err != nil {
			t.Fatal(err)
		}
		check(f, "")
	}
}

func TestReadGroups(t *testing.T) {
	r, err := OpenStream("data", strings.NewReader("a,b,note,c\n1,2,x,3\n4,5,y,6\n"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range [][][]int{nil, {{}}, {{0}, {}}, {{4}}, {{-1}}} {
		_, err := readFlat(r, t.Context(), bad...)
		checkError(t, err)
		checkSelectError(t, err, "", "")
	}
	m, err := readFlat(r, t.Context(), []int{3, 0}, []int{1}, []int{0})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []flat{
		{Rows: 2, Cols: 2, Data: []float32{3, 1, 6, 4}, Names: []string{"c", "a"}},
		{Rows: 2, Cols: 1, Data: []float32{2, 5}, Names: []string{"b"}},
		{Rows: 2, Cols: 1, Data: []float32{1, 4}, Names: []string{"a"}},
	} {
		if got := m[i]; got.Rows != want.Rows || got.Cols != want.Cols || !slices.Equal(got.Data, want.Data) || !slices.Equal(got.Names, want.Names) {
			t.Errorf("group %d: %+v, want %+v", i, got, want)
		}
	}
	_, err = readFlat(r, t.Context(), []int{0})
	checkError(t, err, "open it again")
	for range 2 {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

// cancelAfter is a context that is cancelled when Err was called n times.
type cancelAfter struct {
	context.Context
	n int
}

func (c *cancelAfter) Err() error {
	if c.n--; c.n < 0 {
		return context.Canceled
	}
	return nil
}

func TestCancel(t *testing.T) {
	rows := 3 * checkEvery
	text := []byte(strings.Repeat("1,2\n", rows))
	array := func(fortran bool) []byte {
		return npyFile("<f8", fortran, fmt.Sprintf("(%d, 2)", rows), make([]byte, 16*rows))
	}
	for name, data := range map[string][]byte{"text": text, "C order": array(false), "Fortran order": array(true)} {
		for _, d := range deliveries[:3] {
			r, err := d.open(t, data, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			for n := 0; n < 3; n++ {
				r.read = false
				_, err = readFlat(r, &cancelAfter{t.Context(), n}, []int{0, 1})
				if checkError(t, err, "stopped"); !errors.Is(err, context.Canceled) {
					t.Errorf("%s, %s: %v does not wrap context.Canceled", name, d.name, err)
				}
			}
		}
	}
}

func TestProgress(t *testing.T) {
	data := []byte(strings.Repeat("1,2\n", 1<<20))
	array := npyFile("|u1", true, "(1000, 1000)", make([]byte, 1e6))
	for _, c := range []struct {
		data, file []byte
		stream     bool
	}{{data, data, false}, {data, gz(data), false}, {array, array, false}, {data, data, true}} {
		var last, total int64
		calls := 0
		opt := Options{Progress: func(done, all int64) {
			if done < last {
				t.Errorf("progress went from %d back to %d", last, done)
			}
			last, total = done, all
			calls++
		}}
		var r *Reader
		var err error
		if c.stream {
			r, err = OpenStream("data", bytes.NewReader(c.file), opt)
		} else {
			r, err = Open(writeTemp(t, c.file), opt)
		}
		if err != nil {
			t.Fatal(err)
		}
		if calls != 0 {
			t.Error("progress before Read")
		}
		if _, err := readFlat(r, t.Context(), []int{1}); err != nil {
			t.Fatal(err)
		}
		r.Close()
		want := int64(len(c.file))
		if last != want || calls == 0 {
			t.Errorf("%d bytes of %d in %d calls", last, want, calls)
		}
		if c.stream {
			want = -1
		}
		if total != want {
			t.Errorf("total %d, want %d", total, want)
		}
	}
}

func TestMeterRate(t *testing.T) {
	calls := 0
	m := newMeter(strings.NewReader(strings.Repeat("x", 1e6)), nil)
	m.report = func(int64, int64) { calls++ }
	n, err := io.Copy(io.Discard, iotest.OneByteReader(m))
	if err != nil || n != 1e6 {
		t.Fatal(n, err)
	}
	// A million reads take far less than the ten seconds of 100 calls.
	if calls == 0 || calls > 100 {
		t.Errorf("%d calls", calls)
	}
}

func finite(m flat) bool {
	for _, v := range m.Data {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return false
		}
	}
	return true
}
