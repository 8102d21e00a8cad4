package variety

import (
	"errors"
	"fmt"
	"math"

	"github.com/trustsr/trustsr/srspace/picture"
	"gonum.org/v1/gonum/mat"
)

// Components are the principal components of the samples: the directions in
// which they vary most, each orthogonal to those before.
type Components struct {
	Width, Height int
	Mean          []float64 // of the samples, 3·height·width, in levels of 0 to 255

	// Directions in falling order of Std. There are at most n-1 of them, and
	// none along which nothing varies.
	Directions []Direction

	// Variance is the total, the sum over all directions of the squares of
	// Std, also of those that were not asked for.
	Variance float64
}

// Direction is one principal component.
type Direction struct {
	// Vector has unit length in the metric of [Set.Distance]: its root mean
	// square is 1. The first of its entries of largest magnitude is positive.
	Vector []float64

	Std   float64   // of the samples along it (n-1 in the denominator), levels
	Share float64   // of the total variance, 0 to 1
	Along []float64 // each sample's coordinate, from the mean, in levels
}

// Components returns the k first principal components, fewer where the
// samples vary in fewer. They are found from the n × n matrix of distances,
// so that pictures may be large (the method of snapshots: Sirovich,
// "Turbulence and the dynamics of coherent structures", 1987). It fails with
// an error that wraps [ErrEmpty] for fewer than two samples.
func (s *Set) Components(k int) (*Components, error) {
	n := s.Len()
	if n < 2 || k < 1 {
		return nil, fmt.Errorf("%d components of %d samples: %w", k, n, ErrEmpty)
	}
	// Double centring turns squared distances into inner products of the
	// samples less their mean.
	squares := s.distances()
	rows, total := make([]float64, n), 0.0
	for i, row := range squares {
		for _, v := range row {
			rows[i] += v / float64(n)
		}
		total += rows[i] / float64(n)
	}
	gram := mat.NewSymDense(n, nil)
	out := &Components{Width: s.width, Height: s.height, Mean: s.mean()}
	for i := range n {
		for j := range i + 1 {
			gram.SetSym(i, j, -0.5*(squares[i][j]-rows[i]-rows[j]+total))
		}
		out.Variance += gram.At(i, i) / float64(n-1)
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(gram, true) {
		return nil, errors.New("principal components: the eigenvalues were not found")
	}
	values := eigen.Values(nil) // rising
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	for i := n - 1; i >= 0 && len(out.Directions) < min(k, n-1); i-- {
		// What is left below this is rounding.
		if values[i] <= 1e-9*values[n-1] {
			break
		}
		out.Directions = append(out.Directions, s.direction(mat.Col(nil, i, &vectors), values[i], out))
	}
	return out, nil
}

// mean returns the mean of the samples.
func (s *Set) mean() []float64 {
	out := make([]float64, 3*s.width*s.height)
	for _, pixels := range s.pixels {
		for j, v := range pixels {
			out[j] += float64(v)
		}
	}
	for j := range out {
		out[j] /= float64(s.Len())
	}
	return out
}

// direction turns an eigenvector of the matrix of inner products into one of
// pixels.
func (s *Set) direction(eigenvector []float64, value float64, c *Components) Direction {
	n, scale := s.Len(), math.Sqrt(value)
	d := Direction{Vector: make([]float64, len(c.Mean)), Along: make([]float64, n), Std: scale / math.Sqrt(float64(n-1))}
	if c.Variance > 0 {
		d.Share = d.Std * d.Std / c.Variance
	}
	for i, u := range eigenvector {
		d.Along[i] = u * scale
		for j, v := range s.pixels[i] {
			d.Vector[j] += u * (float64(v) - c.Mean[j]) / scale
		}
	}
	largest := 0
	for j, v := range d.Vector {
		// Entries that are equal but for rounding count as equal.
		if math.Abs(v) > (1+1e-9)*math.Abs(d.Vector[largest]) {
			largest = j
		}
	}
	if d.Vector[largest] < 0 {
		for j := range d.Vector {
			d.Vector[j] = -d.Vector[j]
		}
		for i := range d.Along {
			d.Along[i] = -d.Along[i]
		}
	}
	return d
}

// Coordinate returns where a picture lies along direction i, as Along says it
// of the samples: from their mean, in levels. It fails with an error that
// wraps [ErrSize] for a picture of another size.
func (c *Components) Coordinate(i int, m *picture.Image) (float64, error) {
	if m.Width != c.Width || m.Height != c.Height || len(m.Pix) != len(c.Mean) {
		return 0, fmt.Errorf("coordinate of a picture of %d×%d among samples of %d×%d: %w", m.Width, m.Height, c.Width, c.Height, ErrSize)
	}
	sum := 0.0
	for j, v := range m.Bytes() {
		sum += (float64(v) - c.Mean[j]) * c.Directions[i].Vector[j]
	}
	return sum / float64(len(c.Mean)), nil
}

// At returns the picture at the mean plus so many standard deviations along
// direction i, e.g. -2 and 2; values outside [0,1] are clipped. It is no
// sample, and may look like none.
func (c *Components) At(i int, sigmas float64) *picture.Image {
	d := c.Directions[i]
	return c.picture(func(j int) float64 { return c.Mean[j] + sigmas*d.Std*d.Vector[j] })
}

// MeanImage returns the mean of all samples.
func (c *Components) MeanImage() *picture.Image {
	return c.picture(func(j int) float64 { return c.Mean[j] })
}

func (c *Components) picture(level func(j int) float64) *picture.Image {
	out := picture.NewImage(c.Width, c.Height)
	for j := range out.Pix {
		out.Pix[j] = float32(min(max(level(j)/255, 0), 1))
	}
	return out
}
