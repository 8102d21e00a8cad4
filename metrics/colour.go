package metrics

import (
	"fmt"
	"math"

	"github.com/trustsr/trustsr/srspace/picture"
)

// Colour is the colour convention of PSNR or SSIM: what is made of the 8-bit
// RGB values of an image before they are compared. All are on a scale to 255.
type Colour string

const (
	// RGB compares the three channels; the mean over them is taken.
	RGB Colour = "rgb"

	// YStudio is luma of ITU-R BT.601 in 16..235, (65.481 R + 128.553 G +
	// 24.966 B)/255 + 16, not rounded: BasicSR's test_y_channel.
	YStudio Colour = "y601studio"

	// YStudioU8 is YStudio rounded to integers: MATLAB's rgb2ycbcr of uint8,
	// with which most SR papers were evaluated.
	YStudioU8 Colour = "y601studio-u8"

	// YFull is .299 R + .587 G + .114 B, not rounded: the Y of pyiqa's PSNR
	// (psnry) and piq's greyscale.
	YFull Colour = "y601full"

	// YFullU8 is YFull rounded to integers: the Y of pyiqa's SSIM, in float32
	// as PyTorch on a processor computes it, which decides near ties.
	YFullU8 Colour = "y601full-u8"

	// Gray is MATLAB's rgb2gray of uint8, rounded to integers: the input of
	// the SSIM authors' script.
	Gray Colour = "gray-matlab"
)

// Colours lists the colour conventions.
func Colours() []Colour { return []Colour{RGB, YStudio, YStudioU8, YFull, YFullU8, Gray} }

// check returns an error that wraps ErrUnknown for what is not a convention.
func (c Colour) check() error {
	for _, known := range Colours() {
		if c == known {
			return nil
		}
	}
	return fmt.Errorf("%w: no colour convention %q, only %v", ErrUnknown, string(c), Colours())
}

// luma returns what a convention of one channel makes of a pixel.
func (c Colour) luma(r, g, b byte) float64 {
	ri, gi, bi := int(r), int(g), int(b)
	// Sums in thousandths are integers, so that ties are ties.
	studio := 65481*ri + 128553*gi + 24966*bi
	full := 299*ri + 587*gi + 114*bi
	switch c {
	case YStudio:
		return float64(studio)/255000 + 16
	case YStudioU8:
		return float64((studio+127500)/255000 + 16)
	case YFull:
		return float64(full) / 1000
	case YFullU8:
		y := float32(.299) * (float32(r) / 255)
		y = multiplyAdd(.587, float32(g)/255, y)
		y = multiplyAdd(.114, float32(b)/255, y)
		return math.RoundToEven(float64(y * 255))
	case Gray:
		// The first row of the inverse of MATLAB's YIQ matrix.
		return math.Floor(float64(0.298936021293775*float64(r)) + float64(0.587043074451121*float64(g)) + float64(0.114020904255103*float64(b)) + 0.5)
	}
	panic(fmt.Sprintf("metrics: colour convention %q has no luma", string(c)))
}

// multiplyAdd returns x·y + z rounded once: the product is exact in float64.
func multiplyAdd(x, y, z float32) float32 { return float32(float64(x)*float64(y) + float64(z)) }

// plane is one channel of a picture: height × width values, 0 to 255.
type plane struct {
	width, height int
	v             []float64
}

func newPlane(width, height int) plane {
	return plane{width, height, make([]float64, width*height)}
}

// planes returns the channels of an image less crop pixels at each border.
func (c Colour) planes(image *picture.Image, crop int) []plane {
	rgb := image.Bytes()
	w, h := image.Width-2*crop, image.Height-2*crop
	n := 1
	if c == RGB {
		n = 3
	}
	out := make([]plane, n)
	for i := range out {
		out[i] = newPlane(w, h)
	}
	for y := range h {
		row := rgb[3*((y+crop)*image.Width+crop):][:3*w]
		for x := range w {
			p := row[3*x : 3*x+3]
			if c == RGB {
				for i := range out {
					out[i].v[y*w+x] = float64(p[i])
				}
			} else {
				out[0].v[y*w+x] = c.luma(p[0], p[1], p[2])
			}
		}
	}
	return out
}
