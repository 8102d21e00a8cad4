package engine

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"

	"github.com/trustsr/trustsr/kernel/pages"
	"github.com/trustsr/trustsr/kernel/wire"
	"github.com/trustsr/trustsr/srspace/picture"
	"github.com/trustsr/trustsr/srspace/plane"
	"gonum.org/v1/plot/vg"
)

// named is a picture with what is written above it.
type named struct {
	image   *picture.Image
	caption string
}

// rowPicture draws pictures side by side.
func rowPicture(row []named, caption string) (*wire.Figure, error) {
	var labels []string
	var images []*picture.Image
	for _, n := range row {
		labels, images = append(labels, n.caption), append(images, n.image)
	}
	img, err := plane.Row(labels, images)
	if err != nil {
		return nil, err
	}
	return pictureFigure(img, caption)
}

// wallWidth is the widest wall, in pixels, that is shown larger than its
// pixels are: notebooks shrink wider pictures, which smears small ones.
const wallWidth = 900

// frameColour marks picks, as in the gallery.
var frameColour = image.NewUniform(color.NRGBA{0xC2, 0x41, 0x0C, 0xFF})

// wallPicture draws all samples, with frames around some of them.
func wallPicture(images []*picture.Image, framed []int, caption string) (*wire.Figure, error) {
	const gap = 2 // between the pictures of a wall
	columns := min(sheetColumns, len(images))
	zoom := min(max(1, wallWidth/(columns*(images[0].Width+gap))), 4)
	img, err := plane.Wall(images, columns, zoom)
	if err != nil {
		return nil, err
	}
	cell := image.Pt(zoom*images[0].Width, zoom*images[0].Height)
	for _, i := range framed {
		at := image.Pt(i%columns*(cell.X+gap), i/columns*(cell.Y+gap))
		frame(img, image.Rectangle{Min: at, Max: at.Add(cell)}.Inset(-gap), gap+1)
	}
	return pictureFigure(img, caption)
}

// frame draws a line of the given width just inside r.
func frame(dst draw.Image, r image.Rectangle, width int) {
	inner := r.Inset(width)
	for _, side := range []image.Rectangle{
		{r.Min, image.Pt(r.Max.X, inner.Min.Y)}, {image.Pt(r.Min.X, inner.Max.Y), r.Max},
		{r.Min, image.Pt(inner.Min.X, r.Max.Y)}, {image.Pt(inner.Max.X, r.Min.Y), r.Max},
	} {
		draw.Draw(dst, side, frameColour, image.Point{}, draw.Src)
	}
}

func pictureFigure(img image.Image, caption string) (*wire.Figure, error) {
	data, err := pages.PNG(img)
	if err != nil {
		return nil, err
	}
	size := img.Bounds().Size()
	return &wire.Figure{PNG: data, Caption: caption, Width: size.X, Height: size.Y}, nil
}

// planePicture draws the plane 600 by 450 pixels large, in twice the pixels.
func planePicture(p *plane.Plane, caption string) (*wire.Figure, error) {
	const width, height = 600, 450
	var b bytes.Buffer
	if err := p.WritePNG(&b, width*vg.Inch/96, height*vg.Inch/96); err != nil {
		return nil, err
	}
	return &wire.Figure{PNG: b.Bytes(), Caption: caption, Width: width, Height: height}, nil
}
