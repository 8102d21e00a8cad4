// Package imresize resizes pictures exactly as MATLAB's imresize does with
// its default bicubic kernel (a = -0.5) and antialiasing. The SR literature
// makes its LR images so, and no other library gives the same pixels:
// OpenCV, Pillow and x/image differ by 45 to 53 dB, as much as the LR
// consistency that is to be measured.
//
// [Downscale] is the degradation model of this project: the LR picture that
// MATLAB would store for an 8-bit HR picture. [Upscale] is the bicubic
// baseline. [U8] and [Float] resize raw pixels. [Pillow] is the resize of that
// library, which some metrics ask for.
//
// Tested against outputs of real MATLAB (R2015b and about 2020; collected by
// github.com/fatheral/matlab_imresize and
// github.com/sanghyun-son/bicubic_pytorch): uint8 bit for bit, float64 to
// 1e-12.
package imresize

import (
	"errors"
	"fmt"
	"math"

	"github.com/trustsr/trustsr/srspace/picture"
)

// MaxSide is the longest side, in pixels, of a picture taken or made.
const MaxSide = 1 << 16

// maxValues bounds width × height × channels of anything allocated here.
const maxValues = 1 << 30

// ErrSize is what errors about impossible sizes or factors wrap.
var ErrSize = errors.New("impossible size")

// Options says how to resize; it holds either a scale or a size.
type Options struct {
	// Scale multiplies both sides; the output has ceil(Scale × side)
	// pixels, as in imresize(A, scale). 0 means to use Width and Height.
	Scale float64

	// Width and Height of the output in pixels, as in
	// imresize(A, [height width]); each side then has its own scale.
	Width, Height int

	// NoAntialias switches off the widened kernel that MATLAB uses when it
	// shrinks, as in imresize(…, 'Antialiasing', false).
	NoAntialias bool

	// Replicate continues the picture beyond its border by repeating the edge
	// pixel, as older releases of MATLAB did, and not by mirroring it. The LR
	// images of Set5, Set14, BSD100 and Urban100 that papers use were made so;
	// shrunk by 4 they differ from today's MATLAB in the two outermost pixels.
	Replicate bool

	// HalfEven rounds ties to the even number, as Python ports of imresize
	// with numpy do, the NTIRE challenges' among them; MATLAB rounds them away
	// from zero. [Float] rounds nothing.
	HalfEven bool
}

// U8 resizes an 8-bit picture of height × width × channels interleaved bytes
// and returns the new bytes with their width and height. Like MATLAB's
// uint8 path it clips to 0..255 and rounds half away from zero (or to even:
// [Options].HalfEven) after each of the two passes.
func U8(pix []byte, width, height, channels int, o Options) ([]byte, int, int, error) {
	values := make([]float64, len(pix))
	for i, b := range pix {
		values[i] = float64(b)
	}
	rounded := math.Round
	if o.HalfEven {
		rounded = math.RoundToEven
	}
	values, w, h, err := resize(values, width, height, channels, o, rounded)
	if err != nil {
		return nil, 0, 0, err
	}
	out := make([]byte, len(values))
	for i, v := range values {
		out[i] = byte(v)
	}
	return out, w, h, nil
}

// Float resizes a picture of height × width × channels interleaved values of
// any range and returns the new values with their width and height. Like
// MATLAB's double path it neither clips nor rounds, so that values may leave
// the range of the input.
func Float(pix []float64, width, height, channels int, o Options) ([]float64, int, int, error) {
	return resize(pix, width, height, channels, o, nil)
}

// Downscale returns the LR picture of img: MATLAB's imresize(A, 1/factor) of
// its 8-bit pixels, ceil(size/factor) on each side. It is the degradation
// model with which sources, LR consistency and training data agree.
func Downscale(img *picture.Image, factor int) (*picture.Image, error) {
	if factor < 1 {
		return nil, fmt.Errorf("downscale by %d: the factor must be at least 1: %w", factor, ErrSize)
	}
	out, err := resizeImage(img, Options{Scale: 1 / float64(factor)})
	if err != nil {
		return nil, fmt.Errorf("downscale by %d: %w", factor, err)
	}
	return out, nil
}

// Upscale returns MATLAB's imresize(A, factor) of the 8-bit pixels of img:
// the bicubic baseline of SR papers.
func Upscale(img *picture.Image, factor int) (*picture.Image, error) {
	if factor < 1 {
		return nil, fmt.Errorf("upscale by %d: the factor must be at least 1: %w", factor, ErrSize)
	}
	out, err := resizeImage(img, Options{Scale: float64(factor)})
	if err != nil {
		return nil, fmt.Errorf("upscale by %d: %w", factor, err)
	}
	return out, nil
}

func resizeImage(img *picture.Image, o Options) (*picture.Image, error) {
	out, w, h, err := U8(img.Bytes(), img.Width, img.Height, 3, o)
	if err != nil {
		return nil, err
	}
	return picture.FromBytes(out, w, h)
}

