package onnx

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/trustsr/trustsr/internal/finite"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/picture"
)

// Accepts returns an error for an LR picture that Sample would refuse: of a
// size that the model does not take, or that needs more than the memory.
func (s *Sampler) Accepts(lr *picture.Image) error {
	_, _, _, err := s.shapes(lr)
	return err
}

// shapes are those of a call for an LR picture, or for a window of a larger one.
func (s *Sampler) shapes(lr *picture.Image) (in, noise, out shapes.Shape, err error) {
	h, w := s.seenAtOnce(lr)
	if in, noise, out, err = s.output(h, w); err != nil {
		return in, noise, out, fmt.Errorf("model %s, LR picture of %d×%d pixels: %w", s.recipe.Model, lr.Width, lr.Height, err)
	}
	d, k := out.Dimensions, s.recipe.Scale
	if out.Rank() != 4 || d[0] != s.batch || d[1] != 1 && d[1] != 3 || d[2] != k*h || d[3] != k*w {
		return in, noise, out, hint.With(fmt.Errorf("model %s makes %s of an LR picture of %d×%d pixels, not %d times its size", s.recipe.Model, out, w, h, k), "the model may want sides that are a multiple of some number: crop the picture")
	}
	if need := 4 * float64(d[0]) * float64(d[1]) * float64(k*k) * float64(lr.Width) * float64(lr.Height); need > float64(s.options.Memory) {
		return in, noise, out, hint.With(fmt.Errorf("samples of an LR picture of %d×%d pixels take %.3g bytes, the limit is %d", lr.Width, lr.Height, need, s.options.Memory), "take a smaller LR picture, or raise the limit")
	}
	if in.Dimensions[1] != d[1] && !grey(lr) {
		return in, noise, out, hint.With(fmt.Errorf("model %s takes %d channels and makes %d: a colour picture would lose its colour, or get another", s.recipe.Model, in.Dimensions[1], d[1]), "give it a grey picture")
	}
	return in, noise, out, s.ready(in, noise)
}

// ready compiles the model for inputs of some shapes on the backend it runs on.
func (s *Sampler) ready(in, noise shapes.Shape) (err error) {
	if s.run == nil || s.run == s.probe {
		return nil
	}
	defer recovered(&err)
	all := []shapes.Shape{in}
	if s.noise != nil {
		all = append(all, noise)
	}
	s.one.Lock()
	defer s.one.Unlock()
	if err := s.compile(s.run, all); err != nil {
		return &BackendError{Model: s.recipe.Model, Backend: s.recipe.Backend, Err: err}
	}
	return nil
}

// ErrSame refuses several samples of a model that can make only one.
var ErrSame = errors.New("the model has no noise input: all its samples of a picture are equal")

// Sample implements srspace.Sampler. Samples are rounded to 8 bits, as they
// will be seen and stored. Several seeds for a model that is Deterministic are
// an error, since a space of equal samples would look like certainty.
func (s *Sampler) Sample(ctx context.Context, lr *picture.Image, seeds []uint64) iter.Seq2[srspace.Sample, error] {
	return func(yield func(srspace.Sample, error) bool) {
		in, noise, out, err := s.shapes(lr)
		if err == nil && s.noise == nil && len(seeds) > 1 {
			err = ErrSame
		}
		if err != nil {
			yield(srspace.Sample{}, err)
			return
		}
		whole := sized(in, lr.Height, lr.Width)
		x := s.condition(s.seen(lr), whole)
		out = sized(out, s.recipe.Scale*lr.Height, s.recipe.Scale*lr.Width)
		for len(seeds) > 0 {
			if err := ctx.Err(); err != nil {
				yield(srspace.Sample{}, err)
				return
			}
			now := seeds[:min(s.batch, len(seeds))]
			y, err := s.draw(ctx, x, in, noise, out, now)
			if err != nil {
				yield(srspace.Sample{}, fmt.Errorf("model %s: %w", s.recipe.Model, err))
				return
			}
			for i, seed := range now {
				img, err := s.picture(y[i*len(y)/s.batch:(i+1)*len(y)/s.batch], out)
				if err == nil {
					img, err = s.coloured(img, lr)
				}
				if err != nil {
					yield(srspace.Sample{}, fmt.Errorf("sample %d: %w", seed, err))
					return
				}
				if !yield(srspace.Sample{Seed: seed, Image: img}, nil) {
					return
				}
			}
			seeds = seeds[len(now):]
		}
	}
}

// call runs the model once and returns the output, flat.
func (s *Sampler) call(x, z []float32, in, noise, out shapes.Shape) (y []float32, err error) {
	defer recovered(&err)
	s.one.Lock()
	defer s.one.Unlock()
	if s.runtime != nil {
		inputs := []*constant{{dims: in.Dimensions, elem: s.lr.elem, f: x}}
		if s.noise != nil {
			inputs = append(inputs, &constant{dims: noise.Dimensions, elem: s.noise.elem, f: z})
		}
		results, err := s.runtime.run(inputs, []port{{elem: s.out.elem, lengths: out.Dimensions}})
		if err != nil {
			return nil, err
		}
		if !slices.Equal(results[0].dims, out.Dimensions) || results[0].f == nil {
			return nil, fmt.Errorf("the output is %v, not %s", results[0].dims, out)
		}
		return results[0].f, nil
	}
	args := []*tensors.Tensor{tensors.FromFlatDataAndDimensions(x, in.Dimensions...)}
	if s.noise != nil {
		args = append(args, tensors.FromFlatDataAndDimensions(z, noise.Dimensions...))
	}
	given := make([]any, len(args))
	for i, t := range args {
		given[i] = t
	}
	results, err := s.run.Call(given...)
	if err != nil {
		return nil, err
	}
	if got := results[0].Shape(); !got.Equal(out) {
		return nil, fmt.Errorf("the output is %s, not %s", got, out)
	}
	y, err = tensors.CopyFlatData[float32](results[0])
	for _, t := range append(args, results...) { // memory of the backend, which Go's collector does not see
		err = errors.Join(err, t.FinalizeAll())
	}
	return y, err
}

// condition brings the LR picture to the model's range and channels, once for
// every sample of a call.
func (s *Sampler) condition(lr *picture.Image, in shapes.Shape) []float32 {
	channels, n := in.Dimensions[1], lr.Width*lr.Height
	black, span := s.options.LRRange.Black, s.options.LRRange.White-s.options.LRRange.Black
	x := make([]float32, in.Size())
	for i := range n {
		rgb := lr.Pix[3*i : 3*i+3]
		if channels == 1 {
			x[i] = black + (rgb[0]+rgb[1]+rgb[2])/3*span
			continue
		}
		for c, v := range rgb {
			x[c*n+i] = black + v*span
		}
	}
	for from := channels * n; from < len(x); from += channels * n {
		copy(x[from:], x[:channels*n])
	}
	return x
}

// picture makes an 8-bit picture of one sample of the output.
func (s *Sampler) picture(planes []float32, out shapes.Shape) (*picture.Image, error) {
	channels, h, w := out.Dimensions[1], out.Dimensions[2], out.Dimensions[3]
	black, span := s.options.OutputRange.Black, s.options.OutputRange.White-s.options.OutputRange.Black
	img := picture.NewImage(w, h)
	if i := finite.Not(planes); i >= 0 {
		return nil, hint.With(fmt.Errorf("the output is not finite: value %d is %v", i, planes[i]), "check the model's weights and the range of its input")
	}
	for i := range w * h {
		for c := range 3 {
			img.Pix[3*i+c] = (planes[c%channels*w*h+i] - black) / span
		}
	}
	return img.Quantized(), nil
}
