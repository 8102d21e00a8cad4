package srspace

import (
	"context"
	"iter"

	"github.com/trustsr/trustsr/srspace/picture"
)

// aheadBytes bounds the pictures that wait to be written.
const aheadBytes = 64 << 20

// ahead draws samples while those before them are encoded and written, up to
// so many of the given size as make aheadBytes. It yields what the sampler
// yields, in its order. When the consumer stops, or ctx ends, the sampler is
// cancelled and waited for.
func ahead(ctx context.Context, sampler Sampler, lr *picture.Image, seeds []uint64, pixels int) iter.Seq2[Sample, error] {
	return func(yield func(Sample, error) bool) {
		type drawn struct {
			sample Sample
			err    error
		}
		ctx, stop := context.WithCancel(ctx)
		waiting := make(chan drawn, max(1, min(len(seeds), aheadBytes/(3*4*max(1, pixels)))))
		var crash any
		go func() {
			defer close(waiting)
			defer func() { crash = recover() }() // the consumer's to recover from
			for sample, err := range sampler.Sample(ctx, lr, seeds) {
				select {
				case waiting <- drawn{sample, err}:
				case <-ctx.Done():
					return
				}
			}
		}()
		defer func() {
			stop()
			for range waiting { // ends when the sampler has
			}
			if crash != nil {
				panic(crash)
			}
		}()
		for d := range waiting {
			if !yield(d.sample, d.err) {
				return
			}
		}
	}
}
