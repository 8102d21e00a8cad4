package onnx

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// reduce takes axes together; without axes all, unless noop_with_empty_axes.
func reduce(f func(x *Node, axes ...int) *Node) func(c *call) []*value {
	return func(c *call) []*value {
		x := c.x(0)
		d := c.dims(0)
		axes := c.axes(1)
		if len(axes) == 0 {
			if c.integer("noop_with_empty_axes", 0) != 0 {
				return one(x)
			}
			for i := range d {
				axes = append(axes, i)
			}
		}
		for i := range axes {
			axes[i] = axisOf(axes[i], len(d))
		}
		if len(axes) == 0 {
			return one(x)
		}
		if !isFloat(x) && c.op == "ReduceMean" {
			panic(fmt.Errorf("the mean of integers is not supported"))
		}
		y := f(x, axes...)
		if c.integer("keepdims", 1) != 0 {
			for _, a := range axes {
				d[a] = 1
			}
			y = Reshape(y, d...)
		}
		return one(y)
	}
}

func argument(f func(x *Node, axis int, outputDType ...dtypes.DType) *Node) func(c *call) []*value {
	return func(c *call) []*value {
		if c.integer("select_last_index", 0) != 0 {
			panic(fmt.Errorf("select_last_index is not supported"))
		}
		d := c.dims(0)
		axis := axisOf(c.integer("axis", 0), len(d))
		y := f(c.x(0), axis, dtypes.Int64)
		if c.integer("keepdims", 1) != 0 {
			d[axis] = 1
			y = Reshape(y, d...)
		}
		return one(y)
	}
}

// product is numpy's matmul.
func product(a, b *Node) *Node {
	left, right := a.Rank() == 1, b.Rank() == 1
	if left {
		a = Reshape(a, 1, a.Shape().Dimensions[0])
	}
	if right {
		b = Reshape(b, b.Shape().Dimensions[0], 1)
	}
	y := matrices(a, b)
	d := slices.Clone(y.Shape().Dimensions)
	if right {
		d = d[:len(d)-1]
	}
	if left {
		at := len(d) - 1
		if !right {
			at = len(d) - 2
		}
		d = slices.Delete(d, at, at+1)
	}
	if left || right {
		y = Reshape(y, d...)
	}
	return y
}

func matrices(a, b *Node) *Node {
	da, db := a.Shape().Dimensions, b.Shape().Dimensions
	ra, rb := len(da), len(db)
	k := da[ra-1]
	if db[rb-2] != k {
		panic(fmt.Errorf("the product of %s and %s", a.Shape(), b.Shape()))
	}
	if rb == 2 {
		y := MatMul(Reshape(a, a.Shape().Size()/k, k), b)
		return Reshape(y, append(slices.Clone(da[:ra-1]), db[1])...)
	}
	rank := max(ra, rb)
	a, b = ExpandLeftToRank(a, rank), ExpandLeftToRank(b, rank)
	da, db = a.Shape().Dimensions, b.Shape().Dimensions
	batch := broadcastDims(da[:rank-2], db[:rank-2])
	n := 1
	for _, d := range batch {
		n *= d
	}
	m, p := da[rank-2], db[rank-1]
	a = Reshape(broadcastTo(a, append(slices.Clone(batch), m, k)), n, m, k)
	b = Reshape(broadcastTo(b, append(slices.Clone(batch), k, p)), n, k, p)
	y := DotGeneral(a, []int{2}, []int{0}, b, []int{1}, []int{0})
	return Reshape(y, append(batch, m, p)...)
}

func matMul(c *call) []*value { return one(product(c.x(0), c.x(1))) }

func gemm(c *call) []*value {
	a, b := c.x(0), c.x(1)
	if c.integer("transA", 0) != 0 {
		a = Transpose(a, 0, 1)
	}
	if c.integer("transB", 0) != 0 {
		b = Transpose(b, 0, 1)
	}
	y := MatMul(a, b)
	if alpha := c.float("alpha", 1); alpha != 1 {
		y = MulScalar(y, alpha)
	}
	if c.has(2) {
		bias := c.x(2)
		if beta := c.float("beta", 1); beta != 1 {
			bias = MulScalar(bias, beta)
		}
		y = Add(c.together(y, bias))
	}
	return one(y)
}

func einsum(c *call) []*value {
	equation := strings.ReplaceAll(c.text("equation", ""), " ", "")
	if len(c.in) != 2 || !strings.Contains(equation, "->") || strings.Contains(equation, ".") {
		panic(fmt.Errorf("the equation %.100q is not supported, those of two inputs without dots are", equation))
	}
	for _, term := range strings.FieldsFunc(equation, func(r rune) bool { return r == ',' || r == '>' || r == '-' }) {
		for i := range term {
			if strings.IndexByte(term, term[i]) != i {
				panic(fmt.Errorf("the equation %.100q is not supported, it repeats a letter", equation))
			}
		}
	}
	return one(Einsum(equation, c.x(0), c.x(1)))
}

func softmax(c *call) []*value {
	x := c.x(0)
	e := exponentials(x, axisOf(c.integer("axis", -1), x.Rank()))
	return one(Div(e, keepSum(e, axisOf(c.integer("axis", -1), x.Rank()))))
}

func logSoftmax(c *call) []*value {
	x := c.x(0)
	axis := axisOf(c.integer("axis", -1), x.Rank())
	shifted := Sub(x, keep(ReduceMax(x, axis), x, axis))
	return one(Sub(shifted, Log(keepSum(Exp(shifted), axis))))
}

