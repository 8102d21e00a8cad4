package ldm

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/trustsr/trustsr/internal/hint"
)

// SchedulerMethod is the method that follows a diffusers folder's own
// scheduler.
const SchedulerMethod = "scheduler"

// Scheduler has the settings of a diffusers scheduler that decide which steps
// are taken: DDIMScheduler, DPMSolverMultistepScheduler or
// UniPCMultistepScheduler. Its steps equal those of diffusers 0.42.1.
type Scheduler struct {
	Class   string `json:"class"`
	Spacing string `json:"timestep_spacing,omitempty"` // leading, trailing or linspace
	Offset  int    `json:"steps_offset,omitempty"`

	// Refused says why the scheduler cannot be followed; the model is usable
	// with another method.
	Refused string `json:"refused,omitempty"`

	// The estimate of x0 is kept within ±Clip, or, where ThresholdRatio is
	// above 0, divided by that quantile of its absolute values, which lies
	// between 1 and ThresholdMax.
	Clip           float64 `json:"clip_sample_range,omitempty"`
	ThresholdRatio float64 `json:"dynamic_thresholding_ratio,omitempty"`
	ThresholdMax   float64 `json:"sample_max_value,omitempty"`

	// Of DDIM: the last step reaches ᾱ of time step 0 rather than 1.
	KeepFirstAlpha bool `json:"keep_first_alpha,omitempty"`

	// Of the multistep solvers.
	Order        int      `json:"solver_order,omitempty"`
	Solver       string   `json:"solver_type,omitempty"` // midpoint or heun; bh1 or bh2
	Stochastic   bool     `json:"sde,omitempty"`         // sde-dpmsolver++
	FullOrderEnd bool     `json:"full_order_final,omitempty"`
	EulerEnd     bool     `json:"euler_at_final,omitempty"`
	Sigmas       string   `json:"sigmas,omitempty"` // karras, exponential, beta or lu
	SigmaMin     *float64 `json:"sigma_min,omitempty"`
	SigmaMax     *float64 `json:"sigma_max,omitempty"`
	KeepNoise    bool     `json:"final_sigma_min,omitempty"`    // ends at the least σ rather than at 0
	LambdaMin    *float64 `json:"lambda_min_clipped,omitempty"` // nil: none
	Uncorrected  []int    `json:"disable_corrector,omitempty"`
}

const (
	classDDIM  = "DDIMScheduler"
	classDPM   = "DPMSolverMultistepScheduler"
	classUniPC = "UniPCMultistepScheduler"
)

// readScheduler reads the settings of sampling of a scheduler_config.json;
// absent keys have the defaults of the class. What would make other steps than
// those here is the reason in Refused, and so is a key that is not known.
func readScheduler(class string, k *keys) *Scheduler {
	s := &Scheduler{Class: class}
	own := &keys{path: "scheduler_config.json", m: k.m, seen: k.seen, errors: &[]string{}}
	defer func() {
		own.strictBelow("_")
		if problems := *own.errors; len(problems) > 0 && s.Refused == "" {
			s.Refused = strings.Join(problems, "; ")
		}
	}()
	s.Offset = own.integer("steps_offset", 0)
	spacing := "linspace"
	if class == classDDIM {
		spacing = "leading"
	}
	s.Spacing = own.oneOf("timestep_spacing", spacing, "leading", "trailing", "linspace")
	if own.boolean("thresholding", false) {
		s.ThresholdRatio, s.ThresholdMax = own.number("dynamic_thresholding_ratio", 0.995), own.number("sample_max_value", 1)
		if !(s.ThresholdRatio > 0 && s.ThresholdRatio <= 1 && s.ThresholdMax > 0) {
			own.fail("thresholding at the quantile %v up to %v", s.ThresholdRatio, s.ThresholdMax)
		}
	}
	own.known("dynamic_thresholding_ratio", "sample_max_value") // of thresholding alone
	switch class {
	case classDDIM:
		s.KeepFirstAlpha = !own.boolean("set_alpha_to_one", true)
		if own.boolean("clip_sample", true) && s.ThresholdRatio == 0 {
			s.Clip = own.number("clip_sample_range", 1)
			if !(s.Clip > 0) {
				own.fail("clip_sample_range %v", s.Clip)
			}
		}
		own.known("clip_sample_range") // of clip_sample alone
	case classDPM:
		own.solver(s, "midpoint", "midpoint", "heun")
		own.only("algorithm_type", own.oneOf("algorithm_type", "dpmsolver++", "dpmsolver++", "sde-dpmsolver++"), "dpmsolver++")
		s.Stochastic = own.m["algorithm_type"] == "sde-dpmsolver++"
		s.EulerEnd = own.boolean("euler_at_final", false)
		if own.boolean("use_lu_lambdas", false) {
			if s.Sigmas != "" {
				own.fail("use_lu_lambdas with %s sigmas", s.Sigmas)
			}
			s.Sigmas = "lu"
		}
		if v := own.number("lambda_min_clipped", math.Inf(-1)); !math.IsInf(v, -1) {
			s.LambdaMin = &v
		}
		if v, ok := own.value("variance_type"); ok && v != "fixed_small" && v != "fixed_large" {
			own.fail("variance_type %v is not supported", v)
		}
	case classUniPC:
		own.solver(s, "bh2", "bh1", "bh2")
		own.only("predict_x0", true, true)
		own.only("solver_p", nil, nil)
		own.only("shift_terminal", nil, nil)
		s.Uncorrected = own.integers("disable_corrector", nil)
		s.SigmaMin, s.SigmaMax = own.bound("sigma_min"), own.bound("sigma_max")
		if s.Sigmas == "" && (s.SigmaMin != nil || s.SigmaMax != nil) {
			s.SigmaMin, s.SigmaMax = nil, nil // diffusers reads them for those spacings alone
		}
		switch {
		case s.KeepNoise && s.Sigmas != "":
			own.fail("final_sigmas_type sigma_min with %s sigmas is not supported: diffusers repeats the last one and gives no numbers", s.Sigmas)
		case s.Solver == "bh1" && !s.KeepNoise:
			own.fail("solver_type bh1 with final_sigmas_type zero is not supported: diffusers gives no numbers")
		}
	default:
		s.Refused = class + " is not followed"
		own.seen = map[string]bool{} // its keys say nothing here
		for name := range k.m {
			own.seen[name] = true
		}
	}
	return s
}

