package imresize

import (
	"fmt"
	"math"
)

// A Filter is one of Pillow's resampling filters.
type Filter struct {
	support float64
	weight  func(x float64) float64 // 0 outside of ±support
}

var (
	// PillowBilinear is Image.Resampling.BILINEAR.
	PillowBilinear = Filter{1, func(x float64) float64 { return max(0, 1-math.Abs(x)) }}
	// PillowBicubic is Image.Resampling.BICUBIC, with a = -0.5.
	PillowBicubic = Filter{2, cubic}
	// PillowLanczos is Image.Resampling.LANCZOS: sinc(x)·sinc(x/3).
	PillowLanczos = Filter{3, func(x float64) float64 {
		if x < -3 || x >= 3 {
			return 0
		}
		return sinc(x) * sinc(x/3)
	}}
)

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// pillowBits is the fixed point of Pillow's weights for 8-bit pictures.
const pillowBits = 22

// Pillow resizes a picture of height × width × channels interleaved bytes as
// Pillow's Image.resize does for 8-bit pictures: antialiased, borders cut off
// and not mirrored, across before down, 8 bits between the passes. It equals
// Pillow 9.4 bit for bit.
func Pillow(pix []byte, width, height, channels, outW, outH int, f Filter) ([]byte, error) {
	if width < 1 || height < 1 || channels < 1 || width > MaxSide || height > MaxSide ||
		channels > maxValues/(width*height) || len(pix) != width*height*channels || f.weight == nil {
		return nil, fmt.Errorf("resize a picture of %d×%d×%d in %d bytes: %w", width, height, channels, len(pix), ErrSize)
	}
	if outW < 1 || outH < 1 || outW > MaxSide || outH > MaxSide || max(outW*outH, outW*height) > maxValues/channels {
		return nil, fmt.Errorf("resize %d×%d to %d×%d: %w", width, height, outW, outH, ErrSize)
	}
	if outW != width {
		pix = pillowPass(pix, height, width, channels, outW, f)
	}
	if outH != height {
		// Rows of whole lines: one "pixel" of outW·channels values.
		pix = pillowPass(pix, 1, height, outW*channels, outH, f)
	}
	if outW == width && outH == height {
		pix = append([]byte(nil), pix...)
	}
	return pix, nil
}

// pillowPass resizes the middle dimension of [outer, in, inner] to out.
func pillowPass(pix []byte, outer, in, inner, out int, f Filter) []byte {
	scale := float64(in) / float64(out)
	stretch := max(scale, 1)
	dst := make([]byte, outer*out*inner)
	for x := range out {
		centre := (float64(x) + 0.5) * scale
		first := max(0, int(centre-f.support*stretch+0.5))
		last := min(in, int(centre+f.support*stretch+0.5))
		weights := make([]float64, last-first)
		sum := 0.0
		for i := range weights {
			weights[i] = f.weight((float64(first+i) - centre + 0.5) / stretch)
			sum += weights[i]
		}
		fixed := make([]int, len(weights))
		for i, w := range weights {
			fixed[i] = int(math.Round(w / sum * (1 << pillowBits)))
		}
		for o := range outer {
			row := pix[o*in*inner:]
			for c := range inner {
				acc := 1 << (pillowBits - 1)
				for i, w := range fixed {
					acc += w * int(row[(first+i)*inner+c])
				}
				dst[(o*out+x)*inner+c] = byte(min(max(acc>>pillowBits, 0), 255))
			}
		}
	}
	return dst
}
