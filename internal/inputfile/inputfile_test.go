package inputfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/trustsr/trustsr/internal/hint"
)

func TestRead(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ten := write("ten", "0123456789")
	link := filepath.Join(dir, "link")
	if err := os.Symlink(ten, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{ten, link} {
		if data, err := Read(path, 10); err != nil || string(data) != "0123456789" {
			t.Errorf("%s: %q, %v", path, data, err)
		}
	}
	pointer := write("pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n")
	refused := map[string]struct {
		path string
		want error
	}{
		"too large": {ten, ErrTooLarge},
		"a folder":  {dir, ErrNotFile},
		"absent":    {filepath.Join(dir, "absent"), fs.ErrNotExist},
		"a pointer": {pointer, ErrLFSPointer},
	}
	if runtime.GOOS == "linux" {
		refused["a device"] = struct {
			path string
			want error
		}{"/dev/zero", ErrNotFile}
		pipe := filepath.Join(dir, "pipe")
		if err := syscall.Mkfifo(pipe, 0o666); err != nil {
			t.Fatal(err)
		}
		refused["a pipe"] = struct {
			path string
			want error
		}{pipe, ErrNotFile}
	}
	for name, c := range refused {
		limit := int64(1 << 10)
		if name == "too large" {
			limit = 9
		}
		_, err := Read(c.path, limit)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.path) || hint.Of(err) == "" {
			t.Errorf("%s: %v (hint %q), want %v with the path and a hint", name, err, hint.Of(err), c.want)
		}
	}
}

func TestReadAllStopsAtItsLimit(t *testing.T) {
	if data, err := ReadAll(strings.NewReader("abc"), 3); err != nil || string(data) != "abc" {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := ReadAll(strings.NewReader("abcd"), 3); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%v, want %v", err, ErrTooLarge)
	}
}
