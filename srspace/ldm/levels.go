package ldm

import (
	"fmt"
	"math"
)

// Level is a noise level that a multistep solver visits: latents there are
// Alpha·x0 + Sigma·noise with Alpha² + Sigma² = 1.
type Level struct {
	Timestep int // of the network's call; unused at the last level
	Alpha    float64
	Sigma    float64
	Lambda   float64 // log(Alpha/Sigma), half the log-SNR; +Inf without noise
}

// Spacing is how diffusers' schedulers spread time steps over the schedule
// ("timestep_spacing").
type Spacing int

const (
	// LinearSpacing is "linspace": from the last time step to 0, rounded to
	// even. The default of DPMSolverMultistep and UniPC.
	LinearSpacing Spacing = iota
	// LeadingSpacing is "leading" with steps_offset 1: multiples of T/(count+1).
	LeadingSpacing
)

// Levels returns count+1 noise levels, the noisiest first, as diffusers'
// DPMSolverMultistepScheduler and UniPCMultistepScheduler set them. toZero
// says that the last has no noise (final_sigmas_type "zero", the default
// since 2024), else that of time step 0 ("sigma_min").
func (c ScheduleConfig) Levels(count int, spacing Spacing, toZero bool) ([]Level, error) {
	if count < 1 || count >= c.Timesteps+1 {
		return nil, fmt.Errorf("%d steps of a schedule of %d", count, c.Timesteps)
	}
	alphas := c.AlphasCumprod()
	levels := make([]Level, 0, count+1)
	for i := range count {
		k := count - i // linspace and arange run upwards and are reversed
		var t int
		switch {
		case spacing == LeadingSpacing:
			t = c.Timesteps/(count+1)*k + 1
		case count == c.Timesteps: // rounding would visit one time step twice
			t = k - 1
		default:
			t = int(math.RoundToEven(float64(c.Timesteps-1) * float64(k) / float64(count)))
		}
		if t >= c.Timesteps {
			return nil, fmt.Errorf("%d steps reach time step %d of a schedule of 0…%d", count, t, c.Timesteps-1)
		}
		levels = append(levels, level(t, float64(alphas[t])))
	}
	if !toZero && levels[count-1].Timestep == 0 {
		return nil, fmt.Errorf("%d steps end at time step 0 twice", count)
	}
	if toZero {
		return append(levels, level(0, 1)), nil
	}
	return append(levels, level(0, float64(alphas[0]))), nil
}

func level(t int, alphaCumprod float64) Level {
	a, s := math.Sqrt(alphaCumprod), math.Sqrt(1-alphaCumprod)
	return Level{t, a, s, math.Log(a / s)}
}
