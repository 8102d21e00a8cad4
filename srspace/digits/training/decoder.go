package training

import (
	"context"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/trustsr/trustsr/internal/nn"
	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/srspace/digits"
	"github.com/trustsr/trustsr/srspace/ldm"
)

// refineDecoder trains the decoder further, with encoder and codes fixed, on
// squared error: the absolute error of the first stage gives sharp codes
// early, and PSNR, which LR consistency is too, is squared error. The UNet's
// latents stay as they are. It changes dict, whose latents are normalised.
func (t *trainer) refineDecoder(ctx context.Context, dict weights.Dict, latents []float32) error {
	c := digits.Config().VQ
	start := weights.Dict{}
	for name, tensor := range dict {
		if isDecoder(name) {
			start[name] = tensor
		}
	}
	codes := quantised(latents, dict[ldm.FirstStageModule+".quantize.embedding.weight"].Data)
	const latent = 3 * digits.LRSide * digits.LRSide
	batch := func(step int) ([]any, error) {
		index := picks(t.train.N, t.batchOf(decoderStage), step, t.Seed+3)
		z := make([]float32, 0, len(index)*latent)
		for _, k := range index {
			z = append(z, codes[k*latent:(k+1)*latent]...)
		}
		return []any{tensors.FromFlatDataAndDimensions(z, len(index), 3, digits.LRSide, digits.LRSide), imageBatch(t.train, index, 0, nil)}, nil
	}
	refined, err := t.stage(ctx, decoderStage, start, t.DecoderSteps, 1e-3, decoderLoss(c), batch, nil, true, nil)
	if err != nil {
		return err
	}
	for name, tensor := range refined {
		dict[name] = tensor
	}
	return nil
}

func isDecoder(name string) bool {
	rest, ok := strings.CutPrefix(name, ldm.FirstStageModule+".")
	return ok && (strings.HasPrefix(rest, "decoder.") || strings.HasPrefix(rest, "post_quant_conv."))
}

// decoderLoss is the mean squared error of pictures decoded: batch is codes
// [n, 3, 7, 7] and pictures [n, 1, 28, 28].
func decoderLoss(c ldm.VQConfig) lossFunc {
	return func(o *nn.Ops, s *model.Scope, batch []*Node) (*Node, []*Node) {
		y := c.Decode(o, nn.Module(s, ldm.FirstStageModule), batch[0], nil)
		e := Sub(y, batch[1])
		return ReduceAllMean(Mul(e, e)), nil
	}
}

// quantised returns the latents [n, 3, 7, 7] with each pixel's three values
// replaced by the nearest code of book [codes, 3].
func quantised(latents, book []float32) []float32 {
	const plane = digits.LRSide * digits.LRSide
	out := make([]float32, len(latents))
	for at := 0; at < len(latents); at += 3 * plane {
		for p := at; p < at+plane; p++ {
			a, b, c := latents[p], latents[p+plane], latents[p+2*plane]
			best, nearest := float32(0), -1
			for k := 0; k < len(book); k += 3 {
				x, y, z := a-book[k], b-book[k+1], c-book[k+2]
				if d := x*x + y*y + z*z; nearest < 0 || d < best {
					best, nearest = d, k
				}
			}
			out[p], out[p+plane], out[p+2*plane] = book[nearest], book[nearest+1], book[nearest+2]
		}
	}
	return out
}
