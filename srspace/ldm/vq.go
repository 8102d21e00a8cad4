package ldm

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/trustsr/trustsr/internal/nn"
)

// vqEpsilon is GroupNorm's in the first stage.
const vqEpsilon = 1e-6

// Encode brings pictures [batch, InChannels, H, W] in [-1,1] to latents
// [batch, EmbedDim, H/Scale, W/Scale], not quantised: VQModelInterface.encode
// (encoder, then quant_conv), or without codes the mean of AutoencoderKL's
// distribution. H and W must be multiples of Scale. s is the scope of the
// module (first_stage_model).
func (c VQConfig) Encode(o *nn.Ops, s *model.Scope, x *Node) *Node {
	v := vq{c, o, nn.Module(s, "encoder")}
	h := o.Conv2D(v.at("conv_in"), o.In(x), c.Channels, 3, 1, nn.Same)
	for level, mult := range c.ChannelMult {
		for i := range c.NumResBlocks {
			h = v.resnet(fmt.Sprintf("down.%d.block.%d", level, i), h, mult*c.Channels)
		}
		if level != len(c.ChannelMult)-1 {
			// one zero row and column, at the bottom and right only
			h = o.Conv2D(v.at(fmt.Sprintf("down.%d.downsample.conv", level)), h, o.Channels(h), 3, 2, nn.Padding{Bottom: 1, Right: 1})
		}
	}
	h = v.middle(h)
	h = o.SiLU(o.GroupNorm(v.at("norm_out"), h, groups(c.NormGroups), vqEpsilon))
	parts := 1
	if c.NumEmbeddings == 0 {
		parts = 2 // mean and logarithm of the variance
	}
	h = o.Conv2D(v.at("conv_out"), h, parts*c.ZChannels, 3, 1, nn.Same)
	z := o.Out(o.Conv2D(nn.Module(s, "quant_conv"), h, parts*c.EmbedDim, 1, 1, nn.Padding{}))
	if parts == 2 {
		z = SliceAxis(z, 1, AxisRange(0, c.EmbedDim))
	}
	return z
}

// Quantize replaces each latent pixel by the nearest code (Euclidean): z is
// [batch, EmbedDim, h, w]; the results are the code numbers [batch·h·w]
// int32, row-major over (batch, h, w), and the codes [batch, EmbedDim, h, w].
func (c VQConfig) Quantize(s *model.Scope, z *Node) (index, codes *Node) {
	d := z.Shape().Dimensions
	book := c.Codebook(s, z.Graph())
	flat := Reshape(TransposeAllAxes(z, 0, 2, 3, 1), -1, c.EmbedDim)
	// |z|² is the same for every code, so it does not change the minimum.
	norm := Reshape(ReduceSum(Mul(book, book), 1), 1, c.NumEmbeddings)
	distance := Sub(norm, MulScalar(Einsum("td,kd->tk", flat, book), 2))
	index = ArgMin(distance, 1, dtypes.Int32)
	codes = Gather(book, Reshape(index, -1, 1))
	codes = TransposeAllAxes(Reshape(codes, d[0], d[2], d[3], c.EmbedDim), 0, 3, 1, 2)
	return index, codes
}

// Codebook returns the codes [NumEmbeddings, EmbedDim].
func (c VQConfig) Codebook(s *model.Scope, g *Graph) *Node {
	return nn.Variable(nn.Module(s, "quantize.embedding"), "weight", g, c.NumEmbeddings, c.EmbedDim)
}

