package metrics

import (
	"fmt"
	"slices"

	"github.com/trustsr/trustsr/srspace/imresize"
	"github.com/trustsr/trustsr/srspace/picture"
)

// Downscaling is how an image is shrunk; always with MATLAB's antialiased
// bicubic kernel.
type Downscaling string

const (
	// MATLABU8 rounds to 8 bits after each pass, ties away from zero, and
	// mirrors the border: MATLAB's imresize of uint8.
	MATLABU8 Downscaling = "matlab-u8"

	// MATLABU8Replicate repeats the pixel at the border: older releases of
	// MATLAB, with which the LR images of Set5, Set14, BSD100 and Urban100 were
	// made.
	MATLABU8Replicate Downscaling = "matlab-u8-replicate"

	// HalfEvenU8 is MATLABU8 with ties to even: the NTIRE challenges' Python.
	HalfEvenU8 Downscaling = "halfeven-u8"

	// Float rounds nothing: MATLAB's double, BasicSR, pyiqa.
	Float Downscaling = "float"
)

// Downscalings lists the ways of shrinking.
func Downscalings() []Downscaling {
	return []Downscaling{MATLABU8, MATLABU8Replicate, HalfEvenU8, Float}
}

// LRPSNRMetric is LR consistency under one convention: the PSNR between an
// image downscaled with MATLAB's bicubic kernel and an LR image. Its zero
// value is [LRPSNR], "lrpsnr/matlab-u8/vs-lr".
type LRPSNRMetric struct {
	Downscaling Downscaling // "" is [MATLABU8]

	// Factor, if not 0, is the factor of super-resolution that image and LR
	// image must have: scores at other factors are not comparable, and belong
	// to another passport. 0 takes whatever factor their sizes give.
	Factor int

	// Scale, if not 0, compares with the HR image downscaled by it in the
	// same way, in place of the LR image.
	Scale int

	// Multiple8, with a Scale, first cuts both images at the right and at
	// the bottom to multiples of 8 pixels, as the NTIRE challenges' measure.py.
	Multiple8 bool
}

// NTIRELRPSNR returns LR consistency as measure.py of the NTIRE 2021 and 2022
// challenges "Learning the Super-Resolution Space" prints it: "lrpsnr/ntire/x4"
// for a scale of 4.
func NTIRELRPSNR(scale int) LRPSNRMetric {
	return LRPSNRMetric{Downscaling: HalfEvenU8, Scale: scale, Multiple8: true}
}

var lrPSNRInfo = LRPSNRMetric{}.Info()

func (m LRPSNRMetric) downscaling() Downscaling {
	if m.Downscaling == "" {
		return MATLABU8
	}
	return m.Downscaling
}

// Info returns the metric's passport: "lrpsnr/matlab-u8/vs-lr",
// "lrpsnr/float/vs-hr/x4", "lrpsnr/ntire/x4".
func (m LRPSNRMetric) Info() Info {
	info := Info{Name: "LR-PSNR", Unit: "dB", Direction: HigherIsBetter, Reference: HR, MinSide: 1}
	switch {
	case m.Scale == 0:
		info.ID = fmt.Sprintf("lrpsnr/%s/vs-lr", m.downscaling())
		info.Reference = LR
		info.Factor = m.Factor
	case m.Multiple8 && m.downscaling() == HalfEvenU8:
		info.ID = fmt.Sprintf("lrpsnr/ntire/x%d", m.Scale)
		info.MinSide = 8
	case m.Multiple8:
		info.ID = fmt.Sprintf("lrpsnr/%s/vs-hr/x%d/multiple8", m.downscaling(), m.Scale)
		info.MinSide = 8
	default:
		info.ID = fmt.Sprintf("lrpsnr/%s/vs-hr/x%d", m.downscaling(), m.Scale)
	}
	return info
}

// Score returns the LR consistency of image in dB; ref is the LR image, or the
// HR image if there is a Scale.
func (m LRPSNRMetric) Score(image, ref *picture.Image) (float64, error) {
	squares, err := m.Map(image, ref)
	if err != nil {
		return 0, err
	}
	return decibels(squares.Mean()), nil
}

// Map returns the squared error of each LR pixel, the mean over channels, on
// the scale of 255²: a map of the size of the LR image. The LR consistency is
// the PSNR of its mean.
func (m LRPSNRMetric) Map(image, ref *picture.Image) (*Map, error) {
	a, b, err := m.lowPair(image, ref)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.Info().ID, err)
	}
	return squaresOf(a, b), nil
}

// lowPair returns the planes of the downscaled image and of what it is
// compared with.
func (m LRPSNRMetric) lowPair(image, ref *picture.Image) (a, b []plane, err error) {
	if !slices.Contains(Downscalings(), m.downscaling()) {
		return nil, nil, fmt.Errorf("%w: no downscaling %q, only %q", ErrUnknown, string(m.downscaling()), Downscalings())
	}
	if m.Scale < 0 {
		return nil, nil, fmt.Errorf("%w: a negative scale", ErrUnknown)
	}
	if m.Scale == 0 {
		if err := Check(image); err != nil {
			return nil, nil, err
		}
		if err := Check(ref); err != nil {
			return nil, nil, err
		}
		factor, err := Factor(image.Width, image.Height, ref.Width, ref.Height)
		if err != nil {
			return nil, nil, err
		}
		if m.Factor != 0 && factor != m.Factor {
			return nil, nil, fmt.Errorf("%d×%d from %d×%d: a factor of %d, where %d is asked for: %w", image.Width, image.Height, ref.Width, ref.Height, factor, m.Factor, ErrSize)
		}
		a, err = m.down(image, factor)
		return a, RGB.planes(ref, 0), err
	}
	if err := sameSize(image, ref); err != nil {
		return nil, nil, err
	}
	if m.Multiple8 {
		w, h := image.Width/8*8, image.Height/8*8
		if w == 0 || h == 0 {
			return nil, nil, fmt.Errorf("%d×%d is below 8 pixels a side: %w", image.Width, image.Height, ErrTooSmall)
		}
		image, ref = topLeft(image, w, h), topLeft(ref, w, h)
	}
	if a, err = m.down(image, m.Scale); err != nil {
		return nil, nil, err
	}
	b, err = m.down(ref, m.Scale)
	return a, b, err
}

