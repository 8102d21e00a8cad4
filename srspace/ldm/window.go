package ldm

import (
	"context"

	"github.com/trustsr/trustsr/internal/weights"
)

// windowOverlap is the part of a window, one in so many, that it shares with
// the next.
const windowOverlap = 4

// Windows returns the starts of windows of a side that cover size pixels,
// overlapping by a quarter at least; the last ends with the picture. A
// picture no larger than a window has one, of its own size.
func Windows(size, side int) []int {
	var starts []int
	for start := 0; start+side < size; start += side - side/windowOverlap {
		starts = append(starts, start)
	}
	return append(starts, max(0, size-side))
}

// ramp weighs the pixels of a window for blending: 1 in the middle and
// falling linearly over the overlap towards its ends, never 0.
func ramp(side, overlap int) []float32 {
	w := make([]float32, side)
	for i := range w {
		w[i] = min(1, float32(min(i, side-1-i)+1)/float32(overlap+1))
	}
	return w
}

// blend is a weighted mean of overlapping parts of pictures [n, c, h, w].
type blend struct {
	sum    *Tensor
	weight []float32 // [h, w]
}

func newBlend(n, c, h, w int) *blend {
	return &blend{weights.NewTensor(n, c, h, w), make([]float32, h*w)}
}

// add adds part [n, c, len(rows), len(cols)] at (top, left), each pixel
// weighing rows[y]·cols[x].
func (b *blend) add(part []float32, top, left int, rows, cols []float32) {
	h, w := b.sum.Shape[2], b.sum.Shape[3]
	for y, wy := range rows {
		for x, wx := range cols {
			b.weight[(top+y)*w+left+x] += wy * wx
		}
	}
	for plane := range b.sum.Shape[0] * b.sum.Shape[1] {
		for y, wy := range rows {
			from := part[(plane*len(rows)+y)*len(cols):][:len(cols)]
			to := b.sum.Data[(plane*h+top+y)*w+left:][:len(cols)]
			for x, wx := range cols {
				to[x] += wy * wx * from[x]
			}
		}
	}
}

func (b *blend) mean() *Tensor {
	n := len(b.weight)
	for i := range b.sum.Data {
		b.sum.Data[i] /= b.weight[i%n]
	}
	return b.sum
}

// cut copies the h × w pixels from (top, left) of x [n, c, H, W].
func cut(x *Tensor, top, left, h, w int) *Tensor {
	n, c, height, width := x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3]
	out := weights.NewTensor(n, c, h, w)
	for plane := range n * c {
		for y := range h {
			copy(out.Data[(plane*h+y)*w:][:w], x.Data[(plane*height+top+y)*width+left:])
		}
	}
	return out
}

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
	rows, cols := ramp(winH, side/windowOverlap), ramp(winW, side/windowOverlap)
	return func(x []float32, timestep int) ([]float32, error) {
		latent := &Tensor{Shape: []int{n, channels, h, w}, Data: x}
		out := newBlend(n, channels, h, w)
		for _, top := range Windows(h, side) {
			for _, left := range Windows(w, side) {
				eps, err := m.Denoiser(cut(lr, top, left, winH, winW))(cut(latent, top, left, winH, winW).Data, timestep)
				if err != nil {
					return nil, err
				}
				out.add(eps, top, left, rows, cols)
			}
		}
		return out.mean().Data, nil
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
	out := newBlend(n, m.Config.VQ.OutChannels, scale*h, scale*w)
	rows, cols := ramp(winH*scale, side*scale/windowOverlap), ramp(winW*scale, side*scale/windowOverlap)
	for _, top := range Windows(h, side) {
		for _, left := range Windows(w, side) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			var lrPart *Tensor
			if lr != nil {
				lrPart = cut(lr, top, left, winH, winW)
			}
			part, err := m.decodeNetwork(cut(z, top, left, winH, winW), lrPart, quantize)
			if err != nil {
				return nil, err
			}
			out.add(part.Data, scale*top, scale*left, rows, cols)
		}
	}
	img := out.mean()
	if lr == nil {
		return img, nil
	}
	return img, addBicubic(img, lr, scale)
}
