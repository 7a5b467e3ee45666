// Package checkpoint keeps what long work has come to in a folder, so that another process
// goes on with it after the first has ended at any moment.
//
// A folder has a manifest, which says what the work is, and records by their names. Both are
// written whole or not at all. A record is 32 bytes, the SHA-256 of manifest, name and content,
// and the content, as package gob has it: one that is damaged, renamed or of other work is no
// record.
package checkpoint

import (
	"bytes"
	"crypto/sha256"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gomine/internal/lock"
	"gomine/internal/wholefile"
)

const (
	manifestName = "manifest.json"
	suffix       = ".checkpoint" // of records
)

// A Folder is open for the work of one manifest, and has to be closed. It is safe for concurrent use.
type Folder struct {
	path     string
	manifest []byte
	held     *lock.Lock
}

// Open opens the folder at path, and makes it if there is none. manifest, a value that JSON
// can hold, says what the work is. A folder of other work makes an *OtherError; a folder of
// other files, and a damaged record, an error that says what to do; one that is open elsewhere
// an error that wraps lock.ErrBusy.
func Open(path string, manifest any) (*Folder, error) {
	now, err := json.MarshalIndent(manifest, "", "  ")
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(path, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	held, err := lock.Take(filepath.Join(path, "."+manifestName))
	switch {
	case errors.Is(err, lock.ErrBusy):
		return nil, fmt.Errorf("%s: %w: wait for it or end it, or name another folder", path, err)
	case err != nil:
		return nil, err
	}
	f := &Folder{path, now, held}
	if err := f.check(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Close leaves the folder to others. It may be called twice.
func (f *Folder) Close() error {
	held := f.held
	f.held = nil
	return held.Release()
}

// check reports what the folder holds that is not of the work, and begins one without a manifest.
func (f *Folder) check() error {
	then, err := os.ReadFile(filepath.Join(f.path, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return f.begin()
	}
	if err != nil {
		return err
	}
	differences, err := compare(then, f.manifest)
	switch {
	case err != nil:
		return fmt.Errorf("%s is damaged (%w): remove the folder, or name another", filepath.Join(f.path, manifestName), err)
	case len(differences) > 0:
		return &OtherError{f.path, differences}
	}
	return f.verify()
}

// begin writes the manifest into a folder without one, in which there may be what a process
// that was killed over that has left.
func (f *Folder) begin() error {
	files, err := os.ReadDir(f.path)
	if err != nil {
		return err
	}
	for _, file := range files {
		if name := file.Name(); !strings.HasPrefix(name, "."+manifestName) {
			return fmt.Errorf("%s holds other files, such as %s, and no checkpoint: name an empty folder, or a new one", f.path, name)
		}
	}
	return f.write(filepath.Join(f.path, manifestName), f.manifest)
}

// verify reports the first record that is damaged.
func (f *Folder) verify() error {
	files, err := os.ReadDir(f.path)
	if err != nil {
		return err
	}
	for _, file := range files {
		if name, found := strings.CutSuffix(file.Name(), suffix); found {
			if _, err := f.content(name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *Folder) file(name string) string { return filepath.Join(f.path, name+suffix) }

// sum is what a record begins with.
func (f *Folder) sum(name string, content []byte) []byte {
	h := sha256.New()
	fmt.Fprintf(h, "%d\n%s%d\n%s", len(f.manifest), f.manifest, len(name), name)
	h.Write(content)
	return h.Sum(nil)
}

// content returns the content of a record.
func (f *Folder) content(name string) ([]byte, error) {
	all, err := os.ReadFile(f.file(name))
	if err != nil {
		return nil, err
	}
	n := min(sha256.Size, len(all))
	if content := all[n:]; bytes.Equal(all[:n], f.sum(name, content)) {
		return content, nil
	}
	return nil, fmt.Errorf("%s is damaged, by its checksum: remove it, and what was in it is done again", f.file(name))
}

// Read stores a record in value, which is a pointer. It reports whether there is one.
func (f *Folder) Read(name string, value any) (found bool, err error) {
	content, err := f.content(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := gob.NewDecoder(bytes.NewReader(content)).Decode(value); err != nil {
		return false, fmt.Errorf("%s: %w", f.file(name), err)
	}
	return true, nil
}

// Write writes a record, in place of the one that there may be.
func (f *Folder) Write(name string, value any) error {
	var content bytes.Buffer
	if err := gob.NewEncoder(&content).Encode(value); err != nil {
		return fmt.Errorf("%s: %w", f.file(name), err)
	}
	return f.write(f.file(name), f.sum(name, content.Bytes()), content.Bytes())
}

// write writes a file. Its errors name that, not the temporary one.
func (f *Folder) write(path string, parts ...[]byte) error {
	err := wholefile.Write(path, func(w io.Writer) error {
		_, err := w.Write(slices.Concat(parts...))
		return err
	})
	var onPath *fs.PathError
	var onLink *os.LinkError
	switch {
	case errors.As(err, &onPath):
		err = onPath.Err
	case errors.As(err, &onLink):
		err = onLink.Err
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
