package study

import (
	"bytes"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/picture"
)

// deck is the pictures of one trial.
type deck struct {
	space         *srspace.Space
	samples       []uint64
	images        map[uint64]*picture.Image
	width, height int  // of a sample
	columns       int  // of a sheet
	grey          bool // every sample has three equal channels
}

// sheetSide is about the side of a sheet in pixels.
const sheetSide = 512

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
	d := &deck{space: space, samples: space.Seeds(), images: map[uint64]*picture.Image{}, grey: true}
	if t.Samples > 0 && len(d.samples) < n {
		return nil, hint.With(fmt.Errorf("trial %q: %s has %d samples of %d", t.Name, space.Dir(), len(d.samples), n), "draw more with: go run ./kernel sample")
	}
	d.samples = d.samples[:min(n, len(d.samples))]
	if len(d.samples) < max(2, s.rules.MaxPicks) {
		return nil, hint.With(fmt.Errorf("trial %q: %s has %d samples", t.Name, space.Dir(), len(d.samples)), "draw more with: go run ./kernel sample")
	}
	for _, seed := range d.samples {
		img, err := space.Image(seed)
		if err != nil {
			return nil, fmt.Errorf("trial %q: %w", t.Name, err)
		}
		if d.width == 0 {
			d.width, d.height = img.Width, img.Height
		}
		if img.Width != d.width || img.Height != d.height {
			return nil, fmt.Errorf("trial %q: sample %d is %d×%d, others are %d×%d", t.Name, seed, img.Width, img.Height, d.width, d.height)
		}
		d.images[seed] = img
		d.grey = d.grey && isGrey(img)
	}
	d.columns = max(1, min(sheetSide/max(d.width, d.height), 16))
	return d, nil
}

// perSheet is how many samples one sheet holds.
func (d *deck) perSheet() int { return d.columns * d.columns }

func (d *deck) sheets() int { return (len(d.samples) + d.perSheet() - 1) / d.perSheet() }

// sheet is a PNG of the samples shown at positions k·perSheet and on, row by
// row, made anew: it carries pixels and nothing of where they came from.
func (d *deck) sheet(shown []uint64, k int) ([]byte, error) {
	part := shown[min(len(shown), k*d.perSheet()):min(len(shown), (k+1)*d.perSheet())]
	if len(part) == 0 {
		return nil, fmt.Errorf("no sheet %d", k)
	}
	rows := (len(part) + d.columns - 1) / d.columns
	canvas := d.canvas(image.Rect(0, 0, d.columns*d.width, rows*d.height))
	for i, seed := range part {
		at := image.Pt(i%d.columns*d.width, i/d.columns*d.height)
		d.place(canvas, at, d.images[seed])
	}
	var b bytes.Buffer
	quick := png.Encoder{CompressionLevel: png.BestSpeed} // a room asks at the same moment
	err := quick.Encode(&b, canvas)
	return b.Bytes(), err
}

// canvas is empty, of one channel where all samples are grey: a quarter of
// the work.
func (d *deck) canvas(r image.Rectangle) draw.Image {
	if d.grey {
		return image.NewGray(r)
	}
	return image.NewNRGBA(r)
}

// place copies a sample onto a canvas of [deck.canvas].
func (d *deck) place(canvas draw.Image, at image.Point, img *picture.Image) {
	grey, ok := canvas.(*image.Gray)
	if !ok {
		draw.Draw(canvas, image.Rectangle{at, at.Add(image.Pt(d.width, d.height))}, img.NRGBA(), image.Point{}, draw.Src)
		return
	}
	rgb := img.Bytes()
	for y := range d.height {
		row := grey.Pix[grey.PixOffset(at.X, at.Y+y):]
		for x := range d.width {
			row[x] = rgb[3*(y*d.width+x)]
		}
	}
}

// isGrey tells whether every pixel has three equal channels.
func isGrey(img *picture.Image) bool {
	for i := 0; i < len(img.Pix); i += 3 {
		if img.Pix[i] != img.Pix[i+1] || img.Pix[i] != img.Pix[i+2] {
			return false
		}
	}
	return true
}

// all returns the samples of a trial with their pictures, for reports.
func (d *deck) all() []srspace.Sample {
	var out []srspace.Sample
	for _, seed := range d.samples {
		out = append(out, srspace.Sample{Seed: seed, Image: d.images[seed]})
	}
	return out
}

// protocol is the study's, for as many samples as the trial shows.
func (d *deck) protocol(p ensemble.Protocol) ensemble.Protocol {
	p.Samples = len(d.samples)
	p.Combined = min(p.Combined, len(d.samples)-1)
	return p
}
