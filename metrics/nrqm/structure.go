package nrqm

import (
	"fmt"
	"math"

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

// structureAt compares a subband with a picture of another size, to which it
// is resized.
func structureAt(b, ref band) (float64, error) {
	v, w, h, err := imresize.Float(b.v, b.w, b.h, 1, imresize.Options{Width: ref.w, Height: ref.h})
	if err != nil {
		return 0, fmt.Errorf("subband against high-pass residual: %w", err)
	}
	return structure(band{w, h, v}, ref), nil
}

// structure is the mean over all whole windows of the contrast and structure
// term of SSIM (Wang et al. 2004), (2σ_ab+C₂)/(σ_a²+σ_b²+C₂).
func structure(a, b band) float64 {
	// Per row of the picture the five moments are filtered across, then 11
	// such rows down.
	w, h := a.w-10, a.h-10
	moments := make([]float64, 11*5*w)
	product := make([]float64, 5*a.w)
	total := 0.0
	sums := make([]float64, 5*w)
	for y := range a.h {
		for x := range a.w {
			p, q := a.v[y*a.w+x], b.v[y*a.w+x]
			product[x], product[a.w+x] = p, q
			product[2*a.w+x], product[3*a.w+x], product[4*a.w+x] = p*p, q*q, p*q
		}
		row := moments[y%11*5*w:][:5*w]
		clear(row)
		for k := range 5 {
			dst := row[k*w : (k+1)*w]
			for i, g := range structureWindow {
				src := product[k*a.w+i:][:w]
				for x, v := range src {
					dst[x] += g * v
				}
			}
		}
		if y < 10 {
			continue
		}
		clear(sums)
		for i, g := range structureWindow {
			src := moments[(y-10+i)%11*5*w:][:5*w]
			for x, v := range src {
				sums[x] += g * v
			}
		}
		for x := range w {
			ma, mb := sums[x], sums[w+x]
			va, vb := sums[2*w+x]-ma*ma, sums[3*w+x]-mb*mb
			total += (2*(sums[4*w+x]-ma*mb) + structureC2) / (va + vb + structureC2)
		}
	}
	return total / float64(w*h)
}
