// Package lock keeps other processes from files and folders that one of them writes to.
package lock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/gofrs/flock"
)

// ErrBusy is wrapped by the error about what another process has locked.
var ErrBusy = errors.New("another run has it open")

// A Lock is held, or nil where the file system has no locks.
type Lock struct{ held *flock.Flock }

// Take keeps other processes from a path until the lock is released, by a file beside it with .lock behind
// its name: on some systems a locked file cannot be written to by another handle. It returns nil where the
// file system has no locks, and an error that wraps ErrBusy where another lock is held, of this process too.
func Take(path string) (*Lock, error) {
	for {
		// NFS locks a file that is open for writing alone.
		l := flock.New(path+".lock", flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o666))
		taken, err := l.TryLock()
		if unopened := new(fs.PathError); errors.As(err, &unopened) {
			if _, there := os.Lstat(l.Path()); there == nil {
				err = fmt.Errorf("%w: remove it if no other run is going on", err)
			}
			return nil, err
		}
		if err != nil {
			_ = os.Remove(l.Path())
			return nil, nil
		}
		if !taken {
			return nil, errors.Join(ErrBusy, l.Close())
		}
		// Another process may have removed the file in the meantime, whose lock would keep nobody away.
		held, err := l.Stat()
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		if there, err := os.Stat(l.Path()); err == nil && os.SameFile(held, there) {
			return &Lock{l}, nil
		}
		if err := l.Close(); err != nil {
			return nil, err
		}
	}
}

// Release gives a lock back; nil is one, too. Its file goes first where an open file can be removed, and
// else if nobody else has opened it by then.
func (l *Lock) Release() error {
	if l == nil {
		return nil
	}
	gone := os.Remove(l.held.Path()) == nil
	err := l.held.Close()
	if !gone {
		_ = os.Remove(l.held.Path())
	}
	return err
}
