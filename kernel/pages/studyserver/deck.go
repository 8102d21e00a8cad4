package studyserver

import (
	"fmt"

	"github.com/trustsr/trustsr/ensemble/study"
	"github.com/trustsr/trustsr/kernel/pages"
	"github.com/trustsr/trustsr/srspace/picture"
)

// deck is the pictures of one trial, for sheets of them.
type deck struct {
	study.TrialSamples
	images        map[uint64]*picture.Image
	width, height int // of a sample
	columns       int // of a sheet
}

// sheetSide is about the side of a sheet in pixels.
const sheetSide = 512

// newDeck lays out the samples of a trial, which have one size.
func newDeck(t study.TrialSamples) *deck {
	d := &deck{TrialSamples: t, images: map[uint64]*picture.Image{}, width: t.Samples[0].Image.Width, height: t.Samples[0].Image.Height}
	for _, s := range t.Samples {
		d.images[s.Seed] = s.Image
	}
	d.columns = max(1, min(sheetSide/max(d.width, d.height), 16))
	return d
}

// perSheet is how many samples one sheet holds.
func (d *deck) perSheet() int { return d.columns * d.columns }

func (d *deck) sheets() int { return (len(d.Samples) + d.perSheet() - 1) / d.perSheet() }

// sheet is a PNG of the samples shown at positions k·perSheet and on, row by
// row, made anew: it carries pixels and nothing of where they came from.
func (d *deck) sheet(shown []uint64, k int) ([]byte, error) {
	part := shown[min(len(shown), k*d.perSheet()):min(len(shown), (k+1)*d.perSheet())]
	if len(part) == 0 {
		return nil, fmt.Errorf("no sheet %d", k)
	}
	images := make([]*picture.Image, len(part))
	for i, seed := range part {
		images[i] = d.images[seed]
	}
	return pages.PNG(pages.Sheet(images, d.columns))
}
