package journal

import (
	"errors"
	"io/fs"
	"os"

	"github.com/gofrs/flock"
)

// ErrBusy is wrapped by the error about a journal that another process has open.
var ErrBusy = errors.New("another run has it open")

// lock keeps other processes from a path while it is held, by a file beside it: on some systems a locked
// file cannot be written to by another handle. It returns nil where the file system has no locks.
func lock(path string) (*flock.Flock, error) {
	for {
		// NFS locks a file that is open for writing alone.
		l := flock.New(path+".lock", flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o666))
		taken, err := l.TryLock()
		if unopened := new(fs.PathError); errors.As(err, &unopened) {
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
			return l, nil
		}
		if err := l.Close(); err != nil {
			return nil, err
		}
	}
}

// unlock gives a lock back. Its file goes first where an open file can be removed, and else if nobody else
// has opened it by then.
func unlock(l *flock.Flock) error {
	if l == nil {
		return nil
	}
	gone := os.Remove(l.Path()) == nil
	err := l.Close()
	if !gone {
		_ = os.Remove(l.Path())
	}
	return err
}
