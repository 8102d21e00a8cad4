package onnx

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// fromEnd counts negative indices from the end of an axis of length n.
func fromEnd(indices *Node, n int) *Node {
	zero := ScalarZero(indices.Graph(), indices.DType())
	return Where(LessThan(indices, zero), AddScalar(indices, float64(n)), indices)
}

// gatherAxis picks from an axis of x: the axis is replaced by those of indices.
func gatherAxis(x, indices *Node, axis int) *Node {
	d := x.Shape().Dimensions
	perm := []int{axis}
	var rest []int
	for i := range d {
		if i != axis {
			perm, rest = append(perm, i), append(rest, d[i])
		}
	}
	if axis != 0 {
		x = TransposeAllAxes(x, perm...)
	}
	at := indices.Shape().Dimensions
	y := Gather(x, Reshape(indices, indices.Shape().Size(), 1)) // [indices, rest…]
	y = Reshape(y, append(append([]int{}, at...), rest...)...)
	if axis == 0 {
		return y
	}
	var back []int // the first axis axes of rest, those of indices, the others
	for i := range axis {
		back = append(back, len(at)+i)
	}
	for i := range at {
		back = append(back, i)
	}
	for i := axis; i < len(rest); i++ {
		back = append(back, len(at)+i)
	}
	return TransposeAllAxes(y, back...)
}

func gather(c *call) []*value {
	x := c.x(0)
	axis := axisOf(c.integer("axis", 0), x.Rank())
	n := c.dims(0)[axis]
	if k := c.in[1].constant; k != nil && k.i != nil {
		places := make([]int, len(k.i))
		for i, p := range k.i {
			if p < 0 {
				p += int64(n)
			}
			if p < 0 || p >= int64(n) {
				panic(fmt.Errorf("index %d of %d", k.i[i], n))
			}
			places[i] = int(p)
		}
		d := c.dims(0)
		out := append(append(append([]int{}, d[:axis]...), k.dims...), d[axis+1:]...)
		return kept(Reshape(take(x, axis, places), out...), c.in[0].elem)
	}
	return kept(gatherAxis(x, fromEnd(c.x(1), n), axis), c.in[0].elem)
}

// coordinates are, for each value of a shape, its place on an axis.
func coordinates(g *Graph, dims []int, axis int) *Node {
	return Iota(g, shapes.Make(dtypes.Int64, dims...), axis)
}

// flatPlaces joins indices along one axis, and those of their own places along
// the others, to places in x read as a list.
func flatPlaces(indices *Node, dims []int, axis int) *Node {
	at := indices.Shape().Dimensions
	var out *Node
	stride := 1
	for i := len(dims) - 1; i >= 0; i-- {
		var part *Node
		if i == axis {
			part = fromEnd(indices, dims[i])
		} else {
			part = coordinates(indices.Graph(), at, i)
		}
		part = MulScalar(part, float64(stride))
		if out == nil {
			out = part
		} else {
			out = Add(out, part)
		}
		stride *= dims[i]
	}
	return out
}

func gatherElements(c *call) []*value {
	x, indices := c.x(0), c.x(1)
	axis := axisOf(c.integer("axis", 0), x.Rank())
	flat := flatPlaces(indices, c.dims(0), axis)
	y := Gather(Reshape(x, x.Shape().Size()), Reshape(flat, flat.Shape().Size(), 1))
	return kept(Reshape(y, indices.Shape().Dimensions...), c.in[0].elem)
}

// manyFromEnd is fromEnd of vectors of indices [..., n], one an axis.
func manyFromEnd(indices *Node, dims []int) *Node {
	lengths := make([]int64, indices.Shape().Dimensions[indices.Rank()-1])
	for i := range lengths {
		lengths[i] = int64(dims[i])
	}
	n := broadcastTo(ExpandLeftToRank(Const(indices.Graph(), lengths), indices.Rank()), indices.Shape().Dimensions)
	return Where(LessThan(indices, ScalarZero(indices.Graph(), indices.DType())), Add(indices, n), indices)
}

func gatherND(c *call) []*value {
	if c.integer("batch_dims", 0) != 0 {
		panic(fmt.Errorf("batch_dims is not supported"))
	}
	x := c.x(0)
	return kept(Gather(x, manyFromEnd(c.x(1), c.dims(0))), c.in[0].elem)
}

// scatter puts or adds updates at vectors of indices [..., n] into x.
func scatter(x, indices, updates *Node, reduction string) *Node {
	switch reduction {
	case "none":
		if x.DType() == dtypes.Bool {
			f := func(n *Node) *Node { return ConvertDType(n, dtypes.Float32) }
			return ConvertDType(scatter(f(x), indices, f(updates), reduction), dtypes.Bool)
		}
		return ScatterUpdate(x, indices, updates, false, true)
	case "add":
		return ScatterSum(x, indices, updates, false, false)
	case "max":
		return ScatterMax(x, indices, updates, false, false)
	case "min":
		return ScatterMin(x, indices, updates, false, false)
	}
	panic(fmt.Errorf("reduction %.50q is not supported", reduction))
}

func scatterND(c *call) []*value {
	x := c.x(0)
	return one(scatter(x, manyFromEnd(c.x(1), c.dims(0)), c.x(2), c.text("reduction", "none")))
}

func scatterElements(c *call) []*value {
	x, indices, updates := c.x(0), c.x(1), c.x(2)
	axis := axisOf(c.integer("axis", 0), x.Rank())
	flat := flatPlaces(indices, c.dims(0), axis)
	n := flat.Shape().Size()
	y := scatter(Reshape(x, x.Shape().Size()), Reshape(flat, n, 1), Reshape(updates, n), c.text("reduction", "none"))
	return one(Reshape(y, c.dims(0)...))
}

// cumSum adds up along an axis, in steps that double.
func cumSum(c *call) []*value {
	x := c.x(0)
	d := c.dims(0)
	axis := axisOf(c.integers(1)[0], len(d))
	if c.integer("reverse", 0) != 0 {
		x = Reverse(x, axis)
	}
	shifted := func(x *Node, by int) *Node {
		zeros := append([]int{}, d...)
		zeros[axis] = by
		return Concatenate([]*Node{Zeros(x.Graph(), shapes.Make(x.DType(), zeros...)), cut(x, axis, 0, d[axis]-by, 1)}, axis)
	}
	if c.integer("exclusive", 0) != 0 {
		if d[axis] == 1 {
			return one(ZerosLike(x))
		}
		x = shifted(x, 1)
	}
	for by := 1; by < d[axis]; by *= 2 {
		x = Add(x, shifted(x, by))
	}
	if c.integer("reverse", 0) != 0 {
		x = Reverse(x, axis)
	}
	return one(x)
}
