package nrqm

import (
	"math"
	"sort"
	"sync"
)

// Grid of the shapes that are tried, MATLAB's 0.03:0.001:10.
const (
	shapeFirst = 0.03
	shapeStep  = 0.001
	shapeCount = 9971
)

// shapeRatios returns Γ(1/γ)Γ(3/γ)/Γ(2/γ)², what E[x²]/E[|x|]² of a
// generalised Gaussian of shape γ is, for every γ of the grid. It falls
// strictly.
var shapeRatios = sync.OnceValue(func() []float64 {
	r := make([]float64, shapeCount)
	for i := range r {
		g := 1 / shapeAt(i)
		r[i] = math.Gamma(g) * math.Gamma(3*g) / (math.Gamma(2*g) * math.Gamma(2*g))
	}
	return r
})

func shapeAt(i int) float64 { return shapeFirst + shapeStep*float64(i) }

// shape fits a generalised Gaussian to the values by matching moments, after
// Mallat, and returns its γ, a number of the grid. Equal values give the
// last, 10.
func shape(values ...[]float64) float64 {
	n, sum := 0, 0.0
	for _, v := range values {
		n += len(v)
		for _, x := range v {
			sum += x
		}
	}
	m := sum / float64(n)
	square, abs := 0.0, 0.0
	for _, v := range values {
		for _, x := range v {
			d := x - m
			square += d * d
			abs += math.Abs(d)
		}
	}
	abs /= float64(n)
	return nearestShape(square / float64(n-1) / (abs*abs + 1e-7))
}

// nearestShape returns the γ whose ratio is nearest, the smaller on ties.
func nearestShape(ratio float64) float64 {
	r := shapeRatios()
	i := sort.Search(len(r), func(i int) bool { return r[i] <= ratio })
	if i == len(r) || i > 0 && r[i-1]-ratio <= ratio-r[i] {
		i--
	}
	return shapeAt(i)
}