// Decode brings latents [batch, EmbedDim, h, w], used as they are, to
// pictures [batch, OutChannels, h·Scale, w·Scale] of about [-1,1], not
// clamped (post_quant_conv, then the decoder). Published sampling decodes
// quantised latents: Decode(Quantize(z)). Where the first stage is Residual,
// lr [batch, OutChannels, h, w] is the LR picture, and the result is what is to
// be added to its enlargement; elsewhere lr is nil.
func (c VQConfig) Decode(o *nn.Ops, s *model.Scope, z, lr *Node) *Node {
	if c.Residual != (lr != nil) {
		panic(fmt.Errorf("decode with an LR picture: %t, but the first stage is residual: %t", lr != nil, c.Residual))
	}
	h := o.Conv2D(nn.Module(s, "post_quant_conv"), o.In(z), c.ZChannels, 1, 1, nn.Padding{})
	if lr != nil {
		h = o.Concat(h, o.In(lr))
	}
	v := vq{c, o, nn.Module(s, "decoder")}
	h = o.Conv2D(v.at("conv_in"), h, c.ChannelMult[len(c.ChannelMult)-1]*c.Channels, 3, 1, nn.Same)
	h = v.middle(h)
	for level, mult := range slices.Backward(c.ChannelMult) {
		for i := range c.NumResBlocks + 1 {
			h = v.resnet(fmt.Sprintf("up.%d.block.%d", level, i), h, mult*c.Channels)
		}
		if level != 0 {
			h = VQUpsample(o, v.at(fmt.Sprintf("up.%d.upsample", level)), h)
		}
	}
	h = o.SiLU(o.GroupNorm(v.at("norm_out"), h, groups(c.NormGroups), vqEpsilon))
	return o.Out(o.Conv2D(v.at("conv_out"), h, c.OutChannels, 3, 1, nn.Same))
}

type vq struct {
	c VQConfig
	o *nn.Ops
	s *model.Scope
}

func (v vq) at(name string) *model.Scope { return nn.Module(v.s, name) }

func (v vq) resnet(name string, x *Node, out int) *Node {
	return VQResnetBlock(v.o, v.at(name), x, out, groups(v.c.NormGroups))
}

func (v vq) middle(h *Node) *Node {
	h = v.resnet("mid.block_1", h, v.o.Channels(h))
	if !v.c.NoMidAttention {
		h = VQAttention(v.o, v.at("mid.attn_1"), h, groups(v.c.NormGroups))
	}
	return v.resnet("mid.block_2", h, v.o.Channels(h))
}

// VQResnetBlock is the first stage's residual block, without an embedding.
// x is in the inner layout.
func VQResnetBlock(o *nn.Ops, s *model.Scope, x *Node, out, groups int) *Node {
	h := o.SiLU(o.GroupNorm(nn.Module(s, "norm1"), x, groups, vqEpsilon))
	h = o.Conv2D(nn.Module(s, "conv1"), h, out, 3, 1, nn.Same)
	h = o.SiLU(o.GroupNorm(nn.Module(s, "norm2"), h, groups, vqEpsilon))
	h = o.Conv2D(nn.Module(s, "conv2"), h, out, 3, 1, nn.Same)
	if o.Channels(x) != out {
		x = o.Conv2D(nn.Module(s, "nin_shortcut"), x, out, 1, 1, nn.Padding{})
	}
	return Add(x, h)
}

// VQUpsample doubles the size: nearest, then a 3×3 convolution.
func VQUpsample(o *nn.Ops, s *model.Scope, x *Node) *Node {
	return o.Conv2D(nn.Module(s, "conv"), o.Upsample(x), o.Channels(x), 3, 1, nn.Same)
}

// VQAttention is the first stage's single-head attention (1×1 convolutions
// for q, k, v and the projection), with its residual.
func VQAttention(o *nn.Ops, s *model.Scope, x *Node, groups int) *Node {
	h, w := o.Size(x)
	c := o.Channels(x)
	tokens := o.Tokens(o.GroupNorm(nn.Module(s, "norm"), x, groups, vqEpsilon))
	project := func(name string, t *Node) *Node { return o.Project(nn.Module(s, name), t, c, 4) }
	head := func(t *Node) *Node { return Reshape(t, t.Shape().Dimensions[0], h*w, 1, c) }
	a := o.Attend(head(project("q", tokens)), head(project("k", tokens)), head(project("v", tokens)))
	a = Reshape(a, a.Shape().Dimensions[0], h*w, c)
	return Add(x, o.Untokens(project("proj_out", a), h, w))
}
