package ldm

import (
	"context"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// UniPC samples with the unified predictor-corrector of Zhao et al., "UniPC:
// A Unified Predictor-Corrector Framework for Fast Sampling of Diffusion
// Models" (NeurIPS 2023), algorithms 5 and 6, order 2 with B(h) = e^h - 1
// ("bh2"), on estimates of x0: x starts as x_T and holds the sample at the
// end. The last step is of order one. It takes no noise. It equals
// diffusers' UniPCMultistepScheduler at its defaults to 1e-4 of the largest
// value. report's x is the predictor's, which the next step corrects.
func UniPC(ctx context.Context, denoise Denoiser, x []float32, levels []Level, _ NoiseSource, report StepReport) error {
	return uniPC(ctx, denoise, x, levels, report, uniPCOptions{order: 2})
}

// uniPCOptions are the settings of diffusers' class.
type uniPCOptions struct {
	order        int  // 1 to 3
	bh1          bool // B(h) is h rather than e^h - 1
	fullOrderEnd bool
	uncorrected  []int // steps, from 0, whose result is not corrected
	clamp        func(x0 []float32)
}

func uniPC(ctx context.Context, denoise Denoiser, x []float32, levels []Level, report StepReport, o uniPCOptions) error {
	steps := len(levels) - 1
	x0 := make([]float32, len(x))
	var last []float32   // where the step before began
	var past [][]float32 // x0 there, and before that
	order := 0
	for i := range steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := estimate(denoise, x, levels[i], x0); err != nil {
			return err
		}
		if o.clamp != nil {
			o.clamp(x0)
		}
		if i > 0 && !slices.Contains(o.uncorrected, i-1) {
			o.step(x, last, x0, past, levels[:i+1], order)
		}
		last = slices.Clone(x)
		past = append([][]float32{slices.Clone(x0)}, past[:min(len(past), o.order-1)]...)
		order = min(o.order, i+1)
		if !o.fullOrderEnd {
			order = min(order, steps-i)
		}
		o.step(x, last, nil, past, levels[:i+2], order)
		if report != nil {
			report(i+1, x, x0)
		}
	}
	return nil
}

// step moves from last, at the level before the last of levels, to that one and
// writes x there: x = keep·last + toward·m0 - α·B(h)·Σ ρ_k (m_k - m0)/r_k, where
// m are the estimates of x0 in past, the newest first, and r their distances in
// λ. With now, the estimate at x, it is the corrector, which has one term more,
// with r = 1.
func (o uniPCOptions) step(x, last, now []float32, past [][]float32, levels []Level, order int) {
	n := len(levels)
	s, t := levels[n-2], levels[n-1]
	hh := s.Lambda - t.Lambda
	phi := math.Expm1(hh)
	b := phi
	if o.bh1 {
		b = hh
	}
	distances := make([]float64, 0, order)
	for k := 1; k < order; k++ {
		distances = append(distances, (levels[n-2-k].Lambda-s.Lambda)/(t.Lambda-s.Lambda))
	}
	terms := past[1:max(1, order)]
	weights := o.weights(distances, hh, b, now != nil)
	for k, r := range distances {
		weights[k] *= t.Alpha * b / r
	}
	if now != nil {
		weights[order-1] *= t.Alpha * b
		terms = append(slices.Clone(terms), now)
	}
	keep, toward := float32(t.Sigma/s.Sigma), float32(-t.Alpha*phi)
	m0 := past[0]
	for j := range x {
		v := keep*last[j] + toward*m0[j]
		for k, m := range terms {
			v -= float32(weights[k]) * (m[j] - m0[j])
		}
		x[j] = v
	}
}

// weights solves equation 10, R ρ = b: row i has the i-th powers of the
// distances. The predictor of order 2 and the corrector of order 1 have 1/2
// instead.
func (o uniPCOptions) weights(distances []float64, hh, b float64, corrector bool) []float64 {
	points := slices.Clone(distances)
	if corrector {
		points = append(points, 1)
	}
	if len(points) == 0 {
		return nil
	}
	if len(points) == 1 {
		return []float64{0.5}
	}
	size := len(points)
	r, right := mat.NewDense(size, size, nil), mat.NewVecDense(size, nil)
	phi, factorial := math.Expm1(hh)/hh-1, 1.0
	for i := range size {
		for k, p := range points {
			r.Set(i, k, math.Pow(p, float64(i)))
		}
		right.SetVec(i, phi*factorial/b)
		factorial *= float64(i + 2)
		phi = phi/hh - 1/factorial
	}
	var rho mat.VecDense
	if err := rho.SolveVec(r, right); err != nil { // levels differ, so R has full rank; what is nearly singular is said to be
		if _, near := err.(mat.Condition); !near {
			panic(err)
		}
	}
	return rho.RawVector().Data
}
