package nrqm

import (
	"math"
)

const (
	scales       = 2
	orientations = 6
)

// pyramid is a steerable pyramid: the high-pass residual and the oriented
// subbands of each scale, finest first. The low-pass residual is not used.
type pyramid struct {
	high  band
	bands [scales][orientations]band
}

// steerable decomposes a picture as buildSFpyr of Simoncelli's
// matlabPyrTools (Simoncelli and Freeman, "The Steerable Pyramid", ICIP 1995):
// in the frequency domain, with raised cosines one octave wide in log
// frequency and cos⁵ in angle, both read from tables by linear interpolation.
func steerable(b band) pyramid {
	top, whole := newRadialTables(), newSpectrum(b)
	fine := whole.lowPass(top.low)
	coarse := fine.half().lowPass(top.octavesDown(1).low)
	levels := [scales]spectrum{fine, coarse}

	var p pyramid
	each(1+scales*orientations, func(i int) {
		if i == 0 {
			p.high = whole.inverse(func(i int) complex128 { return complex(top.high.at(whole.logRadius[i]), 0) })
			return
		}
		scale, o := (i-1)/orientations, (i-1)%orientations
		level, radial, angular := levels[scale], top.octavesDown(scale+1).high, newAngularTable(o)
		p.bands[scale][o] = level.inverse(func(i int) complex128 {
			// (-i)⁵ = -i
			return complex(0, -angular.at(level.angle[i])*radial.at(level.logRadius[i]))
		})
	})
	return p
}

// spectrum is a discrete Fourier transform with frequency 0 in the middle (row
// h/2, column w/2), and where each coefficient lies in polar coordinates.
type spectrum struct {
	w, h      int
	v         []complex128
	logRadius []float64 // log₂ of the frequency, 0 at the Nyquist frequency
	angle     []float64
}

func newSpectrum(b band) spectrum {
	s := spectrum{b.w, b.h, make([]complex128, len(b.v)), make([]float64, len(b.v)), make([]float64, len(b.v))}
	for i, v := range b.v {
		s.v[i] = complex(v, 0)
	}
	transform(s.v, s.w, s.h, (*dft).forward)
	s.v = roll(s.v, s.w, s.h, s.w/2, s.h/2)
	for y := range s.h {
		fy := float64(y-s.h/2) / (float64(s.h) / 2)
		for x := range s.w {
			fx := float64(x-s.w/2) / (float64(s.w) / 2)
			i := y*s.w + x
			s.logRadius[i] = math.Log2(math.Sqrt(fx*fx + fy*fy))
			s.angle[i] = math.Atan2(fy, fx)
		}
	}
	// The original's way around log 0.
	center := s.h/2*s.w + s.w/2
	s.logRadius[center] = s.logRadius[center-1]
	return s
}

// lowPass returns s with each coefficient multiplied by what the table says for
// its radius.
func (s spectrum) lowPass(t table) spectrum {
	v := make([]complex128, len(s.v))
	for i, c := range s.v {
		v[i] = c * complex(t.at(s.logRadius[i]), 0)
	}
	s.v = v
	return s
}

// half returns the middle half of s on each side: the spectrum of the
// picture at half the size.
func (s spectrum) half() spectrum {
	w, h := (s.w+1)/2, (s.h+1)/2
	x0, y0 := s.w/2-w/2, s.h/2-h/2
	out := spectrum{w: w, h: h}
	for y := y0; y < y0+h; y++ {
		row := y*s.w + x0
		out.v = append(out.v, s.v[row:row+w]...)
		out.logRadius = append(out.logRadius, s.logRadius[row:row+w]...)
		out.angle = append(out.angle, s.angle[row:row+w]...)
	}
	return out
}

// inverse returns the real part of the picture whose spectrum is s with
// coefficient i multiplied by mask(i).
func (s spectrum) inverse(mask func(i int) complex128) band {
	v := make([]complex128, len(s.v))
	for i, c := range s.v {
		v[i] = c * mask(i)
	}
	v = roll(v, s.w, s.h, (s.w+1)/2, (s.h+1)/2)
	transform(v, s.w, s.h, (*dft).inverse)
	b := newBand(s.w, s.h)
	for i, c := range v {
		b.v[i] = real(c) / float64(len(v))
	}
	return b
}

// roll returns v moved right by dx and down by dy, around the edges.
func roll(v []complex128, w, h, dx, dy int) []complex128 {
	out := make([]complex128, len(v))
	for y := range h {
		dst := out[(y+dy)%h*w:][:w]
		src := v[y*w : (y+1)*w]
		copy(dst[dx:], src)
		copy(dst, src[w-dx:])
	}
	return out
}

// table is a function given at equally spaced points, straight between them
// and constant outside.
type table struct {
	first, step float64
	y           []float64
}

func (t *table) at(x float64) float64 {
	p := (x - t.first) / t.step
	if !(p > 0) {
		return t.y[0]
	}
	i := int(p)
	if i >= len(t.y)-1 {
		return t.y[len(t.y)-1]
	}
	f := p - float64(i)
	return t.y[i]*(1-f) + t.y[i+1]*f
}

// radialTables hold the transition between low and high frequencies: the
// squares of the two sum to 1.
type radialTables struct{ low, high table }

// newRadialTables returns the transition over the octave below the Nyquist
// frequency.
func newRadialTables() radialTables {
	const n = 256 // rcosFn's
	r := radialTables{
		low:  table{-0.5 + 2/math.Pi*(math.Pi*(-n-1)/2/n+math.Pi/4), 1.0 / n, make([]float64, n+3)},
		high: table{y: make([]float64, n+3)},
	}
	r.high.first, r.high.step = r.low.first, r.low.step
	for i := range r.high.y {
		// The ends repeat their neighbours, so that the outside is constant.
		c := math.Cos(math.Pi * float64(min(max(i, 1), n+1)-n-1) / 2 / n)
		r.high.y[i] = math.Sqrt(c * c)
		r.low.y[i] = math.Sqrt(1 - r.high.y[i]*r.high.y[i])
	}
	return r
}

func (r radialTables) octavesDown(n int) radialTables {
	r.low.first -= float64(n)
	r.high.first -= float64(n)
	return r
}

// newAngularTable returns c·cos⁵(angle - πo/6).
func newAngularTable(o int) table {
	const n = 1024
	const order = orientations - 1
	// √(2^(2·order)·order!² / (orientations·(2·order)!))
	scale := math.Sqrt(math.Pow(2, 2*order) * math.Gamma(order+1) * math.Gamma(order+1) / (orientations * math.Gamma(2*order+1)))
	t := table{math.Pi*-(2*n+1)/n + math.Pi*float64(o)/orientations, math.Pi / n, make([]float64, 3*n+3)}
	for i := range t.y {
		t.y[i] = scale * math.Pow(math.Cos(math.Pi*float64(i-2*n-1)/n), order)
	}
	return t
}
