package plane

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"
	"strings"
	"sync"

	"github.com/trustsr/trustsr/srspace/picture"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// maxPixels bounds the pictures made here.
const maxPixels = 1 << 27

// maxZoom is the largest magnification.
const maxZoom = 256

// gap is the space between pictures, in pixels.
const gap = 2

// paper is the colour of gaps and empty places.
var paper = color.NRGBA{0xFF, 0xFF, 0xFF, 0xFF}

// Wall returns the images side by side in rows of the given number of
// columns, left to right and top to bottom, each pixel repeated zoom × zoom
// times, with white gaps of two pixels. The result is
// columns·(width·zoom+2)-2 pixels wide; with fewer images than columns it is
// as narrow as they are. It fails with an error that wraps [ErrEmpty] for no
// images and [ErrSize] for images of different sizes or a wall that is too
// large.
func Wall(images []*picture.Image, columns, zoom int) (*image.NRGBA, error) {
	if len(images) == 0 {
		return nil, fmt.Errorf("wall: %w", ErrEmpty)
	}
	if columns < 1 || zoom < 1 || zoom > maxZoom {
		return nil, fmt.Errorf("wall of %d columns with zoom %d: the least is 1, the largest zoom %d: %w", columns, zoom, maxZoom, ErrSize)
	}
	first := images[0]
	for i, img := range images {
		if img.Width != first.Width || img.Height != first.Height {
			return nil, fmt.Errorf("wall: image %d is %d×%d, image 0 is %d×%d: %w",
				i, img.Width, img.Height, first.Width, first.Height, ErrSize)
		}
	}
	columns = min(columns, len(images))
	rows := (len(images) + columns - 1) / columns
	cell := image.Pt(first.Width*zoom, first.Height*zoom)
	out, err := sheet(columns*(cell.X+gap)-gap, rows*(cell.Y+gap)-gap)
	if err != nil {
		return nil, fmt.Errorf("wall of %d images with zoom %d: %w", len(images), zoom, err)
	}
	for i, img := range images {
		at := image.Pt(i%columns*(cell.X+gap), i/columns*(cell.Y+gap))
		nearest(out, image.Rectangle{at, at.Add(cell)}, img)
	}
	return out, nil
}

const (
	rowSide     = 168 // pixels: the least height of a picture in a row
	longRowSide = 112 // the same in a row that would be wider than a notebook
	rowGap      = 14
	captionSize = 15 // pixels a line of caption takes above the baseline
	captionRoom = 26
	lineStep    = 20 // pixels from one line below a picture to the next
)

// Row returns the images side by side under their labels, such as LR,
// bicubic, sample, mean and HR. Further lines of a label, such as scores, stand
// below the image. All are enlarged without smoothing to the
// same size: the largest image's, times the whole number that makes it at
// least 168 pixels high, or 112 where more than five stand in the row. It fails
// with an error that wraps [ErrEmpty] or [ErrSize].
func Row(labels []string, images []*picture.Image) (*image.NRGBA, error) {
	if len(images) == 0 {
		return nil, fmt.Errorf("row: %w", ErrEmpty)
	}
	if len(labels) != len(images) {
		return nil, fmt.Errorf("row: %d labels for %d images", len(labels), len(images))
	}
	face, err := captionFace()
	if err != nil {
		return nil, fmt.Errorf("row: %w", err)
	}
	var cell image.Point
	for i, img := range images {
		if img.Width < 1 || img.Height < 1 {
			return nil, fmt.Errorf("row: image %d is %d×%d: %w", i, img.Width, img.Height, ErrSize)
		}
		cell = image.Pt(max(cell.X, img.Width), max(cell.Y, img.Height))
	}
	side := rowSide
	if len(images) > 5 {
		side = longRowSide
	}
	cell = cell.Mul((side + cell.Y - 1) / cell.Y)

	w := &writer{font.Drawer{Src: image.NewUniform(ink), Face: face}}
	lines := make([][]string, len(images))
	widths := make([]int, len(images)) // of columns: a caption may be wider than its picture
	total, below := -rowGap, 0
	for i, label := range labels {
		lines[i] = strings.Split(label, "\n")
		below = max(below, len(lines[i])-1)
		widths[i] = cell.X
		for _, line := range lines[i] {
			widths[i] = max(widths[i], w.width(line))
		}
		total += widths[i] + rowGap
	}
	out, err := sheet(total+2*margin, cell.Y+captionRoom+below*lineStep+2*margin)
	if err != nil {
		return nil, fmt.Errorf("row of %d images: %w", len(images), err)
	}
	w.pen.Dst = out
	left := margin
	for i, img := range images {
		at := image.Pt(left+(widths[i]-cell.X)/2, margin+captionRoom)
		for j, line := range lines[i] {
			y := margin + captionSize
			if j > 0 {
				y = at.Y + cell.Y + j*lineStep
			}
			w.pen.Dot = fixed.Point26_6{X: fixed.I(left) + (fixed.I(widths[i])-w.pen.MeasureString(line))/2, Y: fixed.I(y)}
			w.pen.DrawString(line)
		}
		nearest(out, image.Rectangle{at, at.Add(cell)}, img)
		left += widths[i] + rowGap
	}
	return out, nil
}

// captionFace is Go Regular at 15 pixels; a face holds a cache and is not
// safe for concurrent use, so each caller gets its own.
func captionFace() (font.Face, error) {
	f, err := captionFont()
	if err != nil {
		return nil, fmt.Errorf("caption font: %w", err)
	}
	return opentype.NewFace(f, &opentype.FaceOptions{Size: captionSize, DPI: 72, Hinting: font.HintingFull})
}

var captionFont = sync.OnceValues(func() (*opentype.Font, error) { return opentype.Parse(goregular.TTF) })

// sheet returns an empty picture.
func sheet(width, height int) (*image.NRGBA, error) {
	if width < 1 || height < 1 || width > math.MaxInt32 || height > math.MaxInt32 || width*height > maxPixels {
		return nil, fmt.Errorf("%d×%d pixels: %w", width, height, ErrSize)
	}
	out := image.NewNRGBA(image.Rect(0, 0, width, height))
	draw.Draw(out, out.Bounds(), image.NewUniform(paper), image.Point{}, draw.Src)
	return out, nil
}

// nearest fills the rectangle r of dst with img, without smoothing.
func nearest(dst *image.NRGBA, r image.Rectangle, img *picture.Image) {
	rgb := img.Bytes()
	for y := range r.Dy() {
		row := rgb[3*img.Width*(y*img.Height/r.Dy()):]
		out := dst.Pix[dst.PixOffset(r.Min.X, r.Min.Y+y):]
		for x := range r.Dx() {
			copy(out[4*x:4*x+3], row[3*(x*img.Width/r.Dx()):])
		}
	}
}
