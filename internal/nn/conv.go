package nn

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors/images"
	"github.com/gomlx/gomlx/ml/model"
)

// Padding counts the zero rows and columns added around a picture.
type Padding struct{ Top, Bottom, Left, Right int }

// Same is the padding of a 3×3 convolution that keeps the size.
var Same = Padding{1, 1, 1, 1}

// Conv2D is torch.nn.Conv2d with bias: a size × size kernel at the given
// stride over the zero-padded picture. The weight is [out, in, size, size]
// in checkpoints; the inner layout may store it permuted, see Load.
func (o *Ops) Conv2D(s *model.Scope, x *Node, out, size, stride int, pad Padding) *Node {
	_, in, _, _ := o.dims(x)
	g := x.Graph()
	var y *Node
	if o.ChannelsLast {
		w := Variable(s, "weight", g, size, size, in, out)
		if !o.Products {
			y = o.convolve(x, w, stride, pad)
		} else if n, _, h, width := o.dims(x); !o.Train && size == 3 && stride == 1 && pad == Same && n*h*width >= rowConvPixels {
			y = o.rowConv(x, w)
		} else {
			y = o.patchConv(x, w, stride, pad)
		}
	} else {
		w := Variable(s, "weight", g, out, in, size, size)
		switch {
		case o.Train && stride == 2 && size == 3:
			y = strideTwoConv(x, w, pad)
		default:
			y = o.convolve(x, w, stride, pad)
		}
	}
	return o.AddPerChannel(y, Variable(s, "bias", g, out))
}

// convolve is the backend's own convolution of a picture in the inner layout.
func (o *Ops) convolve(x, kernel *Node, stride int, pad Padding) *Node {
	channels := images.ChannelsFirst
	if o.ChannelsLast {
		channels = images.ChannelsLast
	}
	return o.product(func(x, kernel *Node) *Node {
		return Convolve(x, kernel).ChannelsAxis(channels).Strides(stride).
			PaddingPerDim([][2]int{{pad.Top, pad.Bottom}, {pad.Left, pad.Right}}).Done()
	}, x, kernel)
}

// patchConv convolves x [n, h, w, in] with kernel [kh, kw, in, out] as one
// matrix product of all patches, [n·h'·w', kh·kw·in] × [kh·kw·in, out].
func (o *Ops) patchConv(x, kernel *Node, stride int, pad Padding) *Node {
	d := x.Shape().Dimensions
	k := kernel.Shape().Dimensions
	size, in, out := k[0], k[2], k[3]
	h := (d[1]+pad.Top+pad.Bottom-size)/stride + 1
	w := (d[2]+pad.Left+pad.Right-size)/stride + 1
	x = padZero(padZero(x, 1, pad.Top, pad.Bottom), 2, pad.Left, pad.Right)
	patches := x
	if size > 1 || stride > 1 {
		columns := make([]*Node, 0, size*size)
		for i := 0; i < size; i++ {
			for j := 0; j < size; j++ {
				columns = append(columns, Slice(x, AxisRange(),
					AxisRange(i, i+(h-1)*stride+1).Stride(stride),
					AxisRange(j, j+(w-1)*stride+1).Stride(stride), AxisRange()))
			}
		}
		patches = Concatenate(columns, 3)
	}
	y := o.product(MatMul, Reshape(patches, d[0]*h*w, size*size*in), Reshape(kernel, size*size*in, out))
	return Reshape(y, d[0], h, w, out)
}

// strideTwoConv is a 3×3 convolution of stride 2 over x [n, in, h, w],
// written as a 2×2 convolution of stride 1 over 2×2 blocks of pixels moved
// into the channels: ONNX Runtime has no gradient for strides.
func strideTwoConv(x, kernel *Node, pad Padding) *Node {
	d := x.Shape().Dimensions
	k := kernel.Shape().Dimensions // [out, in, 3, 3]
	blocks := func(axis, before, after int) int {
		padded := d[axis] + before + after
		n := (padded-3)/2 + 2 // one block more than outputs
		x = padZero(x, axis, before, after+2*n-padded)
		return n
	}
	h := blocks(2, pad.Top, pad.Bottom)
	w := blocks(3, pad.Left, pad.Right)
	x = Reshape(x, d[0], d[1], h, 2, w, 2)
	x = Reshape(TransposeAllAxes(x, 0, 1, 3, 5, 2, 4), d[0], 4*d[1], h, w)
	kernel = padZero(padZero(kernel, 2, 0, 1), 3, 0, 1)
	kernel = Reshape(kernel, k[0], k[1], 2, 2, 2, 2)
	kernel = Reshape(TransposeAllAxes(kernel, 0, 1, 3, 5, 2, 4), k[0], 4*k[1], 2, 2)
	return Convolve(x, kernel).ChannelsAxis(images.ChannelsFirst).NoPadding().Done()
}

// padZero adds zeros before and after along an axis. It joins rather than
// pads, because Pad has no gradient, and the Go backend writes what it pads
// twice (BenchmarkShift).
func padZero(x *Node, axis, before, after int) *Node {
	parts := make([]*Node, 0, 3)
	zeros := func(n int) {
		if n > 0 {
			dims := append([]int(nil), x.Shape().Dimensions...)
			dims[axis] = n
			parts = append(parts, Zeros(x.Graph(), shapes.Make(dtypes.Float32, dims...)))
		}
	}
	zeros(before)
	parts = append(parts, x)
	zeros(after)
	if len(parts) == 1 {
		return x
	}
	return Concatenate(parts, axis)
}

// Upsample doubles height and width by repeating pixels (nearest).
func (o *Ops) Upsample(x *Node) *Node {
	n, c, h, w := o.dims(x)
	if o.Products {
		// whole pixels and then whole rows are copied, where broadcasting
		// would visit every value
		x = Reshape(x, n*h*w, 1, c)
		x = Reshape(Concatenate([]*Node{x, x}, 1), n*h, 1, 2*w*c)
		return Reshape(Concatenate([]*Node{x, x}, 1), n, 2*h, 2*w, c)
	}
	if o.ChannelsLast {
		return Reshape(BroadcastToDims(Reshape(x, n, h, 1, w, 1, c), n, h, 2, w, 2, c), n, 2*h, 2*w, c)
	}
	return Reshape(BroadcastToDims(Reshape(x, n, c, h, 1, w, 1), n, c, h, 2, w, 2), n, c, 2*h, 2*w)
}
