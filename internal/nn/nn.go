// Package nn holds the layers of the project's networks, each written once
// in the formulation that is fast, and can be trained, on each backend.
//
// A network talks to the outside in PyTorch's layout, [batch, channels,
// height, width]; inside, [Ops] keeps the layout its backend is fast in:
// channels first on ONNX Runtime, channels last on XLA and on the pure Go
// backend. The direct convolution of the last is about a hundred times slower
// than patches (im2col) and one matrix product.
//
// Variables carry the names and, in checkpoints, the shapes of the PyTorch
// modules they equal: layer "a.b" with its "weight" is the variable
// "/a/b/weight". Graph functions panic with the shapes; callers turn that
// into an error once.
package nn

import (
	"fmt"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/trustsr/trustsr/internal/backend"
)

// Ops builds layers for one backend.
type Ops struct {
	// ChannelsLast is the inner layout: [batch, height, width, channels]
	// rather than [batch, channels, height, width].
	ChannelsLast bool

	// Products brings convolutions, means and what is repeated for every pixel
	// to matrix products and copies of blocks: all else is scalar code on the
	// pure Go backend. It needs ChannelsLast.
	Products bool

	// Train keeps to operations that have gradients on every backend, at
	// some cost in speed.
	Train bool

	// Half computes convolutions and sums of products in bfloat16. Norms,
	// softmax and all else stay in float32. See [CanHalf].
	Half bool
}

// For returns the layers in the formulation that is fastest on b.
func For(b compute.Backend) *Ops {
	switch backend.Of(b).Kind() {
	case backend.PureGo:
		return &Ops{ChannelsLast: true, Products: true}
	case backend.XLA: // a call of the published UNet takes 0.5 to 0.7 of the time of channels first
		return &Ops{ChannelsLast: true}
	}
	return &Ops{}
}

// Module enters the scope of a dotted PyTorch module name, e.g. "mid.block_1".
func Module(s *model.Scope, name string) *model.Scope {
	for _, part := range strings.Split(name, ".") {
		s = s.At("%s", part)
	}
	return s
}

// In brings x [batch, channels, height, width] to the inner layout.
func (o *Ops) In(x *Node) *Node {
	if o.ChannelsLast {
		return TransposeAllAxes(x, 0, 2, 3, 1)
	}
	return x
}

// Out brings x from the inner layout to [batch, channels, height, width].
func (o *Ops) Out(x *Node) *Node {
	if o.ChannelsLast {
		return TransposeAllAxes(x, 0, 3, 1, 2)
	}
	return x
}

// dims returns the sizes of x in the inner layout.
func (o *Ops) dims(x *Node) (n, c, h, w int) {
	d := x.Shape().Dimensions
	if o.ChannelsLast {
		return d[0], d[3], d[1], d[2]
	}
	return d[0], d[1], d[2], d[3]
}

// Channels returns the number of channels of x in the inner layout.
func (o *Ops) Channels(x *Node) int {
	_, c, _, _ := o.dims(x)
	return c
}

// Concat joins xs, in the inner layout, along the channels.
func (o *Ops) Concat(xs ...*Node) *Node {
	if o.ChannelsLast {
		return Concatenate(xs, 3)
	}
	return Concatenate(xs, 1)
}

// perChannel reshapes v [channels] or [batch, channels] so that it broadcasts
// over an image in the inner layout.
func (o *Ops) perChannel(v *Node) *Node {
	n, c := 1, v.Shape().Dimensions[v.Rank()-1]
	if v.Rank() == 2 {
		n = v.Shape().Dimensions[0]
	}
	if o.ChannelsLast {
		return Reshape(v, n, 1, 1, c)
	}
	return Reshape(v, n, c, 1, 1)
}

// AddPerChannel adds v [channels] or [batch, channels] to every pixel of x.
func (o *Ops) AddPerChannel(x, v *Node) *Node { return Add(x, o.everyPixel(x, v)) }

// MulPerChannel multiplies every pixel of x by v [channels] or [batch,
// channels].
func (o *Ops) MulPerChannel(x, v *Node) *Node { return Mul(x, o.everyPixel(x, v)) }

// everyPixel makes v [channels] or [batch, channels] combine with every pixel
// of x. The Go backend broadcasts with an iterator, value by value; copies of
// whole pixels take a quarter of the time (BenchmarkAddPerChannel).
func (o *Ops) everyPixel(x, v *Node) *Node {
	_, c, h, w := o.dims(x)
	switch {
	case !o.Products || o.Train:
		return o.perChannel(v)
	case v.Shape().Size() == c: // the same for all pictures
		return Reshape(repeat(Reshape(v, 1, c), 0, x.Shape().Size()/c), x.Shape().Dimensions...)
	}
	return Reshape(repeat(Reshape(v, -1, 1, c), 1, h*w), x.Shape().Dimensions...)
}

// repeat joins count copies of x along an axis, in a few steps that each copy
// blocks of memory.
func repeat(x *Node, axis, count int) *Node {
	const most = 32 // copies a step, but for larger primes
	for factor := 2; count > 1; {
		if count%factor != 0 {
			factor++
			continue
		}
		step := factor
		for step*factor <= most && count%(step*factor) == 0 {
			step *= factor
		}
		copies := make([]*Node, step)
		for i := range copies {
			copies[i] = x
		}
		x = Concatenate(copies, axis)
		count /= step
	}
	return x
}

