package metrics

import (
	"fmt"
	"math"

	"github.com/trustsr/trustsr/srspace/picture"
)

// PSNRMetric is the peak signal-to-noise ratio under one convention: 10 ·
// log10(255²/MSE) over all pixels and channels, in float64; +Inf for equal
// images. Its zero value is [PSNR], "psnr/rgb/crop0".
type PSNRMetric struct {
	Colour Colour // "" is [RGB]
	Crop   int    // pixels cut off at each border first; SR papers cut the factor

	// Epsilon adds 1e-8 to the MSE of values in [0,1], as pyiqa and piq do:
	// equal images have 80 dB then.
	Epsilon bool
}

// psnrEpsilon is 1e-8 on the scale of 255².
const psnrEpsilon = 1e-8 * 255 * 255

var psnrInfo = PSNRMetric{}.Info()

func (m PSNRMetric) colour() Colour {
	if m.Colour == "" {
		return RGB
	}
	return m.Colour
}

// Info returns the metric's passport: "psnr/rgb/crop0",
// "psnr/y601studio/crop4", "psnr/rgb/crop0/eps1e-8".
func (m PSNRMetric) Info() Info {
	id := fmt.Sprintf("psnr/%s/crop%d", m.colour(), m.Crop)
	if m.Epsilon {
		id += "/eps1e-8"
	}
	return Info{ID: id, Name: "PSNR", Unit: "dB", Direction: HigherIsBetter, Reference: HR, MinSide: 2*max(m.Crop, 0) + 1}
}

// check returns an error for a pair that has no PSNR.
func (m PSNRMetric) check(image, hr *picture.Image) error {
	info := m.Info()
	err := m.colour().check()
	if err == nil && m.Crop < 0 {
		err = fmt.Errorf("%w: a negative border", ErrUnknown)
	}
	if err == nil {
		err = sameSize(image, hr)
	}
	if err == nil {
		err = noSmaller(image, info)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", info.ID, err)
	}
	return nil
}

// Score returns the PSNR of image against hr in dB.
func (m PSNRMetric) Score(image, hr *picture.Image) (float64, error) {
	if err := m.check(image, hr); err != nil {
		return 0, err
	}
	var mse float64
	if m.colour() == RGB && m.Crop == 0 {
		mse = squaredError(image.Bytes(), hr.Bytes())
	} else {
		mse = m.squares(image, hr).Mean()
	}
	if m.Epsilon {
		mse += psnrEpsilon
	}
	return decibels(mse), nil
}

// Map returns the squared error of each pixel, the mean over channels, on the
// scale of 255². The PSNR is that of its mean.
func (m PSNRMetric) Map(image, hr *picture.Image) (*Map, error) {
	if err := m.check(image, hr); err != nil {
		return nil, err
	}
	return m.squares(image, hr), nil
}

func (m PSNRMetric) squares(image, hr *picture.Image) *Map {
	return squaresOf(m.colour().planes(image, m.Crop), m.colour().planes(hr, m.Crop))
}

// squaresOf returns the squared difference at each pixel, the mean over
// planes.
func squaresOf(a, b []plane) *Map {
	out := NewMap(a[0].width, a[0].height)
	for c := range a {
		for i, v := range a[c].v {
			d := v - b[c].v[i]
			out.Values[i] += float64(d * d)
		}
	}
	for i := range out.Values {
		out.Values[i] /= float64(len(a))
	}
	return out
}

// PSNR returns the peak signal-to-noise ratio in dB of two images of the
// same size: 10·log10(255²/MSE) over all pixels and all three channels of
// their 8-bit RGB values, no border cropped, in float64; +Inf when they are
// equal. It equals BasicSR's calculate_psnr with crop_border=0 and
// scikit-image's peak_signal_noise_ratio on uint8 to 1e-9 dB. Images of
// different sizes are an error that wraps [ErrSize].
func PSNR(a, b *picture.Image) (float64, error) { return PSNRMetric{}.Score(a, b) }

// squaredError returns the mean squared difference of 8-bit values.
func squaredError(a, b []byte) float64 {
	var sum uint64 // of squared differences: exact
	for i, v := range a {
		d := int(v) - int(b[i])
		sum += uint64(d * d)
	}
	return float64(sum) / math.Max(1, float64(len(a)))
}
