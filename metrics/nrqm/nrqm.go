// Package nrqm computes NRQM, the no-reference quality metric for
// super-resolved images of Ma, Yang, Yang and Yang, "Learning a No-Reference
// Quality Metric for Single-Image Super-Resolution" (Computer Vision and Image
// Understanding 158, 2017), as the authors' MATLAB code does
// (github.com/chaoma99/sr-metric). PIRM 2018 and pyiqa call it "Ma" and
// "NRQM"; pyiqa's port gives other numbers in three places (see [Compute]).
//
// [Compute] makes 138 features of the 8-bit grey image: 18 of block DCT
// coefficients, 45 of a steerable pyramid under a Gaussian scale mixture, 75
// singular values of image patches. A [Model] has a regression forest for
// each of the three kinds and joins their predictions linearly. The
// authors' forests are a file to be read with [ReadModel]; [Import] makes that
// file of the authors' model.mat.
package nrqm

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/trustsr/trustsr/internal/finite"
	"github.com/trustsr/trustsr/internal/parallel"
	"github.com/trustsr/trustsr/srspace/picture"
)

var (
	// ErrTooSmall is what errors about images without enough pixels wrap.
	ErrTooSmall = errors.New("image too small")

	// ErrTooLarge is what errors about images beyond [MaxPixels] wrap.
	ErrTooLarge = errors.New("image too large")

	// ErrPixels is what errors about images wrap that do not hold three finite
	// values a pixel.
	ErrPixels = errors.New("not three finite values a pixel")

	// ErrFlat is what errors about images wrap whose subbands are empty, so
	// that there is nothing to normalise: one flat colour, or a pattern of
	// single pixels alone. The authors' code stops there with a dimension
	// error or makes features of rounding errors.
	ErrFlat = errors.New("image is flat")
)

const (
	// MinSide is the side in pixels from which any image has features.
	// Longer images may have a shorter side: what is needed is 25 patches of
	// 5×5 at a quarter of the size, and at least 45 pixels.
	MinSide = 84

	// minShort is where 11 pixels remain of the finest subbands, what the
	// window of the structure comparison covers, after a frame of one pixel
	// and the guard band of 16 are cut off on both sides.
	minShort = 11 + 2*(1+guardBand)

	// MaxPixels bounds width × height; Compute takes about 600 bytes a pixel
	// on two cores.
	MaxPixels = 1 << 24
)

// The numbers of features of each kind.
const (
	NumDCT = 18
	NumGSM = 45
	NumPCA = 75
)

// Features are what the three forests read.
type Features struct {
	// DCT holds six features for each of three scales, finest first: the
	// shape γ of the generalised Gaussian of a block's DCT coefficients (mean
	// of the lowest tenth of blocks, mean of all), their coefficient of
	// variation (mean of the highest tenth, of all) and the variance over
	// three orientations of that coefficient (highest tenth, all).
	DCT [NumDCT]float64

	// GSM holds the γ of 12 normalised subbands (two scales of six
	// orientations, finest first), of the six pairs of scales, 12 structure
	// terms of subband and high-pass residual, and 15 of pairs of
	// orientations of the fine scale.
	GSM [NumGSM]float64

	// PCA holds the 25 singular values of the matrix of 5×5 patches, largest
	// first, for each of three scales.
	PCA [NumPCA]float64
}

// Compute returns the features of the 8-bit pixels of img, in grey as MATLAB's
// rgb2gray makes it. They equal those of the authors' code: DCT and PCA to
// 1e-6 and 1e-9, the shapes γ to their grid of 0.001, structure terms to 1e-9.
// pyiqa differs: it takes one block more or less into the tenths, gives the
// sixth orientation a parent scale and pads blocks of sides that leave a
// remainder of 1 by 3 otherwise.
//
// Errors wrap [ErrTooSmall], [ErrTooLarge], [ErrPixels] or [ErrFlat]. Calls may overlap.
func Compute(img *picture.Image) (*Features, error) {
	if img == nil {
		return nil, fmt.Errorf("no image: %w", ErrTooSmall)
	}
	if err := CheckSize(img.Width, img.Height); err != nil {
		return nil, err
	}
	if len(img.Pix) != 3*img.Width*img.Height {
		return nil, fmt.Errorf("%d×%d pixels with %d values: %w", img.Width, img.Height, len(img.Pix), ErrPixels)
	}
	if i := finite.Not(img.Pix); i >= 0 {
		return nil, fmt.Errorf("a pixel is %v: %w", img.Pix[i], ErrPixels)
	}
	gray := grayscale(img)
	var f Features
	gsm, err := gsmFeatures(gray)
	if err != nil {
		return nil, err
	}
	f.GSM = *gsm
	unit := newBand(gray.w, gray.h)
	for i, v := range gray.v {
		unit.v[i] = v / 255
	}
	for level := range 3 {
		if level > 0 {
			unit = halve(unit)
		}
		dct := dctFeatures(unit)
		copy(f.DCT[level*len(dct):], dct[:])
		sv, err := patchSingularValues(unit)
		if err != nil {
			return nil, fmt.Errorf("singular values of %d×%d patches: %w", patchSide, patchSide, err)
		}
		copy(f.PCA[level*len(sv):], sv[:])
	}
	return &f, nil
}

