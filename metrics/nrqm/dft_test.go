package nrqm

import (
	"math"
	"math/cmplx"
	"testing"
)

// Against the sum that defines the transform; lengths from slowFactor on that
// have a large prime factor go another way.
func TestDFT(t *testing.T) {
	for _, n := range []int{1, 2, 45, 59, 61, 67, 96, 122, 509} {
		v := make([]complex128, n)
		for i := range v {
			v[i] = complex(math.Sin(float64(i*i)), math.Cos(float64(3*i)))
		}
		got := append([]complex128(nil), v...)
		d := newDFT(n)
		if (d.chirp != nil) != (n >= 61 && n != 96) {
			t.Errorf("%d: takes the wrong way", n)
		}
		d.forward(got)
		for k, g := range got {
			want := complex128(0)
			for i, x := range v {
				want += x * cmplx.Rect(1, -2*math.Pi*float64(i*k%n)/float64(n))
			}
			if !(cmplx.Abs(g-want) <= 1e-12*float64(n)) {
				t.Fatalf("length %d, frequency %d: got %v, want %v", n, k, g, want)
			}
		}
		d.inverse(got)
		for i, g := range got {
			if !(cmplx.Abs(g/complex(float64(n), 0)-v[i]) <= 1e-13*float64(n)) {
				t.Fatalf("length %d, sample %d comes back as %v, was %v", n, i, g, v[i])
			}
		}
	}
}
