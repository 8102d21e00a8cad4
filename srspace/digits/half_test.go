package digits

import (
	"math"
	"testing"

	"github.com/trustsr/trustsr/internal/backend"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/ldm"
)

// Products in bfloat16, which has 8 bits of precision, give another answer
// than float32 and one near it; the recipe says so.
func TestBFloat16(t *testing.T) {
	m, err := Open("go")
	if err != nil {
		t.Fatal(err)
	}
	half, err := m.Model.BFloat16()
	if err != nil {
		t.Fatal(err)
	}
	x := &ldm.Tensor{Shape: []int{2, 3, 7, 7}, Data: make([]float32, 2*3*49)}
	lr := &ldm.Tensor{Shape: []int{2, 1, 7, 7}, Data: make([]float32, 2*49)}
	srspace.Noise(x.Data, 3, 0)
	near := func(what string, want, got *ldm.Tensor, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		var largest, apart float64
		for i, v := range want.Data {
			largest = max(largest, math.Abs(float64(v)))
			apart = max(apart, math.Abs(float64(v-got.Data[i])))
		}
		t.Logf("%s: %.3g apart of %.3g", what, apart, largest)
		if !(apart > 1e-5*largest && apart < 0.05*largest) {
			t.Errorf("%s: bfloat16 is %.3g from float32, of %.3g", what, apart, largest)
		}
	}
	want, err := m.Model.Denoise(x, lr, []float32{900, 100})
	if err != nil {
		t.Fatal(err)
	}
	got, err := half.Denoise(x, lr, []float32{900, 100})
	near("UNet", want, got, err)
	if want, err = m.Model.Decode(x, nil, true); err != nil {
		t.Fatal(err)
	}
	got, err = half.Decode(x, nil, true)
	near("decoder", want, got, err)

	sampler := *m.Sampler
	sampler.Model = half
	if p := sampler.Recipe().Precision; p != srspace.BFloat16 {
		t.Errorf("precision %q in the recipe", p)
	}
	if p := m.Recipe().Precision; p != "" {
		t.Errorf("precision %q in the recipe of float32", p)
	}
	if err := sampler.Recipe().Validate(); err != nil {
		t.Error(err)
	}
}

// ONNX Runtime would compute in float32 and not say so.
func TestBFloat16OnONNXRuntime(t *testing.T) {
	if _, err := backend.Open("onnx:cpu"); err != nil {
		t.Skip(err)
	}
	m, err := Open("onnx:cpu")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Model.BFloat16(); err == nil {
		t.Error("bfloat16 on ONNX Runtime is not refused")
	}
}
