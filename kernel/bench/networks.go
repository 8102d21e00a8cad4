package bench

import (
	"context"
	"fmt"

	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/digits"
	"github.com/trustsr/trustsr/srspace/ldm"
	"github.com/trustsr/trustsr/srspace/natural"
	"github.com/trustsr/trustsr/srspace/picture"
)

// ambiguousDigit is a test digit whose 7×7 picture can be read two ways.
const ambiguousDigit = 18

// digitModel opens the digit model and the LR picture to sample.
func (s *session) digitModel() (*digits.Model, *picture.Image, error) {
	m, err := digits.Open(s.config)
	if err != nil {
		return nil, nil, err
	}
	hr, _, err := digits.TestDigit(ambiguousDigit)
	if err != nil {
		return nil, nil, err
	}
	lr, err := digits.LR(hr)
	return m, lr, err
}

// measureDigits draws the 324 samples of the paper's digit experiment, as
// kernel sample does but for the files.
func measureDigits(ctx context.Context, s *session) error {
	m, lr, err := s.digitModel()
	if err != nil {
		return err
	}
	n := pick(s, 324, m.Batch*m.Workers)
	m.Steps = pick(s, 50, 2)
	id := fmt.Sprintf("digits/%d samples/ddim-%d", n, m.Steps)
	return s.time(ctx, id, "samples/s", rate(n), func() error { return drawAll(ctx, m, lr, n) })
}

// naturalSamples is how many samples of a picture are drawn, naturalSide the
// side of its LR picture.
const naturalSamples, naturalSide = 16, 32

// naturalModel opens the natural-image model and sets it up for the LR picture.
func (s *session) naturalModel() (*natural.Model, *picture.Image, error) {
	m, err := natural.Open(s.config)
	if err != nil {
		return nil, nil, err
	}
	side := pick(s, naturalSide, 8)
	lr := smoothPicture(side, 1)
	m.Steps = pick(s, 50, 2)
	return m, lr, m.Suit(side, side, naturalSamples)
}

// measureNatural draws samples of 128×128 pixels, as kernel sample does but
// for the files.
func measureNatural(ctx context.Context, s *session) error {
	m, lr, err := s.naturalModel()
	if err != nil {
		return err
	}
	id := fmt.Sprintf("natural/%d samples of %dx%d/ddim-%d", naturalSamples, 4*lr.Width, 4*lr.Height, m.Steps)
	return s.time(ctx, id, "samples/s", rate(naturalSamples), func() error { return drawAll(ctx, m, lr, naturalSamples) })
}

func drawAll(ctx context.Context, sampler srspace.Sampler, lr *picture.Image, n int) error {
	seeds := make([]uint64, n)
	for i := range seeds {
		seeds[i] = uint64(i)
	}
	for _, err := range sampler.Sample(ctx, lr, seeds) {
		if err != nil {
			return err
		}
	}
	return nil
}

// sizes are the LR sides measured: of DIV2K's crops in the paper, and of 81
// digits tiled.
func (s *session) sizes() []int { return pick(s, []int{32, 64}, []int{16}) }

// generatedTensor is an input of the full architecture.
func generatedTensor(key uint64, shape ...int) *ldm.Tensor {
	t := weights.NewTensor(shape...)
	uniform(t.Data, key, 1, 0)
	return t
}

func measureUNet(ctx context.Context, s *session) error {
	m, err := s.fullModel(s.config)
	if err != nil {
		return err
	}
	for _, side := range s.sizes() {
		x, lr := generatedTensor(1, 1, 3, side, side), generatedTensor(2, 1, 3, side, side)
		err := s.time(ctx, fmt.Sprintf("unet/%dx%d/batch 1", side, side), "ms", milliseconds, func() error {
			_, err := m.Denoise(x, lr, []float32{500})
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func measureDecode(ctx context.Context, s *session) error {
	m, err := s.fullModel(s.config)
	if err != nil {
		return err
	}
	for _, side := range s.sizes() {
		z := generatedTensor(1, 1, 3, side, side)
		err := s.time(ctx, fmt.Sprintf("decode/%dx%d to %dx%d", side, side, 4*side, 4*side), "ms", milliseconds, func() error {
			_, err := m.Decode(z, nil, true)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// measureSample draws a whole sample: noise, steps, quantise, decode.
func measureSample(ctx context.Context, s *session) error {
	m, err := s.fullModel(s.config)
	if err != nil {
		return err
	}
	steps := pick(s, 10, 2)
	sampler := &ldm.Sampler{Model: m, Steps: steps, Eta: 1}
	for _, side := range s.sizes() {
		lr := smoothPicture(side, 1)
		id := fmt.Sprintf("sample/%dx%d/ddim-%d", side, side, steps)
		if err := s.time(ctx, id, "s", plain, func() error { return drawAll(ctx, sampler, lr, 1) }); err != nil {
			return err
		}
	}
	return nil
}
