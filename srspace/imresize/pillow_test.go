package imresize_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/trustsr/trustsr/internal/shared"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/imresize"
)

func TestPillowGolden(t *testing.T) {
	dir := shared.Path(t, "golden", "metrics")
	b, err := os.ReadFile(filepath.Join(dir, "imresize", "pil_cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		In, Out, Filter string
		W, H            int
	}
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) == 0 {
		t.Fatal("no cases")
	}
	filters := map[string]imresize.Filter{"bilinear": imresize.PillowBilinear, "bicubic": imresize.PillowBicubic}
	for _, c := range cases {
		t.Run(c.Out, func(t *testing.T) {
			in, err := srspace.ReadFile(filepath.Join(dir, c.In))
			if err != nil {
				t.Fatal(err)
			}
			want, err := srspace.ReadFile(filepath.Join(dir, "imresize", c.Out))
			if err != nil {
				t.Fatal(err)
			}
			got, err := imresize.Pillow(in.Bytes(), in.Width, in.Height, 3, c.W, c.H, filters[c.Filter])
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, want.Bytes()) {
				t.Error("pixels differ from Pillow's")
			}
		})
	}
}

func TestPillow(t *testing.T) {
	// Halving by a triangle of four taps with weights 1, 3, 3, 1 of 8; at the
	// borders 3, 3, 1 of 7.
	got, err := imresize.Pillow([]byte{0, 70, 140, 210}, 4, 1, 1, 2, 1, imresize.PillowBilinear)
	if err != nil {
		t.Fatal(err)
	}
	if want := []byte{50, 160}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	same := []byte{1, 2, 3}
	got, err = imresize.Pillow(same, 3, 1, 1, 3, 1, imresize.PillowBicubic)
	if err != nil || !slices.Equal(got, same) {
		t.Errorf("same size: got %v, %v", got, err)
	}
	if _, err := imresize.Pillow(same, 3, 1, 1, 0, 1, imresize.PillowBicubic); !errors.Is(err, imresize.ErrSize) {
		t.Errorf("no width: got error %v", err)
	}
	if _, err := imresize.Pillow(same, 2, 1, 1, 1, 1, imresize.PillowBicubic); !errors.Is(err, imresize.ErrSize) {
		t.Errorf("short pixels: got error %v", err)
	}
}
