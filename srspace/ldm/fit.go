package ldm

import (
	"fmt"
	"strings"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/srspace/picture"
)

// Ways to bring an LR picture to a size that the UNet takes: multiples of
// 2^(levels-1), 8 in the published model. Pixels are added at the right and
// at the bottom, and what they become is cut off the samples. A picture of a
// fitting size is the same by all of them. Nothing is ever resized.
const (
	FitNone     = "none"         // other sizes are an error
	FitEdge     = "pad-edge"     // the last row and column repeated
	FitReflect  = "pad-reflect"  // mirrored at the last row and column, which are not repeated
	FitPeriodic = "pad-periodic" // the picture repeated, for textures
)

// Fits lists the ways, the default first.
func Fits() []string { return []string{FitEdge, FitReflect, FitPeriodic, FitNone} }

// multiple is what both sides of a latent must be divisible by.
func (c UNetConfig) multiple() int { return 1 << (len(c.ChannelMult) - 1) }

// fitted returns the size at which a picture of the given size is sampled.
func (s *Sampler) fitted(width, height int) (w, h int, err error) {
	if width < 1 || height < 1 {
		return 0, 0, fmt.Errorf("LR image of %d×%d pixels", width, height)
	}
	m := s.Model.Config.UNet.multiple()
	w, h = (width+m-1)/m*m, (height+m-1)/m*m
	switch way := s.Description.Fit; {
	case w == width && h == height || way == FitEdge || way == FitReflect || way == FitPeriodic:
		return w, h, nil
	case way == FitNone || way == "":
		return 0, 0, hint.With(
			fmt.Errorf("LR image of %d×%d: the network needs multiples of %d", width, height, m), "crop the picture, or pad it: "+FitEdge)
	default:
		return 0, 0, hint.With(fmt.Errorf("no way to fit a picture called %.50q", way), "ways: "+strings.Join(Fits(), ", "))
	}
}

// fit returns lr at a size the UNet takes.
func (s *Sampler) fit(lr *picture.Image) (*picture.Image, error) {
	w, h, err := s.fitted(lr.Width, lr.Height)
	if err != nil {
		return nil, err
	}
	if w == lr.Width && h == lr.Height {
		return lr, nil
	}
	var from func(i, n int) int
	switch s.Description.Fit {
	case FitEdge:
		from = func(i, n int) int { return min(i, n-1) }
	case FitReflect:
		from = func(i, n int) int {
			if n == 1 {
				return 0
			}
			i %= 2 * (n - 1)
			return min(i, 2*(n-1)-i)
		}
	case FitPeriodic:
		from = func(i, n int) int { return i % n }
	}
	out := picture.NewImage(w, h)
	for y := range h {
		for x := range w {
			copy(out.Pix[3*(y*w+x):][:3], lr.Pix[3*(from(y, lr.Height)*lr.Width+from(x, lr.Width)):])
		}
	}
	return out, nil
}

// repeat returns n × n copies of an image side by side; 0 is one.
func repeat(img *picture.Image, n int) *picture.Image {
	if n == 0 {
		return img
	}
	out := picture.NewImage(n*img.Width, n*img.Height)
	for y := range out.Height {
		row := img.Pix[y%img.Height*3*img.Width:][:3*img.Width]
		for x := range n {
			copy(out.Pix[3*(y*out.Width+x*img.Width):], row)
		}
	}
	return out
}

// crop returns the part of an image whose first pixel is (left, top).
func crop(img *picture.Image, left, top, width, height int) *picture.Image {
	if img.Width == width && img.Height == height {
		return img
	}
	out := picture.NewImage(width, height)
	for y := range height {
		copy(out.Pix[3*y*width:][:3*width], img.Pix[3*((top+y)*img.Width+left):])
	}
	return out
}
