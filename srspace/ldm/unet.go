package ldm

import (
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/trustsr/trustsr/internal/nn"
)

// unetEpsilon is GroupNorm's in CompVis's UNetModel (torch's default).
const unetEpsilon = 1e-5

// Forward predicts the noise in x: CompVis's UNetModel.forward.
//
// x is [batch, InChannels, height, width], the noisy latent and then the LR
// picture; t is [batch] float32 time steps; the result is [batch,
// OutChannels, height, width]. Height and width must be multiples of
// 2^(levels-1). s is the scope of the module (model.diffusion_model).
func (c UNetConfig) Forward(o *nn.Ops, s *model.Scope, x, t *Node) *Node {
	if d := x.Shape().Dimensions; x.Rank() != 4 || d[1] != c.InChannels || t.Rank() != 1 || t.Shape().Dimensions[0] != d[0] {
		panic(fmt.Errorf("unet of %d input channels got x %v and t %v", c.InChannels, x.Shape(), t.Shape()))
	}
	u := unet{c, o, s}
	emb := u.embed(t)
	h := o.Conv2D(nn.Module(s, "input_blocks.0.0"), o.In(x), c.ModelChannels, 3, 1, nn.Same)

	skips := []*Node{h}
	block, ds := 1, 1
	for level, mult := range c.ChannelMult {
		for range c.NumResBlocks {
			h = u.block(fmt.Sprintf("input_blocks.%d", block), h, emb, mult, ds)
			skips = append(skips, h)
			block++
		}
		if level != len(c.ChannelMult)-1 {
			down := nn.Module(s, fmt.Sprintf("input_blocks.%d.0.op", block))
			h = o.Conv2D(down, h, o.Channels(h), 3, 2, nn.Same)
			skips = append(skips, h)
			block, ds = block+1, 2*ds
		}
	}

	width := o.Channels(h)
	h = ResBlock(o, nn.Module(s, "middle_block.0"), h, emb, width, c.ScaleShiftNorm, groups(c.NormGroups))
	h = u.middle(h)
	h = ResBlock(o, nn.Module(s, "middle_block.2"), h, emb, width, c.ScaleShiftNorm, groups(c.NormGroups))

	block = 0
	for level, mult := range slices.Backward(c.ChannelMult) {
		for i := range c.NumResBlocks + 1 {
			name := fmt.Sprintf("output_blocks.%d", block)
			h = u.block(name, o.Concat(h, skips[len(skips)-1]), emb, mult, ds)
			skips = skips[:len(skips)-1]
			if level > 0 && i == c.NumResBlocks {
				up := 1 // the upsampling follows the attention, where there is one
				if slices.Contains(c.AttentionResolutions, ds) {
					up = 2
				}
				h = o.Conv2D(nn.Module(s, fmt.Sprintf("%s.%d.conv", name, up)), o.Upsample(h), o.Channels(h), 3, 1, nn.Same)
				ds /= 2
			}
			block++
		}
	}
	h = o.SiLU(o.GroupNorm(nn.Module(s, "out.0"), h, groups(c.NormGroups), unetEpsilon))
	return o.Out(o.Conv2D(nn.Module(s, "out.2"), h, c.OutChannels, 3, 1, nn.Same))
}

type unet struct {
	c UNetConfig
	o *nn.Ops
	s *model.Scope
}

// block is one ResBlock and, at the attention resolutions, attention.
func (u unet) block(name string, h, emb *Node, mult, ds int) *Node {
	h = ResBlock(u.o, nn.Module(u.s, name+".0"), h, emb, mult*u.c.ModelChannels, u.c.ScaleShiftNorm, groups(u.c.NormGroups))
	if slices.Contains(u.c.AttentionResolutions, ds) {
		h = u.attention(name+".1", h)
	}
	return h
}

func (u unet) attention(name string, h *Node) *Node {
	return AttentionBlock(u.o, nn.Module(u.s, name), h, u.c.heads(u.o.Channels(h)), !u.c.NewAttentionOrder, groups(u.c.NormGroups))
}

// middle is the attention between down and up.
func (u unet) middle(h *Node) *Node {
	if u.c.NoMidNorm {
		return AttentionBlock(u.o, nn.Module(u.s, "middle_block.1"), h, u.c.heads(u.o.Channels(h)), !u.c.NewAttentionOrder, 0)
	}
	return u.attention("middle_block.1", h)
}

