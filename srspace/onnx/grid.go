package onnx

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// gridSample reads x [N, C, H, W] at places grid [N, h, w, 2] in [-1,1].
func gridSample(c *call) []*value {
	x, grid := c.x(0), c.x(1)
	d, gd := c.dims(0), c.dims(1)
	if len(d) != 4 || len(gd) != 4 || gd[3] != 2 || gd[0] != d[0] {
		panic(fmt.Errorf("%v at %v, pictures are supported", d, gd))
	}
	s := sampling{
		n: d[0], channels: d[1], h: d[2], w: d[3], pixels: gd[1] * gd[2],
		padding: c.text("padding_mode", "zeros"), corners: c.integer("align_corners", 0) != 0,
	}
	s.flat = Reshape(TransposeAllAxes(x, 0, 2, 3, 1), s.n*s.h*s.w, s.channels)
	at := Reshape(grid, s.n, s.pixels, 2)
	px := s.unscaled(Reshape(cut(at, 2, 0, 1, 1), s.n, s.pixels), s.w)
	py := s.unscaled(Reshape(cut(at, 2, 1, 2, 1), s.n, s.pixels), s.h)
	var y *Node
	switch mode := c.text("mode", "linear"); mode {
	case "nearest":
		px, py = s.border(px, s.w), s.border(py, s.h)
		y = s.read(round(px), round(py))
	case "linear", "bilinear":
		px, py = s.border(px, s.w), s.border(py, s.h)
		y = s.weighted(px, py, 0, 1, func(f *Node, i int) *Node {
			if i == 0 {
				return OneMinus(f)
			}
			return f
		})
	case "cubic", "bicubic":
		y = s.weighted(px, py, -1, 2, func(f *Node, i int) *Node {
			const a = -0.75
			away := Abs(AddScalar(f, -float64(i)))
			if i == 0 || i == 1 {
				return AddScalar(Mul(Mul(away, away), AddScalar(MulScalar(away, a+2), -(a+3))), 1)
			}
			return AddScalar(Mul(AddScalar(Mul(AddScalar(MulScalar(away, a), -5*a), away), 8*a), away), -4*a)
		})
	default:
		panic(fmt.Errorf("mode %.50q is not supported", mode))
	}
	y = Reshape(y, s.n, gd[1], gd[2], s.channels)
	return one(TransposeAllAxes(y, 0, 3, 1, 2))
}

// sampling is a picture that is read at places between its pixels.
type sampling struct {
	n, channels, h, w, pixels int
	padding                   string
	corners                   bool
	flat                      *Node // [N·H·W, C]
}

// unscaled turns [-1,1] into pixels of an axis.
func (s sampling) unscaled(v *Node, length int) *Node {
	if s.corners {
		return MulScalar(AddScalar(v, 1), float64(length-1)/2)
	}
	return MulScalar(AddScalar(MulScalar(AddScalar(v, 1), float64(length)), -1), 0.5)
}

// border brings places outside into the picture, as the padding says.
func (s sampling) border(v *Node, length int) *Node {
	switch s.padding {
	case "zeros":
		return v
	case "border":
		return ClipScalar(v, 0, float64(length-1))
	case "reflection":
		low, high := -0.5, float64(length)-0.5
		if s.corners {
			low, high = 0, float64(length-1)
		}
		span := high - low
		if span <= 0 {
			return ZerosLike(v)
		}
		// a triangle wave of period 2·span
		away := Abs(AddScalar(v, -low))
		periods := Floor(DivScalar(away, 2*span))
		away = Sub(away, MulScalar(periods, 2*span))
		away = Min(away, AddScalar(Neg(away), 2*span))
		return ClipScalar(AddScalar(away, low), 0, float64(length-1))
	}
	panic(fmt.Errorf("padding_mode %.50q is not supported", s.padding))
}

// read returns the pixels [N, pixels, C] at whole places.
func (s sampling) read(px, py *Node) *Node {
	g := px.Graph()
	px, py = s.border(px, s.w), s.border(py, s.h)
	inside := func(v *Node, length int) *Node {
		return LogicalAnd(GreaterOrEqual(v, ConstAs(v, 0)), LessOrEqual(v, ConstAs(v, length-1)))
	}
	mask := LogicalAnd(inside(px, s.w), inside(py, s.h))
	x := ConvertDType(ClipScalar(px, 0, float64(s.w-1)), dtypes.Int64)
	y := ConvertDType(ClipScalar(py, 0, float64(s.h-1)), dtypes.Int64)
	at := Add(MulScalar(y, float64(s.w)), x)
	at = Add(at, MulScalar(coordinates(g, []int{s.n, s.pixels}, 0), float64(s.h*s.w)))
	v := Gather(s.flat, Reshape(at, s.n*s.pixels, 1))
	return Mul(v, Reshape(ConvertDType(mask, dtypes.Float32), s.n*s.pixels, 1))
}

// weighted adds up the pixels from first to last around each place.
func (s sampling) weighted(px, py *Node, first, last int, weight func(f *Node, i int) *Node) *Node {
	x0, y0 := Floor(px), Floor(py)
	fx, fy := Sub(px, x0), Sub(py, y0)
	var sum *Node
	for j := first; j <= last; j++ {
		for i := first; i <= last; i++ {
			v := s.read(AddScalar(x0, float64(i)), AddScalar(y0, float64(j)))
			v = Mul(v, Reshape(Mul(weight(fx, i), weight(fy, j)), s.n*s.pixels, 1))
			if sum == nil {
				sum = v
			} else {
				sum = Add(sum, v)
			}
		}
	}
	return sum
}
