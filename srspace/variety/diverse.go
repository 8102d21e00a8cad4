package variety

import (
	"fmt"
	"math"
)

// Subset is a few samples that stand for all.
type Subset struct {
	Samples []int // in the order chosen: any first part of it is such a subset too

	// Radius is the distance, in levels of 0 to 255, of the sample that is
	// farthest from all chosen ones: every sample has a chosen one within it.
	Radius float64
}

// Bound returns a radius below which no subset of as many samples, nor as many
// pictures of any other kind, covers all: half of Radius. For the chosen ones
// and the sample at Radius are k+1 that are pairwise at least Radius apart, and
// of any k pictures one is the nearest to two of them.
func (s *Subset) Bound() float64 { return s.Radius / 2 }

// Diverse returns k samples that cover the space: every sample is near one of
// them. It takes the medoid of all samples and then again and again the sample
// farthest from those taken, the first of equals (farthest-point traversal).
// The radius is at most twice the least that k samples can have: Gonzalez,
// "Clustering to minimize the maximum intercluster distance", Theoretical
// Computer Science 38 (1985); [Subset.Bound] says why. It fails with an error
// that wraps [ErrEmpty] when k is below 1 or above the number of samples.
func (s *Set) Diverse(k int) (*Subset, error) {
	n := s.Len()
	if k < 1 || k > n {
		return nil, fmt.Errorf("%d diverse samples of %d: %w", k, n, ErrEmpty)
	}
	squares := s.distances()
	away := make([]float64, n) // of the nearest sample chosen
	for i := range away {
		away[i] = math.Inf(1)
	}
	chosen := make([]bool, n)
	out := &Subset{}
	next := s.Medoid(s.all())
	for range k {
		out.Samples = append(out.Samples, next)
		chosen[next] = true
		farthest := -1
		for i, d := range squares[next] {
			away[i] = min(away[i], d)
			// Equal samples are taken last, but no sample is taken twice.
			if !chosen[i] && (farthest < 0 || away[i] > away[farthest]) {
				farthest = i
			}
		}
		if farthest < 0 {
			break
		}
		next = farthest
		out.Radius = math.Sqrt(away[farthest])
	}
	if len(out.Samples) == n {
		out.Radius = 0
	}
	return out, nil
}
