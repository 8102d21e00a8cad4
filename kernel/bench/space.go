package bench

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/picture"
)

// drawn is a sampler without a network: what a space costs besides.
type drawn struct{ side int }

func (d drawn) Recipe() srspace.Recipe {
	return srspace.Recipe{Model: "generated", Weights: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		Scale: 4, Method: "none", Steps: 1, RNG: srspace.RNG, Fit: "none", Backend: "none", Schedule: "none", Software: srspace.Version}
}

func (d drawn) Sample(ctx context.Context, lr *picture.Image, seeds []uint64) iter.Seq2[srspace.Sample, error] {
	return func(yield func(srspace.Sample, error) bool) {
		for _, seed := range seeds {
			if !yield(srspace.Sample{Seed: seed, Image: smoothPicture(4*d.side, seed)}, ctx.Err()) {
				return
			}
		}
	}
}

// measureSpace draws a space of many digit-sized samples in steps of ten
// times as many, and opens it.
func measureSpace(ctx context.Context, s *session) error {
	sampler := drawn{7}
	dir := s.path("space")
	space, err := srspace.Create(dir, smoothPicture(sampler.side, 0), sampler.Recipe(), 0)
	if err != nil {
		return err
	}
	n := 0
	for _, total := range pick(s, []int{10, 100, 1000, 10_000}, []int{10, 100}) {
		began, fresh := time.Now(), total-n
		if err := space.Draw(ctx, sampler, total, nil); err != nil {
			return err
		}
		perSample := milliseconds(time.Since(began).Seconds()) / float64(fresh)
		s.add(Row{ID: fmt.Sprintf("space/keep a sample, %d to %d", n, total), Unit: "ms"}, []float64{perSample})
		n = total
	}
	return s.time(ctx, fmt.Sprintf("space/open %d samples", n), "ms", milliseconds, func() error {
		opened, err := srspace.Open(dir)
		if err != nil {
			return err
		}
		if got := opened.Len(); got != n {
			return fmt.Errorf("opened %d samples of %d", got, n)
		}
		return nil
	})
}
