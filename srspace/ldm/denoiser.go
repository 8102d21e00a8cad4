package ldm

import (
	"context"
	"math"
)

// Denoiser returns the model's noise predictor for latents of the shape of
// lr, [batch, channels, h, w] in [-1,1] (the pictures concatenated to them).
// Of a network that predicts v, the noise is √ᾱ·v + √(1−ᾱ)·x.
func (m *Model) Denoiser(lr *Tensor) Denoiser {
	shape := append([]int(nil), lr.Shape...)
	shape[1] = m.Config.UNet.OutChannels
	t := make([]float32, shape[0])
	var alphas []float32
	if m.Config.UNet.Prediction == PredictV {
		alphas = m.Config.Schedule.AlphasCumprod()
	}
	return func(x []float32, timestep int) ([]float32, error) {
		for i := range t {
			t[i] = float32(timestep)
		}
		eps, err := m.Denoise(&Tensor{Shape: shape, Data: x}, lr, t)
		if err != nil {
			return nil, err
		}
		if alphas != nil {
			a := float64(alphas[timestep])
			fromV, fromX := float32(math.Sqrt(a)), float32(math.Sqrt(1-a))
			for i, v := range eps.Data {
				eps.Data[i] = fromV*v + fromX*x[i]
			}
		}
		return eps.Data, nil
	}
}

// SampleLatent runs a method on given arrays: x is x_T at the start and the
// sampled latent at the end, [batch, OutChannels, h, w]; lr is as for
// [Model.Denoiser]. noise may be nil where the plan is not Stochastic.
func (m *Model) SampleLatent(ctx context.Context, plan *Plan, x, lr *Tensor, noise NoiseSource) error {
	return plan.RunBatch(ctx, m.Denoiser(lr), x.Data, len(x.Data)/x.Shape[0], noise, nil)
}
