package nn

import . "github.com/gomlx/gomlx/core/graph"

// rowConvPixels is how many pixels a batch needs for rowConv to be faster than
// patches (BenchmarkConv3): a product for each kernel row pays with more rows.
const rowConvPixels = 1024

// rowConv is a 3×3 convolution that keeps the size, of x [n, h, w, in] with
// kernel [3, 3, in, out]. It lays out three neighbours a pixel rather than
// nine, a third of patchConv's memory: a matrix product for each kernel row,
// and the products are added after moving them by a row of pixels. Pixels
// are moved by joining them with zeros, which the Go backend does by copying
// blocks, while it slices element by element (BenchmarkShift).
func (o *Ops) rowConv(x, kernel *Node) *Node {
	d, k := x.Shape().Dimensions, kernel.Shape().Dimensions
	n, h, w, in, out := d[0], d[1], d[2], d[3], k[3]
	// one zero pixel ends each row and one row of zeros each picture: they
	// serve as the margin on both sides
	x = padZero(padZero(x, 2, 0, 1), 1, 0, 1)
	row, pixels := w+1, n*(h+1)*(w+1)
	x = Reshape(x, pixels, in)
	shift := func(x *Node, before, after int) *Node { return padZero(x, 0, before, after) }
	// at i+1: the pixels i-1, i and i+1
	neighbours := Concatenate([]*Node{shift(x, 2, 0), shift(x, 1, 1), shift(x, 0, 2)}, 1)
	// The products are moved on by a row and a pixel, where the margins leave
	// room in front. Zeros behind fill up whole rows, or pictures if there are
	// several, so that one slice, which is slow, finds the result.
	used := pixels + 2 + 2*row
	pictures, rows := 1, h+4
	if n > 1 {
		rows = h + 1
		pictures = (used + rows*row - 1) / (rows * row)
	}
	fill := pictures*rows*row - used
	var y *Node
	for i := range 3 {
		weights := Reshape(Slice(kernel, AxisElem(i)), 3*in, out)
		part := shift(o.product(MatMul, neighbours, weights), (2-i)*row, i*row+fill)
		if y == nil {
			y = part
		} else {
			y = Add(y, part)
		}
	}
	y = Reshape(y, pictures, rows, row, out)
	return Slice(y, AxisRange(0, n), AxisRange(1, h+1), AxisRange(1, w+1), AxisRange())
}
