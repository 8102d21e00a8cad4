package onnx

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// encode returns the ONNX file of a graph in protocol buffers' text form.
func encode(t testing.TB, graph string) []byte {
	t.Helper()
	kind, err := protoregistry.GlobalTypes.FindMessageByName("protos.ModelProto")
	if err != nil {
		t.Fatal(err)
	}
	m := kind.New().Interface()
	if err := prototext.Unmarshal([]byte(`ir_version: 8 opset_import { version: 13 } graph { name: "g" `+graph+` }`), m); err != nil {
		t.Fatal(err)
	}
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// node, tensor and port write parts of a graph; "n" and other names of axes are left
// open.
func node(op, in, out string, attributes ...string) string {
	s := fmt.Sprintf("node { op_type: %q", op)
	for _, name := range strings.Fields(in) {
		s += fmt.Sprintf(" input: %q", name)
	}
	s += fmt.Sprintf(" output: %q", out)
	for _, a := range attributes {
		s += " attribute { " + a + " }"
	}
	return s + " }\n"
}

func ints(name string, v ...int) string {
	s := fmt.Sprintf("name: %q type: INTS", name)
	for _, i := range v {
		s += fmt.Sprintf(" ints: %d", i)
	}
	return s
}

func integer(name string, v int) string      { return fmt.Sprintf("name: %q type: INT i: %d", name, v) }
func text(name, v string) string             { return fmt.Sprintf("name: %q type: STRING s: %q", name, v) }
func float(name string, v float32) string    { return fmt.Sprintf("name: %q type: FLOAT f: %g", name, v) }
func input(name string, axes ...any) string  { return "input { " + typed(name, axes...) + " }\n" }
func output(name string, axes ...any) string { return "output { " + typed(name, axes...) + " }\n" }

func typed(name string, axes ...any) string {
	s := fmt.Sprintf("name: %q type { tensor_type { elem_type: 1 shape {", name)
	for _, a := range axes {
		switch a := a.(type) {
		case int:
			s += fmt.Sprintf(" dim { dim_value: %d }", a)
		case string:
			s += fmt.Sprintf(" dim { dim_param: %q }", a)
		}
	}
	return s + " } } }"
}

func floats(name string, values []float32, dims ...int) string {
	s := fmt.Sprintf("initializer { name: %q data_type: 1", name)
	for _, d := range dims {
		s += fmt.Sprintf(" dims: %d", d)
	}
	for _, v := range values {
		s += fmt.Sprintf(" float_data: %g", v)
	}
	return s + " }\n"
}

// weight is the kernel of the ×4 model below: value k of n, in [-0.1,0.1].
func weight(k int) float32 { return float32((k*37+11)%41-20) / 200 }

// generator is a small ×4 generator as they are published: a 3×3 convolution
// of LR picture and noise side by side, leaky ReLU, a 1×1 convolution to 48
// channels, pixel shuffle, and the LR picture enlarged added to it. batch,
// h and w are lengths, or names of open axes.
func generator(batch, h, w any) string {
	const hidden = 8
	k1, k2, b1 := make([]float32, hidden*4*9), make([]float32, 48*hidden), make([]float32, hidden)
	for i := range k1 {
		k1[i] = weight(i)
	}
	for i := range k2 {
		k2[i] = weight(i + 5)
	}
	for i := range b1 {
		b1[i] = weight(i + 9)
	}
	return input("lr", batch, 3, h, w) + input("z", batch, 1, h, w) + output("sr", batch, 3, "H", "W") +
		floats("k1", k1, hidden, 4, 3, 3) + floats("b1", b1, hidden) + floats("k2", k2, 48, hidden, 1, 1) +
		floats("scales", []float32{1, 1, 4, 4}, 4) + floats("none", nil, 0) +
		node("Concat", "lr z", "in", integer("axis", 1)) +
		node("Conv", "in k1 b1", "c1", ints("pads", 1, 1, 1, 1), ints("kernel_shape", 3, 3)) +
		node("LeakyRelu", "c1", "a1", float("alpha", 0.2)) +
		node("Conv", "a1 k2", "c2", ints("kernel_shape", 1, 1)) +
		node("DepthToSpace", "c2", "detail", integer("blocksize", 4), text("mode", "CRD")) +
		node("Resize", "lr none scales", "large", text("mode", "nearest"), text("coordinate_transformation_mode", "asymmetric"), text("nearest_mode", "floor")) +
		node("Add", "large detail", "sr")
}

// generated computes generator by hand for one LR picture [3, h, w] in [0,1]
// and noise [h, w]: [3, 4h, 4w].
func generated(lr, z []float32, h, w int) []float32 {
	const hidden = 8
	at := func(c, y, x int) float32 {
		switch {
		case y < 0 || y >= h || x < 0 || x >= w:
			return 0
		case c == 3:
			return z[y*w+x]
		}
		return lr[(c*h+y)*w+x]
	}
	out := make([]float32, 3*16*h*w)
	for y := range h {
		for x := range w {
			var a [hidden]float32
			for o := range a {
				v := weight(o + 9)
				for c := range 4 {
					for dy := range 3 {
						for dx := range 3 {
							v += weight(((o*4+c)*3+dy)*3+dx) * at(c, y+dy-1, x+dx-1)
						}
					}
				}
				if v < 0 {
					v *= 0.2
				}
				a[o] = v
			}
			for o := range 48 {
				v := float32(0)
				for c := range a {
					v += weight(o*hidden+c+5) * a[c]
				}
				c, dy, dx := o/16, o/4%4, o%4
				out[(c*4*h+4*y+dy)*4*w+4*x+dx] = v + at(c, y, x)
			}
		}
	}
	return out
}
