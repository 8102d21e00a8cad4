package ldm

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/trustsr/trustsr/internal/finite"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/internal/windows"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/picture"
)

// Sampler draws the SR space of an LR picture with a Model: denoised from noise
// that depends on a sample's seed alone, then quantise, decode, clamp.
type Sampler struct {
	Model *Model

	Method string  // of Methods; "" is DDIM
	Steps  int     // denoising steps, e.g. 50
	Eta    float64 // 0 (deterministic given x_T) … 1

	// RNG is srspace.RNG ("" too), whose noise depends on seed and step alone,
	// or srspace.TorchRNG, PyTorch's stream of a published seed: x_T first,
	// then one draw a step.
	RNG string

	// Batch is how many samples every network call takes; a call with fewer
	// is filled up, because matrix products of other sizes round otherwise
	// and would make a sample depend on its company. It is recorded in the
	// recipe. Zero means 1. See [Sampler.SuitBatch].
	Batch int

	// Workers is how many calls run side by side. It changes no sample. Zero
	// means 1. See [Sampler.SuitWorkers].
	Workers int

	// Tile repeats the LR picture Tile × Tile times before it is sampled, as
	// Korkmaz et al. do with 9×9 digits; a run then gives Tile² samples of one
	// seed each, see [srspace.Recipe]. 0: the picture is sampled alone.
	Tile int

	// Window bounds what the networks see at once to Window × Window latent
	// pixels, so that memory does not grow with the picture: larger latents
	// are denoised and decoded in overlapping windows, see package windows. It is
	// recorded in the recipe. 0: pictures are sampled whole.
	Window int

	// Project moves a decoded picture this many times towards the pictures
	// whose reduction is the LR picture: y += up(LR − down(y)), both bicubic,
	// which raises the LR consistency. It is recorded in the recipe.
	Project int

	// Memory refuses what would take more, in bytes, before work starts, see
	// [Sampler.Estimate]. 0: no limit.
	Memory int64

	// OnStep, when set, is told of every finished denoising step of a round
	// of Batch·Workers samples: step of steps. Step 0 comes before the first
	// where the network meets a size that it has yet to be compiled for.
	OnStep func(step, steps int)

	Description srspace.Recipe // what decides the pixels, as manifests record it
}

// Recipe implements srspace.Sampler.
func (s *Sampler) Recipe() srspace.Recipe {
	r := s.Description
	c := s.Model.Config.Schedule
	r.Scale = s.Model.Config.VQ.Scale()
	r.Method, r.Steps, r.Eta, r.RNG = s.method(), s.Steps, s.Eta, s.rng()
	r.Tile = s.Tile
	r.Precision = ""
	if s.Model.ops.Half {
		r.Precision = srspace.BFloat16
	}
	r.Window, r.Projection = s.Window, s.Project
	r.Backend = fmt.Sprintf("%s, %d a call", s.Description.Backend, max(1, s.Batch))
	r.Schedule = fmt.Sprintf("sqrt-linear %g…%g, T=%d", c.LinearStart, c.LinearEnd, c.Timesteps)
	if c.Kind != "" {
		r.Schedule = fmt.Sprintf("%s %g…%g, T=%d", c.Kind, c.LinearStart, c.LinearEnd, c.Timesteps)
	}
	if own := s.Model.Config.Scheduler; r.Method == SchedulerMethod && own != nil {
		r.Schedule += ", " + own.String()
	}
	if r.Method == DefaultMethod { // in CompVis's time steps; other names say theirs
		r.Schedule += ", compvis"
	}
	return r
}

func (s *Sampler) method() string {
	if s.Method == "" {
		return s.Model.Config.DefaultMethod()
	}
	return s.Method
}

func (s *Sampler) rng() string {
	if s.RNG == "" {
		return srspace.RNG
	}
	return s.RNG
}

// noise returns the source of noise for a batch of seeds, each values long;
// step 0 is x_T.
func (s *Sampler) noise(seeds []uint64, each int) (NoiseSource, error) {
	switch s.rng() {
	case srspace.RNG:
		return func(dst []float32, step int) {
			for i, seed := range seeds {
				srspace.Noise(dst[i*each:(i+1)*each], seed, uint32(step))
			}
		}, nil
	case srspace.TorchRNG:
		streams := make([]*srspace.TorchNoise, len(seeds))
		for i, seed := range seeds {
			streams[i] = srspace.NewTorchNoise(seed)
		}
		if err := srspace.NewTorchNoise(0).Fill(make([]float32, each)); err != nil {
			return nil, err
		}
		return func(dst []float32, _ int) {
			for i, stream := range streams {
				stream.Fill(dst[i*each : (i+1)*each]) // its one error is the size, tried above
			}
		}, nil
	}
	return nil, hint.With(fmt.Errorf("no noise generator %.50q", s.RNG), "generators: "+srspace.RNG+", "+srspace.TorchRNG)
}

