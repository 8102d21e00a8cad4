package srspace

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/srspace/picture"
)

// folderOf makes a folder of 1×1 pictures, the i-th name grey level i+1.
func folderOf(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i, name := range names {
		m, err := picture.FromGray([]byte{byte(i + 1)}, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.WritePNG(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestOpenFolder(t *testing.T) {
	for _, c := range []struct {
		name   string
		files  []string // grey levels 1, 2, …
		seeds  []uint64
		levels []byte // by seed
	}{
		{"ntire", []string{"000003_sample00017.png", "000003_sample00002.png"}, []uint64{2, 17}, []byte{2, 1}},
		{"numbers", []string{"10.png", "9.png", "000100.png"}, []uint64{9, 10, 100}, []byte{2, 1, 3}},
		{"names", []string{"b.png", "a.PNG", "c7.png"}, []uint64{0, 1, 2}, []byte{2, 1, 3}},
		{"a number after a word", []string{"sample_10.png", "sample_2.png", "sample_0.png"}, []uint64{0, 2, 10}, []byte{3, 2, 1}},
		{"the number that differs", []string{"x4_010.png", "x4_002.png"}, []uint64{2, 10}, []byte{2, 1}},
		{"two numbers differ", []string{"a10_b1.png", "a2_b1.png", "a2_b0.png"}, []uint64{0, 1, 2}, []byte{3, 2, 1}},
		{"one file with a number", []string{"sample_3.png"}, []uint64{3}, []byte{1}},
		{"words and numbers", []string{"img10.png", "img2.png", "other.png"}, []uint64{0, 1, 2}, []byte{2, 1, 3}},
		{"a number over 64 bits", []string{"99999999999999999999.png"}, []uint64{0}, []byte{1}},
		{"one ntire name among others", []string{"000003_sample00017.png", "x.png"}, []uint64{0, 1}, []byte{1, 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := folderOf(t, c.files...)
			for _, name := range []string{"notes.txt", ".hidden.png"} {
				if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Mkdir(filepath.Join(dir, "more.png"), 0o777); err != nil {
				t.Fatal(err)
			}
			s, err := OpenFolder(dir)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(s.Seeds(), c.seeds) || s.Len() != len(c.seeds) {
				t.Fatalf("seeds %v, want %v", s.Seeds(), c.seeds)
			}
			for i, seed := range s.Seeds() {
				m, err := s.Image(seed)
				if err != nil {
					t.Fatal(err)
				}
				if file := c.files[c.levels[i]-1]; s.FileName(seed) != file {
					t.Errorf("seed %d is %s, want %s", seed, s.FileName(seed), file)
				}
				if m.Bytes()[0] != c.levels[i] {
					t.Errorf("seed %d has level %d, want %d (%s)", seed, m.Bytes()[0], c.levels[i], s.Path(seed))
				}
			}
			if _, err := s.Image(12345); !errors.Is(err, ErrNoSample) {
				t.Errorf("seed 12345: %v", err)
			}
			if !s.ReadOnly() || s.LR() != nil || s.Address(0) != (Address{}) {
				t.Error("claims to know more than the folder says")
			}
			if err := s.Draw(context.Background(), newToy(), 1, nil); !errors.Is(err, ErrReadOnly) || hint.Of(err) == "" {
				t.Errorf("draw: %v, want %v", err, ErrReadOnly)
			}
			if slices.Contains(fileNames(t, dir), lockName) {
				t.Error("wrote into a read-only folder")
			}
		})
	}
}

func TestOpenFolderTakesTheLR(t *testing.T) {
	s, err := OpenFolder(folderOf(t, "a.png", "lr.png"))
	if err != nil {
		t.Fatal(err)
	}
	if s.Len() != 1 || s.LR() == nil || s.LR().Bytes()[0] != 2 || s.Manifest().LRHash != s.LR().Hash() {
		t.Errorf("%d samples, LR %v", s.Len(), s.LR())
	}
}

func TestOpenFolderRefuses(t *testing.T) {
	space := t.TempDir()
	createToy(t, space, 0)
	if err := os.Remove(filepath.Join(space, lrName)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, dir, word string }{
		{"an empty folder", t.TempDir(), "no png"},
		{"no folder", filepath.Join(t.TempDir(), "absent"), "absent"},
		{"several pictures", folderOf(t, "000000_sample00000.png", "000001_sample00000.png"), "2 pictures"},
		{"a space", space, "no png"},
		{"the same number twice", folderOf(t, "1.png", "01.png"), "1.png and 01.png, both number 1"},
		{"the same number after a word", folderOf(t, "s_1.png", "s_2.png", "s_02.png"), "both number 2"},
		{"a number beside a word", folderOf(t, "1.png", "2.png", "truth.png"), "truth.png, which is none"},
	} {
		if _, err := OpenFolder(c.dir); err == nil || !strings.Contains(err.Error(), c.word) || hint.Of(err) == "" {
			t.Errorf("%s: error %v (hint %q), want one that says %s", c.name, err, hint.Of(err), c.word)
		}
	}
}
