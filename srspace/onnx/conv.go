package onnx

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors/images"
)

// window says where a kernel stands along each axis of a picture.
type window struct {
	kernel, stride, dilation []int
	before, after            []int // zeros around
}

// maxWindow bounds lengths that a file writes down without holding that many
// values.
const maxWindow = 4096

// window reads the attributes that convolutions and pools share. in are the
// lengths of the picture's axes.
func (c *call) window(kernel, in []int) window {
	n := len(in)
	ones := slices.Repeat([]int{1}, n)
	w := window{kernel: c.list("kernel_shape", kernel...), stride: c.list("strides", ones...), dilation: c.list("dilations", ones...), before: make([]int, n), after: make([]int, n)}
	pads := c.list("pads", slices.Repeat([]int{0}, 2*n)...)
	if len(w.kernel) != n || len(w.stride) != n || len(w.dilation) != n || len(pads) != 2*n || n < 1 || n > 2 {
		panic(fmt.Errorf("a kernel %v with strides %v, dilations %v and pads %v, for pictures of %d axes", w.kernel, w.stride, w.dilation, pads, n))
	}
	auto := c.text("auto_pad", "NOTSET")
	for _, v := range slices.Concat(w.kernel, w.stride, w.dilation, pads) {
		if v > maxWindow {
			panic(fmt.Errorf("a kernel %v with strides %v, dilations %v and pads %v: %d at most", w.kernel, w.stride, w.dilation, pads, maxWindow))
		}
	}
	for i := range in {
		if w.kernel[i] < 1 || w.stride[i] < 1 || w.dilation[i] < 1 || pads[i] < 0 || pads[i+n] < 0 {
			panic(fmt.Errorf("a kernel %v with strides %v, dilations %v and pads %v", w.kernel, w.stride, w.dilation, pads))
		}
		switch auto {
		case "NOTSET", "":
			w.before[i], w.after[i] = pads[i], pads[i+n]
		case "VALID":
		case "SAME_UPPER", "SAME_LOWER":
			out := (in[i] + w.stride[i] - 1) / w.stride[i]
			total := max(0, (out-1)*w.stride[i]+w.dilation[i]*(w.kernel[i]-1)+1-in[i])
			w.before[i] = total / 2
			if auto == "SAME_LOWER" {
				w.before[i] = total - total/2
			}
			w.after[i] = total - w.before[i]
		default:
			panic(fmt.Errorf("auto_pad %.50q is not supported", auto))
		}
	}
	return w
}

// out is how many places a kernel has along an axis of a length.
func (w window) out(axis, length int) int {
	n := (length+w.before[axis]+w.after[axis]-w.dilation[axis]*(w.kernel[axis]-1)-1)/w.stride[axis] + 1
	if n < 1 || length+w.before[axis]+w.after[axis] < w.dilation[axis]*(w.kernel[axis]-1)+1 {
		panic(fmt.Errorf("a kernel of %d with dilation %d on %d pixels", w.kernel[axis], w.dilation[axis], length+w.before[axis]+w.after[axis]))
	}
	return n
}

// flat makes a picture of one axis, [N, C, W], one of two, [N, C, 1, W].
func flat(x *Node) *Node {
	d := x.Shape().Dimensions
	return Reshape(x, d[0], d[1], 1, d[2])
}

func (w window) flat() window {
	first := func(v int, l []int) []int { return append([]int{v}, l...) }
	return window{first(1, w.kernel), first(1, w.stride), first(1, w.dilation), first(0, w.before), first(0, w.after)}
}

