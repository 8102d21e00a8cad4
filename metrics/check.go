package metrics

import (
	"errors"
	"fmt"
	"math"

	"github.com/trustsr/trustsr/internal/finite"
	"github.com/trustsr/trustsr/srspace/picture"
)

var (
	// ErrNotFinite is what errors about images with a pixel that is NaN or
	// infinite wrap.
	ErrNotFinite = errors.New("a pixel is not a finite number")

	// ErrChannels is what errors about images that are not three channels,
	// or of another number of channels than their reference, wrap.
	ErrChannels = errors.New("numbers of channels do not match")
)

// Check returns an error that wraps [ErrTooSmall] for an image without
// pixels, [ErrChannels] for one that does not hold three values a pixel and
// [ErrNotFinite] for one with a NaN or an infinity. A viewer shows NaN as
// black, so that a model gone wrong would have a score.
func Check(image *picture.Image) error {
	if image == nil {
		return fmt.Errorf("no image: %w", ErrTooSmall)
	}
	w, h := image.Width, image.Height
	if w < 1 || h < 1 {
		return fmt.Errorf("%d×%d: %w", w, h, ErrTooSmall)
	}
	if len(image.Pix) != 3*w*h {
		return fmt.Errorf("%d×%d pixels need three channels, %d values, but have %d: %w", w, h, 3*w*h, len(image.Pix), ErrChannels)
	}
	if i := finite.Not(image.Pix); i >= 0 {
		return fmt.Errorf("pixel (%d, %d) is %v: %w", i/3%w, i/3/w, image.Pix[i], ErrNotFinite)
	}
	return nil
}

// sameSize checks both images and that they have the same size.
func sameSize(a, b *picture.Image) error {
	if err := sameSides(a, b); err != nil {
		return err
	}
	if err := Check(a); err != nil {
		return err
	}
	return Check(b)
}

// sameSides returns an error that wraps ErrSize if both images are there and
// differ in size.
func sameSides(a, b *picture.Image) error {
	if a != nil && b != nil && (a.Width != b.Width || a.Height != b.Height) {
		return fmt.Errorf("%d×%d against %d×%d: %w", a.Width, a.Height, b.Width, b.Height, ErrSize)
	}
	return nil
}

// noSmaller returns an error that wraps ErrTooSmall if a side of the image is
// below what the metric of info needs.
func noSmaller(image *picture.Image, info Info) error {
	if min(image.Width, image.Height) < info.MinSide {
		return fmt.Errorf("%d×%d is below %d pixels a side: %w", image.Width, image.Height, info.MinSide, ErrTooSmall)
	}
	return nil
}

// decibels returns 10·log10(255²/mse).
func decibels(mse float64) float64 { return 10 * math.Log10(255*255/mse) }
