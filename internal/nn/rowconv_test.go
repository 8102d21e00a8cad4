package nn

import (
	"math"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/trustsr/trustsr/internal/backend"
)

// rowConv equals the convolution as one product of patches, at the borders of
// each picture of a batch too.
func TestRowConv(t *testing.T) {
	b, err := backend.Open("go")
	if err != nil {
		t.Fatal(err)
	}
	wave := func(step float64, dims ...int) *tensors.Tensor {
		n := 1
		for _, d := range dims {
			n *= d
		}
		data := make([]float32, n)
		for i := range data {
			data[i] = float32(math.Sin(step * float64(i)))
		}
		return tensors.FromFlatDataAndDimensions(data, dims...)
	}
	o := &Ops{ChannelsLast: true, Products: true}
	for _, d := range [][]int{{2, 5, 4, 3, 2}, {3, 1, 1, 2, 3}, {1, 2, 7, 1, 1}, {2, 33, 31, 4, 5}} { // n, h, w, in, out
		x, kernel := wave(0.7, d[0], d[1], d[2], d[3]), wave(1.3, 3, 3, d[3], d[4])
		rows, err := CallOnce(b, o.rowConv, x, kernel)
		if err != nil {
			t.Fatal(err)
		}
		patches, err := CallOnce(b, func(x, k *Node) *Node { return o.patchConv(x, k, 1, Same) }, x, kernel)
		if err != nil {
			t.Fatal(err)
		}
		got, want := tensors.MustCopyFlatData[float32](rows), tensors.MustCopyFlatData[float32](patches)
		if len(got) != len(want) {
			t.Fatalf("%v: %v, want %v", d, rows.Shape(), patches.Shape())
		}
		for i := range got {
			if math.Abs(float64(got[i]-want[i])) > 1e-5 {
				t.Fatalf("%v: element %d is %v, want %v", d, i, got[i], want[i])
			}
		}
	}
}
