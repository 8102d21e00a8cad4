package plane

import (
	"fmt"
	"image"
	"image/draw"
	"strings"
)

// Headed returns a picture under a line of text, which is broken where the
// picture is narrower; "" returns the picture alone. It fails with an error
// that wraps [ErrSize] where the result is too large.
func Headed(text string, m image.Image) (*image.NRGBA, error) {
	w, err := newWriter()
	if err != nil {
		return nil, fmt.Errorf("heading: %w", err)
	}
	size := m.Bounds().Size()
	wide := max(size.X, headingWidth)
	var lines []string
	for _, word := range strings.Fields(text) {
		if n := len(lines); n > 0 && w.width(lines[n-1]+" "+word) <= wide-2*margin {
			lines[n-1] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	head := 0
	if len(lines) > 0 {
		head = margin + len(lines)*captionRoom
	} else {
		wide = size.X
	}
	out, err := sheet(wide, head+size.Y)
	if err != nil {
		return nil, fmt.Errorf("heading: %w", err)
	}
	w.pen.Dst = out
	for i, line := range lines {
		w.left(line, margin, margin+captionSize+i*captionRoom)
	}
	draw.Draw(out, image.Rectangle{image.Pt(0, head), image.Pt(size.X, head+size.Y)}, m, m.Bounds().Min, draw.Src)
	return out, nil
}

// headingWidth is the least width of a picture with a heading, in pixels.
const headingWidth = 240
