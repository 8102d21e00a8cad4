package onnx

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/trustsr/trustsr/internal/hint"
)

// What a graph may have at most: graphs are walked recursively, and a walk
// that runs out of stack ends the program.
const (
	maxDepth = 32      // graphs inside graphs
	maxNodes = 100_000 // nodes of a graph
)

// elementSize is the size of a tensor's element in bytes, by TensorProto's
// DataType.
var elementSize = map[int64]int64{1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2}

// minOpset is the first version of the operators that are followed: before it,
// Resize and Clip had other inputs.
const minOpset = 11

// checkOpset refuses files of older operators, and Softmax where it still
// joined axes.
func checkOpset(m model) error {
	softmax := slices.ContainsFunc(m.graph.nodes, func(n *node) bool { return n.op == "Softmax" || n.op == "LogSoftmax" })
	if m.opset < minOpset || softmax && m.opset < 13 {
		return hint.With(fmt.Errorf("its operators are of ONNX opset %d", m.opset), "export the model again with opset 13 or later, or convert it with onnx.version_converter")
	}
	return nil
}

// check refuses what would make the reader of a graph allocate more than the
// file holds, run in circles, or compute something else than ONNX defines.
// outer holds the names that the graph sees of those around it.
func check(g *graph, outer map[string]bool) error {
	known := maps.Clone(outer)
	if known == nil {
		known = map[string]bool{}
	}
	if g.sparse > 0 {
		return errors.New("sparse tensors are not supported")
	}
	for _, t := range g.initializers {
		if err := checkTensor(t); err != nil {
			return err
		}
		known[t.name] = true
	}
	for _, in := range g.inputs {
		known[in.name] = true
	}
	if len(g.nodes) > maxNodes {
		return fmt.Errorf("%d nodes, %d at most", len(g.nodes), maxNodes)
	}
	for _, n := range g.nodes {
		if err := checkNode(n, known); err != nil {
			return fmt.Errorf("%.50s %.100q: %w", n.op, n.name, err)
		}
	}
	for _, out := range g.outputs {
		if !known[out.name] {
			return fmt.Errorf("nothing makes the output %.100q", out.name)
		}
	}
	return nil
}

// checkNode checks a node and adds its outputs to the known names: nodes
// stand in the order they run, so none can depend on itself.
func checkNode(n *node, known map[string]bool) error {
	if !usualDomain(n.domain) {
		return fmt.Errorf("an operator of %.50q, not of ONNX, is not supported", n.domain)
	}
	if _, ok := operators[n.op]; !ok {
		if why := refused[n.op]; why != "" {
			return errors.New(why)
		}
		return errors.New("the operator is not supported")
	}
	for _, name := range n.inputs {
		if name != "" && !known[name] {
			return fmt.Errorf("input %.100q is not made before it", name)
		}
	}
	for _, a := range n.attributes {
		tensors, graphs := a.tensors, a.graphs
		if a.t != nil {
			tensors = append(tensors, a.t)
		}
		if a.g != nil {
			graphs = append(graphs, a.g)
		}
		if a.sparse > 0 {
			return errors.New("sparse tensors are not supported")
		}
		for _, t := range tensors {
			if err := checkTensor(t); err != nil {
				return err
			}
		}
		for _, g := range graphs {
			if err := check(g, known); err != nil {
				return err
			}
		}
	}
	if len(n.outputs) == 0 || n.outputs[0] == "" {
		return errors.New("it has no output")
	}
	for _, name := range n.outputs {
		if name != "" && known[name] {
			return fmt.Errorf("output %.100q exists before it", name)
		}
		known[name] = name != ""
	}
	return nil
}

// checkTensor compares a tensor's shape with the data that it holds.
func checkTensor(t *tensor) error {
	if t.outside {
		return fmt.Errorf("tensor %.100q is in another file, which only initializers may be", t.name)
	}
	size, ok := elementSize[t.dtype]
	if !ok {
		return fmt.Errorf("tensor %.100q has the ONNX type %d, which is not supported", t.name, t.dtype)
	}
	count, err := elements(t)
	if err != nil {
		return err
	}
	held := int64(len(t.raw))
	if held > 0 && held%size != 0 {
		return fmt.Errorf("tensor %.100q is cut off", t.name)
	}
	held /= size
	if held == 0 {
		held = int64(max(len(t.floats), len(t.doubles), len(t.int32s), len(t.int64s), len(t.uint64s)))
	}
	if held != count {
		return fmt.Errorf("tensor %.100q of %d values holds %d", t.name, count, held)
	}
	return nil
}

// elements is the number of values that a tensor's shape asks for.
func elements(t *tensor) (int64, error) {
	count := int64(1)
	for _, d := range t.dims {
		if d < 0 || d > 0 && count > math.MaxInt64/8/d {
			return 0, fmt.Errorf("tensor %.100q has an impossible shape", t.name)
		}
		count *= d
	}
	return count, nil
}
