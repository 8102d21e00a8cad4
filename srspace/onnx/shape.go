package onnx

import (
	"fmt"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	gomlx "github.com/gomlx/gomlx/ml/model"
)

// graph calls the model and refuses graphs with values beyond the memory.
func (s *Sampler) graph(scope *gomlx.Scope, inputs []*Node) *Node {
	s.why = nil
	defer func() {
		if p := recover(); p != nil {
			s.why = asError(p)
			panic(p)
		}
	}()
	in := map[string]*Node{s.lr.name: inputs[0]}
	if s.noise != nil {
		in[s.noise.name] = inputs[1]
	}
	g := inputs[0].Graph()
	out := s.program.build(scope, g, in, s.out.name)[0]
	for _, n := range g.Nodes() {
		if need := bytesOf(n.Shape()); need > float64(s.options.Memory) {
			panic(tooLarge(n.Shape(), need, s.options.Memory))
		}
	}
	s.last = out.Shape()
	return out
}

// bytesOf is the size of a value; float64, since a product of lengths may be
// beyond an int.
func bytesOf(s shapes.Shape) float64 {
	if !s.Ok() {
		return 0
	}
	n := float64(s.DType.Size())
	for _, d := range s.Dimensions {
		n *= float64(d)
	}
	return n
}

// output returns the shape of the output for LR pictures of h × w pixels, from
// the graph that they give, without running it.
func (s *Sampler) output(h, w int) (lr, noise, out shapes.Shape, err error) {
	defer recovered(&err)
	if lr, err = s.lr.sized(s.batch, h, w); err != nil {
		return
	}
	in := []shapes.Shape{lr}
	if s.noise != nil {
		if noise, err = s.noise.like(s.lr, lr); err != nil {
			return
		}
		if noise.Dimensions[0] != s.batch {
			err = fmt.Errorf("the noise input is %s for %d samples a call", noise, s.batch)
			return
		}
		in = append(in, noise)
	}
	for _, shape := range in {
		if need := bytesOf(shape); need > float64(s.options.Memory) {
			err = fmt.Errorf("an input, %s, takes %.3g bytes, the limit is %d", shape, need, s.options.Memory)
			return
		}
	}
	s.one.Lock()
	defer s.one.Unlock()
	out, known := s.sizes[[2]int{h, w}]
	if !known {
		if err = s.compile(s.probe, in); err != nil {
			return
		}
		out, s.sizes[[2]int{h, w}] = s.last, s.last
	}
	return lr, noise, out, nil
}

// compile builds the graph for inputs of some shapes; the error is the cause
// alone, without the layers it came through.
func (s *Sampler) compile(e *gomlx.Exec, in []shapes.Shape) error {
	s.why = nil
	_, err := e.Compile(in...)
	if err != nil && s.why != nil {
		return s.why
	}
	return err
}

// probeSizes are the LR sizes tried where the file leaves the size open; some
// models want a multiple of their window, the largest common ones dividing 192.
var probeSizes = []int{16, 64, 192}

// scale finds how much larger than the LR picture the output is.
func (s *Sampler) scale() (int, error) {
	h, w := s.lr.lengths[2], s.lr.lengths[3]
	var first error
	for _, side := range probeSizes {
		y, x := h, w
		if y < 0 {
			y = side
		}
		if x < 0 {
			x = side
		}
		_, _, out, err := s.output(y, x)
		if err == nil {
			if d := out.Dimensions; out.Rank() == 4 && d[2] >= y && d[2]%y == 0 && d[3] == d[2]/y*x && d[0] == s.batch && (d[1] == 1 || d[1] == 3) {
				return d[2] / y, nil
			}
			err = fmt.Errorf("the output %s for %d LR pictures of %d×%d pixels is not a whole number of times as large", out, s.batch, x, y)
		}
		if first == nil {
			first = err
		}
		if h >= 0 && w >= 0 {
			break
		}
	}
	return 0, first
}
