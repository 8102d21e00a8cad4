package weightstore

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/trustsr/trustsr/internal/atomicfile"
)

// maxLibrary bounds a library that is taken out of a wheel: XLA's for the CPU
// has 274 MB.
const maxLibrary = 1 << 30

// installLibrary puts a shared library where it is looked for: out of a wheel,
// of whose files one must match the pattern, or a copy of the library itself.
// check looks at it before it appears at target, whole or not at all.
func installLibrary(ctx context.Context, from, pattern, target string, check func(file string) error) error {
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	open, size, err := libraryIn(from, pattern)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	defer open.Close()
	if size > maxLibrary {
		return fmt.Errorf("%s: a library of %d bytes is too large", from, size)
	}
	err = atomicfile.Fill(target, func(f *os.File) error {
		n, err := io.Copy(f, untilDone{ctx, io.LimitReader(open, maxLibrary+1)})
		if err != nil {
			return err
		}
		if n != size {
			return fmt.Errorf("%d bytes where there should be %d", n, size)
		}
		if err := check(f.Name()); err != nil { // the name there is not one that people know
			return errors.New(strings.ReplaceAll(err.Error(), f.Name()+": ", ""))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	return nil
}

// libraryIn opens the library in a file.
func libraryIn(from, pattern string) (io.ReadCloser, int64, error) {
	archive, err := zip.OpenReader(from)
	if err != nil { // no wheel, so the library itself
		f, err := os.Open(from)
		if err != nil {
			return nil, 0, err
		}
		info, err := f.Stat()
		if err == nil && !info.Mode().IsRegular() {
			err = fmt.Errorf("not a file")
		}
		if err != nil {
			f.Close()
			return nil, 0, err
		}
		return f, info.Size(), nil
	}
	for _, f := range archive.File {
		if matches, _ := path.Match(pattern, f.Name); !matches || !f.Mode().IsRegular() {
			continue
		}
		library, err := f.Open()
		if err != nil {
			archive.Close()
			return nil, 0, err
		}
		return member{library, archive}, int64(min(f.UncompressedSize64, maxLibrary+1)), nil
	}
	archive.Close()
	return nil, 0, fmt.Errorf("no file %s in it", pattern)
}

// member is a file of an archive that is closed with it.
type member struct {
	io.ReadCloser
	archive io.Closer
}

func (m member) Close() error {
	err := m.ReadCloser.Close()
	if e := m.archive.Close(); err == nil {
		err = e
	}
	return err
}

func hashFile(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