func exponentials(x *Node, axis int) *Node { return Exp(Sub(x, keep(ReduceMax(x, axis), x, axis))) }

func keepSum(x *Node, axis int) *Node { return keep(ReduceSum(x, axis), x, axis) }

// keep gives y, x reduced along an axis, the rank of x.
func keep(y, x *Node, axis int) *Node {
	d := slices.Clone(x.Shape().Dimensions)
	d[axis] = 1
	return Reshape(y, d...)
}

// normalized is (x-mean)/√(variance+ε) over the last axis of x [rows, n].
func normalized(x *Node, epsilon float64) (y, mean, inverse *Node) {
	mean = keep(ReduceMean(x, 1), x, 1)
	d := Sub(x, mean)
	inverse = Reciprocal(Sqrt(AddScalar(keep(ReduceMean(Mul(d, d), 1), x, 1), epsilon)))
	return Mul(d, inverse), mean, inverse
}

// perChannel gives a vector the rank of x [N, C, …].
func perChannel(v, x *Node) *Node {
	d := slices.Repeat([]int{1}, x.Rank())
	d[1] = v.Shape().Size()
	return Reshape(v, d...)
}

func batchNorm(c *call) []*value {
	if c.integer("training_mode", 0) != 0 {
		panic(fmt.Errorf("training_mode is not supported"))
	}
	x := c.x(0)
	if x.Rank() < 2 {
		panic(fmt.Errorf("of %s", x.Shape()))
	}
	scale := Div(c.x(1), Sqrt(AddScalar(c.x(4), c.float("epsilon", 1e-5))))
	shift := Sub(c.x(2), Mul(c.x(3), scale))
	return one(Add(Mul(x, perChannel(scale, x)), perChannel(shift, x)))
}

func instanceNorm(c *call) []*value {
	x := c.x(0)
	d := c.dims(0)
	y, _, _ := normalized(Reshape(x, d[0]*d[1], x.Shape().Size()/(d[0]*d[1])), c.float("epsilon", 1e-5))
	y = Reshape(y, d...)
	return one(Add(Mul(y, perChannel(c.x(1), x)), perChannel(c.x(2), x)))
}

func groupNorm(c *call) []*value {
	x := c.x(0)
	d, groups := c.dims(0), c.integer("num_groups", 0)
	if groups < 1 || d[1]%groups != 0 {
		panic(fmt.Errorf("%d groups of %v", groups, d))
	}
	y, _, _ := normalized(Reshape(x, d[0]*groups, x.Shape().Size()/(d[0]*groups)), c.float("epsilon", 1e-5))
	y = Reshape(y, d...)
	spread := func(v *Node) *Node {
		if c.opset < 21 { // one a group
			v = Reshape(broadcastTo(Reshape(v, groups, 1), []int{groups, d[1] / groups}), d[1])
		}
		return perChannel(v, x)
	}
	return one(Add(Mul(y, spread(c.x(1))), spread(c.x(2))))
}

func layerNorm(c *call) []*value {
	x := c.x(0)
	d := c.dims(0)
	axis := axisOf(c.integer("axis", -1), len(d))
	rows, outer := 1, slices.Clone(d)
	for i, n := range d {
		if i < axis {
			rows *= n
		} else {
			outer[i] = 1
		}
	}
	y, mean, inverse := normalized(Reshape(x, rows, x.Shape().Size()/rows), c.float("epsilon", 1e-5))
	y = Mul(c.together(Reshape(y, d...), c.x(1)))
	if c.has(2) {
		y = Add(c.together(y, c.x(2)))
	}
	return []*value{{node: y}, {node: Reshape(mean, outer...)}, {node: Reshape(inverse, outer...)}}
}

// range of a quantised type.
var quantised = map[int64][2]float64{typeUint8: {0, 255}, typeInt8: {-128, 127}, typeUint16: {0, 65535}, typeInt16: {-32768, 32767}}

// scales brings scale or zero point to the rank of x.
func (c *call) scales(i int, x *Node) *Node {
	if c.integer("block_size", 0) != 0 {
		panic(fmt.Errorf("block_size is not supported"))
	}
	v := c.x(i)
	if v.DType() != dtypes.Float32 {
		v = ConvertDType(v, dtypes.Float32)
	}
	if v.Shape().Size() == 1 {
		return Reshape(v)
	}
	d := slices.Repeat([]int{1}, x.Rank())
	d[axisOf(c.integer("axis", 1), x.Rank())] = v.Shape().Size()
	return Reshape(v, d...)
}

func quantize(c *call) []*value {
	x := c.x(0)
	kind := int64(c.integer("output_dtype", typeUint8))
	y := round(Div(x, c.scales(1, x)))
	if c.has(2) {
		kind = c.in[2].elem
		y = Add(y, c.scales(2, x))
	}
	limits, ok := quantised[kind]
	if !ok {
		panic(fmt.Errorf("the ONNX type %d is not supported", kind))
	}
	return kept(ConvertDType(ClipScalar(y, limits[0], limits[1]), dtypes.Int64), kind)
}

func dequantize(c *call) []*value {
	x := ConvertDType(c.x(0), dtypes.Float32)
	if c.has(2) {
		x = Sub(x, c.scales(2, x))
	}
	return one(Mul(x, c.scales(1, x)))
}
