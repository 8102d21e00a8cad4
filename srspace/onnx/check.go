package onnx

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/trustsr/trustsr/internal/hint"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// What a graph may have at most: graphs are walked recursively, and a walk
// that runs out of stack ends the program.
const (
	maxDepth = 64      // messages inside messages
	maxNodes = 100_000 // nodes of a graph
)

// elementSize is the size of a tensor's element in bytes, by TensorProto's
// DataType.
var elementSize = map[int64]int64{1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2}

// minOpset is the first version of the operators that onnx-gomlx follows in
// all that super-resolution models use: before it, Resize and Clip had other
// inputs, which it would pass over in silence.
const minOpset = 11

// checkOpset refuses files of older operators, and Softmax where it still
// joined axes.
func checkOpset(file message) error {
	version := int64(1)
	for _, o := range file.messages("opset_import") {
		if d := o.text("domain"); d == "" || d == "ai.onnx" {
			version = o.number("version")
		}
	}
	softmax := slices.ContainsFunc(file.message("graph").messages("node"), func(n message) bool { return n.text("op_type") == "Softmax" })
	if version < minOpset || softmax && version < 13 {
		return hint.With(fmt.Errorf("its operators are of ONNX opset %d", version), "export the model anew with opset 13 or later, or convert it with onnx.version_converter")
	}
	return nil
}

// check refuses what would make the reader of a graph allocate more than the
// file holds, run in circles, open other files, or compute something else
// than ONNX defines. outer holds the names that the graph sees of those
// around it.
func check(graph message, outer map[string]bool) error {
	known := maps.Clone(outer)
	if known == nil {
		known = map[string]bool{}
	}
	if len(graph.messages("sparse_initializer")) > 0 {
		return errors.New("sparse tensors are not supported")
	}
	for _, t := range graph.messages("initializer") {
		if err := checkTensor(t); err != nil {
			return err
		}
		known[t.text("name")] = true
	}
	for _, in := range graph.messages("input") {
		known[in.text("name")] = true
	}
	nodes := graph.messages("node")
	if len(nodes) > maxNodes {
		return fmt.Errorf("%d nodes, %d at most", len(nodes), maxNodes)
	}
	for _, n := range nodes {
		if err := checkNode(n, known); err != nil {
			return fmt.Errorf("%.50s %.100q: %w", n.text("op_type"), n.text("name"), err)
		}
	}
	for _, out := range graph.messages("output") {
		if name := out.text("name"); !known[name] {
			return fmt.Errorf("nothing makes the output %.100q", name)
		}
	}
	return nil
}

// checkNode checks a node and adds its outputs to the known names: nodes
// stand in the order they run, so none can depend on itself.
func checkNode(n message, known map[string]bool) error {
	for _, name := range n.texts("input") {
		if name != "" && !known[name] {
			return fmt.Errorf("input %.100q is not made before it", name)
		}
	}
	for _, a := range n.messages("attribute") {
		tensors, graphs := a.messages("tensors"), a.messages("graphs")
		if a.has("t") {
			tensors = append(tensors, a.message("t"))
		}
		if a.has("g") {
			graphs = append(graphs, a.message("g"))
		}
		if a.has("sparse_tensor") || len(a.messages("sparse_tensors")) > 0 {
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
	outputs := n.texts("output")
	if len(outputs) == 0 || outputs[0] == "" {
		return errors.New("it has no output")
	}
	for _, name := range outputs {
		if name != "" && known[name] {
			return fmt.Errorf("output %.100q exists before it", name)
		}
		known[name] = name != ""
	}
	if n.text("op_type") == "Resize" {
		return checkResize(n)
	}
	return nil
}

// checkResize refuses what onnx-gomlx would replace by something like it:
// cubic by linear, and every rounding of nearest by that of the coordinate
// transformation's customary one.
func checkResize(n message) error {
	if a, ok := n.attribute("antialias"); ok && a.number("i") != 0 {
		return errors.New("antialias is not supported")
	}
	mode := n.textAttribute("mode", "nearest")
	transform := n.textAttribute("coordinate_transformation_mode", "half_pixel")
	rounding := n.textAttribute("nearest_mode", "round_prefer_floor")
	switch {
	case mode == "linear":
		return nil
	case mode != "nearest":
		return fmt.Errorf("mode %.50s is not supported", mode)
	case transform == "asymmetric" && rounding == "floor":
		return nil
	case transform == "asymmetric" || transform == "align_corners" || rounding != "round_prefer_floor" && rounding != "round_prefer_ceil":
		return fmt.Errorf("nearest with %.50s and %.50s is not supported", transform, rounding)
	}
	return nil
}

// checkTensor compares a tensor's shape with the data that it holds.
func checkTensor(t message) error {
	name := t.text("name")
	if len(t.messages("external_data")) > 0 || t.Get(t.field("data_location")).Enum() != 0 {
		return hint.With(fmt.Errorf("tensor %.100q is in another file", name), "save the model as one file: onnx.save(model, path, save_as_external_data=False)")
	}
	size, ok := elementSize[t.number("data_type")]
	if !ok {
		return fmt.Errorf("tensor %.100q has the ONNX type %d, which is not supported", name, t.number("data_type"))
	}
	count := int64(1)
	dims := t.Get(t.field("dims")).List()
	for i := range dims.Len() {
		d := dims.Get(i).Int()
		if d < 0 || d > 0 && count > math.MaxInt64/8/d {
			return fmt.Errorf("tensor %.100q has an impossible shape", name)
		}
		count *= d
	}
	held := int64(len(t.Get(t.field("raw_data")).Bytes()))
	if held > 0 && held%size != 0 {
		return fmt.Errorf("tensor %.100q is cut off", name)
	}
	held /= size
	if held == 0 {
		for _, field := range []protoreflect.Name{"float_data", "int32_data", "int64_data", "double_data", "uint64_data"} {
			held = max(held, int64(t.Get(t.field(field)).List().Len()))
		}
	}
	if held != count {
		return fmt.Errorf("tensor %.100q of %d values holds %d", name, count, held)
	}
	return nil
}
