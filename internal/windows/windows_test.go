package windows

import (
	"math"
	"slices"
	"testing"

	"github.com/trustsr/trustsr/internal/weights"
)

func TestWindows(t *testing.T) {
	for _, c := range []struct {
		size, side int
		want       []int
	}{
		{7, 16, []int{0}},
		{16, 16, []int{0}},
		{17, 16, []int{0, 1}},
		{28, 16, []int{0, 12}},
		{29, 16, []int{0, 12, 13}},
		{512, 64, []int{0, 48, 96, 144, 192, 240, 288, 336, 384, 432, 448}},
	} {
		if got := Starts(c.size, c.side); !slices.Equal(got, c.want) {
			t.Errorf("%d in windows of %d: %v, want %v", c.size, c.side, got, c.want)
		}
	}
}

// Overlapping parts of one picture blend to that picture, and of two, to
// values between them that change by little from pixel to pixel.
func TestBlend(t *testing.T) {
	const h, w, side = 20, 41, 16
	x := weights.NewTensor(2, 3, h, w)
	for i := range x.Data {
		x.Data[i] = float32(math.Sin(float64(i)))
	}
	b, step := NewBlend(2, 3, h, w), NewBlend(1, 1, h, w)
	r := Ramp(side, side/Overlap)
	for _, top := range Starts(h, side) {
		for i, left := range Starts(w, side) {
			b.Add(Cut(x, top, left, side, side).Data, top, left, r, r)
			step.Add(slices.Repeat([]float32{float32(i)}, side*side), top, left, r, r)
		}
	}
	for i, v := range b.Mean().Data {
		if math.Abs(float64(v-x.Data[i])) > 1e-6 {
			t.Fatalf("value %d is %v, want %v", i, v, x.Data[i])
		}
	}
	row := step.Mean().Data[:w]
	if row[0] != 0 || row[w-1] != 3 {
		t.Errorf("the ends are %v and %v, want 0 and 3", row[0], row[w-1])
	}
	for i := range w - 1 {
		// windows start at 0, 12, 24 and 25: the last two differ by 1 over
		// their whole common width
		if d := row[i+1] - row[i]; d < 0 || d > 0.6 {
			t.Errorf("a seam of %v after column %d", d, i)
		}
	}
}
