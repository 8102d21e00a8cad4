package nn

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// Tokens brings a picture in the inner layout to [batch, height·width,
// channels].
func (o *Ops) Tokens(x *Node) *Node {
	n, c, h, w := o.dims(x)
	if o.ChannelsLast {
		return Reshape(x, n, h*w, c)
	}
	return TransposeAllAxes(Reshape(x, n, c, h*w), 0, 2, 1)
}

// Untokens is the inverse of Tokens for a picture of height h and width w.
func (o *Ops) Untokens(x *Node, h, w int) *Node {
	d := x.Shape().Dimensions
	if o.ChannelsLast {
		return Reshape(x, d[0], h, w, d[2])
	}
	return Reshape(TransposeAllAxes(x, 0, 2, 1), d[0], d[2], h, w)
}

// Size returns the height and width of a picture in the inner layout.
func (o *Ops) Size(x *Node) (h, w int) {
	_, _, h, w = o.dims(x)
	return h, w
}

// Project maps every token of x [batch, tokens, in] to out channels. kernel
// is the rank of the module it equals: 3 for torch.nn.Conv1d (weight
// [out, in, 1]), 4 for a 1×1 torch.nn.Conv2d (weight [out, in, 1, 1]).
func (o *Ops) Project(s *model.Scope, x *Node, out, kernel int) *Node {
	in := x.Shape().Dimensions[2]
	g := x.Graph()
	var y *Node
	if kernel == 4 && o.ChannelsLast {
		w := Reshape(Variable(s, "weight", g, 1, 1, in, out), in, out)
		y = o.einsum("bti,io->bto", x, w)
	} else {
		dims := []int{out, in, 1, 1}[:kernel]
		y = o.linear(x, Reshape(Variable(s, "weight", g, dims...), out, in))
	}
	bias := Variable(s, "bias", g, out)
	if o.Products { // tokens are pixels of pictures one pixel wide
		n, tokens := x.Shape().Dimensions[0], x.Shape().Dimensions[1]
		return Reshape(o.AddPerChannel(Reshape(y, n, tokens, 1, out), bias), n, tokens, out)
	}
	return Add(y, Reshape(bias, 1, 1, out))
}

// SplitQKV cuts qkv [batch, tokens, heads·3·d] into queries, keys and
// values, each [batch, tokens, heads, d]. In the legacy order of Ho et al.
// the heads come first, (heads, 3, d); in the new one (3, heads, d).
func (o *Ops) SplitQKV(qkv *Node, heads int, legacy bool) (q, k, v *Node) {
	dims := qkv.Shape().Dimensions
	n, t, d := dims[0], dims[1], dims[2]/(3*heads)
	axis, shape, pick := 3, []int{n, t, heads, 3, d}, "bthkd,k->bthd"
	if !legacy {
		axis, shape, pick = 2, []int{n, t, 3, heads, d}, "btkhd,k->bthd"
	}
	x := Reshape(qkv, shape...)
	part := func(i int) *Node {
		if o.Train { // a slice has no gradient on ONNX Runtime
			one := make([]float32, 3)
			one[i] = 1
			return Einsum(pick, x, Const(x.Graph(), one))
		}
		return Reshape(SliceAxis(x, axis, AxisRange(i, i+1)), n, t, heads, d)
	}
	return part(0), part(1), part(2)
}

// attentionScores bounds the scores that Attend holds at a time: 128 MiB as
// float32. All of a 512×512 picture's decoder would take 256 GiB.
const attentionScores = 1 << 25

// Attend is softmax(q·kᵀ/√d)·v per head (Vaswani et al., "Attention Is All
// You Need", equation 1); q, k, v and the result are [batch, tokens, heads,
// d]. The scale is split over q and k, as in the models it equals. Many
// queries are taken in parts, which changes no result: each has a softmax of
// its own.
func (o *Ops) Attend(q, k, v *Node) *Node {
	dims := q.Shape().Dimensions
	tokens, d := dims[1], dims[3]
	scale := 1 / math.Sqrt(math.Sqrt(float64(d)))
	// heads first, so that both products are matrix products as they are:
	// left to Einsum, backends move the same values into slower ones
	// (BenchmarkAttend)
	q = TransposeAllAxes(MulScalar(q, scale), 0, 2, 1, 3)
	k = TransposeAllAxes(MulScalar(k, scale), 0, 2, 3, 1)
	v = TransposeAllAxes(v, 0, 2, 1, 3)
	attend := func(q *Node) *Node {
		return o.product(MatMul, Softmax(o.product(MatMul, q, k), -1), v)
	}
	each := max(1, attentionScores/(dims[0]*dims[2]*k.Shape().Dimensions[3]))
	if tokens <= each || o.Train { // a slice has no gradient on ONNX Runtime
		return TransposeAllAxes(attend(q), 0, 2, 1, 3)
	}
	var parts []*Node
	for from := 0; from < tokens; from += each {
		parts = append(parts, attend(SliceAxis(q, 2, AxisRange(from, min(tokens, from+each)))))
	}
	return TransposeAllAxes(Concatenate(parts, 2), 0, 2, 1, 3)
}