// CheckSize tells whether images of width × height pixels have features, and
// returns an error that wraps [ErrTooSmall] or [ErrTooLarge] otherwise.
func CheckSize(width, height int) error {
	blocks := func(side int) int { return (side/4 + patchSide - 1) / patchSide }
	switch {
	case width < minShort || height < minShort || blocks(width) < 25 && blocks(height) < 25 && blocks(width)*blocks(height) < 25:
		return fmt.Errorf("%d×%d, and %d pixels a side always do: %w", width, height, MinSide, ErrTooSmall)
	case width > MaxPixels/height:
		return fmt.Errorf("%d×%d is above %d pixels: %w", width, height, MaxPixels, ErrTooLarge)
	}
	return nil
}

// band is a grey picture or a subband: h rows of w values.
type band struct {
	w, h int
	v    []float64
}

func newBand(w, h int) band { return band{w, h, make([]float64, w*h)} }

// cut returns b without a frame of n pixels.
func (b band) cut(n int) band {
	out := newBand(b.w-2*n, b.h-2*n)
	for y := range out.h {
		copy(out.v[y*out.w:(y+1)*out.w], b.v[(y+n)*b.w+n:])
	}
	return out
}

// center takes the mean off, in place.
func (b band) center() {
	m := mean(b.v)
	for i := range b.v {
		b.v[i] -= m
	}
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// The first row of MATLAB's rgb2gray, of the inverse of its YIQ matrix.
const (
	grayR = 0.298936021293775390
	grayG = 0.587043074451121360
	grayB = 0.114020904255103250
)

// grayscale returns MATLAB's rgb2gray of the 8-bit pixels: whole numbers in
// 0..255.
func grayscale(img *picture.Image) band {
	rgb := img.Bytes()
	g := newBand(img.Width, img.Height)
	for i := range g.v {
		p := rgb[3*i : 3*i+3]
		g.v[i] = math.Floor(float64(grayR*float64(p[0])) + float64(grayG*float64(p[1])) + float64(grayB*float64(p[2])) + 0.5)
	}
	return g
}

// halve returns every second pixel, from the second on, of b filtered with
// MATLAB's fspecial('gaussian', 3, 0.5) with zeros around: the paper's image
// pyramid.
func halve(b band) band {
	side := math.Exp(-1 / (2 * 0.5 * 0.5))
	center := 1 / (1 + 2*side)
	side *= center
	rows := newBand(b.w/2, b.h)
	for y := range rows.h {
		src := b.v[y*b.w : (y+1)*b.w]
		for x := range rows.w {
			i := 2*x + 1
			v := center*src[i] + side*src[i-1]
			if i+1 < b.w {
				v += side * src[i+1]
			}
			rows.v[y*rows.w+x] = v
		}
	}
	out := newBand(b.w/2, b.h/2)
	for y := range out.h {
		i := 2*y + 1
		for x := range out.w {
			v := center*rows.v[i*rows.w+x] + side*rows.v[(i-1)*rows.w+x]
			if i+1 < b.h {
				v += side * rows.v[(i+1)*rows.w+x]
			}
			out.v[y*out.w+x] = v
		}
	}
	return out
}

// each calls work(0) to work(n-1) on all cores.
func each(n int, work func(i int)) {
	parallel.Each(context.Background(), n, 0, func(i int) error { work(i); return nil }) // which cannot fail
}