// embed is the time embedding: sinusoids through a two-layer perceptron,
// [batch] → [batch, 4·ModelChannels].
func (u unet) embed(t *Node) *Node {
	emb := TimestepEmbedding(t, u.c.ModelChannels)
	emb = u.o.Linear(nn.Module(u.s, "time_embed.0"), emb, 4*u.c.ModelChannels)
	return u.o.Linear(nn.Module(u.s, "time_embed.2"), u.o.SiLU(emb), 4*u.c.ModelChannels)
}

// TimestepEmbedding is the sinusoidal embedding of Vaswani et al. as CompVis
// orders it: [batch] → [batch, dim], cosines and then sines of t·f_i with
// f_i = exp(-ln(10000)·i/(dim/2)).
func TimestepEmbedding(t *Node, dim int) *Node {
	half := dim / 2
	freqs := make([]float32, half)
	for i := range freqs {
		// the exponent is rounded as the original's float32 arithmetic does:
		// at t = 1000 one unit in its last place moves the sine by 6e-5
		freqs[i] = float32(math.Exp(float64(float32(-math.Log(10000)) * float32(i) / float32(half))))
	}
	args := Mul(Reshape(ConvertDType(t, dtypes.Float32), -1, 1), Reshape(Const(t.Graph(), freqs), 1, half))
	return Concatenate([]*Node{Cos(args), Sin(args)}, 1)
}

// ResBlock is CompVis's residual block: norm, SiLU, conv; the embedding emb
// [batch, e] added per channel (or, with scaleShift, as scale and shift
// after the second norm); norm, SiLU, conv; plus the input, through a 1×1
// convolution where the width changes. x is in the inner layout.
func ResBlock(o *nn.Ops, s *model.Scope, x, emb *Node, out int, scaleShift bool, groups int) *Node {
	h := o.SiLU(o.GroupNorm(nn.Module(s, "in_layers.0"), x, groups, unetEpsilon))
	h = o.Conv2D(nn.Module(s, "in_layers.2"), h, out, 3, 1, nn.Same)
	norm := nn.Module(s, "out_layers.0")
	if scaleShift {
		e := o.Linear(nn.Module(s, "emb_layers.1"), o.SiLU(emb), 2*out)
		scale, shift := SliceAxis(e, 1, AxisRange(0, out)), SliceAxis(e, 1, AxisRange(out, 2*out))
		h = o.GroupNorm(norm, h, groups, unetEpsilon)
		h = o.AddPerChannel(o.MulPerChannel(h, OnePlus(scale)), shift)
	} else {
		e := o.Linear(nn.Module(s, "emb_layers.1"), o.SiLU(emb), out)
		h = o.GroupNorm(norm, o.AddPerChannel(h, e), groups, unetEpsilon)
	}
	h = o.Conv2D(nn.Module(s, "out_layers.3"), o.SiLU(h), out, 3, 1, nn.Same)
	if o.Channels(x) != out {
		x = o.Conv2D(nn.Module(s, "skip_connection"), x, out, 1, 1, nn.Padding{})
	}
	return Add(x, h)
}

// AttentionBlock is CompVis's self-attention over the pixels, with its
// residual. x is in the inner layout; legacy is the order of the published
// models (QKVAttentionLegacy). groups is 0 where no norm comes before.
func AttentionBlock(o *nn.Ops, s *model.Scope, x *Node, heads int, legacy bool, groups int) *Node {
	h, w := o.Size(x)
	channels := o.Channels(x)
	normed := x
	if groups > 0 {
		normed = o.GroupNorm(nn.Module(s, "norm"), x, groups, unetEpsilon)
	}
	tokens := o.Tokens(normed)
	qkv := o.Project(nn.Module(s, "qkv"), tokens, 3*channels, 3)
	q, k, v := o.SplitQKV(qkv, heads, legacy)
	a := o.Attend(q, k, v)
	a = Reshape(a, a.Shape().Dimensions[0], h*w, channels)
	a = o.Project(nn.Module(s, "proj_out"), a, channels, 3)
	return Add(x, o.Untokens(a, h, w))
}