// resize does both passes, the more shrinking (or less enlarging) one first
// and rows (the height) first on ties, as MATLAB orders them. After each it clips to 0..255 and calls rounded, where
// there is one.
func resize(pix []float64, width, height, channels int, o Options, rounded func(float64) float64) ([]float64, int, int, error) {
	if width < 1 || height < 1 || channels < 1 || width > MaxSide || height > MaxSide || channels > maxValues/(width*height) {
		return nil, 0, 0, fmt.Errorf("resize a picture of %d×%d×%d: %w", width, height, channels, ErrSize)
	}
	if len(pix) != width*height*channels {
		return nil, 0, 0, fmt.Errorf("resize a picture of %d×%d×%d: got %d values: %w", width, height, channels, len(pix), ErrSize)
	}
	outW, outH, scaleX, scaleY, err := o.plan(width, height, channels)
	if err != nil {
		return nil, 0, 0, err
	}
	beyond := mirror
	if o.Replicate {
		beyond = replicate
	}
	across := contributions(width, outW, scaleX, !o.NoAntialias, beyond)
	down := contributions(height, outH, scaleY, !o.NoAntialias, beyond)
	if scaleY <= scaleX {
		pix = resizeHeight(pix, width, channels, down, rounded)
		pix = resizeWidth(pix, width, outH, channels, across, rounded)
	} else {
		pix = resizeWidth(pix, width, height, channels, across, rounded)
		pix = resizeHeight(pix, outW, channels, down, rounded)
	}
	return pix, outW, outH, nil
}

// plan returns output size and scales for a picture of width × height.
func (o Options) plan(width, height, channels int) (outW, outH int, scaleX, scaleY float64, err error) {
	switch {
	case o.Scale != 0 && (o.Width != 0 || o.Height != 0):
		return 0, 0, 0, 0, fmt.Errorf("resize by %g to %d×%d: give a scale or a size, not both: %w", o.Scale, o.Width, o.Height, ErrSize)
	case o.Scale != 0:
		w, h := math.Ceil(o.Scale*float64(width)), math.Ceil(o.Scale*float64(height))
		if !(o.Scale > 0) || !(w <= MaxSide) || !(h <= MaxSide) {
			return 0, 0, 0, 0, fmt.Errorf("resize %d×%d by %g: %w", width, height, o.Scale, ErrSize)
		}
		outW, outH, scaleX, scaleY = int(w), int(h), o.Scale, o.Scale
	default:
		outW, outH = o.Width, o.Height
		scaleX, scaleY = float64(outW)/float64(width), float64(outH)/float64(height)
	}
	if outW < 1 || outH < 1 || outW > MaxSide || outH > MaxSide ||
		max(outW*outH, outW*height, width*outH) > maxValues/channels {
		return 0, 0, 0, 0, fmt.Errorf("resize %d×%d to %d×%d: %w", width, height, outW, outH, ErrSize)
	}
	return outW, outH, scaleX, scaleY, nil
}

// taps are the input pixels that make one output pixel, and their weights.
type taps struct {
	index  []int
	weight []float64
}

// contributions returns the taps of each of out pixels along a side of in
// pixels, as MATLAB's function of that name. beyond folds indices outside
// 0..in-1 back.
func contributions(in, out int, scale float64, antialias bool, beyond func(i, n int) int) []taps {
	width, shrink := 4.0, 1.0
	if scale < 1 && antialias {
		width, shrink = 4/scale, scale
	}
	p := int(math.Ceil(width)) + 2
	all := make([]taps, out)
	for x := range all {
		// MATLAB counts pixels from 1.
		u := float64(x+1)/scale + 0.5*(1-1/scale)
		left := int(math.Floor(u - width/2))
		var t taps
		sum := 0.0
		for i := left; i < left+p; i++ {
			w := shrink * cubic(shrink*(u-float64(i)))
			if w == 0 {
				continue
			}
			t.index = append(t.index, beyond(i-1, in))
			t.weight = append(t.weight, w)
			sum += w
		}
		for k := range t.weight {
			t.weight[k] /= sum
		}
		all[x] = t
	}
	return all
}

// cubic is the kernel of Keys, "Cubic convolution interpolation for digital
// image processing" (1981), with a = -0.5.
func cubic(x float64) float64 {
	x = math.Abs(x)
	switch {
	case x <= 1:
		return 1.5*x*x*x - 2.5*x*x + 1
	case x <= 2:
		return -0.5*x*x*x + 2.5*x*x - 4*x + 2
	}
	return 0
}

// mirror folds index i onto 0..n-1, repeating the edge: … 1 0 | 0 1 2 …
func mirror(i, n int) int {
	i = (i%(2*n) + 2*n) % (2 * n)
	if i >= n {
		i = 2*n - 1 - i
	}
	return i
}

// replicate folds index i onto 0..n-1, repeating the edge: … 0 0 | 0 1 2 …
func replicate(i, n int) int { return min(max(i, 0), n-1) }

func resizeHeight(pix []float64, width, channels int, rows []taps, rounded func(float64) float64) []float64 {
	stride := width * channels
	out := make([]float64, len(rows)*stride)
	for y, t := range rows {
		dst := out[y*stride : (y+1)*stride]
		for k, i := range t.index {
			w, src := t.weight[k], pix[i*stride:(i+1)*stride]
			for j, v := range src {
				dst[j] += float64(w * v) // no fused multiply-add: equal bits everywhere
			}
		}
	}
	if rounded != nil {
		clip(out, rounded)
	}
	return out
}

func resizeWidth(pix []float64, width, height, channels int, columns []taps, rounded func(float64) float64) []float64 {
	out := make([]float64, height*len(columns)*channels)
	dst := out
	for y := 0; y < height; y++ {
		row := pix[y*width*channels : (y+1)*width*channels]
		for _, t := range columns {
			for k, i := range t.index {
				w := t.weight[k]
				for c := 0; c < channels; c++ {
					dst[c] += float64(w * row[i*channels+c])
				}
			}
			dst = dst[channels:]
		}
	}
	if rounded != nil {
		clip(out, rounded)
	}
	return out
}

// clip clips to 0..255 and rounds.
func clip(pix []float64, rounded func(float64) float64) {
	for i, v := range pix {
		pix[i] = rounded(min(max(v, 0), 255))
	}
}
