package onnx

import (
	"fmt"
	"math"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
)

// pooled takes the values under a kernel together, axis by axis, which maxima
// and sums allow.
func (c *call) pooled(f func(a, b *Node) *Node, fill float64) (y *Node, w window, out []int) {
	x := c.x(0)
	in := c.dims(0)[2:]
	w = c.window(nil, in)
	for i := range in {
		out = append(out, c.places(w, i, in[i]))
		// zeros, or what stands for them, as far as the last place reaches
		reach := (out[i]-1)*w.stride[i] + w.dilation[i]*(w.kernel[i]-1) + 1
		config := make([]compute.PadAxis, x.Rank())
		config[i+2] = compute.PadAxis{Start: w.before[i], End: max(0, reach-in[i]-w.before[i])}
		if config[i+2].Start > 0 || config[i+2].End > 0 {
			x = Pad(x, ConstAs(x, fill), config...)
		}
		var y *Node
		for k := range w.kernel[i] {
			at := k * w.dilation[i]
			part := cut(x, i+2, at, at+(out[i]-1)*w.stride[i]+1, w.stride[i])
			if y == nil {
				y = part
			} else {
				y = f(y, part)
			}
		}
		x = y
	}
	return x, w, out
}

// places is how often the kernel is laid on an axis, with ceil_mode also where
// it reaches beyond the end, but never where it would begin beyond it.
func (c *call) places(w window, axis, length int) int {
	n := w.out(axis, length)
	if c.integer("ceil_mode", 0) == 0 {
		return n
	}
	over := length + w.before[axis] + w.after[axis] - w.dilation[axis]*(w.kernel[axis]-1) - 1
	n = (over+w.stride[axis]-1)/w.stride[axis] + 1
	if (n-1)*w.stride[axis] >= length+w.before[axis] {
		n--
	}
	return n
}

func maxPool(c *call) []*value {
	if len(c.outputs) > 1 && c.outputs[1] != "" {
		panic(fmt.Errorf("the output of indices is not supported"))
	}
	y, _, _ := c.pooled(Max, math.Inf(-1))
	return one(y)
}

func averagePool(c *call) []*value {
	in := c.dims(0)[2:]
	y, w, out := c.pooled(Add, 0)
	for i, n := range out {
		// how many values each place has along this axis
		counts := make([]float32, n)
		for p := range counts {
			for k := range w.kernel[i] {
				at := p*w.stride[i] + k*w.dilation[i] - w.before[i]
				switch inside := at >= 0 && at < in[i]; {
				case inside, c.integer("count_include_pad", 0) != 0 && at < in[i]+w.after[i]:
					counts[p]++
				}
			}
		}
		d := make([]int, y.Rank())
		for a := range d {
			d[a] = 1
		}
		d[i+2] = n
		y = Div(y, Reshape(Const(y.Graph(), counts), d...))
	}
	return one(y)
}

func globalPool(f func(x *Node, axes ...int) *Node) func(c *call) []*value {
	return func(c *call) []*value {
		d := c.dims(0)
		if len(d) < 3 {
			panic(fmt.Errorf("of %v", d))
		}
		var axes []int
		for i := 2; i < len(d); i++ {
			axes, d[i] = append(axes, i), 1
		}
		return one(Reshape(f(c.x(0), axes...), d...))
	}
}
