package onnx

import (
	"math"

	"github.com/trustsr/trustsr/srspace/imresize"
	"github.com/trustsr/trustsr/srspace/picture"
)

// Networks of one channel, e.g. FSRCNN and ESPCN, are trained on luma. Their
// users give them Y of YCbCr and enlarge Cb and Cr by bicubic interpolation, as
// PyTorch's super-resolution tutorial does with Pillow's 8-bit YCbCr (JFIF, full
// range) and Image.BICUBIC. So does this, but it rounds to 8 bits where Pillow's
// conversion rounds down.

// luma says that the model takes and makes pictures of one channel.
func (s *Sampler) luma() bool {
	return s.lr.lengths[1] == 1 && s.last.Rank() == 4 && s.last.Dimensions[1] == 1
}

// grey says whether red, green and blue are the same everywhere.
func grey(m *picture.Image) bool {
	for i := 0; i < len(m.Pix); i += 3 {
		if m.Pix[i] != m.Pix[i+1] || m.Pix[i] != m.Pix[i+2] {
			return false
		}
	}
	return true
}

// seen is the picture that the model is shown: for a model of luma the Y of a
// colour picture, rounded to 8 bits.
func (s *Sampler) seen(lr *picture.Image) *picture.Image {
	if !s.luma() || grey(lr) {
		return lr
	}
	y := picture.NewImage(lr.Width, lr.Height)
	for i := 0; i < len(lr.Pix); i += 3 {
		v, _, _ := toYCbCr(lr.Pix[i], lr.Pix[i+1], lr.Pix[i+2])
		y.Pix[i], y.Pix[i+1], y.Pix[i+2] = float32(v)/255, float32(v)/255, float32(v)/255
	}
	return y
}

// coloured gives a sample of luma the chroma of the LR picture.
func (s *Sampler) coloured(sample, lr *picture.Image) (*picture.Image, error) {
	if !s.luma() || grey(lr) {
		return sample, nil
	}
	chroma := make([]byte, 0, 2*lr.Width*lr.Height)
	for i := 0; i < len(lr.Pix); i += 3 {
		_, cb, cr := toYCbCr(lr.Pix[i], lr.Pix[i+1], lr.Pix[i+2])
		chroma = append(chroma, cb, cr)
	}
	large, err := imresize.Pillow(chroma, lr.Width, lr.Height, 2, sample.Width, sample.Height, imresize.PillowBicubic)
	if err != nil {
		return nil, err
	}
	out := picture.NewImage(sample.Width, sample.Height)
	for i := range sample.Width * sample.Height {
		y, cb, cr := float64(sample.Pix[3*i])*255, float64(large[2*i])-128, float64(large[2*i+1])-128
		out.Pix[3*i] = float32((y + 1.402*cr) / 255)
		out.Pix[3*i+1] = float32((y - 0.344136*cb - 0.714136*cr) / 255)
		out.Pix[3*i+2] = float32((y + 1.772*cb) / 255)
	}
	return out.Quantized(), nil
}

// toYCbCr is JFIF's transform of a pixel in [0,1], rounded to 8 bits.
func toYCbCr(r, g, b float32) (y, cb, cr byte) {
	R, G, B := float64(r)*255, float64(g)*255, float64(b)*255
	level := func(v float64) byte { return byte(math.Round(min(255, max(0, v)))) }
	return level(0.299*R + 0.587*G + 0.114*B),
		level(128 - 0.168736*R - 0.331264*G + 0.5*B),
		level(128 + 0.5*R - 0.418688*G - 0.081312*B)
}
