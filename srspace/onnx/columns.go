package onnx

import "math"

// maxKernel is how many places a kernel may have to be written as columns.
const maxKernel = 31 * 31

// plain says whether conv can write a convolution: two-dimensional, with
// weights that the file holds, in one group, not dilated.
func (l *lowering) plain(n message, in []string) bool {
	if len(in) < 2 {
		return false
	}
	weights, held := l.tensors[in[1]]
	if !held {
		return false
	}
	if dims := weights.ints("dims"); len(dims) != 4 || elements(weights) == 0 || dims[2]*dims[3] > maxKernel {
		return false
	}
	if a, ok := n.attribute("group"); ok && a.number("i") != 1 {
		return false
	}
	for _, d := range n.intsAttribute("dilations", 1, 1) {
		if d != 1 {
			return false
		}
	}
	return n.textAttribute("auto_pad", "NOTSET") == "NOTSET" && len(n.intsAttribute("strides", 1, 1)) == 2 && len(n.intsAttribute("pads", 0, 0, 0, 0)) == 4
}

// conv writes a convolution as a product of matrices over columns of the
// picture, channels last, because the Go backend's own convolution is ten to
// twenty times slower than its matrix product.
func (l *lowering) conv(n message, in []string, out string) {
	dims := l.tensors[in[1]].ints("dims") // [to, from, kh, kw]
	to, kh, kw := dims[0], dims[2], dims[3]
	pads, strides := n.intsAttribute("pads", 0, 0, 0, 0), n.intsAttribute("strides", 1, 1)

	x := l.transpose(in[0], l.name(out), 0, 2, 3, 1)
	if pads[0]|pads[1]|pads[2]|pads[3] != 0 {
		x = l.node("Pad", l.name(out), x, l.integers(out, 0, pads[0], pads[1], 0, 0, pads[2], pads[3], 0))
	}
	var columns []string
	for y := range kh {
		for k := range kw {
			columns = append(columns, l.node("Slice", l.name(out), x, l.integers(out, y, k),
				l.integers(out, end(y, kh), end(k, kw)), l.integers(out, 1, 2), l.integers(out, strides...)))
		}
	}
	joined := columns[0]
	if len(columns) > 1 {
		joined = l.name(out)
		l.attribute(l.add("Concat", joined, columns), "axis", 2, func(a message) { a.setInt("i", 3) })
	}
	w := l.reshape(l.transpose(in[1], l.name(out), 2, 3, 1, 0), l.name(out), -1, to)
	y := l.node("MatMul", l.name(out), joined, w)
	if len(in) > 2 && in[2] != "" {
		y = l.node("Add", l.name(out), y, in[2])
	}
	l.transpose(y, out, 0, 3, 1, 2)
}

// end is that of the slice that kernel place i of size sees: counted from the
// picture's end, and past it for the last.
func end(i, size int64) int64 {
	if i == size-1 {
		return math.MaxInt32
	}
	return i - size + 1
}
