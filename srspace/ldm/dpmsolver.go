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
	return dpmSolver(ctx, denoise, x, levels, nil, report, dpmOptions{order: 2})
}

// DPMSolverPP2MSDE is the stochastic DPM-Solver++(2M) of the same paper's
// appendix (diffusers: "sde-dpmsolver++"): every step but the last takes
// fresh noise, so that samples of few steps stay diverse.
func DPMSolverPP2MSDE(ctx context.Context, denoise Denoiser, x []float32, levels []Level, noise NoiseSource, report StepReport) error {
	if noise == nil {
		return ErrNoNoise
	}
	return dpmSolver(ctx, denoise, x, levels, noise, report, dpmOptions{order: 2})
}

// dpmOptions are the settings of diffusers' class. clamp keeps the estimate of
// x0 in bounds; nil does not.
type dpmOptions struct {
	order                        int // 1 to 3
	heun, fullOrderEnd, eulerEnd bool
	clamp                        func(x0 []float32)
}

// at is the order of step i of steps; noiseless says that the last removes all
// noise.
func (o dpmOptions) at(i, steps int, noiseless bool) int {
	few := !o.fullOrderEnd && steps < 15
	switch {
	case i == steps-1 && (o.eulerEnd || few || noiseless):
		return 1
	case i == steps-2 && few:
		return min(2, o.order, i+1)
	}
	return min(o.order, i+1)
}

// dpmSolver is both; noise is nil for the ordinary differential equation.
func dpmSolver(ctx context.Context, denoise Denoiser, x []float32, levels []Level, noise NoiseSource, report StepReport, o dpmOptions) error {
	steps := len(levels) - 1
	x0, before, older := make([]float32, len(x)), make([]float32, len(x)), make([]float32, len(x))
	n := make([]float32, len(x))
	for i := range steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		s, t := levels[i], levels[i+1]
		h := t.Lambda - s.Lambda
		order := o.at(i, steps, levels[steps].Sigma == 0)
		// of the differential equation's part in hh: h, or 2h where it has noise
		hh, keep, fresh := h, t.Sigma/s.Sigma, 0.0
		if noise != nil {
			hh = 2 * h
			keep *= math.Exp(-h)
			fresh = t.Sigma * math.Sqrt(-math.Expm1(-2*h))
		}
		toward := -t.Alpha * math.Expm1(-hh)
		x0, before, older = older, x0, before
		err := beside(fresh != 0, func() { noise(n, i+1) }, func() error { return estimate(denoise, x, s, x0) })
		if err != nil {
			return err
		}
		if o.clamp != nil {
			o.clamp(x0)
		}
		slope, bend := 0.0, 0.0 // weights of x0 - before and before - older
		if order > 1 {
			first := 0.5 * toward
			if o.heun || order > 2 {
				first = t.Alpha * (math.Expm1(-hh)/hh + 1)
			}
			toBefore := h / (s.Lambda - levels[i-1].Lambda) // 1/r0
			slope = first * toBefore
			if order > 2 {
				half := 0.5
				if noise != nil { // diffusers 0.42.1 has this sign there
					half = -0.5
				}
				second := -t.Alpha * ((math.Expm1(-hh)+hh)/(hh*hh) - half)
				toOlder := h / (levels[i-1].Lambda - levels[i-2].Lambda) // 1/r1
				share := first/toBefore + second
				share /= 1/toBefore + 1/toOlder
				slope = (first + share) * toBefore
				bend = -share * toOlder
			}
		}
		k, a, b, c, f := float32(keep), float32(toward), float32(slope), float32(bend), float32(fresh)
		for j := range x {
			v := k*x[j] + a*x0[j]
			if order > 1 {
				v += b * (x0[j] - before[j])
			}
			if order > 2 {
				v += c * (before[j] - older[j])
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
