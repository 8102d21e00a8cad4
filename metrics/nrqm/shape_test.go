package nrqm

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The ratios of shapes whose distribution has a name, and that they fall all
// along, which the binary search relies on.
func TestShapeRatios(t *testing.T) {
	r := shapeRatios()
	for i := 1; i < len(r); i++ {
		if !(r[i] < r[i-1]) {
			t.Fatalf("ratio of shape %v is %v, after %v", shapeAt(i), r[i], r[i-1])
		}
	}
	if last := shapeAt(shapeCount - 1); math.Abs(last-10) > 1e-12 {
		t.Errorf("last shape %v, want 10", last)
	}
	for _, c := range []struct{ shape, ratio float64 }{
		{2, math.Pi / 2}, // Gaussian
		{1, 2},           // Laplace
	} {
		i := int(math.Round((c.shape - shapeFirst) / shapeStep))
		if math.Abs(r[i]-c.ratio) > 1e-12 {
			t.Errorf("shape %v: ratio %v, want %v", c.shape, r[i], c.ratio)
		}
	}
}

// nearestShape gives what trying all shapes gives, the first on ties.
func TestNearestShape(t *testing.T) {
	r := shapeRatios()
	all := func(ratio float64) float64 {
		best := 0
		for i, v := range r {
			if math.Abs(v-ratio) < math.Abs(r[best]-ratio) {
				best = i
			}
		}
		return shapeAt(best)
	}
	ratios := []float64{0, 1, 4.0 / 3, r[0], 2 * r[0], math.MaxFloat64, math.Inf(1), r[len(r)-1], (r[10] + r[11]) / 2, (r[9000] + r[9001]) / 2}
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		ratios = append(ratios, 1+math.Exp(random.NormFloat64()*4-1))
	}
	for _, ratio := range ratios {
		if got, want := nearestShape(ratio), all(ratio); got != want {
			t.Errorf("ratio %v: got %v, want %v", ratio, got, want)
		}
	}
}

func TestShape(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	gauss, laplace := make([]float64, 100_000), make([]float64, 100_000)
	for i := range gauss {
		gauss[i] = 5 + 3*random.NormFloat64() // the mean is taken off
		laplace[i] = random.ExpFloat64() * float64(1-2*random.IntN(2))
	}
	if got := shape(gauss); math.Abs(got-2) > 0.05 {
		t.Errorf("of Gaussian values: %v, want 2", got)
	}
	if got := shape(laplace); math.Abs(got-1) > 0.03 {
		t.Errorf("of Laplacian values: %v, want 1", got)
	}
	if got, want := shape(gauss[:40_000], gauss[40_000:]), shape(gauss); got != want {
		t.Errorf("in two parts: %v, want %v", got, want)
	}
	if got := shape([]float64{4, 4, 4}); got != shapeAt(shapeCount-1) {
		t.Errorf("of equal values: %v, want 10", got)
	}
}
