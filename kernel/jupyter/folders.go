package jupyter

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// ownFolder makes a folder in parent that belongs to this process: as long as
// it lives it holds a lock on the file beside it, whose name has ".lock" at
// its end. A folder whose lock nobody holds is left over and may be swept,
// however young it is, and no other is.
type ownFolder struct {
	path string
	lock *os.File
}

func makeOwnFolder(parent, prefix string) (*ownFolder, error) {
	for {
		f := &ownFolder{path: filepath.Join(parent, prefix+randomToken()[:12])}
		var err error
		if f.lock, err = os.OpenFile(f.path+".lock", os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
			return nil, err
		}
		if err = syscall.Flock(int(f.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil && f.held() {
			if err := os.Mkdir(f.path, 0o700); err != nil {
				f.remove()
				return nil, err
			}
			return f, nil
		}
		f.lock.Close()
		if err != nil && !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, err
		}
		// somebody sweeps at this moment and took it for left over
	}
}

// held reports whether the lock file is the one at its path.
func (f *ownFolder) held() bool {
	ours, err := f.lock.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(f.path + ".lock")
	return err == nil && os.SameFile(ours, there)
}

// remove removes the folder and all in it.
func (f *ownFolder) remove() {
	os.RemoveAll(f.path)
	os.Remove(f.path + ".lock")
	f.lock.Close()
}

// sweepFolders removes the folders of dead processes in parent. What has no
// lock is not ours to remove.
func sweepFolders(parent string) {
	locks, _ := filepath.Glob(filepath.Join(parent, "*.lock"))
	for _, path := range locks {
		lock, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			continue
		}
		f := &ownFolder{path: strings.TrimSuffix(path, ".lock"), lock: lock}
		if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil && f.held() {
			f.remove()
		} else {
			lock.Close()
		}
	}
}
