package command

import (
	"context"
	"iter"
	"strings"

	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/picture"
)

// pictures28 is a sampler that gives test digits in place of samples.
type pictures28 func(i int) *picture.Image

func (pictures28) Recipe() srspace.Recipe {
	return srspace.Recipe{Model: "test-digits", Weights: strings.Repeat("0", 64), Scale: 4, Method: "copy", Steps: 1, Fit: "none", RNG: "none", Backend: "none"}
}

func (p pictures28) Sample(_ context.Context, _ *picture.Image, seeds []uint64) iter.Seq2[srspace.Sample, error] {
	return func(yield func(srspace.Sample, error) bool) {
		for _, seed := range seeds {
			if !yield(srspace.Sample{Seed: seed, Image: p(int(seed))}, nil) {
				return
			}
		}
	}
}
