package onnx

import (
	"encoding/binary"
	"fmt"
	"math"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// lower replaces, in a graph and those inside it, the operators of
// super-resolution models that onnx-gomlx v0.5.2 has not by operators it has.
// The definitions are those of https://onnx.ai/onnx/operators. With columns set
// it also replaces convolutions, for the Go backend.
func lower(graph message, columns bool) error {
	field := graph.field("node")
	l := &lowering{nodes: graph.NewField(field).List(), tensors: map[string]message{}}
	for _, t := range graph.messages("initializer") {
		l.tensors[t.text("name")] = t
	}
	for _, n := range graph.messages("node") {
		for _, a := range n.messages("attribute") {
			if a.has("g") {
				if err := lower(a.message("g"), columns); err != nil {
					return err
				}
			}
		}
		in, out := n.texts("input"), n.texts("output")
		switch op := n.text("op_type"); {
		case op == "DepthToSpace" && len(in) == 1:
			l.depthToSpace(n, in[0], out[0])
		case op == "LeakyRelu" && len(in) == 1:
			alpha := 0.01
			if a, ok := n.attribute("alpha"); ok {
				alpha = a.Get(a.field("f")).Float()
			}
			l.slope(in[0], l.scalar(out[0], alpha), out[0])
		case op == "PRelu" && len(in) == 2:
			l.slope(in[0], in[1], out[0])
		case op == "InstanceNormalization" && len(in) == 3:
			l.instanceNorm(n, in[0], in[1], in[2], out[0])
		case op == "Conv" && columns && l.plain(n, in):
			l.conv(n, in, out[0])
		case op == "Resize":
			if err := l.resize(n, in, out[0]); err != nil {
				return err
			}
		default:
			if value, ok := n.attribute("value"); ok && op == "Constant" {
				l.tensors[out[0]] = value.message("t")
			}
			l.nodes.Append(protoreflect.ValueOfMessage(n.Message))
		}
	}
	graph.Set(field, protoreflect.ValueOfList(l.nodes))
	return nil
}

// lowering collects the nodes of a graph.
type lowering struct {
	nodes   protoreflect.List
	tensors map[string]message // that the graph holds, by name
	made    int
}

// resize makes the scales or sizes of a Resize a Constant, since onnx-gomlx
// takes initializers of some names alone for constant, and leaves out the
// region of interest, which the supported modes ignore, and empty inputs.
//
// Nearest of half pixels is nearest of floor at scales that are whole numbers,
// and is refused at others, where GoMLX rounds differently.
func (l *lowering) resize(n message, in []string, out string) error {
	halves := n.textAttribute("mode", "nearest") == "nearest" && n.textAttribute("coordinate_transformation_mode", "half_pixel") != "asymmetric"
	list := n.Mutable(n.field("input")).List()
	for i := 1; i < len(in); i++ {
		t, held := l.tensors[in[i]]
		switch {
		case i == 1 || held && elements(t) == 0:
			in[i] = ""
		case held:
			in[i] = l.constant(out, func(c message) { proto.Merge(c.Interface(), t.Interface()) })
		}
		if i == 2 && halves && held && elements(t) > 0 && wholeNumbers(t) {
			halves = false
			for name, v := range map[string]string{"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"} {
				n.dropAttribute(name)
				l.attribute(n, name, 3, func(a message) { a.Set(a.field("s"), protoreflect.ValueOfBytes([]byte(v))) })
			}
		}
		list.Set(i, protoreflect.ValueOfString(in[i]))
	}
	if halves {
		return fmt.Errorf("nearest of half pixels at scales that are not known to be whole numbers is not supported, in Resize %.100q", n.text("name"))
	}
	l.nodes.Append(protoreflect.ValueOfMessage(n.Message))
	return nil
}

// wholeNumbers says whether a tensor of float32 holds whole numbers from 1 on.
func wholeNumbers(t message) bool {
	raw, values := t.Get(t.field("raw_data")).Bytes(), t.Get(t.field("float_data")).List()
	for i := range elements(t) {
		v := float32(0)
		switch {
		case t.number("data_type") != 1:
		case len(raw) > 0:
			v = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		default:
			v = float32(values.Get(int(i)).Float())
		}
		if !(v >= 1) || v != float32(math.Floor(float64(v))) {
			return false
		}
	}
	return true
}

func (m message) dropAttribute(name string) {
	list := m.Mutable(m.field("attribute")).List()
	kept := 0
	for i := range list.Len() {
		if a := list.Get(i); (message{a.Message()}).text("name") != name {
			list.Set(kept, a)
			kept++
		}
	}
	list.Truncate(kept)
}

// elements is the number of values of a tensor that check has let through.
func elements(t message) int64 {
	n := int64(1)
	for _, d := range t.ints("dims") {
		n *= d
	}
	return n
}

// depthToSpace writes x [N, C·b·b, H, W] → [N, C, H·b, W·b] as reshapes and
// transposes whose shapes are constant whatever N, H and W are: rows grow
// first, then columns.
func (l *lowering) depthToSpace(n message, x, out string) {
	b := int64(0)
	if a, ok := n.attribute("blocksize"); ok {
		b = a.number("i")
	}
	split, grow := []int64{0, 0, 0, b, b, -1}, []int64{0, 5, 2, 4, 1, 3} // [N,H,W,b,b,C] → [N,C,W,b,H,b]
	if n.textAttribute("mode", "DCR") == "CRD" {
		split, grow = []int64{0, 0, 0, -1, b, b}, []int64{0, 3, 2, 5, 1, 4} // [N,H,W,C,b,b]
	}
	x = l.transpose(x, l.name(out), 0, 2, 3, 1)
	x = l.reshape(x, l.name(out), split...)
	x = l.transpose(x, l.name(out), grow...)
	x = l.reshape(x, l.name(out), 0, 0, 0, 0, -1)
	x = l.transpose(x, l.name(out), 0, 1, 4, 2, 3) // [N,C,H·b,W,b]
	l.reshape(x, out, 0, 0, 0, -1)
}

// slope writes max(x, 0) + s·min(x, 0).
func (l *lowering) slope(x, s, out string) {
	zero := l.scalar(out, 0)
	up := l.node("Max", l.name(out), x, zero)
	down := l.node("Min", l.name(out), x, zero)
	l.node("Add", out, up, l.node("Mul", l.name(out), s, down))
}

// instanceNorm normalises x [N, C, …] over all axes after the second.
func (l *lowering) instanceNorm(n message, x, scale, bias, out string) {
	epsilon := 1e-5
	if a, ok := n.attribute("epsilon"); ok {
		epsilon = a.Get(a.field("f")).Float()
	}
	flat := l.reshape(x, l.name(out), 0, 0, -1)
	d := l.node("Sub", l.name(out), flat, l.mean(flat, l.name(out)))
	variance := l.mean(l.node("Mul", l.name(out), d, d), l.name(out))
	deviation := l.node("Sqrt", l.name(out), l.node("Add", l.name(out), variance, l.scalar(out, epsilon)))
	y := l.node("Mul", l.name(out), l.node("Div", l.name(out), d, deviation), l.reshape(scale, l.name(out), -1, 1))
	y = l.node("Add", l.name(out), y, l.reshape(bias, l.name(out), -1, 1))
	l.node("Reshape", out, y, l.node("Shape", l.name(out), x))
}

// name returns a new name, after the output that the value is for.
func (l *lowering) name(out string) string {
	l.made++
	return fmt.Sprintf("%s/lowered/%d", out, l.made)
}

// node adds a node and returns the name of its output.
func (l *lowering) node(op, out string, in ...string) string {
	l.add(op, out, in)
	return out
}

func (l *lowering) transpose(x, out string, perm ...int64) string {
	l.attribute(l.add("Transpose", out, []string{x}), "perm", 7, func(a message) { a.setInts("ints", perm) })
	return out
}

// mean is that over the third and last axis, which stays with length 1.
func (l *lowering) mean(x, out string) string {
	n := l.add("ReduceMean", out, []string{x})
	l.attribute(n, "axes", 7, func(a message) { a.setInts("ints", []int64{2}) })
	l.attribute(n, "keepdims", 2, func(a message) { a.setInt("i", 1) })
	return out
}

// reshape adds a Reshape; 0 keeps an axis, -1 takes what is left.
func (l *lowering) reshape(x, out string, shape ...int64) string {
	return l.node("Reshape", out, x, l.integers(out, shape...))
}

// integers adds a vector of int64.
func (l *lowering) integers(out string, v ...int64) string {
	return l.constant(out, func(t message) {
		t.setInts("dims", []int64{int64(len(v))})
		t.Set(t.field("data_type"), protoreflect.ValueOfInt32(7)) // INT64
		t.setInts("int64_data", v)
	})
}

// scalar adds a float32.
func (l *lowering) scalar(out string, v float64) string {
	return l.constant(out, func(t message) {
		t.Set(t.field("data_type"), protoreflect.ValueOfInt32(1)) // FLOAT
		t.Mutable(t.field("float_data")).List().Append(protoreflect.ValueOfFloat32(float32(v)))
	})
}

func (l *lowering) constant(out string, fill func(t message)) string {
	name := l.name(out)
	l.attribute(l.add("Constant", name, nil), "value", 4, func(a message) {
		fill(message{a.Mutable(a.field("t")).Message()})
	})
	return name
}

func (l *lowering) add(op, out string, in []string) message {
	n := message{l.nodes.AppendMutable().Message()}
	n.Set(n.field("op_type"), protoreflect.ValueOfString(op))
	n.Set(n.field("name"), protoreflect.ValueOfString(out))
	inputs := n.Mutable(n.field("input")).List()
	for _, name := range in {
		inputs.Append(protoreflect.ValueOfString(name))
	}
	n.Mutable(n.field("output")).List().Append(protoreflect.ValueOfString(out))
	return n
}

// attribute adds one of an AttributeProto.AttributeType: 2 an INT, 4 a
// TENSOR, 7 INTS.
func (l *lowering) attribute(n message, name string, kind protoreflect.EnumNumber, fill func(a message)) {
	a := message{n.Mutable(n.field("attribute")).List().AppendMutable().Message()}
	a.Set(a.field("name"), protoreflect.ValueOfString(name))
	a.Set(a.field("type"), protoreflect.ValueOfEnum(kind))
	fill(a)
}

func (m message) setInt(name protoreflect.Name, v int64) {
	m.Set(m.field(name), protoreflect.ValueOfInt64(v))
}

func (m message) setInts(name protoreflect.Name, values []int64) {
	list := m.Mutable(m.field(name)).List()
	for _, v := range values {
		list.Append(protoreflect.ValueOfInt64(v))
	}
}
