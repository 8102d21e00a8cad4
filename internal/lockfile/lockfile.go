// Package lockfile locks files between processes. The system drops a lock with
// the process that holds it, however the process ends, so that a lock file that
// is left over locks nothing.
package lockfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/gofrs/flock"
)

// ErrHeld is wrapped by the error of [Try] when somebody else has the lock.
var ErrHeld = errors.New("the file is locked by another")

// Lock is an exclusive lock that is held.
type Lock struct{ file *flock.Flock }

// Try takes the exclusive lock on the file at path, which it makes with the
// given permissions if it is not there. It does not wait: the error wraps
// [ErrHeld] where another process, or another Lock of this one, has it.
func Try(path string, permissions fs.FileMode) (*Lock, error) {
	f := open(path, permissions)
	held, err := f.TryLock()
	for errors.Is(err, syscall.EINTR) {
		held, err = f.TryLock()
	}
	switch {
	case err != nil:
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	case !held:
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, ErrHeld)
	}
	return &Lock{f}, nil
}

// Wait is [Try] that waits until the lock is free.
func Wait(path string, permissions fs.FileMode) (*Lock, error) {
	f := open(path, permissions)
	err := f.Lock()
	for errors.Is(err, syscall.EINTR) {
		err = f.Lock()
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return &Lock{f}, nil
}

func open(path string, permissions fs.FileMode) *flock.Flock {
	return flock.New(path, flock.SetFlag(os.O_RDWR|os.O_CREATE), flock.SetPermissions(permissions))
}

// Release gives the lock back. The file stays.
func (l *Lock) Release() error { return l.file.Close() }
