package metrics

import "math"

// Map is a metric at every position of a picture: Height × Width values,
// row-major, the value of (x, y) at Values[y*Width+x].
type Map struct {
	Width, Height int
	Values        []float64
}

// NewMap returns a map of zeros of the given size.
func NewMap(width, height int) *Map {
	return &Map{Width: width, Height: height, Values: make([]float64, width*height)}
}

// Mean returns the mean of the values.
func (m *Map) Mean() float64 {
	sum := 0.0
	for _, v := range m.Values {
		sum += v
	}
	return sum / float64(len(m.Values))
}

// Range returns the smallest and the largest value.
func (m *Map) Range() (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, v := range m.Values {
		low, high = min(low, v), max(high, v)
	}
	return low, high
}
