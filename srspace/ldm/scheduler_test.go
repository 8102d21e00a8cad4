package ldm

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

// recordedSchedulers is what testdata/schedulers.py writes.
type recordedSchedulers struct {
	Defaults map[string]map[string]any
	Cases    []struct {
		Config    map[string]any
		Steps     int
		Eta       float64
		Timesteps []int
		X         []float64
	}
}

func readRecorded(t *testing.T) (r recordedSchedulers) {
	t.Helper()
	data, err := os.ReadFile("testdata/schedulers.json")
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// scheduled reads a scheduler_config.json as a folder's.
func scheduled(config map[string]any) (Config, error) {
	var c Checkpoint
	k := newKeys(config)
	if err := c.readSchedule(newKeys(map[string]any{}), k); err != nil {
		return c.Config, err
	}
	return c.Config, k.err()
}

const (
	recordedSamples = 2
	recordedEach    = 12
)

func recordedNumber(i, k int) float32 {
	return float32(math.Sin(float64(i)*1.7+float64(k)*2.3) * 1.5)
}

func recordedNetwork(x []float32, t int) ([]float32, error) {
	eps := make([]float32, len(x))
	for i, v := range x {
		eps[i] = float32(math.Tanh(0.8*float64(v)) + 0.3*math.Cos(float64(t)/100+float64(i)))
	}
	return eps, nil
}

// Every setting that is followed gives diffusers' time steps and sample.
func TestSchedulers(t *testing.T) {
	r := readRecorded(t)
	if len(r.Cases) < 100 {
		t.Fatalf("%d trajectories", len(r.Cases))
	}
	for i, c := range r.Cases {
		name := fmt.Sprintf("%d: %v, %d steps, eta %v", i, c.Config, c.Steps, c.Eta)
		config, err := scheduled(c.Config)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		plan, err := config.Plan("", c.Steps, c.Eta)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !slices.Equal(plan.Timesteps, c.Timesteps) {
			t.Errorf("%s: time steps %v, not %v", name, plan.Timesteps, c.Timesteps)
			continue
		}
		x := make([]float32, recordedSamples*recordedEach)
		for i := range x {
			x[i] = recordedNumber(i, 0)
		}
		noise := func(dst []float32, step int) {
			for i := range dst {
				dst[i] = recordedNumber(i, step)
			}
		}
		if err := plan.RunBatch(context.Background(), recordedNetwork, x, recordedEach, noise, nil); err != nil {
			t.Fatal(err)
		}
		largest, worst := 1.0, 0.0
		for i, v := range c.X {
			largest, worst = max(largest, math.Abs(v)), max(worst, math.Abs(v-float64(x[i])))
		}
		if !(worst <= 1e-4*largest) {
			t.Errorf("%s: up to %.2g from diffusers, of %.2g", name, worst, largest)
		}
	}
}

// No setting of a published class is passed over: each that is changed is
// followed as TestSchedulers compares, is refused by name, or says nothing by
// diffusers' own code.
func TestSchedulerKeys(t *testing.T) {
	r := readRecorded(t)
	// of the settings, by what they need to have an effect in diffusers
	silent := map[string]string{
		"dynamic_thresholding_ratio": "thresholding", "sample_max_value": "thresholding", "clip_sample_range": "clip_sample",
		"sigma_min": "use_karras_sigmas", "sigma_max": "use_karras_sigmas", "flow_shift": "use_flow_sigmas", "time_shift_type": "use_dynamic_shifting",
	}
	compared := map[string]map[string]bool{} // keys that a trajectory changes
	for _, c := range r.Cases {
		class := c.Config["_class_name"].(string)
		if compared[class] == nil {
			compared[class] = map[string]bool{}
		}
		for key, v := range c.Config {
			if d, ok := r.Defaults[class][key]; ok && fmt.Sprint(d) != fmt.Sprint(v) {
				compared[class][key] = true
			}
		}
	}
	for class, defaults := range r.Defaults {
		usual := maps.Clone(defaults)
		usual["_class_name"] = class
		base, err := scheduled(usual)
		if err != nil {
			t.Errorf("%s: %v", class, err)
			continue
		}
		followed := class == classDDIM || class == classDPM || class == classUniPC
		if followed != (base.Scheduler.Refused == "") || !followed && !strings.Contains(base.Scheduler.Refused, class) {
			t.Errorf("%s: refused %q", class, base.Scheduler.Refused)
		}
		if !followed {
			if _, err := base.Plan("", 10, base.DefaultEta("")); err == nil || !strings.Contains(err.Error(), class) {
				t.Errorf("%s: %v", class, err)
			}
			if _, err := base.Plan("ddim", 10, 1); err != nil {
				t.Errorf("%s with a sampler named: %v", class, err)
			}
			continue
		}
		for key, v := range defaults {
			for _, other := range others(key, v) {
				config := maps.Clone(usual)
				config[key] = other
				got, err := scheduled(config)
				text := fmt.Sprintf("%s with %s %v", class, key, other)
				switch {
				case err != nil && !strings.Contains(err.Error(), key):
					t.Errorf("%s: %v", text, err)
				case err != nil:
				case got.Scheduler.Refused != "":
					if !strings.Contains(got.Scheduler.Refused, key) {
						t.Errorf("%s: %s", text, got.Scheduler.Refused)
					}
				case silent[key] != "":
					if usual[silent[key]] == true {
						continue
					}
				case sameConfig(base, got):
					t.Errorf("%s: changes nothing, and nothing is said", text)
				case !compared[class][key] && key != "beta_start" && key != "beta_end" && key != "num_train_timesteps" && key != "prediction_type" && key != "sigma_min" && key != "sigma_max":
					t.Errorf("%s: followed, and no trajectory is compared", text)
				}
			}
		}
		config := maps.Clone(usual)
		config["a_key_of_later_versions"] = 3.0
		if got, err := scheduled(config); err != nil || !strings.Contains(got.Scheduler.Refused, "a_key_of_later_versions") {
			t.Errorf("%s with a key that is not known: %v, %q", class, err, got.Scheduler.Refused)
		}
	}
}

func sameConfig(a, b Config) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}

