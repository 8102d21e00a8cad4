package onnx

import (
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

func constantNode(c *call) []*value {
	for _, a := range c.attributes {
		switch a.name {
		case "value":
			if a.t == nil {
				break
			}
			k, err := constantOf(a.t)
			if err != nil {
				panic(err)
			}
			return known(k)
		case "value_float":
			return known(floatConstant([]float32{a.f}))
		case "value_floats":
			return known(floatConstant(a.floats, len(a.floats)))
		case "value_int":
			return known(&constant{elem: typeInt64, i: []int64{a.i}})
		case "value_ints":
			return known(int64Constant(a.ints...))
		}
	}
	panic(fmt.Errorf("a constant of another kind than numbers is not supported"))
}

func shapeNode(c *call) []*value {
	d := c.dims(0)
	from, to := c.integer("start", 0), c.integer("end", len(d))
	inside := func(i int) int {
		if i < 0 {
			i += len(d)
		}
		return min(max(i, 0), len(d))
	}
	k := int64Constant()
	k.i = []int64{}
	for i := inside(from); i < inside(to); i++ {
		k.i = append(k.i, int64(d[i]))
	}
	k.dims = []int{len(k.i)}
	return []*value{{constant: k, elem: typeInt64, sized: c.in[0].constant == nil}}
}

func sizeNode(c *call) []*value {
	n := int64(1)
	for _, d := range c.dims(0) {
		n *= int64(d)
	}
	return []*value{{constant: &constant{elem: typeInt64, i: []int64{n}}, elem: typeInt64, sized: c.in[0].constant == nil}}
}

func constantOfShape(c *call) []*value {
	dims := c.integers(0)
	fill := &constant{dims: []int{1}, elem: typeFloat, f: []float32{0}}
	if a := c.attribute("value"); a != nil && a.t != nil {
		var err error
		if fill, err = constantOf(a.t); err != nil {
			panic(err)
		}
	}
	if fill.size() != 1 {
		panic(fmt.Errorf("value has %d elements", fill.size()))
	}
	if slices.Contains(dims, 0) {
		empty := &constant{dims: dims, elem: fill.elem}
		switch fill.dtype() {
		case dtypes.Int64:
			empty.i = []int64{}
		case dtypes.Bool:
			empty.b = []bool{}
		}
		return known(empty)
	}
	fill.dims = nil
	return kept(broadcastTo(ExpandLeftToRank(ConstTensor(c.g, fill.tensor()), len(dims)), dims), fill.elem)
}

// maxRange bounds the numbers that a Range makes.
const maxRange = 1 << 24

func rangeNode(c *call) []*value {
	from, to, step := c.constant(0), c.constant(1), c.constant(2)
	if from.size() != 1 || to.size() != 1 || step.size() != 1 {
		panic(fmt.Errorf("inputs are no single numbers"))
	}
	if from.i != nil && to.i != nil && step.i != nil {
		var out []int64
		n := 0.0
		if step.i[0] != 0 {
			n = math.Ceil((float64(to.i[0]) - float64(from.i[0])) / float64(step.i[0]))
		}
		if step.i[0] == 0 || n > maxRange {
			panic(fmt.Errorf("from %d to %d in steps of %d", from.i[0], to.i[0], step.i[0]))
		}
		out = []int64{}
		for k := int64(0); k < int64(n); k++ {
			out = append(out, from.i[0]+k*step.i[0])
		}
		return known(int64Constant(out...))
	}
	if from.f == nil || to.f == nil || step.f == nil {
		panic(fmt.Errorf("inputs of several types"))
	}
	n := math.Ceil((float64(to.f[0]) - float64(from.f[0])) / float64(step.f[0]))
	if !(n <= maxRange) {
		panic(fmt.Errorf("from %v to %v in steps of %v", from.f[0], to.f[0], step.f[0]))
	}
	out := make([]float32, 0, int(max(0, n)))
	for k := range int(max(0, n)) {
		out = append(out, from.f[0]+float32(k)*step.f[0])
	}
	return known(floatConstant(out, len(out)))
}

// reshaped works out the shape that 0, which keeps an axis, and -1, which
// takes what is left, stand for.
func reshaped(from, to []int, zeroKeeps bool) []int {
	to = slices.Clone(to)
	total, rest, open := 1, 1, -1
	for _, d := range from {
		total *= d
	}
	for i, d := range to {
		switch {
		case d == 0 && zeroKeeps && i < len(from):
			to[i] = from[i]
		case d < -1 || d == 0:
			panic(fmt.Errorf("%v to %v", from, to))
		case d == -1 && open >= 0:
			panic(fmt.Errorf("%v to %v", from, to))
		case d == -1:
			open = i
			continue
		}
		rest *= to[i]
	}
	if open >= 0 {
		if rest == 0 || total%rest != 0 {
			panic(fmt.Errorf("%v to %v", from, to))
		}
		to[open] = total / rest
	} else if rest != total {
		panic(fmt.Errorf("%v to %v", from, to))
	}
	return to
}

func reshape(c *call) []*value {
	to := reshaped(c.dims(0), c.integers(1), c.integer("allowzero", 0) == 0)
	return kept(Reshape(c.x(0), to...), c.in[0].elem)
}

func flatten(c *call) []*value {
	d := c.dims(0)
	at := c.integer("axis", 1)
	if at < 0 {
		at += len(d)
	}
	if at < 0 || at > len(d) {
		panic(fmt.Errorf("axis %d of %v", at, d))
	}
	rows, columns := 1, 1
	for i, n := range d {
		if i < at {
			rows *= n
		} else {
			columns *= n
		}
	}
	return one(Reshape(c.x(0), rows, columns))
}

func squeeze(c *call) []*value {
	d, axes := c.dims(0), c.axes(1)
	drop := map[int]bool{}
	for _, a := range axes {
		drop[axisOf(a, len(d))] = true
	}
	out := []int{}
	for i, n := range d {
		if drop[i] && n != 1 {
			panic(fmt.Errorf("axis %d of %v", i, d))
		}
		if !drop[i] && (axes != nil || n != 1) {
			out = append(out, n)
		}
	}
	return kept(Reshape(c.x(0), out...), c.in[0].elem)
}

func unsqueeze(c *call) []*value {
	d, axes := c.dims(0), c.axes(1)
	rank := len(d) + len(axes)
	added := map[int]bool{}
	for _, a := range axes {
		added[axisOf(a, rank)] = true
	}
	out := make([]int, 0, rank)
	for i := range rank {
		if added[i] {
			out = append(out, 1)
			continue
		}
		if len(d) == 0 {
			panic(fmt.Errorf("axes %v", axes))
		}
		out, d = append(out, d[0]), d[1:]
	}
	return kept(Reshape(c.x(0), out...), c.in[0].elem)
}

func transpose(c *call) []*value {
	rank := c.shape(0).Rank()
	perm := c.list("perm")
	if perm == nil {
		for i := range rank {
			perm = append(perm, rank-1-i)
		}
	}
	if len(perm) != rank {
		panic(fmt.Errorf("perm %v of %d axes", perm, rank))
	}
	if rank < 2 {
		return kept(c.x(0), c.in[0].elem)
	}
	return kept(TransposeAllAxes(c.x(0), perm...), c.in[0].elem)
}

func concat(c *call) []*value {
	var parts []*Node
	for i := range c.in {
		if !slices.Contains(c.dims(i), 0) {
			parts = append(parts, c.x(i))
		}
	}
	if len(parts) == 0 {
		panic(fmt.Errorf("no elements"))
	}
	if len(parts) == 1 {
		return one(parts[0])
	}
	return kept(Concatenate(parts, axisOf(c.integer("axis", 0), parts[0].Rank())), c.in[0].elem)
}

func split(c *call) []*value {
	d := c.dims(0)
	axis := axisOf(c.integer("axis", 0), len(d))
	sizes := c.list("split")
	if c.has(1) {
		sizes = c.integers(1)
	}
	if sizes == nil {
		parts := c.integer("num_outputs", len(c.outputs))
		if parts < 1 {
			panic(fmt.Errorf("%d outputs", parts))
		}
		each := (d[axis] + parts - 1) / parts
		for left := d[axis]; left > 0; left -= each {
			sizes = append(sizes, min(each, left))
		}
	}
	var out []*value
	from := 0
	for _, n := range sizes {
		out = append(out, &value{node: cut(c.x(0), axis, from, from+n, 1), elem: c.in[0].elem})
		from += n
	}
	if from != d[axis] || len(sizes) != len(c.outputs) {
		panic(fmt.Errorf("%v of %v into %d outputs", sizes, d, len(c.outputs)))
	}
	return out
}

// cut is x[…, from:to:step, …] along an axis, step above 0.
func cut(x *Node, axis, from, to, step int) *Node {
	d := x.Shape().Dimensions
	if from < 0 || to > d[axis] || from >= to {
		panic(fmt.Errorf("a slice from %d to %d of %v, axis %d, holds nothing", from, to, d, axis))
	}
	if from == 0 && to == d[axis] && step == 1 {
		return x
	}
	specs := make([]SliceAxisSpec, len(d))
	for i := range specs {
		specs[i] = AxisRange()
	}
	specs[axis] = AxisRange(from, to).Stride(step)
	return Slice(x, specs...)
}

func slice(c *call) []*value {
	d := c.dims(0)
	starts, ends := c.integers(1), c.integers(2)
	var axes, steps []int
	if c.has(3) {
		axes = c.integers(3)
	} else {
		for i := range starts {
			axes = append(axes, i)
		}
	}
	if c.has(4) {
		steps = c.integers(4)
	}
	if len(ends) != len(starts) || len(axes) != len(starts) || steps != nil && len(steps) != len(starts) {
		panic(fmt.Errorf("starts %v, ends %v, axes %v, steps %v", starts, ends, axes, steps))
	}
	type part struct{ axis, from, to, step int }
	var parts []part
	empty := false
	out := slices.Clone(d)
	for i, axis := range axes {
		axis = axisOf(axis, len(d))
		step, n := 1, d[axis]
		if steps != nil {
			step = steps[i]
		}
		if step == 0 {
			panic(fmt.Errorf("a step of 0"))
		}
		from, to := starts[i], ends[i]
		if from < 0 {
			from += n
		}
		if to < 0 {
			to += n
		}
		if step > 0 {
			from, to = min(max(from, 0), n), min(max(to, 0), n)
			out[axis] = max(0, (to-from+step-1)/step)
		} else {
			from, to = min(max(from, 0), n-1), min(max(to, -1), n-1)
			out[axis] = max(0, (from-to-step-1)/-step)
		}
		empty = empty || out[axis] == 0
		parts = append(parts, part{axis, from, to, step})
	}
	if empty {
		if c.in[0].constant == nil {
			panic(fmt.Errorf("of %v it keeps nothing: %v", d, out))
		}
		return known(emptyLike(c.in[0].constant, out))
	}
	x := c.x(0)
	for _, p := range parts {
		if p.step > 0 {
			x = cut(x, p.axis, p.from, p.to, p.step)
			continue
		}
		last := p.from + (out[p.axis]-1)*p.step
		x = Reverse(cut(x, p.axis, last, p.from+1, -p.step), p.axis)
	}
	return kept(x, c.in[0].elem)
}

func emptyLike(k *constant, dims []int) *constant {
	out := &constant{dims: dims, elem: k.elem}
	switch k.dtype() {
	case dtypes.Int64:
		out.i = []int64{}
	case dtypes.Bool:
		out.b = []bool{}
	}
	return out
}

func expand(c *call) []*value {
	to := c.integers(1)
	x := c.x(0)
	rank := max(x.Rank(), len(to))
	x = ExpandLeftToRank(x, rank)
	for len(to) < rank {
		to = append([]int{1}, to...)
	}
	return kept(broadcastTo(x, broadcastDims(x.Shape().Dimensions, to)), c.in[0].elem)
}

func tile(c *call) []*value {
	x := c.x(0)
	times := c.integers(1)
	if len(times) != x.Rank() {
		panic(fmt.Errorf("%v times %s", times, x.Shape()))
	}
	d := c.dims(0)
	split, wide, out := make([]int, 0, 2*len(d)), make([]int, 0, 2*len(d)), make([]int, len(d))
	for i, n := range d {
		if times[i] < 1 {
			panic(fmt.Errorf("%v times %s", times, x.Shape()))
		}
		split, wide, out[i] = append(split, 1, n), append(wide, times[i], n), n*times[i]
	}
	return kept(Reshape(broadcastTo(Reshape(x, split...), wide), out...), c.in[0].elem)
}

// take picks places along an axis, in any order, some more than once. Runs of
// neighbours are copied whole.
func take(x *Node, axis int, places []int) *Node {
	var runs [][2]int
	for _, p := range places {
		if n := len(runs); n > 0 && runs[n-1][1] == p {
			runs[n-1][1]++
		} else {
			runs = append(runs, [2]int{p, p + 1})
		}
	}
	if len(runs) <= 24 {
		parts := make([]*Node, len(runs))
		for i, r := range runs {
			parts[i] = cut(x, axis, r[0], r[1], 1)
		}
		if len(parts) == 1 {
			return parts[0]
		}
		return Concatenate(parts, axis)
	}
	at := make([]int64, len(places))
	for i, p := range places {
		at[i] = int64(p)
	}
	return gatherAxis(x, Const(x.Graph(), at), axis)
}

func pad(c *call) []*value {
	d := c.dims(0)
	pads, axes := c.integers(1), []int(nil)
	if c.has(3) {
		axes = c.integers(3)
	} else {
		for i := range d {
			axes = append(axes, i)
		}
	}
	if len(pads) != 2*len(axes) {
		panic(fmt.Errorf("pads %v for %d axes", pads, len(axes)))
	}
	x := c.x(0)
	mode := c.text("mode", "constant")
	for i, axis := range axes {
		axis = axisOf(axis, len(d))
		before, after, n := pads[i], pads[i+len(axes)], d[axis]
		if n+min(before, 0)+min(after, 0) < 1 {
			panic(fmt.Errorf("pads %v of %v", pads, d))
		}
		if before == 0 && after == 0 {
			continue
		}
		c.fits(x, axis, n+before+after)
		if mode == "constant" {
			x = cut(x, axis, max(0, -before), n-max(0, -after), 1)
			config := make([]compute.PadAxis, len(d))
			config[axis] = compute.PadAxis{Start: max(0, before), End: max(0, after)}
			fill := ScalarZero(x.Graph(), x.DType())
			if c.has(2) {
				if fill = c.x(2); fill.Rank() > 0 {
					fill = Reshape(fill)
				}
			}
			if max(before, after) > 0 {
				x = Pad(x, fill, config...)
			}
			continue
		}
		var places []int
		for p := -before; p < n+after; p++ {
			at := p
			switch mode {
			case "edge":
				at = min(max(p, 0), n-1)
			case "wrap":
				at = ((p % n) + n) % n
			case "reflect":
				if n == 1 && p != 0 || p <= -n || p > 2*n-2 {
					panic(fmt.Errorf("a reflection of %d pixels by %d and %d", n, before, after))
				}
				if at < 0 {
					at = -at
				}
				if at >= n {
					at = 2*n - 2 - at
				}
			default:
				panic(fmt.Errorf("mode %.50q is not supported", mode))
			}
			places = append(places, at)
		}
		x = take(x, axis, places)
	}
	return one(x)
}

// depthToSpace moves channels to pixels: [N, C·b·b, H, W] → [N, C, H·b, W·b].
func depthToSpace(c *call) []*value {
	b, d := c.integer("blocksize", 0), c.dims(0)
	if len(d) != 4 || b < 1 || d[1]%(b*b) != 0 {
		panic(fmt.Errorf("blocks of %d of %v", b, d))
	}
	n, k, h, w := d[0], d[1]/(b*b), d[2], d[3]
	x := c.x(0)
	switch mode := c.text("mode", "DCR"); mode {
	case "DCR":
		x = TransposeAllAxes(Reshape(x, n, b, b, k, h, w), 0, 3, 4, 1, 5, 2)
	case "CRD":
		x = TransposeAllAxes(Reshape(x, n, k, b, b, h, w), 0, 1, 4, 2, 5, 3)
	default:
		panic(fmt.Errorf("mode %.50q is not supported", mode))
	}
	return one(Reshape(x, n, k, h*b, w*b))
}

// spaceToDepth moves pixels to channels: [N, C, H·b, W·b] → [N, b·b·C, H, W].
func spaceToDepth(c *call) []*value {
	b, d := c.integer("blocksize", 0), c.dims(0)
	if len(d) != 4 || b < 1 || d[2]%b != 0 || d[3]%b != 0 {
		panic(fmt.Errorf("blocks of %d of %v", b, d))
	}
	x := Reshape(c.x(0), d[0], d[1], d[2]/b, b, d[3]/b, b)
	return one(Reshape(TransposeAllAxes(x, 0, 3, 5, 1, 2, 4), d[0], b*b*d[1], d[2]/b, d[3]/b))
}

func trilu(c *call) []*value {
	x := c.x(0)
	d := c.dims(0)
	k := 0
	if c.has(1) {
		k = c.integers(1)[0]
	}
	if len(d) < 2 {
		panic(fmt.Errorf("of %v", d))
	}
	h, w := d[len(d)-2], d[len(d)-1]
	mask := make([]bool, h*w)
	for i := range mask {
		row, column := i/w, i%w
		if c.integer("upper", 1) != 0 {
			mask[i] = column >= row+k
		} else {
			mask[i] = column <= row+k
		}
	}
	m := ConstTensor(c.g, (&constant{dims: []int{h, w}, b: mask}).tensor())
	return one(Where(broadcastTo(ExpandLeftToRank(m, len(d)), d), x, ZerosLike(x)))
}

// ifNode follows the branch of a condition that is known.
func ifNode(c *call) []*value {
	k := c.constant(0)
	if k.b == nil || len(k.b) != 1 {
		panic(fmt.Errorf("a condition of shape %v", k.dims))
	}
	name := "else_branch"
	if k.b[0] {
		name = "then_branch"
	}
	a := c.attribute(name)
	if a == nil || a.g == nil {
		panic(fmt.Errorf("no %s", name))
	}
	inner := *c.walk
	inner.values = map[string]*value{}
	for k, v := range c.walk.values {
		inner.values[k] = v
	}
	for _, t := range a.g.initializers {
		k, err := constantOf(t)
		if err != nil {
			panic(err)
		}
		inner.values[t.name] = &value{constant: k, elem: k.elem}
	}
	for _, n := range a.g.nodes {
		inner.run(n)
	}
	out := make([]*value, len(a.g.outputs))
	for i, o := range a.g.outputs {
		v := *inner.values[o.name]
		out[i] = &v
	}
	return out
}
