// Package variety says in how many ways the samples of an SR space differ:
// where ([Set.Spread]), along which directions ([Set.Components]), in which
// groups ([Set.Cluster]), and which few of them stand for all
// ([Set.Diverse]).
//
// All of it looks at what a viewer sees, the 8-bit pixels, and measures the
// difference of two samples as the root mean square over pixels and channels,
// in levels of 0 to 255: the d of PSNR = 20 log₁₀(255/d). A space of digits
// whose samples are 30 levels apart is as varied as a PSNR of 18.6 dB is poor.
//
// The results depend on the samples and their order alone.
package variety

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/parallel"
	"github.com/trustsr/trustsr/srspace/picture"
)

var (
	// ErrEmpty is what errors about too few samples wrap.
	ErrEmpty = errors.New("too few samples")

	// ErrSize is what errors about samples of different sizes, or of more
	// than can be compared, wrap.
	ErrSize = errors.New("sizes do not match")
)

// MaxSamples is how many samples a [Set] may hold: all pairs are compared, in
// time and memory that grow with the square.
const MaxSamples = 2048

// Set is samples of one picture, to be compared with each other. Its methods
// are safe for concurrent use.
type Set struct {
	width, height int
	pixels        [][]byte // 8-bit RGB of each sample

	mu      sync.Mutex
	squares [][]float64 // squared distance of samples i and j at [i][j], levels²; nil until prepared
}

// New returns the set of these images. It fails with an error that wraps
// [ErrEmpty] for no images and [ErrSize] for images of different sizes or for
// more than [MaxSamples].
func New(images []*picture.Image) (*Set, error) {
	if len(images) == 0 {
		return nil, fmt.Errorf("variety: %w", ErrEmpty)
	}
	if len(images) > MaxSamples {
		return nil, hint.With(fmt.Errorf("variety of %d samples: the most is %d: %w", len(images), MaxSamples, ErrSize),
			"use a part of the space: every pair of samples is compared")
	}
	s := &Set{width: images[0].Width, height: images[0].Height, pixels: make([][]byte, len(images))}
	for i, m := range images {
		if m.Width != s.width || m.Height != s.height || len(m.Pix) != 3*s.width*s.height || len(m.Pix) == 0 {
			return nil, fmt.Errorf("variety: sample %d is %d×%d, sample 0 is %d×%d: %w", i, m.Width, m.Height, s.width, s.height, ErrSize)
		}
		s.pixels[i] = m.Bytes()
	}
	return s, nil
}

// Len returns the number of samples.
func (s *Set) Len() int { return len(s.pixels) }

// Distance returns the root mean square difference of samples i and j, in
// levels of 0 to 255.
func (s *Set) Distance(i, j int) float64 { return math.Sqrt(s.distances()[i][j]) }

// Prepare compares all pairs of samples, which the other methods do when they
// are first called: in about a nanosecond for each value of each pair, 0.1 s
// for 324 digits and 10 s for as many pictures of 256×256. progress, unless
// nil, is called with the number of samples compared with all before them, one
// call at a time. A cancelled ctx ends it with ctx's error.
func (s *Set) Prepare(ctx context.Context, progress func(done, total int)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.squares != nil {
		return nil
	}
	n := len(s.pixels)
	squares := make([][]float64, n)
	for i := range squares {
		squares[i] = make([]float64, n)
	}
	var reporting sync.Mutex
	done := 0
	err := parallel.Each(ctx, n, 0, func(k int) error {
		i := n - 1 - k // the long rows first, so that no core is left with one at the end
		for j := range i {
			d := meanSquare(s.pixels[i], s.pixels[j])
			squares[i][j], squares[j][i] = d, d
		}
		reporting.Lock()
		defer reporting.Unlock()
		if done++; progress != nil {
			progress(done, n)
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.squares = squares
	return nil
}

// distances returns the mean squared differences of all pairs.
func (s *Set) distances() [][]float64 {
	s.Prepare(context.Background(), nil) // which cannot be cancelled
	return s.squares
}

// meanSquare sums in integers: the result does not depend on the order.
func meanSquare(a, b []byte) float64 {
	sum := 0
	for k, v := range a {
		d := int(v) - int(b[k])
		sum += d * d
	}
	return float64(sum) / float64(len(a))
}

// Medoid returns the sample with the least sum of distances to the members,
// one of them, the first of equals; -1 for no members.
func (s *Set) Medoid(members []int) int {
	squares := s.distances()
	best, least := -1, math.Inf(1)
	for _, i := range members {
		sum := 0.0
		for _, j := range members {
			sum += math.Sqrt(squares[i][j])
		}
		if sum < least {
			best, least = i, sum
		}
	}
	return best
}

// all lists the samples.
func (s *Set) all() []int {
	out := make([]int, s.Len())
	for i := range out {
		out[i] = i
	}
	return out
}
