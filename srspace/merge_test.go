package srspace

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/hint"
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

// What a part holds beside its samples is named, after all samples are copied.
func TestMergeNamesWhatItLeavesOut(t *testing.T) {
	a := createToy(t, t.TempDir(), 40)
	drawToy(t, a, 3)
	folder := filepath.Join(a.Dir(), samplesName)
	var want []string
	damage := func(name string, data []byte) {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		want = append(want, path)
	}
	whole, err := os.ReadFile(a.Path(41))
	if err != nil {
		t.Fatal(err)
	}
	damage(filepath.Base(a.Path(41)), whole[:len(whole)/2])
	damage("000003.png", whole) // a seed below the base, another sample's picture
	damage("notes.txt", []byte("mine"))
	slices.Sort(want)
	if err := os.WriteFile(filepath.Join(folder, atomicfile.TempPrefix+"1"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	merged, err := Merge(context.Background(), filepath.Join(t.TempDir(), "out"), []string{a.Dir()}, nil)
	var left *LeftOutError
	if !errors.Is(err, ErrLeftOut) || !errors.As(err, &left) || hint.Of(err) == "" {
		t.Fatalf("%v, want %v", err, ErrLeftOut)
	}
	slices.Sort(left.Files)
	if !slices.Equal(left.Files, want) {
		t.Errorf("left out %q, want %q", left.Files, want)
	}
	if seeds := merged.Seeds(); !slices.Equal(seeds, []uint64{40, 42}) {
		t.Errorf("merged seeds %d", seeds)
	}
}
