package srspace

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/lockfile"
)

// ErrBusy is wrapped by the error of a [Space] that another process, or
// another Space value, is writing to.
var ErrBusy = errors.New("space is being written to by another process")

const lockName = ".lock"

// lockDir takes the folder's writer lock or fails at once with ErrBusy. The
// kernel frees the lock when the process ends, however it ends.
func lockDir(dir string) (unlock func(), err error) {
	lock, err := lockfile.Try(filepath.Join(dir, lockName), 0o666)
	switch {
	case errors.Is(err, lockfile.ErrHeld):
		return nil, hint.With(fmt.Errorf("%s: %w", dir, ErrBusy), "wait for it to finish or stop it; both would draw the same samples")
	case err != nil:
		return nil, fmt.Errorf("lock space: %w", err)
	}
	return func() { lock.Release() }, nil
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
