package ldm

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/trustsr/trustsr/internal/hint"
)

// A Plan is a sampling method with its time steps worked out.
type Plan struct {
	Timesteps []int // in the order executed, the noisiest first
	// Stochastic says that steps take noise: samples differ by more than
	// their x_T.
	Stochastic bool

	run func(ctx context.Context, denoise Denoiser, x []float32, each int, noise NoiseSource, report StepReport) error
}

// Run samples: x [batch, channels, height, width], flat, starts as the noise
// x_T and holds the sample at the end. report may be nil, and noise where the
// plan is not Stochastic; elsewhere the error is [ErrNoNoise].
func (p *Plan) Run(ctx context.Context, denoise Denoiser, x []float32, noise NoiseSource, report StepReport) error {
	return p.RunBatch(ctx, denoise, x, len(x), noise, report)
}

// RunBatch is Run for x of several samples, each values long: settings that
// look at one sample at a time, as thresholding does, tell them apart.
func (p *Plan) RunBatch(ctx context.Context, denoise Denoiser, x []float32, each int, noise NoiseSource, report StepReport) error {
	if p.Stochastic && noise == nil {
		return ErrNoNoise
	}
	return p.run(ctx, denoise, x, each, noise, report)
}

// methods are the sampling methods by the names that manifests record. eta
// is only DDIM's: the other methods take 0 where they are ordinary
// differential equations and 1 where they are stochastic ones.
var methods = map[string]func(c ScheduleConfig, steps int, eta float64) (*Plan, error){
	"ddim":              ddimPlan(ScheduleConfig.ExactDDIMSteps),
	"ddim-compvis":      ddimPlan(ScheduleConfig.DDIMSteps),
	"ddim-diffusers":    ddimPlan(func(c ScheduleConfig, n int, eta float64) ([]Step, error) { return c.DiffusersDDIMSteps(n, eta, true) }),
	"ddim-diffusers-a0": ddimPlan(func(c ScheduleConfig, n int, eta float64) ([]Step, error) { return c.DiffusersDDIMSteps(n, eta, false) }),
	"dpmpp-2m":          solverPlan(0, DPMSolverPP2M),
	"dpmpp-2m-sde":      solverPlan(1, DPMSolverPP2MSDE),
	"unipc":             solverPlan(0, UniPC),
}

// DefaultMethod is the published sampler, Song et al.'s DDIM with CompVis's
// time steps.
const DefaultMethod = "ddim"

// Methods returns the names of the sampling methods, in order.
func Methods() []string {
	names := make([]string, 0, len(methods))
	for name := range methods {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// DefaultEta is the eta a method is used with when nobody says: 1 where it
// takes noise at every step, 0 where it cannot.
func DefaultEta(method string) float64 {
	switch method {
	case "dpmpp-2m", "unipc":
		return 0
	}
	return 1
}

// Plan works out the steps of a method of [Methods] ("" is DefaultMethod).
// eta lies in [0,1]; methods other than DDIM have one value and refuse others.
func (c ScheduleConfig) Plan(method string, steps int, eta float64) (*Plan, error) {
	if method == "" {
		method = DefaultMethod
	}
	plan, ok := methods[method]
	if !ok {
		return nil, hint.With(fmt.Errorf("no sampler %.50q", method), "samplers: "+strings.Join(Methods(), ", "))
	}
	if steps < 1 || steps > c.Timesteps {
		return nil, hint.With(fmt.Errorf("%s: %d steps of a schedule of %d", method, steps, c.Timesteps),
			"50 steps of ddim, or 15 of dpmpp-2m-sde, are a good start")
	}
	p, err := plan(c, steps, eta)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", method, err)
	}
	return p, nil
}

func ddimPlan(list func(c ScheduleConfig, count int, eta float64) ([]Step, error)) func(ScheduleConfig, int, float64) (*Plan, error) {
	return func(c ScheduleConfig, count int, eta float64) (*Plan, error) {
		steps, err := list(c, count, eta)
		if err != nil {
			return nil, err
		}
		p := &Plan{Stochastic: eta > 0}
		for _, s := range steps {
			p.Timesteps = append(p.Timesteps, s.Timestep)
		}
		p.run = func(ctx context.Context, denoise Denoiser, x []float32, _ int, noise NoiseSource, report StepReport) error {
			return DDIM(ctx, denoise, x, steps, noise, report)
		}
		return p, nil
	}
}

// PlanLevels is a plan of one of the multistep methods of [Methods], dpmpp-2m,
// dpmpp-2m-sde or unipc, over noise levels of the caller's own: the noisiest
// first, each with the time step that the network is called with, the last one
// the level reached.
func (c ScheduleConfig) PlanLevels(method string, levels []Level) (*Plan, error) {
	solve := map[string]solver{"dpmpp-2m": DPMSolverPP2M, "dpmpp-2m-sde": DPMSolverPP2MSDE, "unipc": UniPC}[method]
	if solve == nil {
		return nil, fmt.Errorf("the sampler %.50q takes no noise levels", method)
	}
	if len(levels) < 2 {
		return nil, fmt.Errorf("%s: %d noise levels, 2 at least", method, len(levels))
	}
	levels = slices.Clone(levels)
	for i, l := range levels {
		last := i == len(levels)-1
		switch {
		case !last && (l.Timestep < 0 || l.Timestep >= c.Timesteps):
			return nil, fmt.Errorf("%s: level %d has time step %d of a schedule of 0…%d", method, i, l.Timestep, c.Timesteps-1)
		case !(l.Alpha > 0) || !(l.Sigma >= 0) || l.Sigma == 0 && !last || math.Abs(l.Alpha*l.Alpha+l.Sigma*l.Sigma-1) > 1e-6:
			return nil, fmt.Errorf("%s: level %d has α %v and σ %v, whose squares add up to 1", method, i, l.Alpha, l.Sigma)
		case i > 0 && !(l.Lambda > levels[i-1].Lambda):
			return nil, fmt.Errorf("%s: level %d is as noisy as the one before", method, i)
		}
	}
	return levelsPlan(solve, levels, method == "dpmpp-2m-sde"), nil
}

// NoiseLevel is the level where latents are α·x0 + σ·noise with σ/α given, as
// k-diffusion and diffusers count noise, and α² + σ² = 1.
func NoiseLevel(timestep int, ratio float64) Level { return sigmaLevel(timestep, ratio) }

// solver is a multistep method over noise levels.
type solver func(ctx context.Context, denoise Denoiser, x []float32, levels []Level, noise NoiseSource, report StepReport) error

func solverPlan(only float64, solve solver) func(ScheduleConfig, int, float64) (*Plan, error) {
	return func(c ScheduleConfig, count int, eta float64) (*Plan, error) {
		if eta != only {
			return nil, fmt.Errorf("eta is %v here, not %v", only, eta)
		}
		levels, err := c.Levels(count, LinearSpacing, true)
		if err != nil {
			return nil, err
		}
		return levelsPlan(solve, levels, only > 0), nil
	}
}

func levelsPlan(solve solver, levels []Level, stochastic bool) *Plan {
	p := &Plan{Stochastic: stochastic}
	for _, l := range levels[:len(levels)-1] {
		p.Timesteps = append(p.Timesteps, l.Timestep)
	}
	p.run = func(ctx context.Context, denoise Denoiser, x []float32, _ int, noise NoiseSource, report StepReport) error {
		return solve(ctx, denoise, x, levels, noise, report)
	}
	return p
}
