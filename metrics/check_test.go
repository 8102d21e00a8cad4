package metrics

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/srspace/picture"
)

// typed are the errors about images that a caller can tell apart.
var typed = []error{ErrSize, ErrTooSmall, ErrTooLarge, ErrChannels, ErrNotFinite}

// Every metric answers a wrong image, or a wrong reference, with the error of
// what is wrong: no panic, no score, and nothing about weights that are
// missing too.
func TestWrongImages(t *testing.T) {
	t.Setenv("TRUSTSR_WEIGHTS", t.TempDir())
	gradient := func(width, height int) *picture.Image {
		m := picture.NewImage(width, height)
		for i := range m.Pix {
			m.Pix[i] = float32(i*7919%256) / 255
		}
		return m
	}
	with := func(m *picture.Image, v float64) *picture.Image {
		m.Pix[7] = float32(v)
		return m
	}
	good := gradient(96, 100)
	for _, id := range slices.Concat(IDs(), []string{"lpips/vgg/0.1/nearest×3", "pieapp/6", "lrpsnr/ntire/x4", "lrpsnr/float/vs-hr/x4", "ssim/y601full-u8/crop2/reflect"}) {
		m, err := Find(id)
		if err != nil {
			t.Fatal(err)
		}
		ref := good
		if m.Info().Reference == LR {
			ref = gradient(24, 25)
		}
		for _, of := range []string{"image", "reference"} {
			if of == "reference" && m.Info().Reference == None {
				continue
			}
			w, h := 96, 100
			if of == "reference" {
				w, h = ref.Width, ref.Height
			}
			wrong := map[string]struct {
				image *picture.Image
				want  error
			}{
				"nil":         {nil, ErrTooSmall},
				"empty":       {&picture.Image{}, nil}, // too small, or of another size
				"negative":    {&picture.Image{Width: -5, Height: -5}, nil},
				"one channel": {&picture.Image{Width: w, Height: h, Pix: make([]float32, w*h)}, ErrChannels},
				"no pixels":   {&picture.Image{Width: w, Height: h}, ErrChannels},
				"NaN":         {with(gradient(w, h), math.NaN()), ErrNotFinite},
				"infinite":    {with(gradient(w, h), math.Inf(1)), ErrNotFinite},
				"other size":  {gradient(w+1, h-1), ErrSize},
			}
			for what, c := range wrong {
				if what == "other size" && m.Info().Reference == None {
					continue
				}
				image, hr := c.image, ref
				if of == "reference" {
					image, hr = good, c.image
				}
				check := func(call string, score func() error) {
					t.Helper()
					defer func() {
						if r := recover(); r != nil {
							t.Errorf("%s, %s, %s %s: panic: %v", id, call, of, what, r)
						}
					}()
					err := score()
					if c.want != nil && !errors.Is(err, c.want) || !slices.ContainsFunc(typed, func(e error) bool { return errors.Is(err, e) }) || errors.Is(err, ErrNoWeights) {
						t.Errorf("%s, %s, %s %s: error %v", id, call, of, what, err)
					}
				}
				check("score", func() error { _, err := m.Score(image, hr); return err })
				check("all", func() error {
					_, err := ScoreAll(context.Background(), m, []*picture.Image{image, image}, hr)
					return err
				})
				if mapper, ok := m.(Mapper); ok {
					check("map", func() error { _, err := mapper.Map(image, hr); return err })
				}
				if p, ok := m.(Preparer); ok && of == "reference" && what != "other size" {
					check("prepare", func() error { _, err := p.Prepare(hr); return err })
				}
			}
		}
	}
}

// What to do about a picture depends on what is wrong with it.
func TestNetworkHints(t *testing.T) {
	alex, err := LPIPSAlex()
	if err != nil {
		t.Fatal(err)
	}
	large := picture.NewImage(64, MaxPixels/64+1)
	for what, c := range map[string]struct {
		image       *picture.Image
		want        error
		hint, never string
	}{
		"large": {large, ErrTooLarge, "parts of the picture", "enlarged"},
		"small": {picture.NewImage(28, 28), ErrTooSmall, "lpips/alex/0.1/nearest×3,", "parts"},
		"tiny":  {picture.NewImage(6, 6), ErrTooSmall, "lpips/alex/0.1/nearest×6,", "parts"},
		"pixel": {picture.NewImage(1, 1), ErrTooSmall, "psnr/rgb/crop0", "enlarged"},
		"empty": {&picture.Image{}, ErrTooSmall, "", "enlarged"},
	} {
		_, err := alex.Score(c.image, c.image)
		if advice := hint.Of(err); !errors.Is(err, c.want) || !strings.Contains(advice, c.hint) || strings.Contains(advice, c.never) {
			t.Errorf("%s: error %v, hint %q", what, err, advice)
		}
	}
	if _, err := InstalledNRQM().Score(&picture.Image{Width: 1 << 20, Height: 1 << 20}, nil); !errors.Is(err, ErrTooLarge) || hint.Of(err) == "" {
		t.Errorf("NRQM of a large picture: %v, hint %q", err, hint.Of(err))
	}
}
