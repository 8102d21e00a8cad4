package nrqm

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"

	"github.com/trustsr/trustsr/srspace/imresize"
)

// structureC2 is SSIM's second constant, (0.03·255)².
const structureC2 = 58.5225

// structureWindow is SSIM's Gaussian of 11 pixels and σ = 1.5, sum 1.
var structureWindow = func() (g [11]float64) {
	sum := 0.0
	for i := range g {
		d := float64(i - 5)
		g[i] = math.Exp(-d * d / (2 * 1.5 * 1.5))
		sum += g[i]
	}
	for i := range g {
		g[i] /= sum
	}
	return g
}()

// moments are a picture with its mean and variance in every whole window.
type moments struct {
	picture, mean, variance band
}

func newMoments(b band) moments {
	m := moments{b, windowMeans(b), windowMeans(product(b, b))}
	for i, mu := range m.mean.v {
		m.variance.v[i] -= mu * mu
	}
	return m
}

// structure is the mean over all windows of the contrast and structure term of
// SSIM (Wang et al. 2004), (2σ_ab+C₂)/(σ_a²+σ_b²+C₂).
func structure(a, b moments) float64 {
	total := 0.0
	for i, ab := range windowMeans(product(a.picture, b.picture)).v {
		covariance := ab - a.mean.v[i]*b.mean.v[i]
		total += (2*covariance + structureC2) / (a.variance.v[i] + b.variance.v[i] + structureC2)
	}
	return total / float64(len(a.mean.v))
}

// structureAt compares a subband with a picture of another size, to which it
// is resized.
func structureAt(b band, ref moments) (float64, error) {
	v, w, h, err := imresize.Float(b.v, b.w, b.h, 1, imresize.Options{Width: ref.picture.w, Height: ref.picture.h})
	if err != nil {
		return 0, fmt.Errorf("subband against high-pass residual: %w", err)
	}
	return structure(newMoments(band{w, h, v}), ref), nil
}

func product(a, b band) band {
	p := newBand(a.w, a.h)
	floats.MulTo(p.v, a.v, b.v)
	return p
}

// windowMeans filters b with structureWindow across and down, where the window
// lies inside: 10 pixels less on each side.
func windowMeans(b band) band {
	n := len(structureWindow)
	across := newBand(b.w-n+1, b.h)
	for y := range b.h {
		for i, g := range structureWindow {
			floats.AddScaled(across.v[y*across.w:(y+1)*across.w], g, b.v[y*b.w+i:][:across.w])
		}
	}
	out := newBand(across.w, b.h-n+1)
	for y := range out.h {
		for i, g := range structureWindow {
			floats.AddScaled(out.v[y*out.w:(y+1)*out.w], g, across.v[(y+i)*out.w:][:out.w])
		}
	}
	return out
}
