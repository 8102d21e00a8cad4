package picture

import (
	"bytes"
	"fmt"
	"image"
	"image/color"

	"golang.org/x/image/webp"
)

// The library's VP8 planes are exact, but image/color would take their values
// for the full range that JPEG uses: white would be 235. Here colours are
// enlarged and converted as libwebp does by default ("fancy upsampling").

// decodeWebP reads a WebP file.
func decodeWebP(data []byte, size image.Config) (*Image, error) {
	src, err := webp.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if err := fills(src, "webp", size); err != nil {
		return nil, err
	}
	switch src := src.(type) {
	case *image.YCbCr:
		return fromVP8(src)
	case *image.NYCbCrA:
		for y := range size.Height {
			for x := range size.Width {
				if src.A[src.AOffset(x, y)] != 0xff {
					return nil, errTranslucent(x, y)
				}
			}
		}
		return fromVP8(&src.YCbCr)
	}
	return fromOpaque(src, "webp")
}

// fromVP8 converts the planes of a lossy WebP.
func fromVP8(src *image.YCbCr) (*Image, error) {
	if src.SubsampleRatio != image.YCbCrSubsampleRatio420 || src.Rect.Min != (image.Point{}) {
		return nil, fmt.Errorf("webp: planes of %v at %v", src.SubsampleRatio, src.Rect)
	}
	w, h := src.Rect.Dx(), src.Rect.Dy()
	m := NewImage(w, h)
	rows := (h + 1) / 2
	cb, cr := make([]int32, w), make([]int32, w)
	for y := range h {
		// A row of the picture lies nearer to one row of colours than to its
		// other neighbour. The first and the last lie outside all pairs.
		near := y / 2
		far := near - 1
		if y%2 == 1 {
			far = near + 1
		}
		far = min(max(far, 0), rows-1)
		colourRow(cb, src.Cb[near*src.CStride:], src.Cb[far*src.CStride:])
		colourRow(cr, src.Cr[near*src.CStride:], src.Cr[far*src.CStride:])
		luma := src.Y[y*src.YStride:]
		for x := range w {
			c := vp8Colour(int32(luma[x]), cb[x], cr[x])
			i := 3 * (y*w + x)
			m.Pix[i], m.Pix[i+1], m.Pix[i+2] = float32(c.R)/255, float32(c.G)/255, float32(c.B)/255
		}
	}
	return m, nil
}

// colourRow enlarges a row of colour values to the width of out: 9/16 of the
// nearest, 3/16 of the two beside it in row and column, 1/16 of the one across,
// rounded in two steps as libwebp does; ¾ and ¼ at the edges.
func colourRow(out []int32, near, far []byte) {
	edge := func(x int) int32 { return (3*int32(near[x]) + int32(far[x]) + 2) >> 2 }
	out[0] = edge(0)
	w := len(out)
	for x := 1; x <= (w-1)/2; x++ {
		nearLeft, nearRight := int32(near[x-1]), int32(near[x])
		farLeft, farRight := int32(far[x-1]), int32(far[x])
		sum := nearLeft + nearRight + farLeft + farRight + 8
		out[2*x-1] = ((sum+2*(nearRight+farLeft))>>3 + nearLeft) >> 1
		out[2*x] = ((sum+2*(nearLeft+farRight))>>3 + nearRight) >> 1
	}
	if w%2 == 0 {
		out[w-1] = edge(w/2 - 1)
	}
}

// vp8Colour converts BT.601 of limited range, luma 16 to 235, with libwebp's
// factors of 14 bits and its intermediate rounding to 6.
func vp8Colour(y, cb, cr int32) color.RGBA {
	high := func(v, factor int32) int32 { return v * factor >> 8 }
	clip := func(v int32) uint8 { return uint8(min(max(v>>6, 0), 255)) }
	l := high(y, 19077) // 255/219
	return color.RGBA{
		R: clip(l + high(cr, 26149) - 14234),
		G: clip(l - high(cb, 6419) - high(cr, 13320) + 8708),
		B: clip(l + high(cb, 33050) - 17685),
		A: 255,
	}
}
