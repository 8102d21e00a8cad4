package ensemble

import (
	"slices"

	"github.com/trustsr/trustsr/internal/random"
)

// Order returns the samples in the order in which a participant is to see
// them in a trial: a Fisher–Yates shuffle decided by the study's seed, the
// participant and the trial. A fixed order would give the samples shown first
// votes that are not theirs.
func Order(seed uint64, participant, trial string, samples []uint64) []uint64 {
	order := slices.Clone(samples)
	random.Named(seed, "order", participant, trial).Shuffle(order)
	return order
}
