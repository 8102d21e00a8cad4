package ldm

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sort"

	"gonum.org/v1/gonum/stat/distuv"
)

// spaced returns count time steps, the noisiest first, spread over those below
// last as numpy does for a timestep_spacing. more is 1 where the spacing ends
// one step before 0, as the multistep solvers' does.
func (s *Scheduler) spaced(train, last, count, more int) ([]int, error) {
	var steps []int
	switch s.Spacing {
	case "linspace":
		for i := count + more - 1; i >= more; i-- {
			v := 0.0
			if count+more > 1 {
				v = float64(last-1) * float64(i) / float64(count+more-1)
			}
			steps = append(steps, int(math.RoundToEven(v)))
		}
	case "leading":
		ratio := last / (count + more)
		for i := count + more - 1; i >= more; i-- {
			steps = append(steps, i*ratio+s.Offset)
		}
	default: // trailing
		ratio := float64(train) / float64(count)
		for i := 0; float64(i) < math.Ceil(float64(last)/ratio); i++ {
			steps = append(steps, int(math.RoundToEven(float64(last)-float64(i)*ratio))-1)
		}
	}
	for _, t := range steps {
		if t < 0 || t >= train {
			return nil, fmt.Errorf("%d steps reach time step %d of a schedule of 0…%d", count, t, train-1)
		}
	}
	return steps, nil
}

func (s *Scheduler) ddimPlan(c ScheduleConfig, count int, eta float64) (*Plan, error) {
	if !(eta >= 0 && eta <= 1) {
		return nil, fmt.Errorf("eta %v outside 0…1", eta)
	}
	times, err := s.spaced(c.Timesteps, c.Timesteps, count, 0)
	if err != nil {
		return nil, err
	}
	alphas := c.AlphasCumprod()
	var steps []Step
	for _, t := range times {
		prev := 1.0
		if s.KeepFirstAlpha {
			prev = float64(alphas[0])
		}
		if before := t - c.Timesteps/count; before >= 0 {
			prev = float64(alphas[before])
		}
		a := float64(alphas[t])
		steps = append(steps, Step{t, a, prev, ddimSigma(a, prev, eta)})
	}
	return &Plan{Timesteps: times, Stochastic: eta > 0, run: func(ctx context.Context, denoise Denoiser, x []float32, each int, noise NoiseSource, report StepReport) error {
		return ddim(ctx, denoise, x, steps, noise, report, s.clamp(each))
	}}, nil
}

// clamp returns what keeps estimates of x0 in bounds, nil where nothing does.
// each is the length of one sample.
func (s *Scheduler) clamp(each int) func(x0 []float32) {
	switch {
	case s.ThresholdRatio > 0:
		return func(x0 []float32) {
			for from := 0; from < len(x0); from += each {
				s.threshold(x0[from : from+each])
			}
		}
	case s.Clip > 0:
		bound := float32(s.Clip)
		return func(x0 []float32) {
			for i, v := range x0 {
				x0[i] = min(bound, max(-bound, v))
			}
		}
	}
	return nil
}

// threshold is the dynamic thresholding of Saharia et al., "Photorealistic
// Text-to-Image Diffusion Models with Deep Language Understanding" (2022).
func (s *Scheduler) threshold(x0 []float32) {
	sorted := make([]float64, len(x0))
	for i, v := range x0 {
		sorted[i] = math.Abs(float64(v))
	}
	slices.Sort(sorted)
	at := s.ThresholdRatio * float64(len(sorted)-1)
	low := int(at)
	high := min(low+1, len(sorted)-1)
	q := sorted[low] + (at-float64(low))*(sorted[high]-sorted[low])
	bound := float32(math.Min(math.Max(q, 1), s.ThresholdMax))
	for i, v := range x0 {
		x0[i] = min(bound, max(-bound, v)) / bound
	}
}

func (s *Scheduler) solverPlan(c ScheduleConfig, count int, eta float64) (*Plan, error) {
	only := 0.0
	if s.Stochastic {
		only = 1
	}
	if eta != only {
		return nil, fmt.Errorf("eta is %v here, not %v", only, eta)
	}
	levels, err := s.levels(c, count)
	if err != nil {
		return nil, err
	}
	return s.levelPlan(levels)
}

// levelPlan solves over given noise levels.
func (s *Scheduler) levelPlan(levels []Level) (*Plan, error) {
	p := &Plan{Stochastic: s.Stochastic}
	for _, l := range levels[:len(levels)-1] {
		p.Timesteps = append(p.Timesteps, l.Timestep)
	}
	p.run = func(ctx context.Context, denoise Denoiser, x []float32, each int, noise NoiseSource, report StepReport) error {
		if s.Class == classUniPC {
			return uniPC(ctx, denoise, x, levels, report, uniPCOptions{order: s.Order, bh1: s.Solver == "bh1", fullOrderEnd: s.FullOrderEnd, uncorrected: s.Uncorrected, clamp: s.clamp(each)})
		}
		if !s.Stochastic {
			noise = nil
		}
		return dpmSolver(ctx, denoise, x, levels, noise, report, dpmOptions{order: s.Order, heun: s.Solver == "heun", fullOrderEnd: s.FullOrderEnd, eulerEnd: s.EulerEnd, clamp: s.clamp(each)})
	}
	return p, nil
}

