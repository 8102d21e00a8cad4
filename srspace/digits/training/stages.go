package training

import (
	"math/rand/v2"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/trustsr/trustsr/internal/nn"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/digits"
	"github.com/trustsr/trustsr/srspace/digits/internal/mnist"
	"github.com/trustsr/trustsr/srspace/digits/internal/reader"
	"github.com/trustsr/trustsr/srspace/ldm"
)

// readerLoss is the cross entropy of the digit reader: batch is images [n,
// 1, 28, 28] and one-hot labels [n, 10].
func readerLoss(o *nn.Ops, s *model.Scope, batch []*Node) (*Node, []*Node) {
	logits := reader.Network(o, s, batch[0])
	return Neg(ReduceAllMean(ReduceSum(Mul(LogSoftmax(logits, -1), batch[1]), -1))), nil
}

// firstStageLoss is that of VQGAN's autoencoder without its discriminator:
// absolute error, and the two vector-quantisation terms of van den Oord et
// al., "Neural Discrete Representation Learning" (2017), equation 3, with
// commitment 0.25. Further outputs: the code of each latent pixel [n·49] and
// the latents [n·49, 3], for re-seeding unused codes.
func firstStageLoss(c ldm.VQConfig) lossFunc {
	return func(o *nn.Ops, s *model.Scope, batch []*Node) (*Node, []*Node) {
		x := batch[0]
		s = nn.Module(s, ldm.FirstStageModule)
		z := c.Encode(o, s, x)
		d := z.Shape().Dimensions
		flat := Reshape(TransposeAllAxes(z, 0, 2, 3, 1), -1, c.EmbedDim)
		index, _ := c.Quantize(s, StopGradient(z))
		// one-hot rather than a gather: its gradient is a matrix product
		codes := Einsum("tk,kd->td", OneHot(index, c.NumEmbeddings, dtypes.Float32), c.Codebook(s, x.Graph()))
		square := func(a, b *Node) *Node { e := Sub(a, b); return ReduceAllMean(Mul(e, e)) }
		vq := Add(square(StopGradient(flat), codes), MulScalar(square(flat, StopGradient(codes)), 0.25))
		through := Add(flat, StopGradient(Sub(codes, flat))) // straight-through gradient
		through = TransposeAllAxes(Reshape(through, d[0], d[2], d[3], c.EmbedDim), 0, 3, 1, 2)
		y := c.Decode(o, s, through, nil)
		return Add(ReduceAllMean(Abs(Sub(y, x))), vq), []*Node{index, flat}
	}
}

// unetLoss is the simple loss of Ho et al., "Denoising Diffusion
// Probabilistic Models" (2020), equation 14: batch is latents x0 [n, 3, 7,
// 7], LR [n, 1, 7, 7], noise like x0, time steps [n], and [n, 2] the square
// roots of ᾱ_t and 1-ᾱ_t.
func unetLoss(c ldm.UNetConfig) lossFunc {
	return func(o *nn.Ops, s *model.Scope, batch []*Node) (*Node, []*Node) {
		x0, lr, noise, t, mix := batch[0], batch[1], batch[2], batch[3], batch[4]
		part := func(i int) *Node { return Reshape(SliceAxis(mix, 1, AxisRange(i, i+1)), -1, 1, 1, 1) }
		x := Add(Mul(x0, part(0)), Mul(noise, part(1)))
		eps := c.Forward(o, nn.Module(s, ldm.UNetModule), Concatenate([]*Node{x, lr}, 1), t)
		e := Sub(eps, noise)
		return ReduceAllMean(Mul(e, e)), nil
	}
}

// picks returns the indices of a batch: a fresh permutation of 0…n-1 every
// epoch, decided by seed and step alone, so that resuming repeats nothing.
func picks(n, batch, step int, seed uint64) []int {
	perEpoch := n / batch
	epoch, at := step/perEpoch, step%perEpoch
	order := rand.New(rand.NewPCG(seed, uint64(epoch))).Perm(n)
	return order[at*batch : (at+1)*batch]
}

// imageBatch returns digits in [-1,1], each shifted by up to shift pixels in
// both directions.
func imageBatch(s *mnist.Set, index []int, shift int, rng *rand.Rand) *tensors.Tensor {
	out := make([]float32, len(index)*digits.Side*digits.Side)
	for i, k := range index {
		dx, dy := 0, 0
		if shift > 0 {
			dx, dy = rng.IntN(2*shift+1)-shift, rng.IntN(2*shift+1)-shift
		}
		img := s.Image(k)
		for y := range digits.Side {
			for x := range digits.Side {
				v := float32(-1)
				if u, w := x-dx, y-dy; u >= 0 && u < digits.Side && w >= 0 && w < digits.Side {
					v = float32(img[w*digits.Side+u])/127.5 - 1
				}
				out[(i*digits.Side+y)*digits.Side+x] = v
			}
		}
	}
	return tensors.FromFlatDataAndDimensions(out, len(index), 1, digits.Side, digits.Side)
}

// unetBatch draws noise and time steps for latents [n, 3, 7, 7] and LR
// pictures; both depend on seed and step alone.
func unetBatch(latents, lrs []float32, index []int, alphas []float32, step int, seed uint64) []any {
	const latent, lr = 3 * digits.LRSide * digits.LRSide, digits.LRSide * digits.LRSide
	n := len(index)
	x0, cond := make([]float32, n*latent), make([]float32, n*lr)
	noise := make([]float32, n*latent)
	srspace.Noise(noise, seed, uint32(step))
	ts, mix := make([]float32, n), make([]float32, 2*n)
	rng := rand.New(rand.NewPCG(seed, uint64(step)))
	for i, k := range index {
		copy(x0[i*latent:(i+1)*latent], latents[k*latent:])
		copy(cond[i*lr:(i+1)*lr], lrs[k*lr:])
		t := rng.IntN(len(alphas))
		ts[i] = float32(t)
		mix[2*i], mix[2*i+1] = sqrt32(alphas[t]), sqrt32(1-alphas[t])
	}
	return []any{
		tensors.FromFlatDataAndDimensions(x0, n, 3, digits.LRSide, digits.LRSide),
		tensors.FromFlatDataAndDimensions(cond, n, 1, digits.LRSide, digits.LRSide),
		tensors.FromFlatDataAndDimensions(noise, n, 3, digits.LRSide, digits.LRSide),
		ts,
		tensors.FromFlatDataAndDimensions(mix, n, 2),
	}
}
