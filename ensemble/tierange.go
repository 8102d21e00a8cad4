package ensemble

import (
	"fmt"
	"slices"

	"github.com/trustsr/trustsr/srspace/picture"
)

// TieRange is how far ties leave the ensemble open: the least and the
// greatest value that each pixel's mean takes over all ways to fill the k
// places from the samples tied at the cut. Each bound is reached by some
// resolution, though not by one resolution for all pixels.
type TieRange struct {
	Low, High *picture.Image
	Max       float64 // widest range of a value, in [0,1]
	Mean      float64 // mean range of all values
	Open      float64 // share of values, in [0,1], that differ in 8 bits
}

// PixelRange returns the range of the mean ([Mean]) of a selection over all
// its tie resolutions, exactly and without enumerating them: with r places
// for the tied, a value is least with the r smallest of theirs and greatest
// with the r largest. For [Expand] the range is still that of k samples. The
// images are looked up by seed.
func (s *Selection) PixelRange(image func(sample uint64) (*picture.Image, error)) (*TieRange, error) {
	certain, err := images(s.Certain, image)
	if err != nil {
		return nil, fmt.Errorf("range over ties: %w", err)
	}
	tied, err := images(s.Tied, image)
	if err != nil {
		return nil, fmt.Errorf("range over ties: %w", err)
	}
	all := append(slices.Clone(certain), tied...)
	if err := sameSize(all); err != nil {
		return nil, fmt.Errorf("range over ties: %w", err)
	}
	n := uint64(len(certain) + s.Places)
	base := make([]uint64, len(all[0].Pix))
	for _, m := range certain {
		for j, b := range m.Bytes() {
			base[j] += uint64(b)
		}
	}
	values := make([][]byte, len(tied))
	for i, m := range tied {
		values[i] = m.Bytes()
	}
	r := &TieRange{Low: picture.NewImage(all[0].Width, all[0].Height), High: picture.NewImage(all[0].Width, all[0].Height)}
	column := make([]byte, len(tied))
	open := 0
	for j, sum := range base {
		for i := range values {
			column[i] = values[i][j]
		}
		slices.Sort(column)
		low, high := sum, sum
		for i := range s.Places {
			low += uint64(column[i])
			high += uint64(column[len(column)-1-i])
		}
		r.Low.Pix[j], r.High.Pix[j] = level(low, n), level(high, n)
		width := float64(high-low) / float64(255*n)
		r.Max = max(r.Max, width)
		r.Mean += width
		if (2*low+n)/(2*n) != (2*high+n)/(2*n) { // rounded half up
			open++
		}
	}
	r.Mean /= float64(len(base))
	r.Open = float64(open) / float64(len(base))
	return r, nil
}

// images looks up the images of samples.
func images(samples []uint64, image func(uint64) (*picture.Image, error)) ([]*picture.Image, error) {
	out := make([]*picture.Image, len(samples))
	for i, s := range samples {
		var err error
		if out[i], err = image(s); err != nil {
			return nil, fmt.Errorf("sample %d: %w", s, err)
		}
	}
	return out, nil
}

// sameSize returns an error that wraps [ErrEmpty] or [ErrSize] unless there
// are images and all have one size.
func sameSize(images []*picture.Image) error {
	if len(images) == 0 {
		return ErrEmpty
	}
	first := images[0]
	for i, m := range images {
		if m.Width != first.Width || m.Height != first.Height {
			return fmt.Errorf("image %d is %d×%d, image 0 is %d×%d: %w", i, m.Width, m.Height, first.Width, first.Height, ErrSize)
		}
	}
	if len(first.Pix) == 0 {
		return ErrEmpty
	}
	return nil
}
