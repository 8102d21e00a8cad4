package ldm

import (
	"fmt"
	"math"
	"slices"
)

// Betas returns β by Kind; by default the "linear" schedule of CompVis
// (diffusers: scaled_linear): squares of Timesteps evenly spaced values from
// √LinearStart to √LinearEnd.
func (c ScheduleConfig) Betas() []float64 {
	betas := make([]float64, c.Timesteps)
	lo, hi := math.Sqrt(c.LinearStart), math.Sqrt(c.LinearEnd)
	if c.Kind == EvenBetas {
		lo, hi = c.LinearStart, c.LinearEnd
	}
	for i := range betas {
		b := lo
		if c.Timesteps > 1 {
			b += (hi - lo) * float64(i) / float64(c.Timesteps-1)
		}
		switch c.Kind {
		case EvenBetas:
			betas[i] = b
		case CosineBetas:
			bar := func(i int) float64 {
				v := math.Cos((float64(i)/float64(c.Timesteps) + 0.008) / 1.008 * math.Pi / 2)
				return v * v
			}
			betas[i] = math.Min(1-bar(i+1)/bar(i), 0.999)
		default:
			betas[i] = b * b
		}
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
	if err := c.checkDDIM(count, eta); err != nil {
		return nil, err
	}
	alphas := c.AlphasCumprod()
	stride := c.Timesteps / count
	var steps []Step
	prev := float64(alphas[0])
	for t := 1; t <= c.Timesteps; t += stride {
		if t == c.Timesteps {
			return nil, fmt.Errorf("%d steps reach time step %d of a schedule of 0…%d; take a divisor of %d", count, t, t-1, t)
		}
		a := float64(alphas[t])
		steps = append(steps, Step{t, a, prev, ddimSigma(a, prev, eta)})
		prev = a
	}
	slices.Reverse(steps)
	return steps, nil
}

// ExactDDIMSteps returns exactly count steps, evenly spaced: those of
// DDIMSteps where count divides Timesteps, and where the original fails or
// executes other counts, time steps 1+⌊i·T/count⌋ all the same (T itself
// does not exist: count T starts at 0).
func (c ScheduleConfig) ExactDDIMSteps(count int, eta float64) ([]Step, error) {
	if err := c.checkDDIM(count, eta); err != nil {
		return nil, err
	}
	first := 1
	if count == c.Timesteps {
		first = 0
	}
	alphas := c.AlphasCumprod()
	steps := make([]Step, count)
	prev := float64(alphas[0])
	for i := range steps {
		t := first + i*c.Timesteps/count
		a := float64(alphas[t])
		steps[i] = Step{t, a, prev, ddimSigma(a, prev, eta)}
		prev = a
	}
	slices.Reverse(steps)
	return steps, nil
}

// DiffusersDDIMSteps returns the steps of diffusers' DDIMScheduler with
// steps_offset 1: time steps 1+i·⌊T/count⌋, exactly count. alphaToOne is its
// set_alpha_to_one: the last step reaches the noiseless ᾱ = 1 rather than
// that of time step 0.
func (c ScheduleConfig) DiffusersDDIMSteps(count int, eta float64, alphaToOne bool) ([]Step, error) {
	if err := c.checkDDIM(count, eta); err != nil {
		return nil, err
	}
	stride := c.Timesteps / count
	if t := 1 + (count-1)*stride; t >= c.Timesteps {
		return nil, fmt.Errorf("%d steps reach time step %d of a schedule of 0…%d", count, t, c.Timesteps-1)
	}
	alphas := c.AlphasCumprod()
	steps := make([]Step, count)
	for i := range steps {
		t := 1 + (count-1-i)*stride
		prev := 1.0
		if !alphaToOne {
			prev = float64(alphas[0])
		}
		if t >= stride {
			prev = float64(alphas[t-stride])
		}
		steps[i] = Step{t, float64(alphas[t]), prev, ddimSigma(float64(alphas[t]), prev, eta)}
	}
	return steps, nil
}

func (c ScheduleConfig) checkDDIM(count int, eta float64) error {
	if count < 1 || count > c.Timesteps {
		return fmt.Errorf("%d steps of a schedule of %d", count, c.Timesteps)
	}
	if !(eta >= 0 && eta <= 1) {
		return fmt.Errorf("eta %v outside 0…1", eta)
	}
	return nil
}

// ddimSigma is equation 16 of Song et al.
func ddimSigma(a, prev, eta float64) float64 {
	if a >= prev { // time step 0 reached from itself
		return 0
	}
	return eta * math.Sqrt((1-prev)/(1-a)*(1-a/prev))
}
