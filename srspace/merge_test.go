package srspace

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// The union of parts, of 1/1, of 3 and of 7, equals the whole byte for byte,
// also when one was interrupted, and merging twice changes nothing.
func TestMergedPartsEqualTheWhole(t *testing.T) {
	const n = 10
	whole := createToy(t, t.TempDir(), 40)
	drawToy(t, whole, n)
	want := sampleFiles(t, whole)
	for _, of := range []int{1, 3, 7} {
		var dirs []string
		for i := 1; i <= of; i++ {
			dir := t.TempDir()
			s := createToy(t, dir, 40)
			ctx, cancel := context.WithCancel(context.Background())
			s.DrawPart(ctx, newToy(), n, Part{i, of}, func(p Progress) {
				if p.Done == 1 {
					cancel()
				}
			})
			cancel()
			if err := s.DrawPart(context.Background(), newToy(), n, Part{i, of}, nil); err != nil {
				t.Fatal(err)
			}
			if from, to := (Part{i, of}).Range(n); s.Len() != to-from {
				t.Fatalf("part %d/%d has %d samples, want %d", i, of, s.Len(), to-from)
			}
			dirs = append(dirs, dir)
		}
		out := filepath.Join(t.TempDir(), "whole")
		for range 2 {
			s, err := Merge(context.Background(), out, dirs, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !sameFiles(sampleFiles(t, s), want) {
				t.Errorf("%d parts merged differ from the whole", of)
			}
		}
	}
}

func TestMergeRefuses(t *testing.T) {
	a, b := createToy(t, t.TempDir(), 40), createToy(t, t.TempDir(), 41)
	drawToy(t, a, 2)
	out := filepath.Join(t.TempDir(), "out")
	if _, err := Merge(context.Background(), out, []string{a.Dir(), b.Dir()}, nil); !errors.Is(err, ErrOtherSpace) {
		t.Errorf("another base seed: %v", err)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a folder was made for spaces that do not fit")
	}
	if _, err := Merge(context.Background(), out, nil, nil); err == nil {
		t.Error("nothing to merge: no error")
	}
	if _, err := Merge(context.Background(), out, []string{t.TempDir()}, nil); err == nil {
		t.Error("an empty folder: no error")
	}
	if err := a.DrawPart(context.Background(), newToy(), 4, Part{5, 4}, nil); err == nil {
		t.Error("part 5/4: no error")
	}
}

// One sample drawn alone is, byte for byte, the file of the space.
func TestDrawOne(t *testing.T) {
	s := createToy(t, t.TempDir(), 40)
	drawToy(t, s, 3)
	for _, seed := range s.Seeds() {
		want, err := os.ReadFile(s.Path(seed))
		if err != nil {
			t.Fatal(err)
		}
		got, err := DrawOne(context.Background(), newToy(), s.LR(), seed)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("seed %d: drawn alone it differs (error %v)", seed, err)
		}
	}
}