// Sample implements srspace.Sampler. The LR picture goes to the UNet at its
// own size, or fitted as Description.Fit says; samples are Scale times as
// wide and high as the picture, rounded to 8 bits as they will be seen and
// stored. With Tile a run is drawn whole for the samples wanted of it.
func (s *Sampler) Sample(ctx context.Context, lr *picture.Image, seeds []uint64) iter.Seq2[srspace.Sample, error] {
	return func(yield func(srspace.Sample, error) bool) {
		plan, err := s.Model.Config.Plan(s.method(), s.Steps, s.Eta)
		if err == nil {
			err = s.Accepts(lr)
		}
		if err != nil {
			yield(srspace.Sample{}, err)
			return
		}
		scale := s.Model.Config.VQ.Scale()
		width, height := lr.Width*scale, lr.Height*scale
		lr, err := s.fit(repeat(lr, s.Tile))
		if err != nil {
			yield(srspace.Sample{}, err)
			return
		}
		cond := s.condition(lr)
		batch, workers := max(1, s.Batch), max(1, s.Workers)
		each := uint64(max(1, s.Tile*s.Tile))
		for len(seeds) > 0 {
			round := runs(seeds, each, batch*workers)
			images, err := s.round(ctx, cond, lr, round, plan, batch)
			if err != nil {
				yield(srspace.Sample{}, err)
				return
			}
			for len(seeds) > 0 {
				run, tile := seeds[0]/each, int(seeds[0]%each)
				i := slices.Index(round, run)
				if i < 0 {
					break
				}
				img := images[i]
				if s.Tile == 0 {
					img = crop(img, 0, 0, width, height)
				} else {
					img = crop(img, tile%s.Tile*width, tile/s.Tile*height, width, height)
				}
				if !yield(srspace.Sample{Seed: seeds[0], Image: img}, nil) {
					return
				}
				seeds = seeds[1:]
			}
		}
	}
}

// runs returns the first most different runs of the network that seeds, each
// to a run, come from.
func runs(seeds []uint64, each uint64, most int) []uint64 {
	var out []uint64
	for _, seed := range seeds {
		if run := seed / each; !slices.Contains(out, run) {
			if len(out) == most {
				break
			}
			out = append(out, run)
		}
	}
	return out
}

// Accepts returns an error for an LR picture that Sample would refuse: of a
// size that the network does not take, or that needs more than Memory.
func (s *Sampler) Accepts(lr *picture.Image) error {
	if lrs := s.Model.Config.UNet.InChannels - s.Model.Config.UNet.OutChannels; lrs != 1 && lrs != 3 {
		return fmt.Errorf("a network that takes LR pictures of %d channels: samplers give it 1, grey, or 3, RGB", lrs)
	}
	if s.Tile < 0 || s.Tile == 1 {
		return fmt.Errorf("%d copies of the LR picture in each direction: 0 for none, or 2 and more", s.Tile)
	}
	if s.Project < 0 || s.Project > srspace.MaxProjection {
		return fmt.Errorf("%d projections on the LR picture: 0 to %d", s.Project, srspace.MaxProjection)
	}
	m := s.Model.Config.UNet.multiple()
	if s.Window != 0 && (s.Window < 2*windows.Overlap || s.Window%m != 0) {
		return fmt.Errorf("windows of %d latent pixels: %d at least, a multiple of %d", s.Window, 2*windows.Overlap, m)
	}
	width, height, err := s.fitted(lr.Width*max(1, s.Tile), lr.Height*max(1, s.Tile))
	if err != nil {
		return err
	}
	if limit := s.Memory; limit > 0 {
		if need := s.Estimate(width, height); need > limit {
			return hint.With(fmt.Errorf("LR image of %d×%d needs about %s of memory, the limit is %s", lr.Width, lr.Height, gibibytes(need), gibibytes(limit)), s.smaller(width, height))
		}
	}
	return nil
}

