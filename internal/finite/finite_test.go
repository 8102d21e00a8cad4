package finite

import (
	"math"
	"testing"
)

func TestNot(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if Is(v) || Is(float32(v)) {
			t.Errorf("%v is finite", v)
		}
		if got := Not([]float64{0, 1, v, v}); got != 2 {
			t.Errorf("%v is found at %d, want 2", v, got)
		}
	}
	all := []float32{0, -1, math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32}
	if got := Not(all); got != -1 {
		t.Errorf("value %d, %v, is not finite", got, all[got])
	}
	if !Is(math.MaxFloat64) {
		t.Error("the largest number is not finite")
	}
}
