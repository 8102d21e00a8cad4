package srspace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/hint"
)

// Merge copies the samples of spaces, parts of one whole, into the space in
// dir, which it makes if it is not there. All must have the same LR picture,
// recipe and base seed; where one differs the error wraps [ErrOtherSpace] and
// nothing is copied. Every sample is checked and copied byte for byte; what
// dir has already is left, so that an interrupted merge continues. progress may
// be nil.
//
// Files of the parts that are no finished samples are left out: the space is
// then returned with an error that wraps [ErrLeftOut] and names them all.
func Merge(ctx context.Context, dir string, parts []string, progress func(done, total int)) (*Space, error) {
	if len(parts) == 0 {
		return nil, errors.New("merge: no spaces to merge")
	}
	spaces, seeds := make([]*Space, len(parts)), make([][]uint64, len(parts))
	total := 0
	for i, part := range parts {
		s, err := Open(part)
		if err != nil {
			return nil, fmt.Errorf("merge: %w", err)
		}
		first := s
		if i > 0 {
			first = spaces[0]
		}
		if _, err := openSame(part, first.manifest.LRHash, first.manifest.Recipe, first.manifest.BaseSeed); err != nil {
			return nil, fmt.Errorf("merge: %w (as %s)", err, parts[0])
		}
		spaces[i], seeds[i] = s, s.Seeds()
		total += len(seeds[i])
	}
	m := spaces[0].manifest
	whole, err := Create(dir, spaces[0].lr, m.Recipe, m.BaseSeed)
	if err != nil {
		return nil, fmt.Errorf("merge: %w", err)
	}
	unlock, err := lockDir(dir)
	if err != nil {
		return nil, fmt.Errorf("merge: %w", err)
	}
	defer unlock()
	if err := os.MkdirAll(filepath.Join(dir, samplesName), 0o777); err != nil {
		return nil, fmt.Errorf("merge: %w", err)
	}
	done := 0
	for i, s := range spaces {
		for _, seed := range seeds[i] {
			if ctx.Err() != nil {
				return nil, hint.With(fmt.Errorf("merge: stopped at %d of %d samples: %w", done, total, ctx.Err()), "merge again to continue")
			}
			if err := whole.take(s, seed); err != nil {
				return nil, fmt.Errorf("merge sample %d of %s: %w", seed, s.dir, err)
			}
			done++
			if progress != nil {
				progress(done, total)
			}
		}
	}
	var files []string
	for _, s := range spaces {
		files = append(files, s.LeftOut()...)
	}
	if err := leftOut(files); err != nil {
		return whole, fmt.Errorf("merge: %w", err)
	}
	return whole, nil
}

// take copies the sample of a seed from another space of the same origin.
func (s *Space) take(from *Space, seed uint64) error {
	img, err := readSample(from.Path(seed), s.origin(seed))
	if err != nil {
		return err
	}
	if have, err := readSample(s.Path(seed), s.origin(seed)); err == nil {
		if !bytes.Equal(have.Bytes(), img.Bytes()) {
			return hint.With(errors.New("two parts drew it differently"), "one of them ran on another machine or backend than its recipe says")
		}
		return nil
	}
	data, err := encodeSample(img, s.origin(seed))
	if err != nil {
		return err
	}
	return atomicfile.Write(s.Path(seed), data)
}