// condition brings the LR picture to the UNet's form, [channels, h, w] in
// [-1,1]: RGB, or for a one-channel model the mean of RGB.
func (s *Sampler) condition(lr *picture.Image) []float32 {
	channels := s.Model.Config.UNet.InChannels - s.Model.Config.UNet.OutChannels
	n := lr.Width * lr.Height
	cond := make([]float32, channels*n)
	for i := range n {
		r, g, b := lr.Pix[3*i], lr.Pix[3*i+1], lr.Pix[3*i+2]
		if channels == 1 {
			cond[i] = 2*((r+g+b)/3) - 1
			continue
		}
		cond[i], cond[n+i], cond[2*n+i] = 2*r-1, 2*g-1, 2*b-1
	}
	return cond
}

// round draws one sample per seed, sharing them out over parallel calls.
func (s *Sampler) round(ctx context.Context, cond []float32, lr *picture.Image, seeds []uint64, plan *Plan, batch int) ([]*picture.Image, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	images := make([]*picture.Image, len(seeds))
	var running sync.WaitGroup
	for from := 0; from < len(seeds); from += batch {
		to := min(len(seeds), from+batch)
		report := func(step int) {
			if from == 0 && s.OnStep != nil { // the others run in step with it
				s.OnStep(step, len(plan.Timesteps))
			}
		}
		running.Go(func() {
			got, err := s.batch(ctx, cond, lr, seeds[from:to], plan, report)
			if err != nil {
				cancel(err)
				return
			}
			copy(images[from:], got)
		})
	}
	running.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return images, nil
}

// batch draws samples in one batch of network calls.
func (s *Sampler) batch(ctx context.Context, cond []float32, lr *picture.Image, wanted []uint64, plan *Plan, report func(step int)) ([]*picture.Image, error) {
	c := s.Model.Config
	seeds := make([]uint64, max(1, s.Batch))
	for i := range seeds {
		seeds[i] = wanted[min(i, len(wanted)-1)]
	}
	n, h, w := len(seeds), lr.Height, lr.Width
	x := weights.NewTensor(n, c.UNet.OutChannels, h, w)
	lrs := weights.NewTensor(n, len(cond)/(h*w), h, w)
	each := len(x.Data) / n
	for i := range seeds {
		copy(lrs.Data[i*len(cond):], cond)
	}
	noise, err := s.noise(seeds, each)
	if err != nil {
		return nil, err
	}
	noise(x.Data, 0)
	denoise := s.Model.Denoiser(lrs)
	if s.Window > 0 {
		denoise = s.Model.windowDenoiser(lrs, s.Window)
	}
	if s.Model.meets(n, h, w, s.Window) {
		report(0)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	err = plan.RunBatch(ctx, denoise, x.Data, each, noise, func(step int, x, _ []float32) {
		if i := finite.Not(x); i >= 0 {
			stop(fmt.Errorf("latent of %s is not finite after step %d of %d", s.drawn(seeds[i/each]), step, len(plan.Timesteps)))
		}
		report(step)
	})
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	var lrDecoded *Tensor
	if c.VQ.Residual {
		lrDecoded = lrs
	}
	var decoded *Tensor
	if quantize := c.VQ.NumEmbeddings > 0; s.Window > 0 {
		decoded, err = s.Model.DecodeWindows(ctx, x, lrDecoded, quantize, s.Window)
	} else {
		decoded, err = s.Model.Decode(x, lrDecoded, quantize)
	}
	if err == nil {
		err = project(decoded, lrs, c.VQ.Scale(), s.Project)
	}
	if err != nil {
		return nil, err
	}
	if i := finite.Not(decoded.Data); i >= 0 {
		return nil, fmt.Errorf("picture of %s is not finite after decoding", s.drawn(seeds[i/(len(decoded.Data)/n)]))
	}
	return pictures(decoded)[:len(wanted)], nil
}

// drawn names what the network draws from a seed: a sample, or a run of many.
func (s *Sampler) drawn(seed uint64) string {
	if s.Tile == 0 {
		return fmt.Sprintf("seed %d", seed)
	}
	each := uint64(s.Tile * s.Tile)
	return fmt.Sprintf("run %d, seeds %d to %d,", seed, seed*each, seed*each+each-1)
}

// pictures turns decoded [n, 1 or 3, h, w] in [-1,1] into 8-bit pictures.
func pictures(t *Tensor) []*picture.Image {
	n, c, h, w := t.Shape[0], t.Shape[1], t.Shape[2], t.Shape[3]
	images := make([]*picture.Image, n)
	for i := range images {
		img := picture.NewImage(w, h)
		planes := t.Data[i*c*h*w : (i+1)*c*h*w]
		for p := range h * w {
			for k := range 3 {
				img.Pix[3*p+k] = (planes[(k%c)*h*w+p] + 1) / 2
			}
		}
		images[i] = img.Quantized()
	}
	return images
}
