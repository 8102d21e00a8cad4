package nrqm

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/trustsr/trustsr/srspace/imresize"
)

// guardBand is the frame cut off the normalised subbands of the finest scale,
// against the wrap-around of the Fourier transform; half as much a scale
// further.
const guardBand = 16

// roundingNoise is a standard deviation, on the scale of 0..255, below which a
// subband and its neighbours hold nothing but the rounding of the transform,
// which is a thousandth of it: their quotient would be a number at random.
const roundingNoise = 1e-9

// gsmFeatures are the features of the steerable pyramid of a grey picture in
// 0..255.
func gsmFeatures(gray band) (*[NumGSM]float64, error) {
	f := new([NumGSM]float64)
	pyr := steerable(gray)
	high := newMoments(pyr.high)
	var normal [scales][orientations]band
	var fine [orientations]moments
	var errs [scales * orientations]error
	shapes, pairShapes, cross, pairs := f[:12], f[12:18], f[18:30], f[30:]
	each(len(errs), func(i int) {
		s, o := i/orientations, i%orientations
		b, err := pyr.normalize(s, o)
		if err != nil {
			errs[i] = err
			return
		}
		normal[s][o], shapes[i] = b, shape(b.v)
		if s == 0 {
			fine[o] = newMoments(b)
		}
		// Unlike the pairs below the original takes the subband itself here.
		cross[i], errs[i] = structureAt(pyr.bands[s][o], high)
	})
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	for o := range orientations {
		pairShapes[o] = shape(normal[0][o].v, normal[1][o].v)
	}
	var of [][2]int
	for i := range orientations {
		for j := i + 1; j < orientations; j++ {
			of = append(of, [2]int{i, j})
		}
	}
	each(len(pairs), func(k int) { pairs[k] = structure(fine[of[k][0]], fine[of[k][1]]) })
	return f, nil
}

// normalize divides a subband by the local standard deviation of a Gaussian
// scale mixture (Wainwright and Simoncelli, "Scale Mixtures of Gaussians and
// the Statistics of Natural Images", 2000; code of DIIVINE, Moorthy and Bovik
// 2011) whose neighbourhood y is 3×3 pixels, the same pixel of the other five
// orientations and, of the first five orientations of the finest scale, of the
// coarser scale: z = √(yᵀC⁻¹y/N) with C the covariance of y.
func (p *pyramid) normalize(scale, orientation int) (band, error) {
	b := p.bands[scale][orientation]
	w, h := b.w-2, b.h-2
	// sources are picture and offset of each component of y.
	type source struct {
		from  band
		start int
	}
	var sources []source
	for dy := range 3 {
		for dx := range 3 {
			sources = append(sources, source{b, dy*b.w + dx})
		}
	}
	// The original's count of bands that have a parent is one short.
	if scale == 0 && orientation < orientations-1 {
		child := p.bands[1][orientation]
		v, pw, _, err := imresize.Float(child.v, child.w, child.h, 1, imresize.Options{Scale: 2})
		if err != nil {
			return band{}, fmt.Errorf("parent of subband %d: %w", orientation+1, err)
		}
		sources = append(sources, source{band{pw, len(v) / pw, v}, pw + 1})
	}
	n := float64(len(sources)) // of the neighbours the original counts these
	for o := range orientations {
		if o != orientation {
			sources = append(sources, source{p.bands[scale][o], b.w + 1})
		}
	}
	dims := len(sources)
	rows := make([]float64, w*dims) // one row of pixels, component by component
	read := func(y int) {
		for k, s := range sources {
			copy(rows[k*w:(k+1)*w], s.from.v[s.start+y*s.from.w:])
		}
	}
	sums := make([]float64, dims*dims)
	for y := range h {
		read(y)
		for i := range dims {
			a := rows[i*w : (i+1)*w]
			for j := i; j < dims; j++ {
				sums[i*dims+j] += floats.Dot(a, rows[j*w:(j+1)*w])
			}
		}
	}
	cov := mat.NewSymDense(dims, nil)
	for i := range dims {
		for j := i; j < dims; j++ {
			cov.SetSym(i, j, sums[i*dims+j]/float64(w*h))
		}
	}
	if mat.Trace(cov) < roundingNoise*roundingNoise {
		return band{}, ErrFlat
	}
	white, err := whitening(cov)
	if err != nil {
		return band{}, err
	}

	m := mean(b.cut(1).v)
	g := newBand(w, h)
	z, component := make([]float64, w), make([]float64, w)
	for y := range h {
		read(y)
		clear(z)
		for k := range len(white) / dims {
			clear(component)
			for i, weight := range white[k*dims : (k+1)*dims] {
				floats.AddScaled(component, weight, rows[i*w:(i+1)*w])
			}
			for x, c := range component {
				z[x] += c * c
			}
		}
		for x, zz := range z {
			if zz == 0 {
				return band{}, ErrFlat
			}
			g.v[y*w+x] = (b.v[(y+1)*b.w+x+1] - m) / math.Sqrt(zz/n)
		}
	}
	g = g.cut(guardBand >> scale)
	g.center()
	return g, nil
}

// whitening returns the rows r of a matrix with Σ(r·y)² = yᵀC⁺y, one for each
// positive eigenvalue of C. Like the original it leaves negative ones out and
// scales the others so that their sum stays; eigenvalues that are 0 to
// rounding have no inverse, as in MATLAB's pinv.
func whitening(c *mat.SymDense) ([]float64, error) {
	var eig mat.EigenSym
	if !eig.Factorize(c, true) {
		return nil, errors.New("covariance of a subband: the decomposition does not converge")
	}
	dims, _ := c.Dims()
	values := eig.Values(nil)
	sum, positive, largest := 0.0, 0.0, 0.0
	for _, v := range values {
		sum += v
		positive += max(v, 0)
		largest = max(largest, v)
	}
	var q mat.Dense
	eig.VectorsTo(&q)
	var rows []float64
	for k, v := range values {
		if v > float64(dims)*largest*0x1p-52 {
			scale := 1 / math.Sqrt(v*sum/positive)
			for i := range dims {
				rows = append(rows, scale*q.At(i, k))
			}
		}
	}
	if rows == nil {
		return nil, ErrFlat
	}
	return rows, nil
}
