package ldm

import "context"

// Denoiser returns the model's noise predictor for latents of the shape of
// lr, [batch, channels, h, w] in [-1,1] (the pictures concatenated to them).
func (m *Model) Denoiser(lr *Tensor) Denoiser {
	shape := append([]int(nil), lr.Shape...)
	shape[1] = m.Config.UNet.OutChannels
	t := make([]float32, shape[0])
	return func(x []float32, timestep int) ([]float32, error) {
		for i := range t {
			t[i] = float32(timestep)
		}
		eps, err := m.Denoise(&Tensor{Shape: shape, Data: x}, lr, t)
		if err != nil {
			return nil, err
		}
		return eps.Data, nil
	}
}

// SampleLatent runs a method on given arrays: x is x_T at the start and the
// sampled latent at the end, [batch, OutChannels, h, w]; lr is as for
// [Model.Denoiser]. noise may be nil where the plan is not Stochastic.
func (m *Model) SampleLatent(ctx context.Context, plan *Plan, x, lr *Tensor, noise NoiseSource) error {
	return plan.Run(ctx, m.Denoiser(lr), x.Data, noise, nil)
}