// solver reads what the multistep solvers have in common.
func (k *keys) solver(s *Scheduler, otherwise string, types ...string) {
	s.Order = k.integer("solver_order", 2)
	if s.Order < 1 || s.Order > 3 {
		k.fail("solver_order %d is not supported, 1 to 3 are", s.Order)
	}
	s.Solver = k.oneOf("solver_type", otherwise, types...)
	s.FullOrderEnd = !k.boolean("lower_order_final", true)
	s.KeepNoise = k.oneOf("final_sigmas_type", "zero", "zero", "sigma_min") == "sigma_min"
	if s.FullOrderEnd && !s.KeepNoise && s.Order > 1 && s.Class == classUniPC {
		k.fail("lower_order_final false with final_sigmas_type zero is not supported: diffusers gives no numbers")
	}
	for _, name := range []string{"karras", "exponential", "beta"} {
		if k.boolean("use_"+name+"_sigmas", false) {
			if s.Sigmas != "" {
				k.fail("use_%s_sigmas with %s sigmas", name, s.Sigmas)
			}
			s.Sigmas = name
		}
	}
	k.only("use_flow_sigmas", false, false)
	k.only("use_dynamic_shifting", false, false)
	k.known("flow_shift", "time_shift_type") // of flow sigmas alone
}

func (k *keys) oneOf(name, otherwise string, accepted ...string) string {
	v := k.text(name, otherwise)
	if !slices.Contains(accepted, v) {
		k.fail("%s %.50s is not supported, %s are", name, v, strings.Join(accepted, " and "))
	}
	return v
}

func (k *keys) bound(name string) *float64 {
	if _, ok := k.value(name); !ok {
		return nil
	}
	v := k.number(name, 0)
	if !(v > 0) || math.IsInf(v, 0) {
		k.fail("%s %v", name, v)
	}
	return &v
}

// String lists the settings, for a record.
func (s *Scheduler) String() string {
	data, err := json.Marshal(s)
	if err != nil { // only for numbers that readScheduler refuses
		return s.Class
	}
	return string(data)
}

// DefaultMethod is the method that a model is sampled with when nobody says:
// a diffusers folder's own scheduler, else [DefaultMethod].
func (c Config) DefaultMethod() string {
	if c.Scheduler != nil {
		return SchedulerMethod
	}
	return DefaultMethod
}

// DefaultEta is the eta of a method when nobody says.
func (c Config) DefaultEta(method string) float64 {
	if method == SchedulerMethod && c.Scheduler != nil && c.Scheduler.Class != classDDIM && !c.Scheduler.Stochastic {
		return 0
	}
	return DefaultEta(method)
}

// Plan works out the steps of one of [Methods], or with [SchedulerMethod] of
// the model's own scheduler; "" is c.DefaultMethod. eta is as for
// [ScheduleConfig.Plan].
func (c Config) Plan(method string, steps int, eta float64) (*Plan, error) {
	if method == "" {
		method = c.DefaultMethod()
	}
	if method != SchedulerMethod {
		return c.Schedule.Plan(method, steps, eta)
	}
	s := c.Scheduler
	switch {
	case s == nil:
		return nil, hint.With(fmt.Errorf("the model has no scheduler of its own"), "samplers: "+strings.Join(Methods(), ", "))
	case s.Refused != "":
		return nil, hint.With(fmt.Errorf("the model's own scheduler: %s", s.Refused), "name another sampler: "+strings.Join(Methods(), ", "))
	case steps < 1 || steps > c.Schedule.Timesteps:
		return nil, fmt.Errorf("%s: %d steps of a schedule of %d", s.Class, steps, c.Schedule.Timesteps)
	case c.UNet.Prediction != "" && s.Sigmas != "":
		return nil, hint.With(fmt.Errorf("%s: %s sigmas with a network that predicts v are not supported", s.Class, s.Sigmas), "name another sampler: "+strings.Join(Methods(), ", "))
	}
	plan := s.solverPlan
	if s.Class == classDDIM {
		plan = s.ddimPlan
	}
	p, err := plan(c.Schedule, steps, eta)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Class, err)
	}
	return p, nil
}
