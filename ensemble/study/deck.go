package study

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/picture"
)

// deck is the pictures of one trial.
type deck struct {
	space   *srspace.Space
	samples []uint64
	images  map[uint64]*picture.Image
}

// openDeck reads the samples of a trial. All must have one size.
func openDeck(s *Study, t Trial) (*deck, error) {
	dir := s.SpacePath(t)
	open := srspace.Open
	if _, err := os.Stat(filepath.Join(dir, "manifest.json")); err != nil { // pictures made elsewhere
		open = srspace.OpenFolder
	}
	space, err := open(dir)
	if err != nil {
		return nil, fmt.Errorf("trial %q: %w", t.Name, err)
	}
	n := t.Samples
	if n == 0 {
		n = s.rules.Samples
	}
	d := &deck{space: space, samples: space.Seeds(), images: map[uint64]*picture.Image{}}
	if t.Samples > 0 && len(d.samples) < n {
		return nil, &TooFewError{t.Name, space.Dir(), len(d.samples), n}
	}
	d.samples = d.samples[:min(n, len(d.samples))]
	if least := max(2, s.rules.MaxPicks); len(d.samples) < least {
		return nil, &TooFewError{t.Name, space.Dir(), len(d.samples), least}
	}
	for _, seed := range d.samples {
		img, err := space.Image(seed)
		if err != nil {
			return nil, fmt.Errorf("trial %q: %w", t.Name, err)
		}
		if first := d.images[d.samples[0]]; first != nil && (img.Width != first.Width || img.Height != first.Height) {
			return nil, fmt.Errorf("trial %q: sample %d is %d×%d, others are %d×%d", t.Name, seed, img.Width, img.Height, first.Width, first.Height)
		}
		d.images[seed] = img
	}
	return d, nil
}

// all returns the samples of a trial with their pictures, for reports.
func (d *deck) all() []srspace.Sample {
	var out []srspace.Sample
	for _, seed := range d.samples {
		sample := srspace.Sample{Seed: seed, Image: d.images[seed]}
		if d.space.ReadOnly() {
			sample.File = d.space.FileName(seed)
		}
		out = append(out, sample)
	}
	return out
}

// protocol is the study's, for as many samples as the trial shows.
func (d *deck) protocol(p ensemble.Protocol) ensemble.Protocol {
	p.Samples = len(d.samples)
	p.Combined = min(p.Combined, len(d.samples)-1)
	return p
}
