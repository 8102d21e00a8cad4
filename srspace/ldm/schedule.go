package ldm

import (
	"fmt"
	"math"
)

// Betas returns the "linear" schedule of CompVis (diffusers: scaled_linear):
// squares of Timesteps evenly spaced values from √LinearStart to √LinearEnd.
func (c ScheduleConfig) Betas() []float64 {
	betas := make([]float64, c.Timesteps)
	lo, hi := math.Sqrt(c.LinearStart), math.Sqrt(c.LinearEnd)
	for i := range betas {
		b := lo
		if c.Timesteps > 1 {
			b += (hi - lo) * float64(i) / float64(c.Timesteps-1)
		}
		betas[i] = b * b
	}
	return betas
}

// AlphasCumprod returns ᾱ_t = Π_{s≤t} (1-β_s), computed in float64 and, as
// in the original, kept in float32.
func (c ScheduleConfig) AlphasCumprod() []float32 {
	out := make([]float32, c.Timesteps)
	product := 1.0
	for i, b := range c.Betas() {
		product *= 1 - b
		out[i] = float32(product)
	}
	return out
}

// Step is one step of DDIM, from Timestep to the one before.
type Step struct {
	Timestep  int
	Alpha     float64 // ᾱ at Timestep
	AlphaPrev float64 // ᾱ at the time step reached
	Sigma     float64 // standard deviation of the step's noise
}

// DDIMSteps returns the steps that CompVis's DDIMSampler executes when asked
// for count steps ("uniform" discretisation), in the order executed, for eta
// in [0,1] (Song et al., "Denoising Diffusion Implicit Models", equation
// 16). Where count does not divide Timesteps the original executes
// ceil(T/⌊T/count⌋) steps, and so does this; counts for which the original
// fails (time step T does not exist) are an error.
func (c ScheduleConfig) DDIMSteps(count int, eta float64) ([]Step, error) {
	if count < 1 || count > c.Timesteps {
		return nil, fmt.Errorf("ddim: %d steps of a schedule of %d", count, c.Timesteps)
	}
	if !(eta >= 0 && eta <= 1) {
		return nil, fmt.Errorf("ddim: eta %v outside 0…1", eta)
	}
	alphas := c.AlphasCumprod()
	stride := c.Timesteps / count
	var steps []Step
	prev := float64(alphas[0])
	for t := 1; t <= c.Timesteps; t += stride {
		if t == c.Timesteps {
			return nil, fmt.Errorf("ddim: %d steps reach time step %d of a schedule of 0…%d; take a divisor of %d", count, t, t-1, t)
		}
		a := float64(alphas[t])
		sigma := eta * math.Sqrt((1-prev)/(1-a)*(1-a/prev))
		steps = append(steps, Step{t, a, prev, sigma})
		prev = a
	}
	for i, j := 0, len(steps)-1; i < j; i, j = i+1, j-1 {
		steps[i], steps[j] = steps[j], steps[i]
	}
	return steps, nil
}
