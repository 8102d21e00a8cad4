package onnx

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	gomlx "github.com/gomlx/gomlx/ml/model"

	"github.com/trustsr/trustsr/internal/hint"
)

// program is a graph whose weights are read, ready to be written as a GoMLX
// graph for inputs of any shapes.
type program struct {
	graph   *graph
	opset   int64
	memory  int64                // what one value may take, in bytes
	fold    compute.Backend      // computes constants
	weights map[string]*constant // initializers, and what follows from them alone
}

// newProgram reads the weights of a model that check has let through. given
// are values of inputs that are the same for all samples.
func newProgram(m model, given map[string]*constant, memory int64, fold compute.Backend) (*program, error) {
	p := &program{graph: m.graph, opset: m.opset, memory: memory, fold: fold, weights: map[string]*constant{}}
	for _, t := range m.graph.initializers {
		c, err := constantOf(t)
		if err != nil {
			return nil, fmt.Errorf("tensor %.100q: %w", t.name, err)
		}
		p.weights[t.name] = c
	}
	for name, c := range given {
		p.weights[name] = c
	}
	return p, nil
}

// value is one of a graph: known before it runs, or a node.
type value struct {
	constant *constant
	node     *Node
	sized    bool // the constant depends on the shapes of the inputs
	elem     int64
}

func (v *value) shape() shapes.Shape {
	if v.constant != nil {
		return v.constant.shape()
	}
	return v.node.Shape()
}

// walk writes a graph.
type walk struct {
	program *program
	g       *Graph
	scope   *gomlx.Scope // holds large weights as variables; nil makes constants of all
	values  map[string]*value
}

// build writes the graph for inputs and returns the outputs of some names.
// It panics with the operator that cannot be written.
func (p *program) build(scope *gomlx.Scope, g *Graph, inputs map[string]*Node, outputs ...string) []*Node {
	w := &walk{program: p, g: g, scope: scope, values: map[string]*value{}}
	for name, c := range p.weights {
		w.values[name] = &value{constant: c, elem: c.elem}
	}
	for name, n := range inputs {
		w.values[name] = &value{node: n}
	}
	w.graph(p.graph)
	out := make([]*Node, len(outputs))
	for i, name := range outputs {
		v := w.values[name]
		if v == nil {
			panic(fmt.Errorf("nothing makes the output %.100q", name))
		}
		out[i] = w.node(name, v)
	}
	return out
}

func (w *walk) graph(g *graph) {
	for _, n := range g.nodes {
		if _, known := w.program.weights[n.outputs[0]]; known {
			continue // folded when an earlier graph was written
		}
		w.run(n)
	}
}

// run writes one node.
func (w *walk) run(n *node) {
	defer func() {
		if p := recover(); p != nil {
			err := asError(p)
			if hint.Of(err) != "" {
				panic(err)
			}
			panic(fmt.Errorf("%s %.100q: %w", n.op, n.name, err))
		}
	}()
	c := &call{node: n, walk: w, opset: w.program.opset}
	known, sized := true, false
	for _, name := range n.inputs {
		var v *value
		if name != "" {
			v = w.values[name]
			known = known && v.constant != nil
			sized = sized || v.sized
		}
		c.in = append(c.in, v)
	}
	var out []*value
	switch {
	case n.op == "Constant" || n.op == "Shape" || n.op == "Size" || n.op == "If":
		out = operators[n.op](c)
	case known:
		out = w.folded(c)
	default:
		c.g = w.g
		out = operators[n.op](c)
	}
	for i, name := range n.outputs {
		if name == "" {
			continue
		}
		if i >= len(out) || out[i] == nil {
			panic(fmt.Errorf("its output %d is not supported", i))
		}
		v := out[i]
		v.sized = v.sized || sized
		w.values[name] = v
		if v.constant != nil && !v.sized && i == 0 && len(n.outputs) == 1 && w.scope != nil {
			w.program.weights[name] = v.constant
		}
		if need := bytesOf(v.shape()); need > float64(w.program.memory) {
			panic(tooLarge(v.shape(), need, w.program.memory))
		}
	}
}

func tooLarge(s shapes.Shape, need float64, limit int64) error {
	return hint.With(fmt.Errorf("a value of the graph, %s, takes %.3g bytes, the limit is %d", s, need, limit), "take a smaller LR picture, or raise the limit")
}