// down downscales the 8-bit pixels of an image.
func (m LRPSNRMetric) down(image *picture.Image, factor int) ([]plane, error) {
	o := imresize.Options{
		Scale:     1 / float64(factor),
		HalfEven:  m.downscaling() == HalfEvenU8,
		Replicate: m.downscaling() == MATLABU8Replicate,
	}
	rgb := image.Bytes()
	if m.downscaling() != Float {
		low, w, h, err := imresize.U8(rgb, image.Width, image.Height, 3, o)
		if err != nil {
			return nil, err
		}
		return split(low, w, h), nil
	}
	values := make([]float64, len(rgb))
	for i, v := range rgb {
		values[i] = float64(v)
	}
	low, w, h, err := imresize.Float(values, image.Width, image.Height, 3, o)
	if err != nil {
		return nil, err
	}
	return split(low, w, h), nil
}

// split returns the planes of interleaved RGB values.
func split[T byte | float64](rgb []T, width, height int) []plane {
	out := []plane{newPlane(width, height), newPlane(width, height), newPlane(width, height)}
	for i, v := range rgb {
		out[i%3].v[i/3] = float64(v)
	}
	return out
}

// topLeft returns the first width × height pixels.
func topLeft(image *picture.Image, width, height int) *picture.Image {
	if width == image.Width && height == image.Height {
		return image
	}
	out := picture.NewImage(width, height)
	for y := range height {
		copy(out.Pix[3*y*width:3*(y+1)*width], image.Pix[3*y*image.Width:])
	}
	return out
}

// LRPSNR returns the LR consistency of a super-resolved image in dB: PSNR
// between its MATLAB bicubic downscaling to 8 bits ([imresize.Downscale])
// and the LR image it was made from; +Inf for an image that downscales to
// exactly its LR. Images around 45 dB and more count as consistent in the
// NTIRE 2021 and 2022 challenges, "Learning the Super-Resolution Space",
// whose own convention ([NTIRELRPSNR]: against a downscaled HR, half-to-even
// rounding, crop to multiples of 8) gives up to 0.35 dB other values.
//
// The factor is the whole number that leads from one size to the other; it
// is an error that wraps [ErrSize] when there is none or more than one.
func LRPSNR(image, lr *picture.Image) (float64, error) { return LRPSNRMetric{}.Score(image, lr) }

// LRResidual returns the signed residual of LR consistency as a picture of the
// size of lr: 0.5 where image, downscaled as for [LRPSNR], has the value of
// lr, brighter where it has more; gain multiplies the differences, clipped to
// [0,1] after that.
func LRResidual(image, lr *picture.Image, gain float64) (*picture.Image, error) {
	a, b, err := LRPSNRMetric{}.lowPair(image, lr)
	if err != nil {
		return nil, fmt.Errorf("LR residual: %w", err)
	}
	out := picture.NewImage(lr.Width, lr.Height)
	for i := range out.Pix {
		d := (a[i%3].v[i/3] - b[i%3].v[i/3]) / 255
		out.Pix[i] = float32(min(max(0.5+gain*d, 0), 1))
	}
	return out, nil
}

// Factor returns the whole factor by which a picture shrinks to the size of its
// LR picture, where exactly one does. Otherwise the error wraps [ErrSize], or
// [ErrTooSmall] for a picture without pixels.
func Factor(width, height, lrWidth, lrHeight int) (int, error) {
	if min(width, height, lrWidth, lrHeight) < 1 {
		return 0, fmt.Errorf("%d×%d from %d×%d: %w", width, height, lrWidth, lrHeight, ErrTooSmall)
	}
	if f := width / lrWidth; f*lrWidth == width && f*lrHeight == height {
		return f, nil
	}
	var fits []int
	for f := 1; f <= max(width, height); f++ {
		if (width+f-1)/f == lrWidth && (height+f-1)/f == lrHeight {
			fits = append(fits, f)
		}
	}
	if len(fits) != 1 {
		return 0, fmt.Errorf("%d×%d from %d×%d: %d whole factors fit: %w", width, height, lrWidth, lrHeight, len(fits), ErrSize)
	}
	return fits[0], nil
}

// AtFactor returns the metrics with the factor of super-resolution set in those
// that compare with LR images.
func AtFactor(chosen []Metric, factor int) []Metric {
	chosen = slices.Clone(chosen)
	for i, m := range chosen {
		if lr, ok := m.(LRPSNRMetric); ok && lr.Scale == 0 {
			lr.Factor = factor
			chosen[i] = lr
		}
	}
	return chosen
}
