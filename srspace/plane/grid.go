package plane

import (
	"fmt"
	"image"

	"github.com/trustsr/trustsr/srspace/picture"
	"golang.org/x/image/font"
	"golang.org/x/image/math/fixed"
)

// thumbSide is the least height of a picture in a grid, in pixels.
const thumbSide = 84

// Grid returns pictures in rows and columns, the names of the columns above
// and those of the rows, of one or more lines, on the left. All pictures have
// the size of the first and are enlarged without smoothing by the whole number
// that makes them at least 84 pixels high; a nil picture leaves its place
// empty. columns may be nil. It fails with an error that wraps [ErrEmpty] or
// [ErrSize].
func Grid(columns []string, rows [][]string, images [][]*picture.Image) (*image.NRGBA, error) {
	if len(images) == 0 || len(images[0]) == 0 || images[0][0] == nil {
		return nil, fmt.Errorf("grid: %w", ErrEmpty)
	}
	if len(rows) != len(images) {
		return nil, fmt.Errorf("grid: %d names for %d rows", len(rows), len(images))
	}
	cell, err := cellOf(images)
	if err != nil {
		return nil, fmt.Errorf("grid: %w", err)
	}
	w, err := newWriter()
	if err != nil {
		return nil, fmt.Errorf("grid: %w", err)
	}
	wide, across := 0, cell.X
	for i, lines := range rows {
		for _, line := range lines {
			wide = max(wide, w.width(line)+rowGap)
		}
		if columns != nil && len(images[i]) > len(columns) {
			return nil, fmt.Errorf("grid: %d pictures in row %d, %d columns", len(images[i]), i, len(columns))
		}
	}
	for _, name := range columns {
		across = max(across, w.width(name))
	}
	most, head := 0, 0
	for _, row := range images {
		most = max(most, len(row))
	}
	if columns != nil {
		head = captionRoom
	}
	step := image.Pt(across+rowGap/2, cell.Y+rowGap/2)
	out, err := sheet(2*margin+wide+most*step.X-rowGap/2, 2*margin+head+len(images)*step.Y-rowGap/2)
	if err != nil {
		return nil, fmt.Errorf("grid of %d rows: %w", len(images), err)
	}
	w.pen.Dst = out
	for j, name := range columns {
		w.centred(name, margin+wide+j*step.X+across/2, margin+captionSize)
	}
	for i, row := range images {
		top := margin + head + i*step.Y
		w.lines(rows[i], margin, top+cell.Y/2)
		for j, img := range row {
			if img != nil {
				at := image.Pt(margin+wide+j*step.X+(across-cell.X)/2, top)
				nearest(out, image.Rectangle{at, at.Add(cell)}, img)
			}
		}
	}
	return out, nil
}

// cellOf returns the size at which the pictures are shown: that of the first,
// which all must have, enlarged.
func cellOf(images [][]*picture.Image) (image.Point, error) {
	first := images[0][0]
	if first.Width < 1 || first.Height < 1 {
		return image.Point{}, fmt.Errorf("pictures of %d×%d: %w", first.Width, first.Height, ErrSize)
	}
	for i, row := range images {
		for j, img := range row {
			if img != nil && (img.Width != first.Width || img.Height != first.Height) {
				return image.Point{}, fmt.Errorf("picture %d of row %d is %d×%d, the first is %d×%d: %w", j, i, img.Width, img.Height, first.Width, first.Height, ErrSize)
			}
		}
	}
	return image.Pt(first.Width, first.Height).Mul((thumbSide + first.Height - 1) / first.Height), nil
}

// Labelled returns the images as [Wall] does, each with a line below it, at
// the size that [Grid] has. It fails with an error that wraps [ErrEmpty] or
// [ErrSize].
func Labelled(labels []string, images []*picture.Image, columns int) (*image.NRGBA, error) {
	if len(images) == 0 {
		return nil, fmt.Errorf("labelled wall: %w", ErrEmpty)
	}
	if len(labels) != len(images) || columns < 1 {
		return nil, fmt.Errorf("labelled wall: %d labels for %d images in %d columns", len(labels), len(images), columns)
	}
	cell, err := cellOf([][]*picture.Image{images})
	if err != nil {
		return nil, fmt.Errorf("labelled wall: %w", err)
	}
	w, err := newWriter()
	if err != nil {
		return nil, fmt.Errorf("labelled wall: %w", err)
	}
	across := cell.X
	for _, label := range labels {
		across = max(across, w.width(label))
	}
	columns = min(columns, len(images))
	step := image.Pt(across+rowGap, cell.Y+captionRoom+rowGap/2)
	rows := (len(images) + columns - 1) / columns
	out, err := sheet(2*margin+columns*step.X-rowGap, 2*margin+rows*step.Y-rowGap/2)
	if err != nil {
		return nil, fmt.Errorf("labelled wall of %d images: %w", len(images), err)
	}
	w.pen.Dst = out
	for i, img := range images {
		at := image.Pt(margin+i%columns*step.X+(across-cell.X)/2, margin+i/columns*step.Y)
		nearest(out, image.Rectangle{at, at.Add(cell)}, img)
		w.centred(labels[i], at.X+cell.X/2, at.Y+cell.Y+captionSize+2)
	}
	return out, nil
}

// writer writes captions into a picture.
type writer struct{ pen font.Drawer }

func newWriter() (*writer, error) {
	face, err := captionFace()
	if err != nil {
		return nil, err
	}
	return &writer{font.Drawer{Src: image.NewUniform(ink), Face: face}}, nil
}

func (w *writer) width(text string) int { return w.pen.MeasureString(text).Ceil() }

// left writes text from x to the right, on the baseline y.
func (w *writer) left(text string, x, y int) {
	w.pen.Dot = fixed.P(x, y)
	w.pen.DrawString(text)
}

func (w *writer) centred(text string, x, y int) { w.left(text, x-w.width(text)/2, y) }

// lines writes lines below each other, their middle at y.
func (w *writer) lines(lines []string, x, y int) {
	const height = 20
	for i, line := range lines {
		w.left(line, x, y-height*len(lines)/2+height*i+captionSize)
	}
}
