package onnx

import (
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// encode returns the ONNX file of a graph, which the functions below write in
// parts: fields of protocol buffers may follow one another in any order.
func encode(t testing.TB, graph string) []byte {
	t.Helper()
	return []byte(number(1, 8) + field(8, number(2, 13)) + field(7, graph))
}

// field and number write a field of a message.
func field(n protowire.Number, data string) string {
	return string(protowire.AppendString(protowire.AppendTag(nil, n, protowire.BytesType), data))
}

func number(n protowire.Number, v int64) string {
	return string(protowire.AppendVarint(protowire.AppendTag(nil, n, protowire.VarintType), uint64(v)))
}

func bits(n protowire.Number, v float32) string {
	return string(protowire.AppendFixed32(protowire.AppendTag(nil, n, protowire.Fixed32Type), math.Float32bits(v)))
}

// apply, floats, input and output write parts of a graph; "n" and other names of axes are left
// open.
func apply(op, in, out string, attributes ...string) string {
	s := field(4, op) + field(2, out)
	for _, name := range strings.Fields(in) {
		s += field(1, name)
	}
	for _, a := range attributes {
		s += field(5, a)
	}
	return field(1, s)
}

func ints(name string, v ...int) string {
	s := field(1, name) + number(20, 7)
	for _, i := range v {
		s += number(8, int64(i))
	}
	return s
}

func integer(name string, v int) string {
	return field(1, name) + number(20, 2) + number(3, int64(v))
}
func text(name, v string) string { return field(1, name) + number(20, 3) + field(4, v) }
func tensorValue(name, t string) string {
	return field(1, name) + number(20, 4) + field(5, t)
}
func input(name string, axes ...any) string  { return field(11, typedAs(1, name, axes...)) }
func output(name string, axes ...any) string { return field(12, typedAs(1, name, axes...)) }

// typedAs is an input or output of a TensorProto.DataType.
func typedAs(kind int64, name string, axes ...any) string {
	shape := ""
	for _, a := range axes {
		switch a := a.(type) {
		case int:
			shape += field(1, number(1, int64(a)))
		case string:
			shape += field(1, field(2, a))
		}
	}
	return field(1, name) + field(2, field(1, number(1, kind)+field(2, shape)))
}

func floats(name string, values []float32, dims ...int) string {
	s := field(8, name) + number(2, 1)
	for _, d := range dims {
		s += number(1, int64(d))
	}
	for _, v := range values {
		s += bits(4, v)
	}
	return field(5, s)
}

// int64s is a tensor of one axis.
func int64s(v ...int64) string {
	s := number(2, 7) + number(1, int64(len(v)))
	for _, i := range v {
		s += number(7, i)
	}
	return s
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
		apply("Concat", "lr z", "in", integer("axis", 1)) +
		apply("Conv", "in k1 b1", "c1", ints("pads", 1, 1, 1, 1), ints("kernel_shape", 3, 3)) +
		apply("LeakyRelu", "c1", "a1", field(1, "alpha")+number(20, 1)+bits(2, 0.2)) +
		apply("Conv", "a1 k2", "c2", ints("kernel_shape", 1, 1)) +
		apply("DepthToSpace", "c2", "detail", integer("blocksize", 4), text("mode", "CRD")) +
		apply("Resize", "lr none scales", "large", text("mode", "nearest"), text("coordinate_transformation_mode", "asymmetric"), text("nearest_mode", "floor")) +
		apply("Add", "large detail", "sr")
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
