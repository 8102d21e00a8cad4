package digits

import (
	"context"
	"slices"
	"testing"
)

// A sample's bytes depend on its seed alone: 81 samples asked for at once, in
// batches of 7 and one by one are equal. (Network calls have one size
// whatever is asked for, see ldm.Sampler.Batch: matrix products of other
// sizes round otherwise.)
func TestEqualBytesInBatchesOf1And7And81(t *testing.T) {
	whole := embedded(t)
	sampler := *whole.Sampler
	sampler.Steps = 2 // rounding shows in the first step
	lr := lowRes(t, ambiguousDigit)
	draw := func(seeds ...uint64) map[uint64]string {
		out := map[uint64]string{}
		for s, err := range sampler.Sample(context.Background(), lr, seeds) {
			if err != nil {
				t.Fatal(err)
			}
			out[s.Seed] = s.Image.Hash()
		}
		if len(out) != len(seeds) {
			t.Fatalf("asked for %d samples, got %d", len(seeds), len(out))
		}
		return out
	}
	all := make([]uint64, 81)
	for i := range all {
		all[i] = uint64(i)
	}
	want := draw(all...)
	compare := func(batch []uint64) {
		for seed, hash := range draw(batch...) {
			if hash != want[seed] {
				t.Errorf("sample %d in a batch of %d differs from the one of 81", seed, len(batch))
			}
		}
	}
	for _, first := range []int{0, 35, 74} {
		batch := slices.Clone(all[first : first+7])
		slices.Reverse(batch) // order changes nothing either
		compare(batch)
	}
	for _, seed := range []uint64{0, 40, 80} {
		compare([]uint64{seed})
	}
}
