package ldm

import (
	"testing"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/srspace/picture"
)

// A 3×2 picture fitted to multiples of 8, by hand.
func TestFit(t *testing.T) {
	s := &Sampler{Model: &Model{Config: Config{UNet: UNetConfig{ChannelMult: []int{1, 1, 1, 1}}}}}
	lr := picture.NewImage(3, 2)
	for i := range 6 {
		lr.Pix[3*i] = float32(i)
	}
	for way, want := range map[string][2][8]float32{ // the first row and the last
		FitEdge:     {{0, 1, 2, 2, 2, 2, 2, 2}, {3, 4, 5, 5, 5, 5, 5, 5}},
		FitReflect:  {{0, 1, 2, 1, 0, 1, 2, 1}, {3, 4, 5, 4, 3, 4, 5, 4}},
		FitPeriodic: {{0, 1, 2, 0, 1, 2, 0, 1}, {3, 4, 5, 3, 4, 5, 3, 4}},
	} {
		s.Description.Fit = way
		got, err := s.fit(lr)
		if err != nil {
			t.Fatal(err)
		}
		if got.Width != 8 || got.Height != 8 {
			t.Fatalf("%s: %d×%d", way, got.Width, got.Height)
		}
		for i, y := range []int{0, 7} {
			for x, v := range want[i] {
				if got.Pix[3*(8*y+x)] != v {
					t.Errorf("%s: (%d,%d) is %v, want %v", way, x, y, got.Pix[3*(8*y+x)], v)
				}
			}
		}
	}
	for _, way := range []string{FitNone, "", "stretch"} {
		s.Description.Fit = way
		if _, err := s.fit(lr); err == nil || hint.Of(err) == "" {
			t.Errorf("fit %q: error %v", way, err)
		}
	}
	if _, err := s.fit(&picture.Image{}); err == nil {
		t.Error("a picture without pixels is taken")
	}
}

func TestCrop(t *testing.T) {
	img := picture.NewImage(3, 2)
	for i := range img.Pix {
		img.Pix[i] = float32(i)
	}
	got := crop(img, 1, 1, 2, 1)
	if got.Width != 2 || got.Height != 1 || got.Pix[0] != 12 || got.Pix[5] != 17 {
		t.Errorf("%+v", got)
	}
}
