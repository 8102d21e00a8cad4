// Package windows covers large pictures with overlapping windows and blends what
// was computed in them.
package windows

import "github.com/trustsr/trustsr/internal/weights"

// Overlap is the part of a window, one in so many, that it shares with
// the next.
const Overlap = 4

// Starts returns the starts of windows of a side that cover size pixels,
// overlapping by a quarter at least; the last ends with the picture. A
// picture no larger than a window has one, of its own size.
func Starts(size, side int) []int {
	var starts []int
	for start := 0; start+side < size; start += side - side/Overlap {
		starts = append(starts, start)
	}
	return append(starts, max(0, size-side))
}

// Ramp weighs the pixels of a window for blending: 1 in the middle and
// falling linearly over the overlap towards its ends, never 0.
func Ramp(side, overlap int) []float32 {
	w := make([]float32, side)
	for i := range w {
		w[i] = min(1, float32(min(i, side-1-i)+1)/float32(overlap+1))
	}
	return w
}

// Blend is a weighted mean of overlapping parts of pictures [n, c, h, w].
type Blend struct {
	sum    *weights.Tensor
	weight []float32 // [h, w]
}

// NewBlend begins one of n pictures of c channels and h × w pixels.
func NewBlend(n, c, h, w int) *Blend {
	return &Blend{weights.NewTensor(n, c, h, w), make([]float32, h*w)}
}

// Add adds part [n, c, len(rows), len(cols)] at (top, left), each pixel
// weighing rows[y]·cols[x].
func (b *Blend) Add(part []float32, top, left int, rows, cols []float32) {
	h, w := b.sum.Shape[2], b.sum.Shape[3]
	for y, wy := range rows {
		for x, wx := range cols {
			b.weight[(top+y)*w+left+x] += wy * wx
		}
	}
	for plane := range b.sum.Shape[0] * b.sum.Shape[1] {
		for y, wy := range rows {
			from := part[(plane*len(rows)+y)*len(cols):][:len(cols)]
			to := b.sum.Data[(plane*h+top+y)*w+left:][:len(cols)]
			for x, wx := range cols {
				to[x] += wy * wx * from[x]
			}
		}
	}
}

// Mean returns the pictures; nothing may be added after it.
func (b *Blend) Mean() *weights.Tensor {
	n := len(b.weight)
	for i := range b.sum.Data {
		b.sum.Data[i] /= b.weight[i%n]
	}
	return b.sum
}

// Cut copies the h × w pixels from (top, left) of x [n, c, H, W].
func Cut(x *weights.Tensor, top, left, h, w int) *weights.Tensor {
	n, c, height, width := x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3]
	out := weights.NewTensor(n, c, h, w)
	for plane := range n * c {
		for y := range h {
			copy(out.Data[(plane*h+y)*w:][:w], x.Data[(plane*height+top+y)*width+left:])
		}
	}
	return out
}
