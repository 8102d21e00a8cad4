package nrqm

import (
	"math"
	"math/cmplx"

	"gonum.org/v1/gonum/dsp/fourier"
)

// slowFactor is the prime factor from which on gonum's transform, whose time
// grows with the sum of the factors, is slower than two of a power of two.
const slowFactor = 60

// dft transforms sequences of one length, in place and without scaling. Calls
// must not overlap.
type dft struct {
	fft *fourier.CmplxFFT

	// Of lengths with a large prime factor only, for Bluestein's algorithm
	// (Rabiner, Schafer and Rader, "The chirp z-transform algorithm", 1969):
	// the transform as a convolution with a chirp, which fft, of a power of
	// two, does.
	chirp, kernel, work []complex128
}

func newDFT(n int) *dft {
	if largestFactor(n) < slowFactor {
		return &dft{fft: fourier.NewCmplxFFT(n)}
	}
	size := 1
	for size < 2*n-1 {
		size *= 2
	}
	d := &dft{
		fft:   fourier.NewCmplxFFT(size),
		chirp: make([]complex128, n), kernel: make([]complex128, size), work: make([]complex128, size),
	}
	for k := range d.chirp {
		d.chirp[k] = cmplx.Rect(1, -math.Pi*float64(k*k%(2*n))/float64(n))
		c := cmplx.Conj(d.chirp[k]) / complex(float64(size), 0)
		d.kernel[k] = c
		d.kernel[(size-k)%size] = c
	}
	d.fft.Coefficients(d.kernel, d.kernel)
	return d
}

func largestFactor(n int) int {
	largest := 1
	for p := 2; p*p <= n; p++ {
		for n%p == 0 {
			largest, n = p, n/p
		}
	}
	return max(largest, n)
}

// forward replaces v[n] by Σ v[n]·exp(-2πi·kn/len(v)).
func (d *dft) forward(v []complex128) {
	if d.chirp == nil {
		d.fft.Coefficients(v, v)
		return
	}
	clear(d.work)
	for k, c := range d.chirp {
		d.work[k] = v[k] * c
	}
	d.fft.Coefficients(d.work, d.work)
	for k, c := range d.kernel {
		d.work[k] *= c
	}
	d.fft.Sequence(d.work, d.work)
	for k, c := range d.chirp {
		v[k] = d.work[k] * c
	}
}

// inverse is forward with exp(+2πi·kn/len(v)).
func (d *dft) inverse(v []complex128) {
	if d.chirp == nil {
		d.fft.Sequence(v, v)
		return
	}
	for i, c := range v {
		v[i] = cmplx.Conj(c)
	}
	d.forward(v)
	for i, c := range v {
		v[i] = cmplx.Conj(c)
	}
}

// transform applies a Fourier transform to every row and column of v, in place.
func transform(v []complex128, w, h int, apply func(d *dft, v []complex128)) {
	d := newDFT(w)
	for y := range h {
		apply(d, v[y*w:(y+1)*w])
	}
	if h != w {
		d = newDFT(h)
	}
	column := make([]complex128, h)
	for x := range w {
		for y := range column {
			column[y] = v[y*w+x]
		}
		apply(d, column)
		for y, c := range column {
			v[y*w+x] = c
		}
	}
}
