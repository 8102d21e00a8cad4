package onnx

import (
	"fmt"
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// resize changes the lengths of axes one after another, each by a matrix of
// weights, or for nearest by copying.
func resize(c *call) []*value {
	x := c.x(0)
	in := c.dims(0)
	axes := c.list("axes")
	if axes == nil {
		for i := range in {
			axes = append(axes, i)
		}
	}
	if policy := c.text("keep_aspect_ratio_policy", "stretch"); policy != "stretch" {
		panic(fmt.Errorf("keep_aspect_ratio_policy %.50q is not supported", policy))
	}
	r := resizing{
		mode: c.text("mode", "nearest"), transform: c.text("coordinate_transformation_mode", "half_pixel"),
		rounding: c.text("nearest_mode", "round_prefer_floor"), a: c.float("cubic_coeff_a", -0.75),
		antialias: c.integer("antialias", 0) != 0, exclude: c.integer("exclude_outside", 0) != 0,
	}
	sizes, scales := []int(nil), []float32(nil)
	switch {
	case c.has(2) && c.constant(2).size() > 0:
		scales = c.floats(2)
	case c.has(3) && c.constant(3).size() > 0:
		sizes = c.integers(3)
	default:
		panic(fmt.Errorf("neither scales nor sizes"))
	}
	if max(len(sizes), len(scales)) != len(axes) {
		panic(fmt.Errorf("scales %v and sizes %v for %d axes", scales, sizes, len(axes)))
	}
	for i, axis := range axes {
		axis = axisOf(axis, len(in))
		var out int
		var scale float32
		if scales != nil {
			scale = scales[i]
			out = int(math.Floor(float64(float32(in[axis]) * scale)))
		} else {
			out = sizes[i]
			scale = float32(out) / float32(in[axis])
		}
		if out < 1 || scale <= 0 {
			panic(fmt.Errorf("%d pixels to %d", in[axis], out))
		}
		c.fits(x, axis, out)
		if out == in[axis] && scale == 1 {
			continue
		}
		if r.mode == "nearest" {
			places := make([]int, out)
			for p := range places {
				places[p] = min(max(r.nearest(r.at(p, in[axis], out, scale)), 0), in[axis]-1)
			}
			x = take(x, axis, places)
			continue
		}
		weights := make([]float32, out*in[axis])
		for p := range out {
			r.weigh(weights[p*in[axis]:(p+1)*in[axis]], p, out, scale)
		}
		x = alongAxis(x, axis, weights, out)
	}
	return one(x)
}

// resizing are the attributes of Resize.
type resizing struct {
	mode, transform, rounding string
	a                         float64
	antialias, exclude        bool
}

// at is where pixel p of the output lies among those of the input, computed in
// float32 as ONNX Runtime does.
func (r resizing) at(p, in, out int, scale float32) float32 {
	x := float32(p)
	switch r.transform {
	case "half_pixel":
		return (x+0.5)/scale - 0.5
	case "pytorch_half_pixel":
		if out == 1 {
			return 0
		}
		return (x+0.5)/scale - 0.5
	case "half_pixel_symmetric":
		adjust := float32(out) / (scale * float32(in))
		centre := float32(in) / 2
		return centre*(1-adjust) + (x+0.5)/scale - 0.5
	case "align_corners":
		if out == 1 {
			return 0
		}
		return x * float32(in-1) / float32(out-1)
	case "asymmetric":
		return x / scale
	case "tf_half_pixel_for_nn":
		return (x + 0.5) / scale
	}
	panic(fmt.Errorf("coordinate_transformation_mode %.50q is not supported", r.transform))
}

func (r resizing) nearest(at float32) int {
	v := float64(at)
	switch r.rounding {
	case "round_prefer_floor":
		return int(math.Ceil(v - 0.5))
	case "round_prefer_ceil":
		return int(math.Floor(v + 0.5))
	case "floor":
		return int(math.Floor(v))
	case "ceil":
		return int(math.Ceil(v))
	}
	panic(fmt.Errorf("nearest_mode %.50q is not supported", r.rounding))
}

// weigh sets the weights that the pixels of the input have in pixel p of the
// output.
func (r resizing) weigh(w []float32, p, out int, scale float32) {
	in := len(w)
	reach, filter := 1.0, func(d float64) float64 { return math.Max(0, 1-math.Abs(d)) }
	switch r.mode {
	case "linear":
	case "cubic":
		reach, filter = 2, func(d float64) float64 { return cubic(d, r.a) }
	default:
		panic(fmt.Errorf("mode %.50q is not supported", r.mode))
	}
	at := float64(r.at(p, in, out, scale))
	wide := 1.0
	if r.antialias && scale < 1 {
		wide = 1 / float64(scale)
	}
	if r.mode == "linear" && !r.antialias {
		at = math.Min(math.Max(at, 0), float64(in-1))
	}
	sum := 0.0
	add := func(i int, v float64) {
		inside := min(max(i, 0), in-1)
		if inside != i && r.exclude {
			return
		}
		w[inside] += float32(v)
		sum += v
	}
	first, last := int(math.Floor(at-reach*wide)), int(math.Ceil(at+reach*wide))
	for i := first; i <= last; i++ {
		if v := filter((float64(i) - at) / wide); v != 0 {
			add(i, v)
		}
	}
	if r.exclude || r.antialias {
		for i := range w {
			w[i] = float32(float64(w[i]) / sum)
		}
	}
}

// cubic is the convolution kernel of Keys, "Cubic convolution interpolation
// for digital image processing" (1981), with its parameter a.
func cubic(d, a float64) float64 {
	d = math.Abs(d)
	switch {
	case d <= 1:
		return ((a+2)*d-(a+3))*d*d + 1
	case d < 2:
		return ((a*d-5*a)*d+8*a)*d - 4*a
	}
	return 0
}

// alongAxis multiplies an axis of x by weights [out, in].
func alongAxis(x *Node, axis int, weights []float32, out int) *Node {
	d := x.Shape().Dimensions
	before, after := 1, 1
	for i, n := range d {
		switch {
		case i < axis:
			before *= n
		case i > axis:
			after *= n
		}
	}
	in := d[axis]
	g := x.Graph()
	var y *Node
	if after == 1 { // x [before, in] · weightsᵀ
		turned := make([]float32, len(weights))
		for o := range out {
			for i := range in {
				turned[i*out+o] = weights[o*in+i]
			}
		}
		y = MatMul(Reshape(x, before, in), ConstTensor(g, floatConstant(turned, in, out).tensor()))
	} else {
		w := ConstTensor(g, floatConstant(weights, out, in).tensor())
		y = DotGeneral(Reshape(x, before, in, after), []int{1}, nil, w, []int{1}, nil) // [before, after, out]
		y = TransposeAllAxes(y, 0, 2, 1)
	}
	o := append([]int{}, d...)
	o[axis] = out
	return Reshape(y, o...)
}
