package ldm

import (
	"context"
	"math"
)

// Denoiser predicts the noise in a batch x of latents at a time step: x and
// the result are [batch, channels, height, width], flat.
type Denoiser func(x []float32, timestep int) ([]float32, error)

// NoiseSource fills dst, shaped like the latent batch, with standard normal
// noise for the step-th executed step, 1 being the first. Samplers call it
// step by step, from another goroutine while the network computes. Where steps
// take noise and it is nil, they return [ErrNoNoise].
type NoiseSource func(dst []float32, step int)

// StepReport is told after each step: the latents reached and the denoised
// estimate x0, both owned by the sampler.
type StepReport func(step int, x, x0 []float32)

// DDIM samples with Song et al., "Denoising Diffusion Implicit Models"
// (ICLR 2021), equation 12: x starts as the noise x_T and holds the sample
// at the end. Noise is drawn at every step whose sigma is not 0. Report may
// be nil. It equals CompVis's DDIMSampler to 1e-4 of the largest value.
func DDIM(ctx context.Context, denoise Denoiser, x []float32, steps []Step, noise NoiseSource, report StepReport) error {
	return ddim(ctx, denoise, x, steps, noise, report, nil)
}

// ddim is DDIM with the estimate of x0 kept in bounds by clamp, where it is not
// nil; the noise stays the network's.
func ddim(ctx context.Context, denoise Denoiser, x []float32, steps []Step, noise NoiseSource, report StepReport, clamp func(x0 []float32)) error {
	n := make([]float32, len(x))
	x0 := make([]float32, len(x))
	for i, s := range steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		if s.Sigma != 0 && noise == nil {
			return ErrNoNoise
		}
		var eps []float32
		err := beside(s.Sigma != 0, func() { noise(n, i+1) }, func() (err error) {
			eps, err = denoise(x, s.Timestep)
			return err
		})
		if err != nil {
			return err
		}
		toX0 := float32(1 / math.Sqrt(s.Alpha))
		fromEps := float32(math.Sqrt(1 - s.Alpha))
		scale := float32(math.Sqrt(s.AlphaPrev))
		direction := float32(math.Sqrt(math.Max(0, 1-s.AlphaPrev-s.Sigma*s.Sigma)))
		sigma := float32(s.Sigma)
		for j, e := range eps {
			x0[j] = (x[j] - fromEps*e) * toX0
		}
		if clamp != nil {
			clamp(x0)
		}
		for j, e := range eps {
			v := scale*x0[j] + direction*e
			if sigma != 0 {
				v += sigma * n[j]
			}
			x[j] = v
		}
		if report != nil {
			report(i+1, x, x0)
		}
	}
	return nil
}

// beside draws a step's noise, where it takes any, while the network computes,
// and returns when both are done, with the network's error.
func beside(stochastic bool, draw func(), network func() error) error {
	if !stochastic {
		return network()
	}
	drawn := make(chan struct{})
	go func() {
		defer close(drawn)
		draw()
	}()
	err := network()
	<-drawn
	return err
}
