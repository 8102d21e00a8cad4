package plane

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"strconv"

	"github.com/trustsr/trustsr/internal/finite"
	"github.com/trustsr/trustsr/srspace/picture"
	"gonum.org/v1/plot/palette/moreland"
)

// Heat is a number at every pixel of a picture, to be shown in colours.
type Heat struct {
	Width, Height int
	Values        []float64 // height × width, row-major, not below 0
	Label         string    // written above the map
	Unit          string    // written at the scale, e.g. "levels"
}

// Row returns the images under their labels, as [Row] does, and beside them
// the map with its scale, from 0 to the largest value. Its colours rise in
// lightness, from black over blue, red and yellow to white, so that they keep
// their order in grey print and for the colour-blind (Moreland's extended
// black body). It
// fails with an error that wraps [ErrEmpty] or [ErrSize].
func (h *Heat) Row(labels []string, images []*picture.Image) (*image.NRGBA, error) {
	if h.Width < 1 || h.Height < 1 || len(h.Values) != h.Width*h.Height {
		return nil, fmt.Errorf("heat map: %d values for %d×%d pixels: %w", len(h.Values), h.Width, h.Height, ErrSize)
	}
	high := 0.0
	for _, v := range h.Values {
		if !finite.Is(v) || v < 0 {
			return nil, fmt.Errorf("heat map: a value of %v cannot be drawn", v)
		}
		high = max(high, v)
	}
	colours, err := h.colours(max(high, 1e-300))
	if err != nil {
		return nil, fmt.Errorf("heat map: %w", err)
	}
	pictures, err := Row(append(append([]string{}, labels...), h.Label), append(append([]*picture.Image{}, images...), colours))
	if err != nil {
		return nil, err
	}
	w, err := newWriter()
	if err != nil {
		return nil, fmt.Errorf("heat map: %w", err)
	}
	return h.scale(w, pictures, high)
}

// scale puts the scale to the right of the pictures.
func (h *Heat) scale(w *writer, pictures *image.NRGBA, high float64) (*image.NRGBA, error) {
	const bar, tick = 16, 5
	low, top := "0 "+h.Unit, strconv.FormatFloat(high, 'g', 3, 64)+" "+h.Unit
	size := pictures.Bounds().Size()
	out, err := sheet(size.X+bar+tick+4+max(w.width(low), w.width(top))+margin, size.Y)
	if err != nil {
		return nil, fmt.Errorf("heat map: %w", err)
	}
	for y := range size.Y {
		copy(out.Pix[out.PixOffset(0, y):], pictures.Pix[pictures.PixOffset(0, y):pictures.PixOffset(size.X, y)])
	}
	from, to := margin+captionRoom, size.Y-margin
	ramp, err := ramp()
	if err != nil {
		return nil, fmt.Errorf("heat map: %w", err)
	}
	for y := from; y < to; y++ {
		c := ramp(float64(to-1-y) / float64(to-1-from))
		for x := size.X; x < size.X+bar; x++ {
			out.SetNRGBA(x, y, c)
		}
	}
	for x := size.X + bar; x < size.X+bar+tick; x++ {
		out.Set(x, from, ink)
		out.Set(x, to-1, ink)
	}
	w.pen.Dst = out
	w.left(top, size.X+bar+tick+4, from+captionSize/2-2)
	w.left(low, size.X+bar+tick+4, to)
	return out, nil
}

// colours returns the map as a picture, high the brightest.
func (h *Heat) colours(high float64) (*picture.Image, error) {
	ramp, err := ramp()
	if err != nil {
		return nil, err
	}
	out := picture.NewImage(h.Width, h.Height)
	for i, v := range h.Values {
		c := ramp(v / high)
		out.Pix[3*i], out.Pix[3*i+1], out.Pix[3*i+2] = float32(c.R)/255, float32(c.G)/255, float32(c.B)/255
	}
	return out, nil
}

// ramp returns the colours of 0 to 1 in 256 steps.
func ramp() (func(float64) color.NRGBA, error) {
	scale := moreland.ExtendedBlackBody()
	scale.SetMin(0)
	scale.SetMax(255)
	var steps [256]color.NRGBA
	for i := range steps {
		c, err := scale.At(float64(i))
		if err != nil {
			return nil, err
		}
		steps[i] = color.NRGBAModel.Convert(c).(color.NRGBA)
	}
	return func(v float64) color.NRGBA { return steps[int(math.Round(255*min(max(v, 0), 1)))] }, nil
}
