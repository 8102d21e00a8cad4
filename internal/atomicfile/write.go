// Package atomicfile writes files that are whole or not there.
package atomicfile

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// TempPrefix starts the names of files not yet finished; a killed writer may
// leave one.
const TempPrefix = ".tmp-"

// Write writes data to path so that a reader, or a machine that loses power,
// finds either the whole new content or what was there before. It writes a
// temporary file in the same folder, syncs it, renames it over path and syncs
// the folder. A symbolic link at path is replaced, not followed. The new
// file's permissions are 0666 less the umask.
func Write(path string, data []byte) error {
	return Fill(path, func(f *os.File) error {
		_, err := f.Write(data)
		return err
	})
}

// Fill is [Write] of what fill writes to a file, which need not fit into
// memory. Nothing is left when fill returns an error.
func Fill(path string, fill func(f *os.File) error) (err error) {
	dir := filepath.Dir(path)
	temp := filepath.Join(dir, fmt.Sprintf("%s%016x", TempPrefix, rand.Uint64()))
	f, err := os.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			f.Close() // a second close only reports that it is closed
			os.Remove(temp)
			err = fmt.Errorf("write %s: %w", path, err)
		}
	}()
	if err = fill(f); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(temp, path); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes a rename in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
