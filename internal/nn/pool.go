package nn

import . "github.com/gomlx/gomlx/core/graph"

// ReLU is max(x, 0).
func (o *Ops) ReLU(x *Node) *Node { return Max(x, ScalarZero(x.Graph(), x.DType())) }

// MaxPool is torch.nn.MaxPool2d(size, stride) without padding. With ceil a
// last window that reaches over the edge counts too (ceil_mode).
func (o *Ops) MaxPool(x *Node, size, stride int, ceil bool) *Node {
	h, w := o.Size(x)
	outputs := func(n int) (out, after int) {
		out = (n-size)/stride + 1
		if ceil && (n-size)%stride > 0 {
			out++
		}
		return out, max(0, (out-1)*stride+size-n)
	}
	outH, belowEdge := outputs(h)
	outW, beyondEdge := outputs(w)
	// The last pixel repeated changes no maximum that it is part of, and a
	// window that starts inside has it.
	x = o.repeatLast(x, o.heightAxis(), belowEdge)
	x = o.repeatLast(x, o.heightAxis()+1, beyondEdge)
	var y *Node
	for i := range size {
		for j := range size {
			part := o.strided(x, i, outH, j, outW, stride)
			if y == nil {
				y = part
			} else {
				y = Max(y, part)
			}
		}
	}
	return y
}

// HannPool is the L2 pooling of DISTS (Ding et al. 2020): the square root of
// squares smoothed by [1 2 1]/4 in both directions, at every second pixel,
// zeros outside; sizes are halved and rounded up. 1e-12 is added under the
// root.
func (o *Ops) HannPool(x *Node) *Node {
	h, w := o.Size(x)
	axis := o.heightAxis()
	y := padZero(padZero(Mul(x, x), axis, 1, 1), axis+1, 1, 1)
	outH, outW := (h+1)/2, (w+1)/2
	smooth := func(part func(k int) *Node) *Node {
		return MulScalar(Add(Add(part(0), part(2)), MulScalar(part(1), 2)), 0.25)
	}
	y = smooth(func(k int) *Node { return o.rows(y, axis, k, outH, 2) })
	y = smooth(func(k int) *Node { return o.rows(y, axis+1, k, outW, 2) })
	return Sqrt(AddScalar(y, 1e-12))
}

func (o *Ops) heightAxis() int {
	if o.ChannelsLast {
		return 1
	}
	return 2
}

// rows takes n entries of an axis from start at a stride.
func (o *Ops) rows(x *Node, axis, start, n, stride int) *Node {
	specs := make([]SliceAxisSpec, x.Rank())
	for i := range specs {
		specs[i] = AxisRange()
	}
	specs[axis] = AxisRange(start, start+(n-1)*stride+1).Stride(stride)
	return Slice(x, specs...)
}

// strided takes outH × outW pixels from (i, j) at a stride.
func (o *Ops) strided(x *Node, i, outH, j, outW, stride int) *Node {
	axis := o.heightAxis()
	return o.rows(o.rows(x, axis, i, outH, stride), axis+1, j, outW, stride)
}

// repeatLast repeats the last entry of an axis n times more.
func (o *Ops) repeatLast(x *Node, axis, n int) *Node {
	if n == 0 {
		return x
	}
	last := o.rows(x, axis, x.Shape().Dimensions[axis]-1, 1, 1)
	parts := []*Node{x}
	for range n {
		parts = append(parts, last)
	}
	return Concatenate(parts, axis)
}
