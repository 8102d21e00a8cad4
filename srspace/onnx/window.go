package onnx

import (
	"context"

	"github.com/gomlx/compute/shapes"

	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/internal/windows"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/picture"
)

// seenAtOnce is how much of an LR picture a call takes.
func (s *Sampler) seenAtOnce(lr *picture.Image) (h, w int) {
	if side := s.options.Window; side > 0 {
		return min(lr.Height, side), min(lr.Width, side)
	}
	return lr.Height, lr.Width
}

// sized is the shape of pictures of another height and width.
func sized(s shapes.Shape, h, w int) shapes.Shape {
	s = s.Clone()
	s.Dimensions[2], s.Dimensions[3] = h, w
	return s
}

// draw makes the samples of up to batch seeds, [batch, channels, h, w] of out,
// flat. x is the whole LR picture, once a sample; in and noise are the shapes of
// a call, which sees a window where the picture is larger. Windows overlap and
// are blended; noise pictures are cut as the LR picture is, other noise is the
// same in all windows.
func (s *Sampler) draw(ctx context.Context, x []float32, in, noise, out shapes.Shape, seeds []uint64) ([]float32, error) {
	h, w, k := out.Dimensions[2]/s.recipe.Scale, out.Dimensions[3]/s.recipe.Scale, s.recipe.Scale
	winH, winW := in.Dimensions[2], in.Dimensions[3]
	spatial := s.noise != nil && noise.Rank() == 4 && noise.Dimensions[2] == winH && noise.Dimensions[3] == winW
	whole := noise
	if spatial {
		whole = sized(noise, h, w)
	}
	z := s.noiseFor(whole, seeds)
	if winH == h && winW == w {
		return s.call(x, z, in, noise, out)
	}
	lr := &weights.Tensor{Shape: []int{s.batch, in.Dimensions[1], h, w}, Data: x}
	part := sized(out, k*winH, k*winW)
	blended := windows.NewBlend(s.batch, out.Dimensions[1], k*h, k*w)
	side := s.options.Window
	rows, columns := windows.Ramp(k*winH, k*side/windows.Overlap), windows.Ramp(k*winW, k*side/windows.Overlap)
	for _, top := range windows.Starts(h, side) {
		for _, left := range windows.Starts(w, side) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			zPart := z
			if spatial {
				zPart = windows.Cut(&weights.Tensor{Shape: whole.Dimensions, Data: z}, top, left, winH, winW).Data
			}
			y, err := s.call(windows.Cut(lr, top, left, winH, winW).Data, zPart, in, noise, part)
			if err != nil {
				return nil, err
			}
			blended.Add(y, k*top, k*left, rows, columns)
		}
	}
	return blended.Mean().Data, nil
}

// noiseFor is the noise of a call, decided by the seeds; nil for models without.
func (s *Sampler) noiseFor(shape shapes.Shape, seeds []uint64) []float32 {
	if s.noise == nil {
		return nil
	}
	z := make([]float32, shape.Size())
	each := len(z) / s.batch
	for i := range s.batch {
		srspace.Noise(z[i*each:(i+1)*each], seeds[min(i, len(seeds)-1)], 0)
	}
	return z
}
