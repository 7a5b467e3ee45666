package table

import (
	"archive/zip"
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
)

var zipMagic = []byte("PK\x03\x04")

// splitMember splits FILE.npz:NAME, where FILE.npz may be a named pipe, unless there is a file of
// that very name.
func splitMember(path string) (file, member string) {
	i := strings.LastIndexByte(path, ':')
	if i < 1 || i == len(path)-1 {
		return path, ""
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return path, ""
	}
	if info, err := os.Stat(path[:i]); err != nil || info.IsDir() {
		return path, ""
	}
	return path[:i], path[i+1:]
}

// spooled is the source of what was copied to a temporary file.
type spooled struct {
	source
	file *os.File // nil once it is closed
}

func (s *spooled) close() error {
	err := s.source.close()
	if s.file != nil {
		err = errors.Join(err, closeSpool(s.file))
		s.file = nil
	}
	return err
}

// openZip opens the array with the given name in a zip archive, or the only one. section gives
// random access to what in begins with, or is nil.
func (r *Reader) openZip(in io.Reader, section *io.SectionReader, member string) error {
	if section != nil {
		return r.openNPZ(r.meter, section.Size(), member)
	}
	file, err := spoolAll(in, "a zip archive (NPZ)")
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil {
		err = r.openNPZ(file, info.Size(), member)
	}
	if err != nil {
		return errors.Join(err, closeSpool(file))
	}
	r.src = &spooled{r.src, file}
	return nil
}

// openNPZ is openZip of an archive with random access.
func (r *Reader) openNPZ(at io.ReaderAt, size int64, member string) error {
	archive, err := zip.NewReader(at, size)
	if err != nil {
		return fmt.Errorf("damaged zip archive: %w", err)
	}
	var names, others []string
	for _, f := range archive.File {
		if name, ok := strings.CutSuffix(f.Name, ".npy"); ok {
			names = append(names, name)
		} else {
			others = append(others, f.Name)
		}
	}
	if member == "" && len(names) == 1 {
		member = names[0]
	}
	switch {
	case len(names) == 0:
		return notNPZ(others)
	case member == "":
		if r.name == stdinName || r.meter.at == nil {
			return fmt.Errorf("has %d arrays, %s: save it as a file and name one, as in FILE.npz:%s", len(names), list(names), names[0])
		}
		return fmt.Errorf("has %d arrays, %s: name one, as in %s:%s", len(names), list(names), r.name, names[0])
	}
	i := slices.IndexFunc(archive.File, func(f *zip.File) bool { return f.Name == member+".npy" || f.Name == member })
	if i < 0 {
		return fmt.Errorf("has no array %s, only %s", show(member), list(names))
	}
	content, err := archive.File[i].Open()
	if err != nil {
		return fmt.Errorf("array %s: %w", show(member), err)
	}
	g := &guard{r: unzip{content}}
	r.meter.total = -1 // of the parts of an archive only one is read
	in := bufio.NewReaderSize(g, peekSize)
	head, _ := in.Peek(len(npyMagic))
	switch {
	case g.err != nil:
		return g.err
	case string(head) != string(npyMagic):
		return fmt.Errorf("array %s is not an NPY array", show(member))
	}
	return r.openArray(in, nil)
}

// notNPZ says what an archive of such files is.
func notNPZ(files []string) error {
	for _, part := range []struct{ prefix, what string }{
		{"xl/", "a spreadsheet (XLSX)"}, {"content.xml", "a spreadsheet or document (ODS, ODT)"}, {"word/", "a document (DOCX)"},
		{"data.pkl", "a file of PyTorch"}, {"archive/data.pkl", "a file of PyTorch"},
	} {
		if slices.ContainsFunc(files, func(name string) bool {
			return strings.HasPrefix(name, part.prefix) || strings.HasSuffix(name, "/"+part.prefix)
		}) {
			return unsupported(part.what, "save the sheet or data as CSV or NPY")
		}
	}
	if len(files) == 0 {
		return errors.New("is an empty zip archive")
	}
	return unsupported("a zip archive of "+list(files), "unpack it first")
}

// list is some of the names for an error text.
func list(names []string) string {
	const most = 6
	var shown []string
	for _, name := range names[:min(most, len(names))] {
		shown = append(shown, show(name))
	}
	if len(names) > most {
		shown = append(shown, "...")
	}
	return strings.Join(shown, ", ")
}

// unzip names the cause of an error that would otherwise be "unexpected EOF".
type unzip struct{ r io.Reader }

func (u unzip) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("truncated or damaged zip archive: %w", err)
	}
	return n, err
}
