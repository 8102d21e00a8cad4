package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
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