func conv(c *call) []*value {
	x, k := c.x(0), c.x(1)
	d := k.Shape().Dimensions
	if x.Rank() != k.Rank() || x.Rank() < 3 {
		panic(fmt.Errorf("%s with a kernel %s", x.Shape(), k.Shape()))
	}
	w := c.window(d[2:], c.dims(0)[2:])
	if !slices.Equal(w.kernel, d[2:]) {
		panic(fmt.Errorf("kernel_shape %v of %v", w.kernel, d))
	}
	line := x.Rank() == 3
	if line {
		x, k, w = flat(x), flat(k), w.flat()
	}
	y := convolve(x, k, w, c.integer("group", 1))
	if line {
		o := y.Shape().Dimensions
		y = Reshape(y, o[0], o[1], o[3])
	}
	if c.has(2) {
		y = Add(y, perChannel(c.x(2), y))
	}
	return one(y)
}

// convolve is a convolution of x [N, C, H, W] with k [to, C/groups, kh, kw].
//
// On the Go backend it is a product of matrices over columns of the picture,
// channels last: its own convolution is ten to a hundred times slower than its
// product.
func convolve(x, k *Node, w window, groups int) *Node {
	d, kd := x.Shape().Dimensions, k.Shape().Dimensions
	n, from, to, each := d[0], d[1], kd[0], kd[1]
	if groups < 1 || from != groups*each || to%groups != 0 {
		panic(fmt.Errorf("%s with a kernel %s in %d groups", x.Shape(), k.Shape(), groups))
	}
	h, width := w.out(0, d[2]), w.out(1, d[3])
	if !isGo(x) {
		b := Convolve(x, k).ChannelsAxis(images.ChannelsFirst).StridePerAxis(w.stride...).PaddingPerDim([][2]int{{w.before[0], w.after[0]}, {w.before[1], w.after[1]}})
		if w.dilation[0] > 1 || w.dilation[1] > 1 {
			b = b.DilationPerAxis(w.dilation...)
		}
		if groups > 1 {
			b = b.ChannelGroupCount(groups)
		}
		return b.Done()
	}
	x = TransposeAllAxes(x, 0, 2, 3, 1)
	if max(w.before[0], w.before[1], w.after[0], w.after[1]) > 0 {
		x = Pad(x, ScalarZero(x.Graph(), x.DType()), compute.PadAxis{}, compute.PadAxis{Start: w.before[0], End: w.after[0]}, compute.PadAxis{Start: w.before[1], End: w.after[1]}, compute.PadAxis{})
	}
	var columns []*Node
	for i := range kd[2] {
		for j := range kd[3] {
			top, left := i*w.dilation[0], j*w.dilation[1]
			part := cut(x, 1, top, top+(h-1)*w.stride[0]+1, w.stride[0])
			columns = append(columns, cut(part, 2, left, left+(width-1)*w.stride[1]+1, w.stride[1]))
		}
	}
	places, pixels := len(columns), n*h*width
	if each == 1 && to == groups { // a kernel a channel
		weights := Reshape(TransposeAllAxes(Reshape(k, to, places), 1, 0), places, 1, 1, 1, to)
		var y *Node
		for i, part := range columns {
			part = Mul(part, Reshape(cut(weights, 0, i, i+1, 1), 1, 1, 1, to))
			if y == nil {
				y = part
			} else {
				y = Add(y, part)
			}
		}
		return TransposeAllAxes(y, 0, 3, 1, 2)
	}
	joined := columns[0]
	if places > 1 {
		joined = Concatenate(columns, 3)
	}
	var y *Node
	if groups == 1 {
		weights := Reshape(TransposeAllAxes(k, 2, 3, 1, 0), places*from, to)
		y = MatMul(Reshape(joined, pixels, places*from), weights)
	} else {
		joined = TransposeAllAxes(Reshape(joined, pixels, places, groups, each), 2, 0, 1, 3)
		weights := TransposeAllAxes(Reshape(k, groups, to/groups, each, places), 0, 3, 2, 1)
		y = DotGeneral(Reshape(joined, groups, pixels, places*each), []int{2}, []int{0}, Reshape(weights, groups, places*each, to/groups), []int{1}, []int{0})
		y = TransposeAllAxes(y, 1, 0, 2)
	}
	return TransposeAllAxes(Reshape(y, n, h, width, to), 0, 3, 1, 2)
}

