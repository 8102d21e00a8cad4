package studyserver

import (
	"bytes"
	"fmt"
	"image"
	"image/draw"
	"image/png"

	"github.com/trustsr/trustsr/ensemble/study"
	"github.com/trustsr/trustsr/srspace/picture"
)

// deck is the pictures of one trial, for sheets of them.
type deck struct {
	study.TrialSamples
	images        map[uint64]*picture.Image
	width, height int  // of a sample
	columns       int  // of a sheet
	grey          bool // every sample has three equal channels
}

// sheetSide is about the side of a sheet in pixels.
const sheetSide = 512

// newDeck lays out the samples of a trial, which have one size.
func newDeck(t study.TrialSamples) *deck {
	d := &deck{TrialSamples: t, images: map[uint64]*picture.Image{}, width: t.Samples[0].Image.Width, height: t.Samples[0].Image.Height, grey: true}
	for _, s := range t.Samples {
		d.images[s.Seed] = s.Image
		d.grey = d.grey && isGrey(s.Image)
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