// others are values that a key may have besides its default.
func others(key string, v any) []any {
	switch key {
	case "beta_schedule":
		return []any{"scaled_linear", "squaredcos_cap_v2", "sigmoid"}
	case "prediction_type":
		return []any{"v_prediction", "sample"}
	case "timestep_spacing":
		return slices.DeleteFunc([]any{"leading", "trailing", "linspace", "even"}, func(o any) bool { return o == v })
	case "solver_type":
		return []any{"heun", "bh1", "logrho"}
	case "algorithm_type":
		return []any{"sde-dpmsolver++", "dpmsolver", "deis"}
	case "final_sigmas_type":
		return []any{"sigma_min", "other"}
	case "lambda_min_clipped":
		return []any{-5.1}
	case "trained_betas":
		return []any{[]any{0.1, 0.2}}
	case "disable_corrector":
		return []any{[]any{0.0}}
	case "variance_type":
		return []any{"learned"}
	case "solver_p":
		return []any{map[string]any{"a": 1.0}}
	case "time_shift_type":
		return []any{"linear"}
	}
	switch v := v.(type) {
	case bool:
		return []any{!v}
	case float64:
		return []any{v*2 + 1}
	case nil:
		return []any{0.5}
	}
	return nil
}

// Python writes numbers into JSON that JSON has not.
func TestNamedNumbers(t *testing.T) {
	var got map[string]any
	text := `{"a": -Infinity, "b": [NaN, Infinity], "c": "NaN, -Infinity and \"Infinity", "d\\": -1}`
	if err := json.Unmarshal(namedNumbers([]byte(text)), &got); err != nil {
		t.Fatal(err)
	}
	k := newKeys(got)
	if v := k.number("a", 0); !math.IsInf(v, -1) || got["c"] != `NaN, -Infinity and "Infinity` || got[`d\`] != -1.0 {
		t.Errorf("%v", got)
	}
	if k.number("c", 0); k.err() == nil {
		t.Error("a text is a number")
	}
}

// Levels of the caller's own give the plan that is made of them, and what is no
// series of levels is refused.
func TestPlanLevels(t *testing.T) {
	c := X4().Schedule
	levels, err := c.Levels(9, LinearSpacing, true)
	if err != nil {
		t.Fatal(err)
	}
	noise := func(dst []float32, step int) {
		for i := range dst {
			dst[i] = recordedNumber(i, step)
		}
	}
	for method, eta := range map[string]float64{"dpmpp-2m": 0, "dpmpp-2m-sde": 1, "unipc": 0} {
		usual, err := c.Plan(method, 9, eta)
		if err != nil {
			t.Fatal(err)
		}
		own, err := c.PlanLevels(method, levels)
		if err != nil || own.Stochastic != usual.Stochastic || !slices.Equal(own.Timesteps, usual.Timesteps) {
			t.Fatalf("%s: %+v, %v", method, own, err)
		}
		var ends [2][]float32
		for i, p := range []*Plan{usual, own} {
			ends[i] = []float32{1, -0.5, 0.3, 2}
			if err := p.Run(context.Background(), recordedNetwork, ends[i], noise, nil); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(ends[0], ends[1]) {
			t.Errorf("%s: %v and %v", method, ends[0], ends[1])
		}
	}
	l := NoiseLevel(500, 3)
	if math.Abs(l.Sigma/l.Alpha-3) > 1e-12 || math.Abs(l.Lambda+math.Log(3)) > 1e-12 {
		t.Errorf("%+v", l)
	}
	for name, bad := range map[string][]Level{
		"one": levels[:1], "rising": {levels[3], levels[2]}, "twice": {levels[3], levels[3]}, "noiseless first": {levels[9], levels[0]},
		"no such time step": {NoiseLevel(1000, 5), levels[9]}, "no level": {{Timestep: 3, Alpha: 1, Sigma: 1}, levels[9]},
	} {
		if _, err := c.PlanLevels("unipc", bad); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if _, err := c.PlanLevels("ddim", levels); err == nil {
		t.Error("ddim takes levels")
	}
}
