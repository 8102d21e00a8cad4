package metrics

import (
	"math"

	"github.com/trustsr/trustsr/srspace/picture"
)

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

// Image returns the map as a grey picture: low is black, high is white, values
// beyond are clipped. low may be above high, which shows small values bright;
// if they are equal all is grey.
func (m *Map) Image(low, high float64) *picture.Image {
	out := picture.NewImage(m.Width, m.Height)
	for i, v := range m.Values {
		grey := float32(0.5)
		if low != high {
			grey = float32(min(max((v-low)/(high-low), 0), 1))
		}
		out.Pix[3*i], out.Pix[3*i+1], out.Pix[3*i+2] = grey, grey, grey
	}
	return out
}
