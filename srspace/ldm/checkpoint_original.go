package ldm

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/trustsr/trustsr/internal/weights"
)

// scheduleBuffers are what LatentDiffusion registers beside the networks
// (ldm/models/diffusion/ddpm.py, register_schedule).
var scheduleBuffers = []string{
	"betas", "alphas_cumprod", "alphas_cumprod_prev", "sqrt_alphas_cumprod", "sqrt_one_minus_alphas_cumprod",
	"log_one_minus_alphas_cumprod", "sqrt_recip_alphas_cumprod", "sqrt_recipm1_alphas_cumprod", "posterior_variance",
	"posterior_log_variance_clipped", "posterior_mean_coef1", "posterior_mean_coef2", "lvlb_weights", "logvar", "scale_factor",
}

const averagesPrefix = "model_ema."

// averageName is what LitEma (ldm/modules/ema.py) calls the average of a
// parameter: the name below "model." without its dots.
func averageName(name string) string {
	return averagesPrefix + strings.ReplaceAll(strings.TrimPrefix(name, "model."), ".", "")
}

// openOriginal reads the layout of CompVis/latent-diffusion.
func (c *Checkpoint) openOriginal(path string, o OpenOptions) error {
	c.Layout = OriginalLayout
	f, err := c.openFile(path)
	if err != nil {
		return err
	}
	left, err := unwrap(f)
	if err != nil {
		return err
	}
	averaged, err := c.configure(f, path, o)
	if err != nil {
		return err
	}
	if left != "" {
		c.Assumed = append(c.Assumed, fmt.Sprintf("names of tensors are taken without %q", left))
	}
	want, err := c.Config.Tensors()
	if err != nil {
		return err
	}
	stored := f.Names()
	c.Averaged = averaged && !o.Raw && slices.ContainsFunc(stored, func(name string) bool {
		return strings.HasPrefix(name, averagesPrefix+"diffusion_model")
	})
	var problems differences
	known := map[string]bool{}
	for _, name := range scheduleBuffers {
		known[name] = true
	}
	for name, shape := range want {
		known[name] = true
		from := name
		if strings.HasPrefix(name, "model.") {
			known[averageName(name)] = true
			if c.Averaged {
				from = averageName(name)
			}
		}
		switch got := f.Shape(from); {
		case !f.Has(from):
			problems.missing = append(problems.missing, from)
		case !slices.Equal(got, shape):
			problems.wrongShape = append(problems.wrongShape, fmt.Sprintf("%s is %v, not %v", from, got, shape))
		case !floating(f.DType(from)):
			problems.wrongType = append(problems.wrongType, from+" of "+f.DType(from))
		}
		c.sources[name] = single(0, f, from, shape)
	}
	for _, name := range stored {
		switch {
		case known[name], name == averagesPrefix+"decay", name == averagesPrefix+"num_updates":
		case strings.HasPrefix(name, FirstStageModule+".loss."): // the discriminator, for training
		default:
			problems.extra = append(problems.extra, name)
		}
	}
	return problems.err()
}

// unwrap takes from the tensors' names what wrappers put into them: "module." of
// DistributedDataParallel and "_orig_mod." of torch.compile wherever they
// stand, and what stands before the usual names in all of them. left is what
// was left out.
func unwrap(f *weights.File) (left string, err error) {
	without := func(name string) string {
		parts := strings.Split(name, ".")
		return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "module" || p == "_orig_mod" }), ".")
	}
	before := ""
	const first = UNetModule + ".input_blocks.0.0.weight"
	for _, name := range f.Names() {
		for _, p := range []string{"module.", "_orig_mod."} {
			if (strings.HasPrefix(name, p) || strings.Contains(name, "."+p)) && !strings.Contains(left, p) {
				left += p
			}
		}
		if p, ok := strings.CutSuffix(without(name), first); ok && (p == "" || strings.HasSuffix(p, ".")) {
			before = p
		}
	}
	if left+before == "" {
		return "", nil
	}
	return before + left, f.Rename(func(name string) string { return strings.TrimPrefix(without(name), before) })
}

func floating(dtype string) bool {
	return dtype == "F32" || dtype == "F16" || dtype == "BF16" || dtype == "F64"
}

// differences between what a configuration needs and what files have.
type differences struct{ missing, extra, wrongShape, wrongType []string }

func (d differences) err() error {
	var problems []string
	for _, p := range []struct {
		what  string
		names []string
	}{{"missing", d.missing}, {"unknown", d.extra}, {"of the wrong shape", d.wrongShape}, {"of an unsupported element type", d.wrongType}} {
		if len(p.names) > 0 {
			problems = append(problems, fmt.Sprintf("%d tensors %s (%s)", len(p.names), p.what, some(p.names)))
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("tensors do not fit the model: %s", strings.Join(problems, "; "))
}

// configure finds the configuration: the caller's, what an import kept, that
// of a YAML file beside the checkpoint, the checkpoint's hyper-parameters, or what shapes
// and schedule buffers tell. averaged is false where the configuration says
// that no averages are used.
func (c *Checkpoint) configure(f *weights.File, path string, o OpenOptions) (averaged bool, err error) {
	averaged = true
	if o.Config != nil {
		c.Config = *o.Config
		return averaged, nil
	}
	if k, ok, err := readKept(path); ok || err != nil {
		c.Config, c.Assumed = k.Config, k.Assumed
		return k.Averaged, err
	}
	params, from, err := findYAML(path)
	if err != nil {
		return false, err
	}
	if h := f.HyperParameters(); params == nil && h["unet_config"] != nil && h["first_stage_config"] != nil {
		params, from = h, "hyper_parameters"
	}
	if params != nil {
		if c.Config, averaged, err = compvisConfig(params); err != nil {
			return false, fmt.Errorf("%s: %w", from, err)
		}
		if err := agrees(f, c.Config.Schedule); err != nil {
			return false, fmt.Errorf("%s: %w", from, err)
		}
		return averaged, nil
	}
	c.Config, c.Assumed, err = infer(f, o.HeadChannels)
	sort.Strings(c.Assumed)
	return averaged, err
}

// agrees compares a schedule with the buffers in the checkpoint, which is
// what the original samples with.
func agrees(f *weights.File, s ScheduleConfig) error {
	if !f.Has("alphas_cumprod") {
		return nil
	}
	shape := f.Shape("alphas_cumprod")
	if len(shape) != 1 || shape[0] != s.Timesteps {
		return fmt.Errorf("alphas_cumprod is %v, for %d time steps", shape, s.Timesteps)
	}
	stored, err := f.Tensor("alphas_cumprod")
	if err != nil {
		return err
	}
	// half of float16's unit in the last place below 1 is 2.4e-4, bfloat16's 2e-3
	tolerance := map[string]float32{"F32": 1e-6, "F64": 1e-6, "F16": 3e-4, "BF16": 3e-3}[f.DType("alphas_cumprod")]
	for t, a := range s.AlphasCumprod() {
		if d := a - stored.Data[t]; !(d <= tolerance && d >= -tolerance) {
			return fmt.Errorf("alphas_cumprod[%d] is %v, but the schedule %v…%v over %d steps has %v", t, stored.Data[t], s.LinearStart, s.LinearEnd, s.Timesteps, a)
		}
	}
	return nil
}