// Variable returns the float32 variable of that name and shape in scope s,
// creating it where training starts from nothing.
func Variable(s *model.Scope, name string, g *Graph, dims ...int) *Node {
	return s.VariableWithShape(name, shapes.Make(dtypes.Float32, dims...)).NodeValue(g)
}

// Linear is torch.nn.Linear: x [batch, in] → [batch, out]; weight [out, in].
func (o *Ops) Linear(s *model.Scope, x *Node, out int) *Node {
	in := x.Shape().Dimensions[1]
	w := Variable(s, "weight", x.Graph(), out, in)
	b := Variable(s, "bias", x.Graph(), out)
	return Add(o.linear(x, w), Reshape(b, 1, out))
}

// linear is x [..., in] times the transpose of w [out, in]. ONNX Runtime moves
// the weights of an Einsum at every call; a constant's Transpose it moves once,
// and it packs what MatMul multiplies by (BenchmarkLinear).
func (o *Ops) linear(x, w *Node) *Node {
	if o.Products || o.Train {
		if x.Rank() == 2 {
			return o.einsum("bi,oi->bo", x, w)
		}
		return o.einsum("bti,oi->bto", x, w)
	}
	return o.product(MatMul, x, TransposeAllAxes(w, 1, 0))
}

// SiLU is x·sigmoid(x).
func (o *Ops) SiLU(x *Node) *Node {
	if o.Products { // fewer scalar passes
		return Div(x, AddScalar(Exp(Neg(x)), 1))
	}
	return Mul(x, Sigmoid(x))
}

// GroupNorm is torch.nn.GroupNorm with affine weights: each of groups
// channel groups of each picture to mean 0 and variance 1 (population,
// epsilon added), then scaled and shifted per channel.
func (o *Ops) GroupNorm(s *model.Scope, x *Node, groups int, epsilon float64) *Node {
	n, c, h, w := o.dims(x)
	if c%groups != 0 {
		panicf("group norm of %v: %d channels do not divide into %d groups", x.Shape(), c, groups)
	}
	g := x.Graph()
	scale := Variable(s, "weight", g, c)
	shift := Variable(s, "bias", g, c)
	if !o.Products {
		// all that is one value a channel is worked out first, so that two
		// passes over the picture apply it (BenchmarkGroupNorm)
		shape := []int{n, groups, c / groups * h * w}
		mean := func(v *Node) *Node { return ReduceAndKeep(v, ReduceMean, 2) }
		if o.ChannelsLast { // over the pixels first (BenchmarkXLAGroupNorm)
			shape = []int{n, h * w, groups, c / groups}
			mean = func(v *Node) *Node { return ReduceAndKeep(ReduceAndKeep(v, ReduceMean, 1), ReduceMean, 3) }
		}
		inGroups := func(v *Node) *Node { return Reshape(v, -1, groups, c/groups) }
		ofGroups := func(v *Node) *Node { return Reshape(v, n, groups, 1) }
		flat := Reshape(x, shape...)
		centre := mean(flat)
		centred := Sub(flat, centre)
		variance := mean(Mul(centred, centred))
		inv := Div(ScalarOne(g, dtypes.Float32), Sqrt(AddScalar(variance, epsilon)))
		a := Mul(ofGroups(inv), inGroups(scale)) // [n, groups, c/groups]
		b := Sub(inGroups(shift), Mul(ofGroups(centre), a))
		return o.AddPerChannel(o.MulPerChannel(x, Reshape(a, n, c)), Reshape(b, n, c))
	}
	// Sums over the pixels are matrix products with ones,
	// eight times as fast as a reduction on the Go backend. The mean is taken
	// off before squaring: E[x²]-E[x]² loses the variance of pictures that
	// are far from zero.
	perGroup := c / groups
	ones := Ones(g, shapes.Make(dtypes.Float32, n, 1, h*w))
	mean := func(v *Node) *Node { // [n, h, w, c] → group means [n, groups, 1]
		sums := Reshape(Einsum("bij,bjc->bic", ones, Reshape(v, n, h*w, c)), n, groups, perGroup)
		return MulScalar(ReduceAndKeep(sums, ReduceSum, -1), 1/float64(h*w*perGroup))
	}
	ofGroup := func(v *Node) *Node { // [n, groups, 1] → [n, c]
		return Reshape(BroadcastToDims(v, n, groups, perGroup), n, c)
	}
	centred := o.AddPerChannel(x, Neg(ofGroup(mean(x))))
	variance := mean(Mul(centred, centred))
	inv := Div(ScalarOne(g, dtypes.Float32), Sqrt(AddScalar(variance, epsilon)))
	a := Mul(ofGroup(inv), Reshape(scale, 1, c))
	return o.AddPerChannel(o.MulPerChannel(centred, a), shift)
}

func panicf(format string, args ...any) { panic(fmt.Errorf(format, args...)) }
