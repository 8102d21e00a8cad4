package ldm

import (
	"context"

	"github.com/trustsr/trustsr/internal/windows"
)

// windowDenoiser predicts the noise in windows of side × side latent pixels
// and blends what overlaps, at every step: the optimum of Bar-Tal et al.,
// "MultiDiffusion: Fusing Diffusion Paths for Controlled Image Generation"
// (ICML 2023), equation 5, with weights that fall linearly over the overlap.
// There the windows' next latents are averaged; a step is linear in the
// predicted noise, so that averaging the prediction is the same. Each call
// takes one window of the whole batch.
func (m *Model) windowDenoiser(lr *Tensor, side int) Denoiser {
	n, h, w := lr.Shape[0], lr.Shape[2], lr.Shape[3]
	channels := m.Config.UNet.OutChannels
	winH, winW := min(h, side), min(w, side)
	rows, cols := windows.Ramp(winH, side/windows.Overlap), windows.Ramp(winW, side/windows.Overlap)
	return func(x []float32, timestep int) ([]float32, error) {
		latent := &Tensor{Shape: []int{n, channels, h, w}, Data: x}
		out := windows.NewBlend(n, channels, h, w)
		for _, top := range windows.Starts(h, side) {
			for _, left := range windows.Starts(w, side) {
				eps, err := m.Denoiser(windows.Cut(lr, top, left, winH, winW))(windows.Cut(latent, top, left, winH, winW).Data, timestep)
				if err != nil {
					return nil, err
				}
				out.Add(eps, top, left, rows, cols)
			}
		}
		return out.Mean().Data, nil
	}
}

// DecodeWindows is Decode in windows of side × side latent pixels, blended
// where they overlap, so that memory depends on side alone. The decoder's
// group normalisation and attention then see a window in place of the whole
// picture: large pictures differ from Decode's by what their windows'
// statistics differ; a picture no larger than a window does not differ.
func (m *Model) DecodeWindows(ctx context.Context, z, lr *Tensor, quantize bool, side int) (*Tensor, error) {
	n, h, w := z.Shape[0], z.Shape[2], z.Shape[3]
	if h <= side && w <= side {
		return m.Decode(z, lr, quantize)
	}
	scale := m.Config.VQ.Scale()
	winH, winW := min(h, side), min(w, side)
	out := windows.NewBlend(n, m.Config.VQ.OutChannels, scale*h, scale*w)
	rows, cols := windows.Ramp(winH*scale, side*scale/windows.Overlap), windows.Ramp(winW*scale, side*scale/windows.Overlap)
	for _, top := range windows.Starts(h, side) {
		for _, left := range windows.Starts(w, side) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			var lrPart *Tensor
			if lr != nil {
				lrPart = windows.Cut(lr, top, left, winH, winW)
			}
			part, err := m.decodeNetwork(windows.Cut(z, top, left, winH, winW), lrPart, quantize)
			if err != nil {
				return nil, err
			}
			out.Add(part.Data, scale*top, scale*left, rows, cols)
		}
	}
	img := out.Mean()
	if lr == nil {
		return img, nil
	}
	return img, addBicubic(img, lr, scale)
}
