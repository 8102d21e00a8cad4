package metrics

import (
	"fmt"
	"math"

	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/imresize"
)

var psnrInfo = Info{
	ID: "psnr/rgb/crop0", Name: "PSNR", Unit: "dB",
	Direction: HigherIsBetter, Reference: HR, MinSide: 1,
}

// PSNRMetric is [PSNR] as a [Metric], "psnr/rgb/crop0".
type PSNRMetric struct{}

// Info returns the metric's passport.
func (PSNRMetric) Info() Info { return psnrInfo }

// Score returns PSNR(image, hr).
func (PSNRMetric) Score(image, hr *srspace.Image) (float64, error) { return PSNR(image, hr) }

// PSNR returns the peak signal-to-noise ratio in dB of two images of the
// same size: 10·log10(255²/MSE) over all pixels and all three channels of
// their 8-bit RGB values, no border cropped, in float64; +Inf when they are
// equal. It equals BasicSR's calculate_psnr with crop_border=0 and
// scikit-image's peak_signal_noise_ratio on uint8 to 1e-9 dB. Images of
// different sizes are an error that wraps [ErrSize].
func PSNR(a, b *srspace.Image) (float64, error) {
	if err := sameSize(a, b); err != nil {
		return 0, fmt.Errorf("PSNR: %w", err)
	}
	return psnr(a.Bytes(), b.Bytes()), nil
}

func psnr(a, b []byte) float64 {
	var sum uint64 // of squared differences: exact
	for i, v := range a {
		d := int(v) - int(b[i])
		sum += uint64(d * d)
	}
	return 10 * math.Log10(255*255*float64(len(a))/float64(sum))
}

func sameSize(a, b *srspace.Image) error {
	if a.Width != b.Width || a.Height != b.Height {
		return fmt.Errorf("%d×%d against %d×%d: %w", a.Width, a.Height, b.Width, b.Height, ErrSize)
	}
	if a.Width < 1 || a.Height < 1 {
		return fmt.Errorf("%d×%d: %w", a.Width, a.Height, ErrTooSmall)
	}
	return nil
}

var lrPSNRInfo = Info{
	ID: "lrpsnr/matlab-u8/vs-lr", Name: "LR-PSNR", Unit: "dB",
	Direction: HigherIsBetter, Reference: LR, MinSide: 1,
}

// LRPSNRMetric is [LRPSNR] as a [Metric], "lrpsnr/matlab-u8/vs-lr".
type LRPSNRMetric struct{}

// Info returns the metric's passport.
func (LRPSNRMetric) Info() Info { return lrPSNRInfo }

// Score returns LRPSNR(image, lr).
func (LRPSNRMetric) Score(image, lr *srspace.Image) (float64, error) { return LRPSNR(image, lr) }

// LRPSNR returns the LR consistency of a super-resolved image in dB: PSNR
// between its MATLAB bicubic downscaling to 8 bits ([imresize.Downscale])
// and the LR image it was made from; +Inf for an image that downscales to
// exactly its LR. Images around 45 dB and more count as consistent in the
// NTIRE 2021 and 2022 challenges, "Learning the Super-Resolution Space",
// whose own convention (against a downscaled HR, half-to-even rounding, crop
// to multiples of 8) gives up to 0.35 dB other values.
//
// The factor is the whole number that leads from one size to the other; it
// is an error that wraps [ErrSize] when there is none or more than one.
func LRPSNR(image, lr *srspace.Image) (float64, error) {
	factor, err := scaleFactor(image, lr)
	if err != nil {
		return 0, fmt.Errorf("LR consistency: %w", err)
	}
	down, err := imresize.Downscale(image, factor)
	if err != nil {
		return 0, fmt.Errorf("LR consistency: %w", err)
	}
	return psnr(down.Bytes(), lr.Bytes()), nil
}

// scaleFactor returns the factor by which image shrinks to the size of lr.
func scaleFactor(image, lr *srspace.Image) (int, error) {
	if image.Width < 1 || image.Height < 1 || lr.Width < 1 || lr.Height < 1 {
		return 0, fmt.Errorf("%d×%d from %d×%d: %w", image.Width, image.Height, lr.Width, lr.Height, ErrTooSmall)
	}
	if f := image.Width / lr.Width; f*lr.Width == image.Width && f*lr.Height == image.Height {
		return f, nil
	}
	var fits []int
	for f := 1; f <= max(image.Width, image.Height); f++ {
		if (image.Width+f-1)/f == lr.Width && (image.Height+f-1)/f == lr.Height {
			fits = append(fits, f)
		}
	}
	if len(fits) != 1 {
		return 0, fmt.Errorf("%d×%d from %d×%d: %d whole factors fit: %w",
			image.Width, image.Height, lr.Width, lr.Height, len(fits), ErrSize)
	}
	return fits[0], nil
}
