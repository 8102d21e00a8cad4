// Package inputfile opens the files that people name: whole files of a size
// that the reader states, never a folder, a pipe or a device, which could give
// data for ever.
package inputfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	humanize "github.com/dustin/go-humanize"
	"github.com/trustsr/trustsr/internal/hint"
)

var (
	// ErrNotFile is what errors about folders, pipes and devices wrap.
	ErrNotFile = errors.New("not a regular file")

	// ErrTooLarge is what errors about files over the reader's limit wrap.
	ErrTooLarge = errors.New("file too large")

	// ErrLFSPointer is what errors about pointers of Git LFS wrap: short texts
	// that stand for large files in a repository.
	ErrLFSPointer = errors.New("a Git LFS pointer, not the file itself")
)

// Open opens the regular file at path, which may be reached through links, for
// reading. The size is that at opening; a file over limit bytes is refused.
// Errors name the path and carry a hint.
func Open(path string, limit int64) (f *os.File, size int64, err error) {
	// Asked before opening too, because opening a pipe waits for its writer.
	info, err := os.Stat(path)
	if err == nil {
		if err := regular(path, info, limit); err != nil {
			return nil, 0, err
		}
		f, err = os.Open(path)
	}
	if err != nil {
		return nil, 0, hint.With(err, "check the path, and that you may read the file")
	}
	if info, err = f.Stat(); err == nil {
		err = regular(path, info, limit)
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

func regular(path string, info os.FileInfo, limit int64) error {
	switch {
	case info.IsDir():
		return hint.With(fmt.Errorf("%s: %w: it is a folder", path, ErrNotFile), "name one file in it")
	case !info.Mode().IsRegular():
		return hint.With(fmt.Errorf("%s: %w: it is a device or a pipe", path, ErrNotFile), "name a file; copy what the device gives into one first")
	case info.Size() > limit:
		return hint.With(fmt.Errorf("%s: %w: %s, and %s at most are read", path, ErrTooLarge,
			humanize.IBytes(uint64(info.Size())), humanize.IBytes(uint64(limit))), "is it the right file?")
	}
	return nil
}

// Read returns the content of the regular file at path, of limit bytes at most.
// A pointer of Git LFS is refused. Errors are those of [Open], or wrap
// [ErrLFSPointer].
func Read(path string, limit int64) ([]byte, error) {
	f, size, err := Open(path, limit)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// One allocation for a file that keeps its size while it is read.
	var all bytes.Buffer
	all.Grow(int(size) + bytes.MinRead)
	if _, err := all.ReadFrom(io.LimitReader(f, limit+1)); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	data := all.Bytes()
	if int64(len(data)) > limit {
		return nil, hint.With(fmt.Errorf("%s: %w: it grew over %s", path, ErrTooLarge, humanize.IBytes(uint64(limit))), "is it the right file?")
	}
	if err := CheckLFS(data); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, nil
}

// ReadAll reads r to its end, limit bytes at most; more is an error that wraps
// [ErrTooLarge].
func ReadAll(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, hint.With(fmt.Errorf("%w: more than %s", ErrTooLarge, humanize.IBytes(uint64(limit))), "is it the right file?")
	}
	return data, nil
}

// LFSBytes is how much of a file's beginning [CheckLFS] looks at.
const LFSBytes = 64

// CheckLFS returns an error that wraps [ErrLFSPointer] if a file that begins so
// is a pointer of Git LFS.
func CheckLFS(head []byte) error {
	if bytes.HasPrefix(head, []byte("version https://git-lfs.github.com/spec/")) {
		return hint.With(ErrLFSPointer, "fetch the file itself: git lfs pull")
	}
	return nil
}
