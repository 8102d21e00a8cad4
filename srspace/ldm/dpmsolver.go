package ldm

import (
	"context"
	"math"
)

// DPMSolverPP2M samples with DPM-Solver++(2M), Lu et al., "DPM-Solver++: Fast
// Solver for Guided Sampling of Diffusion Probabilistic Models" (2022),
// algorithm 2: x starts as x_T and holds the sample at the end. The first
// step is of order one, and so is the last when it removes all noise or when
// there are fewer than 15 (lower_order_final). It takes no noise. It equals
// diffusers' DPMSolverMultistepScheduler ("dpmsolver++", midpoint, order 2)
// to 1e-4 of the largest value.
func DPMSolverPP2M(ctx context.Context, denoise Denoiser, x []float32, levels []Level, _ NoiseSource, report StepReport) error {
	return dpmSolver(ctx, denoise, x, levels, nil, report)
}

// DPMSolverPP2MSDE is the stochastic DPM-Solver++(2M) of the same paper's
// appendix (diffusers: "sde-dpmsolver++"): every step but the last takes
// fresh noise, so that samples of few steps stay diverse.
func DPMSolverPP2MSDE(ctx context.Context, denoise Denoiser, x []float32, levels []Level, noise NoiseSource, report StepReport) error {
	return dpmSolver(ctx, denoise, x, levels, noise, report)
}

// dpmSolver is both; noise is nil for the ordinary differential equation.
func dpmSolver(ctx context.Context, denoise Denoiser, x []float32, levels []Level, noise NoiseSource, report StepReport) error {
	steps := len(levels) - 1
	x0, before := make([]float32, len(x)), make([]float32, len(x))
	n := make([]float32, len(x))
	for i := range steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		s, t := levels[i], levels[i+1]
		h := t.Lambda - s.Lambda
		last := i == steps-1
		second := i > 0 && !(last && (steps < 15 || t.Sigma == 0))
		keep, toward, fresh := t.Sigma/s.Sigma, -t.Alpha*math.Expm1(-h), 0.0
		if noise != nil {
			keep *= math.Exp(-h)
			toward = -t.Alpha * math.Expm1(-2*h)
			fresh = t.Sigma * math.Sqrt(-math.Expm1(-2*h))
		}
		x0, before = before, x0
		err := beside(fresh != 0, func() { noise(n, i+1) }, func() error { return estimate(denoise, x, s, x0) })
		if err != nil {
			return err
		}
		slope := 0.0 // weight of D1 = (x0 - before)/r, r = h_before/h
		if second {
			slope = 0.5 * toward * h / (s.Lambda - levels[i-1].Lambda)
		}
		k, a, b, f := float32(keep), float32(toward), float32(slope), float32(fresh)
		for j := range x {
			v := k*x[j] + a*x0[j]
			if second {
				v += b * (x0[j] - before[j])
			}
			if f != 0 {
				v += f * n[j]
			}
			x[j] = v
		}
		if report != nil {
			report(i+1, x, x0)
		}
	}
	return nil
}

// estimate puts the denoised estimate of x at a level into x0.
func estimate(denoise Denoiser, x []float32, l Level, x0 []float32) error {
	eps, err := denoise(x, l.Timestep)
	if err != nil {
		return err
	}
	inverse, sigma := float32(1/l.Alpha), float32(l.Sigma)
	for j, e := range eps {
		x0[j] = (x[j] - sigma*e) * inverse
	}
	return nil
}
