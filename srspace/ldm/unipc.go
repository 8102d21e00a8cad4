package ldm

import (
	"context"
	"math"
	"slices"
)

// UniPC samples with the unified predictor-corrector of Zhao et al., "UniPC:
// A Unified Predictor-Corrector Framework for Fast Sampling of Diffusion
// Models" (NeurIPS 2023), algorithms 5 and 6, order 2 with B(h) = e^h - 1
// ("bh2"), on estimates of x0: x starts as x_T and holds the sample at the
// end. The last step is of order one. It takes no noise. It equals
// diffusers' UniPCMultistepScheduler at its defaults to 1e-4 of the largest
// value. report's x is the predictor's, which the next step corrects.
func UniPC(ctx context.Context, denoise Denoiser, x []float32, levels []Level, _ NoiseSource, report StepReport) error {
	steps := len(levels) - 1
	x0 := make([]float32, len(x))
	var last, m1, m2 []float32 // where the step before began; x0 there, and one before that
	order := 0
	for i := range steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := estimate(denoise, x, levels[i], x0); err != nil {
			return err
		}
		if i > 0 {
			correct(x, last, x0, m1, m2, levels[max(0, i-2):i+1], order)
		}
		last = slices.Clone(x)
		m1, m2 = slices.Clone(x0), m1
		order = min(2, i+1, steps-i)
		predict(x, m1, m2, levels[max(0, i-1):i+2], order)
		if report != nil {
			report(i+1, x, x0)
		}
	}
	return nil
}

// transition returns the factors of a step from level s to t: x_t = keep·x_s
// + toward·m0 + … and hφ-terms in hh = -(λ_t - λ_s).
func transition(s, t Level) (keep, toward, b, hh float64) {
	hh = s.Lambda - t.Lambda
	phi1 := math.Expm1(hh)
	return t.Sigma / s.Sigma, -t.Alpha * phi1, t.Alpha * phi1, hh
}

// predict moves x to the last level; m1 is x0 at x's level, m2 one before.
// UniP-2's only coefficient is 1/2 (equation 11 with order 2).
func predict(x, m1, m2 []float32, levels []Level, order int) {
	n := len(levels)
	s, t := levels[n-2], levels[n-1]
	keep, toward, b, _ := transition(s, t)
	slope := 0.0
	if order == 2 {
		r := (levels[n-3].Lambda - s.Lambda) / (t.Lambda - s.Lambda)
		slope = b * 0.5 / r
	}
	k, a, c := float32(keep), float32(toward), float32(slope)
	for j := range x {
		v := k*x[j] + a*m1[j]
		if order == 2 {
			v -= c * (m2[j] - m1[j])
		}
		x[j] = v
	}
}

// correct replaces x, predicted for the last level from last one level
// before, by what also fits now, the x0 estimated at x. m1 is x0 at last, m2
// one before.
func correct(x, last, now, m1, m2 []float32, levels []Level, order int) {
	n := len(levels)
	s, t := levels[n-2], levels[n-1]
	keep, toward, b, hh := transition(s, t)
	older, newer := 0.0, 0.5
	if order == 2 {
		// R ρ = b of equation 10: rows 1 and r_k
		phi2 := math.Expm1(hh)/hh - 1
		phi3 := phi2/hh - 0.5
		b1, b2 := phi2/math.Expm1(hh), 2*phi3/math.Expm1(hh)
		r := (levels[n-3].Lambda - s.Lambda) / (t.Lambda - s.Lambda)
		rho := (b1 - b2) / (1 - r)
		older, newer = b*rho/r, b1-rho
	}
	newer *= b
	k, a, c, d := float32(keep), float32(toward), float32(older), float32(newer)
	for j := range x {
		v := k*last[j] + a*m1[j] - d*(now[j]-m1[j])
		if order == 2 {
			v -= c * (m2[j] - m1[j])
		}
		x[j] = v
	}
}
