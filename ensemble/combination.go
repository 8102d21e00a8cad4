package ensemble

import (
	"errors"
	"fmt"
	"slices"

	"github.com/trustsr/trustsr/srspace/picture"
)

// ErrCombination is what errors about no known combination wrap.
var ErrCombination = errors.New("unknown combination")

// Combination says how chosen samples become one image.
type Combination string

const (
	ByMean   Combination = "mean"     // [Mean]: the paper's
	ByMedian Combination = "median"   // [Median]
	ByVotes  Combination = "weighted" // [WeightedMean], weights the votes
)

// Combinations are all combinations.
var Combinations = []Combination{ByMean, ByMedian, ByVotes}

// check reports an unknown combination; the empty one is [ByMean].
func (c Combination) check() error {
	if c != "" && !slices.Contains(Combinations, c) {
		return fmt.Errorf("%w %q among %q", ErrCombination, c, Combinations)
	}
	return nil
}

// plain reports whether it is what the paper does.
func (c Combination) plain() bool { return c == "" || c == ByMean }

// departure is the sentence that has to stand beside an ensemble that is not
// the paper's mean, or "".
func (c Combination) departure() string {
	switch c {
	case ByMedian:
		return "Combined by the pixel-wise median: a departure from the paper, which averages."
	case ByVotes:
		return "Combined by the mean weighted by votes: a departure from the paper, which weighs the chosen equally. Random and other controls of as many samples carry the same weights."
	}
	return ""
}

// of returns what combines samples with these votes, nil for [Mean]. Of
// another number of images than votes, as in the control of all samples, it
// weighs all equally; of as many others it gives the votes in their order.
func (c Combination) of(votes []int) func([]*picture.Image) (*picture.Image, error) {
	switch c {
	case ByMedian:
		return Median
	case ByVotes:
		return func(images []*picture.Image) (*picture.Image, error) {
			if len(images) != len(votes) {
				return Mean(images)
			}
			return WeightedMean(images, votes)
		}
	}
	return nil
}

// combine makes one image of the chosen samples of a tally.
func (c Combination) combine(t *Tally, chosen []uint64, image func(sample uint64) (*picture.Image, error)) (*picture.Image, error) {
	list, err := images(chosen, image)
	if err != nil {
		return nil, err
	}
	combine := c.of(t.votesOf(chosen))
	if combine == nil {
		combine = Mean
	}
	return combine(list)
}

func (t *Tally) votesOf(samples []uint64) []int {
	votes := make([]int, len(samples))
	for i, s := range samples {
		votes[i] = t.Of(s).Votes
	}
	return votes
}
