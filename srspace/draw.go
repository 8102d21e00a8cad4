package srspace

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/finite"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/srspace/picture"
)

// Draw draws what is missing of the first n samples, those of seeds base
// seed … base seed+n-1, in that order. Every finished sample is whole and
// durable on disk before progress (which may be nil) is told of it; progress
// is first called with the number found finished. Nothing finished is drawn
// again; a file that is cut off, damaged or not this sample is replaced.
//
// Cancelling ctx keeps what is finished; the error wraps ctx.Err(), and the
// same call later draws the rest. Errors wrap [ErrOtherSpace] where the
// sampler's recipe is not the space's, [ErrBusy] where another Draw is at
// work on the folder, [ErrReadOnly] for a space of [OpenFolder].
func (s *Space) Draw(ctx context.Context, sampler Sampler, n int, progress func(done, total int)) error {
	if progress == nil {
		progress = func(int, int) {}
	}
	return s.DrawPart(ctx, sampler, n, Whole, func(p Progress) { progress(p.Done, p.Total) })
}

// Progress is how far a part is drawn.
type Progress struct {
	Done, Total int // samples of the part

	// Drawn tells that the sample of Seed is what was just finished; it is
	// false for what is found finished at the start.
	Drawn bool
	Seed  uint64
}

// DrawPart is Draw for one part of the n samples, as one of many machines
// draws it; [Merge] joins their folders. progress counts the part's samples.
func (s *Space) DrawPart(ctx context.Context, sampler Sampler, n int, part Part, progress func(Progress)) error {
	if err := part.check(); err != nil {
		return err
	}
	if s.ReadOnly() {
		return hint.With(fmt.Errorf("%s: %w: its pictures were made elsewhere", s.dir, ErrReadOnly), "create a space in another folder to draw samples")
	}
	if n < 0 || (n > 0 && s.manifest.BaseSeed > math.MaxUint64-uint64(n-1)) {
		return fmt.Errorf("draw %d samples from seed %d: seeds run from 0 to %d", n, s.manifest.BaseSeed, uint64(math.MaxUint64))
	}
	if why := s.manifest.Recipe.difference(sampler.Recipe()); why != "" {
		return otherSpace(s.dir, why)
	}
	unlock, err := lockDir(s.dir)
	if err != nil {
		return err
	}
	defer unlock()
	samples := filepath.Join(s.dir, samplesName)
	if err := os.MkdirAll(samples, 0o777); err != nil { // copies may lack an empty folder
		return fmt.Errorf("draw: %w", err)
	}
	if err := removeTemporary(samples); err != nil {
		return fmt.Errorf("draw: %w", err)
	}

	from, to := part.Range(n)
	n = to - from
	missing, err := s.missing(ctx, from, to)
	if err != nil {
		return stopped(err, 0, n)
	}
	done := n - len(missing)
	if progress == nil {
		progress = func(Progress) {}
	}
	progress(Progress{Done: done, Total: n})
	if len(missing) == 0 {
		return nil
	}
	pixels := s.lr.Width * s.lr.Height * s.manifest.Recipe.Scale * s.manifest.Recipe.Scale
	for sample, err := range ahead(ctx, sampler, s.lr, missing, pixels) {
		if err != nil {
			return stopped(err, done, n)
		}
		if len(missing) == 0 {
			return fmt.Errorf("draw: the sampler made sample %d, which was not asked for", sample.Seed)
		}
		if sample.Seed != missing[0] {
			return fmt.Errorf("draw: the sampler made sample %d in place of %d", sample.Seed, missing[0])
		}
		if err := s.keep(sample); err != nil {
			return fmt.Errorf("draw sample %d: %w", sample.Seed, err)
		}
		missing = missing[1:]
		done++
		progress(Progress{Done: done, Total: n, Drawn: true, Seed: sample.Seed})
		if err := ctx.Err(); err != nil && len(missing) > 0 {
			return stopped(err, done, n)
		}
	}
	if len(missing) > 0 {
		if err := ctx.Err(); err != nil {
			return stopped(err, done, n)
		}
		return fmt.Errorf("draw: the sampler ended after %d of %d samples", done, n)
	}
	return nil
}

// missing returns the seeds of samples from … to-1, counted from the base
// seed, that are not whole.
func (s *Space) missing(ctx context.Context, from, to int) ([]uint64, error) {
	var seeds []uint64
	for i := from; i < to; i++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		seed := s.manifest.BaseSeed + uint64(i)
		if _, err := readSample(s.Path(seed), s.origin(seed)); err != nil {
			seeds = append(seeds, seed)
		}
	}
	return seeds, nil
}

// DrawOne draws the sample of one seed and returns its PNG, byte for byte
// what a space of that LR picture and recipe keeps.
func DrawOne(ctx context.Context, sampler Sampler, lr *picture.Image, seed uint64) ([]byte, error) {
	recipe := sampler.Recipe()
	if err := recipe.Validate(); err != nil {
		return nil, err
	}
	lr = lr.Quantized()
	for sample, err := range sampler.Sample(ctx, lr, []uint64{seed}) {
		if err != nil {
			return nil, fmt.Errorf("draw sample %d: %w", seed, err)
		}
		if sample.Seed != seed || sample.Image == nil {
			return nil, fmt.Errorf("draw: the sampler made sample %d in place of %d", sample.Seed, seed)
		}
		return encodeSample(sample.Image, stampOrigin(recipe.Address(lr.Hash(), seed), recipe.fingerprint()))
	}
	return nil, fmt.Errorf("draw sample %d: the sampler made none", seed)
}

// keep checks a sample and writes it to its place.
func (s *Space) keep(sample Sample) error {
	m := sample.Image
	if m == nil {
		return errors.New("the sampler gave no picture")
	}
	if w, h := s.lr.Width*s.manifest.Recipe.Scale, s.lr.Height*s.manifest.Recipe.Scale; m.Width != w || m.Height != h {
		return fmt.Errorf("it is %d×%d, the LR picture at scale %d is %d×%d", m.Width, m.Height, s.manifest.Recipe.Scale, w, h)
	}
	if i := finite.Not(m.Pix); i >= 0 {
		return hint.With(fmt.Errorf("value %d is %v", i, m.Pix[i]), "the model computed nonsense: check its weights and the backend")
	}
	data, err := encodeSample(m, s.origin(sample.Seed))
	if err != nil {
		return err
	}
	return atomicfile.Write(s.Path(sample.Seed), data)
}

func stopped(err error, done, n int) error {
	err = fmt.Errorf("draw: stopped at %d of %d samples: %w", done, n, err)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return hint.With(err, "the finished samples are kept; draw again to go on")
	}
	return err
}
