package app

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/srspace/picture"
)

// LR pictures come upright and in the order people count in, and what was done
// is said.
func TestReadLR(t *testing.T) {
	testdata := filepath.Join("..", "..", "srspace", "picture", "testdata")
	dir := t.TempDir()
	for from, to := range map[string]string{"orientation6.jpg": "img10.jpg", "gopher.png": "img2.png"} {
		data, err := os.ReadFile(filepath.Join(testdata, from))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(dir, "X4"), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "X4", to), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	pictures, err := ReadLR([]string{dir})
	if err != nil || len(pictures) != 2 {
		t.Fatal(pictures, err)
	}
	if p := pictures[0]; p.Name != "img2" || p.LR.Width != 75 || !strings.Contains(p.Note, "the sub-folder X4") {
		t.Errorf("first %s, %d wide, note %q", p.Name, p.LR.Width, p.Note)
	}
	if p := pictures[1]; p.Name != "img10" || p.LR.Width != 7 || !strings.HasPrefix(p.Note, "img10.jpg: turned 90° to the right") {
		t.Errorf("second %s, %d wide, note %q", p.Name, p.LR.Width, p.Note)
	}
}

// A picture too large to be an LR picture is refused by its header.
func TestReadLRRefusesLarge(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large.png")
	header := []byte("\x00\x00\x13\x88\x00\x00\x13\x88\x08\x02\x00\x00\x00") // 5000×5000, RGB
	data := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR"), header...)
	data = binary.BigEndian.AppendUint32(data, crc32.ChecksumIEEE(append([]byte("IHDR"), header...)))
	data = append(data, "\x00\x00\x00\x00IDAT"...) // what a reader of the header looks for next
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadLR([]string{path}); !errors.Is(err, picture.ErrTooLarge) || !strings.Contains(err.Error(), "5000×5000") {
		t.Errorf("%v, want %v", err, picture.ErrTooLarge)
	}
}