// folded computes a node whose inputs are all known.
func (w *walk) folded(c *call) []*value {
	var out []*value
	ready := true // nothing to compute: the operator gave constants
	var results []*tensors.Tensor
	e, err := NewExec(w.program.fold, func(g *Graph) []*Node {
		c.g = g
		out = operators[c.node.op](c)
		nodes := []*Node{Const(g, float32(0))}
		for _, v := range out {
			if v != nil && v.node != nil {
				if need := bytesOf(v.node.Shape()); need > float64(w.program.memory) {
					panic(tooLarge(v.node.Shape(), need, w.program.memory))
				}
				nodes, ready = append(nodes, v.node), false
			}
		}
		return nodes
	})
	if err != nil {
		panic(err)
	}
	defer e.Finalize()
	if results, err = e.Call(); err != nil {
		panic(err)
	}
	if ready {
		return out
	}
	i := 1
	for k, v := range out {
		if v != nil && v.node != nil {
			out[k] = &value{constant: fromTensor(results[i]), elem: v.elem}
			if v.elem != 0 {
				out[k].constant.elem = v.elem
			}
			i++
		}
	}
	return out
}

// largeWeight is how many values a constant needs to be a variable of the
// graph rather than a part of it.
const largeWeight = 256

// node makes a value one of the graph.
func (w *walk) node(name string, v *value) *Node {
	if v.node != nil {
		return v.node
	}
	if w.scope == nil || v.sized || v.constant.size() < largeWeight || v.constant.dtype() != dtypes.Float32 {
		return ConstTensor(w.g, v.constant.tensor())
	}
	s := w.scope.At("weights")
	key := fmt.Sprintf("w%x", name)
	if s.GetVariable(key) == nil {
		if _, err := s.CreateVariable(key, v.constant.tensor()); err != nil {
			panic(err)
		}
	}
	return s.GetVariable(key).NodeValue(w.g)
}

// call is a node being written.
type call struct {
	*node
	walk  *walk
	g     *Graph
	opset int64
	in    []*value
}

func (c *call) has(i int) bool { return i < len(c.in) && c.in[i] != nil }

// x returns an input as a node of the graph being written.
func (c *call) x(i int) *Node {
	if !c.has(i) {
		panic(fmt.Errorf("its input %d is missing", i))
	}
	v := c.in[i]
	switch {
	case v.node != nil:
		return v.node
	case c.g == c.walk.g && c.g != nil:
		return c.walk.node(c.inputs[i], v)
	}
	return ConstTensor(c.g, v.constant.tensor())
}

func (c *call) shape(i int) shapes.Shape {
	if !c.has(i) {
		panic(fmt.Errorf("its input %d is missing", i))
	}
	return c.in[i].shape()
}

func (c *call) dims(i int) []int { return slices.Clone(c.shape(i).Dimensions) }

// constant returns an input that has to be known before the graph runs.
func (c *call) constant(i int) *constant {
	if !c.has(i) {
		panic(fmt.Errorf("its input %d is missing", i))
	}
	if c.in[i].constant == nil {
		panic(fmt.Errorf("its input %d depends on pixels, which is not supported", i))
	}
	return c.in[i].constant
}

// integers is a known input of integers.
func (c *call) integers(i int) []int {
	k := c.constant(i)
	if k.size() > 0 && k.i == nil {
		panic(fmt.Errorf("its input %d is %s, not int64", i, k.shape()))
	}
	return toInts(k.i)
}

// floats is a known input of floats.
func (c *call) floats(i int) []float32 {
	k := c.constant(i)
	if k.size() > 0 && k.f == nil {
		panic(fmt.Errorf("its input %d is %s, not float32", i, k.shape()))
	}
	return k.f
}

// fits refuses a length of an axis with which x takes more than the memory.
func (c *call) fits(x *Node, axis, length int) {
	s := x.Shape().Clone()
	s.Dimensions[axis] = length
	if need := bytesOf(s); need > float64(c.walk.program.memory) {
		panic(tooLarge(s, need, c.walk.program.memory))
	}
}

// axes is a list of axes, an attribute of older operators and an input of
// newer ones; nil where neither is given.
func (c *call) axes(input int) []int {
	if c.has(input) {
		return c.integers(input)
	}
	return c.list("axes")
}

// axis counts a negative axis from the end.
func axisOf(axis, rank int) int {
	if axis < 0 {
		axis += rank
	}
	if axis < 0 || axis >= rank {
		panic(fmt.Errorf("axis %d of %d", axis, rank))
	}
	return axis
}

func one(n *Node) []*value              { return []*value{{node: n}} }
func known(c *constant) []*value        { return []*value{{constant: c, elem: c.elem}} }
func kept(n *Node, elem int64) []*value { return []*value{{node: n, elem: elem}} }

// isGo says whether a node is of a graph of the Go backend.
func isGo(n *Node) bool { return strings.HasPrefix(n.Graph().Backend().Name(), "Go") }
