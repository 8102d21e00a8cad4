package ldm

import (
	"fmt"
	"strings"

	"github.com/trustsr/trustsr/srspace"
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

// fit returns lr at a size the UNet takes.
func (s *Sampler) fit(lr *srspace.Image) (*srspace.Image, error) {
	way := s.Description.Fit
	m := s.Model.Config.UNet.multiple()
	up := func(n int) int { return (n + m - 1) / m * m }
	w, h := up(lr.Width), up(lr.Height)
	if lr.Width < 1 || lr.Height < 1 {
		return nil, fmt.Errorf("LR image of %d×%d pixels", lr.Width, lr.Height)
	}
	if w == lr.Width && h == lr.Height {
		return lr, nil
	}
	var from func(i, n int) int
	switch way {
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
	case FitNone, "":
		return nil, srspace.WithHint(
			fmt.Errorf("LR image of %d×%d: the network needs multiples of %d", lr.Width, lr.Height, m), "crop the picture, or pad it: "+FitEdge)
	default:
		return nil, srspace.WithHint(fmt.Errorf("no way to fit a picture called %.50q", way), "ways: "+strings.Join(Fits(), ", "))
	}
	out := srspace.NewImage(w, h)
	for y := range h {
		for x := range w {
			copy(out.Pix[3*(y*w+x):][:3], lr.Pix[3*(from(y, lr.Height)*lr.Width+from(x, lr.Width)):])
		}
	}
	return out, nil
}

// crop returns the top left part of an image.
func crop(img *srspace.Image, width, height int) *srspace.Image {
	if img.Width == width && img.Height == height {
		return img
	}
	out := srspace.NewImage(width, height)
	for y := range height {
		copy(out.Pix[3*y*width:][:3*width], img.Pix[3*y*img.Width:])
	}
	return out
}