// convTranspose is the convolution, with the kernel turned round, of the
// picture with stride-1 zeros between its pixels.
func convTranspose(c *call) []*value {
	x, k := c.x(0), c.x(1)
	d := k.Shape().Dimensions // [from, to/groups, kh, kw]
	in := c.dims(0)[2:]
	if x.Rank() != k.Rank() || x.Rank() < 3 || x.Rank() > 4 {
		panic(fmt.Errorf("%s with a kernel %s", x.Shape(), k.Shape()))
	}
	n, groups := len(in), c.integer("group", 1)
	auto := c.text("auto_pad", "NOTSET")
	w := c.window(d[2:], in)
	more := c.list("output_padding", slices.Repeat([]int{0}, n)...)
	wanted := c.list("output_shape")
	if slices.ContainsFunc(more, func(v int) bool { return v < 0 || v > maxWindow }) {
		panic(fmt.Errorf("output_padding %v", more))
	}
	if len(more) != n || wanted != nil && len(wanted) != n {
		panic(fmt.Errorf("output_padding %v and output_shape %v", more, wanted))
	}
	if auto == "SAME_UPPER" || auto == "SAME_LOWER" {
		if wanted == nil {
			for i := range in {
				wanted = append(wanted, in[i]*w.stride[i])
			}
		}
	}
	for i := range in {
		if wanted == nil {
			continue
		}
		total := w.stride[i]*(in[i]-1) + more[i] + (w.kernel[i]-1)*w.dilation[i] + 1 - wanted[i]
		if total < 0 {
			panic(fmt.Errorf("output_shape %v of %v", wanted, in))
		}
		w.before[i] = total - total/2
		if auto == "SAME_UPPER" {
			w.before[i] = total / 2
		}
		w.after[i] = total - w.before[i]
	}
	line := x.Rank() == 3
	if line {
		x, k, w, more = flat(x), flat(k), w.flat(), []int{0, more[0]}
	}
	if groups < 1 || x.Shape().Dimensions[1]%groups != 0 {
		panic(fmt.Errorf("%s in %d groups", x.Shape(), groups))
	}
	from, to := x.Shape().Dimensions[1], k.Shape().Dimensions[1]
	kh, kw := w.kernel[0], w.kernel[1]
	k = Reshape(TransposeAllAxes(Reshape(k, groups, from/groups, to, kh, kw), 0, 2, 1, 3, 4), groups*to, from/groups, kh, kw)
	k = Reverse(k, 2, 3)
	var axes [2]compute.PadAxis
	s := window{kernel: w.kernel, stride: []int{1, 1}, dilation: w.dilation, before: []int{0, 0}, after: []int{0, 0}}
	for i := range 2 {
		reach := w.dilation[i] * (w.kernel[i] - 1)
		axes[i] = compute.PadAxis{Start: reach - w.before[i], End: reach - w.after[i] + more[i], Interior: w.stride[i] - 1}
	}
	// what is cut off rather than added is cut off at the end
	cutTop, cutLeft := max(0, -axes[0].Start), max(0, -axes[1].Start)
	cutBottom, cutRight := max(0, -axes[0].End), max(0, -axes[1].End)
	for i := range axes {
		axes[i].Start, axes[i].End = max(0, axes[i].Start), max(0, axes[i].End)
	}
	x = Pad(x, ScalarZero(x.Graph(), x.DType()), compute.PadAxis{}, compute.PadAxis{}, axes[0], axes[1])
	p := x.Shape().Dimensions
	x = cut(cut(x, 2, cutTop, p[2]-cutBottom, 1), 3, cutLeft, p[3]-cutRight, 1)
	y := convolve(x, k, s, groups)
	if line {
		o := y.Shape().Dimensions
		y = Reshape(y, o[0], o[1], o[3])
	}
	if c.has(2) {
		y = Add(y, perChannel(c.x(2), y))
	}
	return one(y)
}
