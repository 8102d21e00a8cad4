package srspace

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/hint"
)

// ErrBusy is wrapped by the error of a [Space] that another process, or
// another Space value, is writing to.
var ErrBusy = errors.New("space is being written to by another process")

const lockName = ".lock"

// lockDir takes the folder's writer lock or fails at once with ErrBusy. The
// kernel frees the lock when the process ends, however it ends.
func lockDir(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, fmt.Errorf("lock space: %w", err)
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err != syscall.EINTR {
			break
		}
	}
	if err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, hint.With(fmt.Errorf("%s: %w", dir, ErrBusy), "wait for it to finish or stop it; both would draw the same samples")
		}
		return nil, fmt.Errorf("lock space %s: %w", dir, err)
	}
	return func() { f.Close() }, nil
}

// removeTemporary removes what interrupted writers left in dir. The caller
// holds the lock that keeps other writers away.
func removeTemporary(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), atomicfile.TempPrefix) && e.Type().IsRegular() {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}
