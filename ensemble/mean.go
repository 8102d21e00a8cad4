// Package ensemble makes one image of the samples that people chose from an
// SR space, and says how much the choice decided.
//
// A participant's answer in one trial is a [Ballot] under the rules of a
// [Protocol]; [Task1], [Task2] and [Method] are the paper's. [Count] makes a
// [Tally] of ballots, [Tally.Top] the k most voted samples under a [TieRule],
// and [Mean] their ensemble. What must stand beside it:
//
//   - [Tally.Bootstrap] and [Selection.PixelRange]: whether other people, or
//     another way to resolve ties, would have made another image;
//   - [NewControls]: what a choice by lot, by a metric or of all samples gives;
//   - [FindRivals]: one ensemble of each thing that people read;
//   - [Screen]: who clicked without looking, and the result without them.
//
// [NewReport] puts all this together for one trial; [Simulate] makes studies
// without people, to try it out. Metrics are functions that the caller gives:
// this package knows none.
package ensemble

import (
	"errors"
	"fmt"
	"math"

	"github.com/trustsr/trustsr/srspace/picture"
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
// rounded, so its values are RGB in [0,1] with more than 256 levels; written
// to 8 bits it is rounded half up. It does not depend on the order of images.
// It fails with an error that wraps
// [ErrEmpty] or [ErrSize].
func Mean(images []*picture.Image) (*picture.Image, error) {
	if len(images) == 0 {
		return nil, fmt.Errorf("mean: %w", ErrEmpty)
	}
	first := images[0]
	seen := make([][]byte, len(images))
	for i, img := range images {
		if img.Width != first.Width || img.Height != first.Height {
			return nil, fmt.Errorf("mean: image %d is %d×%d, image 0 is %d×%d: %w",
				i, img.Width, img.Height, first.Width, first.Height, ErrSize)
		}
		seen[i] = img.Bytes()
	}
	return meanOfBytes(seen, first.Width, first.Height), nil
}

// meanOfBytes is the mean of 8-bit pixels.
func meanOfBytes(images [][]byte, width, height int) *picture.Image {
	out := picture.NewImage(width, height)
	sums := make([]uint64, len(out.Pix)) // of whole numbers: exact in any order
	for _, img := range images {
		for j, b := range img {
			sums[j] += uint64(b)
		}
	}
	for j, sum := range sums {
		out.Pix[j] = level(sum, uint64(len(images)))
	}
	return out
}

// level returns sum/n levels of 1/255. A half level is rounded up to float32,
// not to the nearest, so that its 8-bit value is sum/n rounded half up.
func level(sum, n uint64) float32 {
	exact := float64(sum) / float64(255*n)
	v := float32(exact)
	if 2*sum%n == 0 && float64(v) < exact {
		v = math.Nextafter32(v, 2)
	}
	return v
}