// levels returns the noise levels of a multistep solver, the noisiest first;
// σ stands, as diffusers has it, for the noise of x/√ᾱ.
func (s *Scheduler) levels(c ScheduleConfig, count int) ([]Level, error) {
	alphas := c.roundedAlphas()
	sigmas := make([]float64, len(alphas)) // rising
	for t, a := range alphas {
		sigmas[t] = float64(float32(math.Sqrt(float64((1 - a) / a)))) // as diffusers rounds
	}
	last := c.Timesteps
	if s.LambdaMin != nil { // λ = -log σ falls
		last = sort.Search(c.Timesteps, func(t int) bool { return -math.Log(sigmas[t]) < *s.LambdaMin })
		if last < 1 {
			return nil, fmt.Errorf("lambda_min_clipped %v leaves no time step", *s.LambdaMin)
		}
	}
	var levels []Level
	if s.Sigmas == "" {
		times, err := s.spaced(c.Timesteps, last, count, 1)
		if err != nil {
			return nil, err
		}
		for _, t := range times {
			levels = append(levels, level(t, float64(alphas[t])))
		}
	} else {
		for _, sigma := range s.spread(sigmas, count) {
			t := timeOf(sigma, sigmas)
			if s.Sigmas == "karras" || s.Sigmas == "lu" {
				if s.Class == classUniPC || c.Kind != CosineBetas {
					t = math.RoundToEven(t)
				}
			}
			levels = append(levels, sigmaLevel(int(t), sigma))
		}
	}
	for i := 1; i < len(levels); i++ {
		if levels[i].Lambda <= levels[i-1].Lambda {
			return nil, fmt.Errorf("%d steps visit a noise level twice", count)
		}
	}
	if s.KeepNoise {
		return append(levels, sigmaLevel(0, sigmas[0])), nil
	}
	return append(levels, level(0, 1)), nil
}

// roundedAlphas is ᾱ as PyTorch computes it in float32. It differs from
// AlphasCumprod in the last digits, which decide, where time steps follow from
// noise levels and are cut to whole numbers, which one is visited.
func (c ScheduleConfig) roundedAlphas() []float32 {
	out := make([]float32, c.Timesteps)
	lo, hi := float32(math.Sqrt(c.LinearStart)), float32(math.Sqrt(c.LinearEnd))
	if c.Kind == EvenBetas {
		lo, hi = float32(c.LinearStart), float32(c.LinearEnd)
	}
	step := (hi - lo) / float32(max(1, c.Timesteps-1))
	product := 1.0
	for i, b := range c.Betas() {
		beta := float32(b)
		if c.Kind != CosineBetas {
			// torch.linspace counts from both ends
			beta = lo + step*float32(i)
			if i >= c.Timesteps/2 {
				beta = hi - step*float32(c.Timesteps-1-i)
			}
			if c.Kind == "" {
				beta *= beta
			}
		}
		product *= float64(1 - beta)
		out[i] = float32(product)
	}
	return out
}

func sigmaLevel(t int, sigma float64) Level {
	a := 1 / math.Sqrt(sigma*sigma+1)
	return Level{t, a, sigma * a, -math.Log(sigma)}
}

// spread returns count noise levels between the largest and the least of
// sigmas: Karras et al., "Elucidating the Design Space of Diffusion-Based
// Generative Models" (2022), equation 5; the exponential and Lu's, which is
// even in log σ; quantiles of Beta(0.6, 0.6), Lee et al., "Beta Sampling is All
// You Need" (2024).
func (s *Scheduler) spread(sigmas []float64, count int) []float64 {
	low, high := sigmas[0], sigmas[len(sigmas)-1]
	if s.SigmaMin != nil {
		low = *s.SigmaMin
	}
	if s.SigmaMax != nil {
		high = *s.SigmaMax
	}
	out := make([]float64, count)
	for i := range out {
		ramp := 0.0
		if count > 1 {
			ramp = float64(i) / float64(count-1)
		}
		switch s.Sigmas {
		case "karras":
			const rho = 7
			out[i] = math.Pow(math.Pow(high, 1.0/rho)+ramp*(math.Pow(low, 1.0/rho)-math.Pow(high, 1.0/rho)), rho)
		case "beta":
			out[i] = low + (high-low)*distuv.Beta{Alpha: 0.6, Beta: 0.6}.Quantile(1-ramp)
		default:
			out[i] = math.Exp(math.Log(high) + ramp*(math.Log(low)-math.Log(high)))
		}
	}
	return out
}

// timeOf interpolates the time step of a noise level in log σ.
func timeOf(sigma float64, sigmas []float64) float64 {
	v := math.Log(math.Max(sigma, 1e-10))
	log := func(i int) float64 { return float64(float32(math.Log(sigmas[i]))) } // as diffusers rounds, before it cuts time steps off
	low := sort.Search(len(sigmas), func(i int) bool { return log(i) > v }) - 1
	low = min(max(low, 0), len(sigmas)-2)
	a, b := log(low), log(low+1)
	w := math.Min(math.Max((a-v)/(a-b), 0), 1)
	return (1-w)*float64(low) + w*float64(low+1)
}
