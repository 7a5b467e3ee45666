// Package journal keeps on the disk, piece by piece, what a long run has done, so that one that was
// killed goes on from there.
//
// A journal is lines of JSON. The first is a header, which says what the run is of; every other one is a
// result, on the disk before the next is added. A last line without its end, which a kill leaves behind,
// is not counted.
package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"gomine/internal/lock"
)

// A Journal is one that is open. It is not safe for concurrent use.
type Journal struct {
	file *os.File
	held *lock.Lock
}

// ErrBusy is wrapped by the error about a journal that another process has open.
var ErrBusy = lock.ErrBusy

// ErrOther is wrapped by the error about a journal with another header.
var ErrOther = errors.New("it is of another run")

// Open opens the journal of a path, or begins one, for a run whose header is header. It returns what the
// run has done so far, each as it was added. Errors name the path; a journal with another header is left
// as it is, and so is one that another process has open.
func Open(path string, header any) (*Journal, []json.RawMessage, error) {
	j, done, err := open(path, header)
	if err != nil {
		var of *fs.PathError
		if errors.As(err, &of) && of.Path == path {
			err = of.Err
		}
		return nil, nil, fmt.Errorf("journal: %s: %w", path, err)
	}
	return j, done, nil
}

func open(path string, header any) (*Journal, []json.RawMessage, error) {
	first, err := json.Marshal(header)
	if err != nil {
		return nil, nil, err
	}
	held, err := lock.Take(path)
	if err != nil {
		return nil, nil, err
	}
	j := &Journal{held: held}
	done, err := j.read(path, first)
	if err != nil {
		return nil, nil, errors.Join(err, held.Release())
	}
	return j, done, nil
}

// read opens the file of a journal with a header, and returns the results.
func (j *Journal) read(path string, header []byte) (done []json.RawMessage, err error) {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	whole := text[:bytes.LastIndexByte(text, '\n')+1]
	lines := bytes.Split(bytes.TrimSuffix(whole, []byte("\n")), []byte("\n"))
	if len(whole) > 0 && !bytes.Equal(lines[0], header) {
		return nil, ErrOther
	}
	if len(whole) == 0 && len(text) > 0 && !bytes.HasPrefix(header, text) {
		return nil, ErrOther // some other file, of one line
	}
	for i, line := range lines[min(1, len(lines)):] {
		if !json.Valid(line) {
			return nil, fmt.Errorf("line %d is damaged: remove the file", i+2)
		}
		done = append(done, line)
	}
	if j.file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666); err != nil {
		return nil, err
	}
	if err := j.begin(int64(len(whole)), path, header); err != nil {
		return nil, errors.Join(err, j.file.Close())
	}
	return done, nil
}

// begin cuts off what follows the whole lines, and writes the header where there is none.
func (j *Journal) begin(size int64, path string, header []byte) error {
	if err := j.file.Truncate(size); err != nil {
		return err
	}
	if size > 0 {
		return nil
	}
	if err := j.write(header); err != nil {
		return err
	}
	// The name of a new file is on the disk once its folder is. Some systems cannot say so of one.
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	_ = folder.Sync()
	return folder.Close()
}

// Add adds a result. It is on the disk when Add returns.
func (j *Journal) Add(result any) error {
	line, err := json.Marshal(result)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if err := j.write(line); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

func (j *Journal) write(line []byte) error {
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		return err
	}
	return j.file.Sync()
}

// Close closes the journal, which stays.
func (j *Journal) Close() error { return errors.Join(j.file.Close(), j.held.Release()) }

// Remove closes the journal and removes it, once there is a result of it all. One that is gone is no error.
func (j *Journal) Remove() error {
	err := os.Remove(j.file.Name())
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // removed by somebody else
	}
	return errors.Join(err, j.Close())
}
