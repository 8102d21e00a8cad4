package variety

import (
	"fmt"
	"math"
)

// Spread is how much the samples disagree at each pixel: height × width
// values, row-major, that of (x, y) at Std[y*Width+x].
type Spread struct {
	Width, Height int

	// Std is the standard deviation over the samples (n-1 in the
	// denominator), the root mean square of the three channels', in levels of
	// 0 to 255: 0 where all samples agree, 127.5·√(n/(n-1)) where half of
	// them are black and half white.
	Std []float64
}

// Spread returns the disagreement of the samples at each pixel. It fails with
// an error that wraps [ErrEmpty] for fewer than two samples.
func (s *Set) Spread() (*Spread, error) {
	n := s.Len()
	if n < 2 {
		return nil, fmt.Errorf("spread of %d sample: %w", n, ErrEmpty)
	}
	out := &Spread{Width: s.width, Height: s.height, Std: make([]float64, s.width*s.height)}
	for p := range out.Std {
		variance := 0.0
		for c := range 3 {
			sum, squares := 0, 0
			for _, pixels := range s.pixels {
				v := int(pixels[3*p+c])
				sum += v
				squares += v * v
			}
			// In integers, so that agreement is exactly 0.
			variance += float64(n*squares-sum*sum) / float64(n*(n-1))
		}
		out.Std[p] = math.Sqrt(variance / 3)
	}
	return out, nil
}

// RMS returns the root mean square over the pixels: how far a sample is from
// the mean of all, typically.
func (s *Spread) RMS() float64 {
	sum := 0.0
	for _, v := range s.Std {
		sum += v * v
	}
	return math.Sqrt(sum / float64(len(s.Std)))
}

// Max returns the largest disagreement and the pixel it is at.
func (s *Spread) Max() (value float64, x, y int) {
	at := 0
	for p, v := range s.Std {
		if v > s.Std[at] {
			at = p
		}
	}
	return s.Std[at], at % s.Width, at / s.Width
}
