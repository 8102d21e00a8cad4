package training

import (
	"math"
	"math/rand/v2"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/srspace/digits"
	"github.com/trustsr/trustsr/srspace/ldm"
)

func sqrt32(v float32) float32 { return float32(math.Sqrt(float64(v))) }

// reseedEvery is how often, in steps, codes that no latent chose are moved
// onto encoder outputs; at step 0 all are.
const reseedEvery = 200

// codebook watches which codes are used in training.
type codebook struct {
	config ldm.VQConfig
	used   []int
}

// reseed follows a step of the first stage: it counts the codes used and, when
// due, moves the unused.
func (c *codebook) reseed(opt *optimizer, step int, more []*tensors.Tensor) error {
	for _, k := range tensors.MustCopyFlatData[int32](more[0]) {
		c.used[k]++
	}
	first := step == 0
	// not in the last fifth, where codes should settle
	if !first && ((step+1)%reseedEvery != 0 || step > opt.steps*4/5) {
		return nil
	}
	latents := tensors.MustCopyFlatData[float32](more[1])
	dim := c.config.EmbedDim
	v := opt.store.GetVariable("/" + ldm.FirstStageModule + "/quantize/embedding/weight")
	value, err := v.Value()
	if err != nil {
		return err
	}
	book, err := tensors.CopyFlatData[float32](value)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(uint64(step), 0x636f6465)) // "code"
	for k := range c.used {
		if first || c.used[k] == 0 {
			from := rng.IntN(len(latents) / dim)
			copy(book[k*dim:(k+1)*dim], latents[from*dim:])
		}
		c.used[k] = 0
	}
	return v.SetValue(tensors.FromFlatDataAndDimensions(book, c.config.NumEmbeddings, dim))
}

// normalise brings latents [n, 3, 7, 7] to channel means 0 and overall
// standard deviation 1, in place.
func normalise(latents []float32) LatentScale {
	const plane = digits.LRSide * digits.LRSide
	mean := make([]float64, 3)
	n := len(latents) / (3 * plane)
	for i, v := range latents {
		mean[i/plane%3] += float64(v) / float64(n*plane)
	}
	square := 0.0
	for i, v := range latents {
		d := float64(v) - mean[i/plane%3]
		square += d * d
	}
	std := math.Sqrt(square / float64(len(latents)))
	for i, v := range latents {
		latents[i] = float32((float64(v) - mean[i/plane%3]) / std)
	}
	return LatentScale{mean, std}
}

// fold builds the normalisation of latents into the first stage: quant_conv
// gives, the codes are, and post_quant_conv takes normalised latents. One
// standard deviation for all channels keeps the nearest code the nearest.
func fold(dict weights.Dict, s LatentScale) {
	module := ldm.FirstStageModule + "."
	w, b := dict[module+"quant_conv.weight"], dict[module+"quant_conv.bias"]
	in := len(w.Data) / len(b.Data)
	for o := range b.Data {
		for i := range in {
			w.Data[o*in+i] /= float32(s.Std)
		}
		b.Data[o] = float32((float64(b.Data[o]) - s.Mean[o]) / s.Std)
	}
	book := dict[module+"quantize.embedding.weight"]
	for i, v := range book.Data {
		book.Data[i] = float32((float64(v) - s.Mean[i%len(s.Mean)]) / s.Std)
	}
	w, b = dict[module+"post_quant_conv.weight"], dict[module+"post_quant_conv.bias"]
	for o := range b.Data {
		for i, mean := range s.Mean {
			b.Data[o] += w.Data[o*len(s.Mean)+i] * float32(mean)
			w.Data[o*len(s.Mean)+i] *= float32(s.Std)
		}
	}
}
