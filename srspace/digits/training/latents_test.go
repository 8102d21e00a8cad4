package training

import (
	"testing"

	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/srspace/digits"
	"github.com/trustsr/trustsr/srspace/ldm"
)

func TestFoldKeepsTheModel(t *testing.T) {
	c := digits.Config()
	shapes, err := c.Tensors()
	if err != nil {
		t.Fatal(err)
	}
	z := []float32{0.3, -0.2, 0.5}
	decode := func(dict weights.Dict, z []float32) (out []float64) {
		w, b := dict[ldm.FirstStageModule+".post_quant_conv.weight"], dict[ldm.FirstStageModule+".post_quant_conv.bias"]
		for o := range b.Data {
			v := float64(b.Data[o])
			for i, x := range z {
				v += float64(w.Data[o*3+i]) * float64(x)
			}
			out = append(out, v)
		}
		return out
	}
	dict := initial(shapes, 1)
	before := decode(dict, z)
	s := LatentScale{Mean: []float64{0.1, -0.4, 0.2}, Std: 0.5}
	fold(dict, s)
	for i := range z {
		z[i] = float32((float64(z[i]) - s.Mean[i]) / s.Std)
	}
	for i, v := range decode(dict, z) {
		if d := v - before[i]; d > 1e-6 || d < -1e-6 {
			t.Errorf("channel %d: %v after folding, %v before", i, v, before[i])
		}
	}
}
