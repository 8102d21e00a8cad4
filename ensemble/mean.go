// Package ensemble makes one image of the samples that people chose from an
// SR space.
package ensemble

import (
	"errors"
	"fmt"

	"github.com/trustsr/trustsr/srspace"
)

var (
	// ErrEmpty is what errors about an ensemble of no images wrap.
	ErrEmpty = errors.New("no images to combine")

	// ErrSize is what errors about images of different sizes wrap.
	ErrSize = errors.New("images of different sizes")
)

// Mean returns the pixel-wise mean of the chosen images, the ensemble of
// Korkmaz et al., "Trustworthy SR" (LDM-SS). What is averaged is what people
// saw, the 8-bit pixels ([srspace.Image.Bytes]); the mean itself is not
// rounded, so its values are RGB in [0,1] with more than 256 levels, and does
// not depend on the order of images. It fails with an error that wraps
// [ErrEmpty] or [ErrSize].
func Mean(images []*srspace.Image) (*srspace.Image, error) {
	if len(images) == 0 {
		return nil, fmt.Errorf("mean: %w", ErrEmpty)
	}
	first := images[0]
	sums := make([]uint64, len(first.Pix)) // of whole numbers: exact in any order
	for i, img := range images {
		if img.Width != first.Width || img.Height != first.Height {
			return nil, fmt.Errorf("mean: image %d is %d×%d, image 0 is %d×%d: %w",
				i, img.Width, img.Height, first.Width, first.Height, ErrSize)
		}
		for j, b := range img.Bytes() {
			sums[j] += uint64(b)
		}
	}
	out := srspace.NewImage(first.Width, first.Height)
	for j, sum := range sums {
		out.Pix[j] = float32(float64(sum) / float64(255*len(images)))
	}
	return out, nil
}
