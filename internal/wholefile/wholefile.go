// Package wholefile writes files that are there complete or not at all.
package wholefile

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// Write has fill write to a temporary file in the folder of path. When that is complete
// and on the disk, it takes the name path, and the permissions of the file that it
// replaces; when fill fails or panics, it is removed. Where path is a symbolic link, what
// it leads to is replaced; a device or pipe is written to directly. Errors wrap those of
// package os.
func Write(path string, fill func(io.Writer) error) error {
	t, err := find(path)
	if err != nil {
		return err
	}
	if t.direct {
		f, err := os.OpenFile(t.path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return cmp.Or(fill(f), f.Close())
	}
	f, err := t.create()
	if err != nil {
		return err
	}
	complete := false
	defer func() {
		if !complete {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err := fill(f); err != nil {
		return err
	}
	if err := cmp.Or(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), t.path); err != nil {
		return err
	}
	complete = true
	return nil
}

// Check reports, as far as can be known before, whether Write cannot write to path: it
// creates a temporary file and removes it.
func Check(path string) error {
	t, err := find(path)
	if err != nil || t.direct {
		return err
	}
	f, err := t.create()
	if err != nil {
		return err
	}
	return cmp.Or(f.Close(), os.Remove(f.Name()))
}

// target is what a path leads to.
type target struct {
	path   string
	mode   os.FileMode
	direct bool // no file, or not one that can be replaced
}

func find(path string) (target, error) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // a rename would replace the link
	}
	t := target{path: path, mode: 0o666}
	if info, err := os.Stat(path); err == nil {
		if info.IsDir() {
			return t, errors.New("is a directory: name a file in it")
		}
		t.direct, t.mode = !info.Mode().IsRegular(), info.Mode().Perm()
	}
	return t, nil
}

// create makes a temporary file. Unlike os.CreateTemp, it leaves the mode to the umask.
func (t target) create() (*os.File, error) {
	dir, base := filepath.Split(t.path)
	name := filepath.Join(dir, fmt.Sprintf(".%s.%016x.tmp", base, rand.Uint64()))
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, t.mode)
}
