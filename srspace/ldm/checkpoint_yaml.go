package ldm

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/trustsr/trustsr/internal/inputfile"
)

const yamlLimit = 1 << 20

// findYAML returns model.params of the configuration beside a checkpoint:
// project.yaml, config.yaml, NAME.yaml, or, as training lays it out,
// ../configs/*-project.yaml. It is nil where there is none.
func findYAML(checkpoint string) (params map[string]any, from string, err error) {
	dir := filepath.Dir(checkpoint)
	stem := strings.TrimSuffix(filepath.Base(checkpoint), filepath.Ext(checkpoint))
	candidates := []string{
		filepath.Join(dir, stem+".yaml"), filepath.Join(dir, "project.yaml"), filepath.Join(dir, "config.yaml"),
	}
	if filepath.Base(dir) == "checkpoints" {
		training, _ := filepath.Glob(filepath.Join(dir, "..", "configs", "*-project.yaml"))
		slices.Sort(training) // by date; the newest is what was trained last
		slices.Reverse(training)
		candidates = append(candidates, training...)
	}
	for _, path := range candidates {
		data, err := inputfile.Read(path, yamlLimit)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, path, err
		}
		params, err := parseYAML(data)
		if err != nil {
			return nil, path, fmt.Errorf("%s: %w", path, err)
		}
		return params, path, nil
	}
	return nil, "", nil
}

func parseYAML(data []byte) (map[string]any, error) {
	var file struct {
		Model struct {
			Target string         `yaml:"target"`
			Params map[string]any `yaml:"params"`
		} `yaml:"model"`
	}
	if err := yaml.Unmarshal(data, &file); err != nil {
		return nil, err
	}
	if file.Model.Params == nil {
		return nil, errors.New("no model.params: not a configuration of CompVis/latent-diffusion")
	}
	if t := file.Model.Target; t != "" && !strings.HasSuffix(t, ".LatentDiffusion") {
		return nil, fmt.Errorf("model.target %s is not supported, LatentDiffusion is", t)
	}
	return file.Model.Params, nil
}

// compvisConfig reads model.params of a CompVis configuration, whose keys are
// the arguments of LatentDiffusion, UNetModel and VQModelInterface; what is
// absent has the default of that code. Keys whose value would make another
// network than the one here are an error. averaged is use_ema.
func compvisConfig(params map[string]any) (c Config, averaged bool, err error) {
	p := newKeys(params)
	averaged = p.boolean("use_ema", true)
	c.Schedule = ScheduleConfig{
		Timesteps: p.integer("timesteps", 1000), LinearStart: p.number("linear_start", 1e-4), LinearEnd: p.number("linear_end", 2e-2),
	}
	p.only("beta_schedule", "linear", "linear")
	p.only("parameterization", "eps", "eps")
	p.only("scale_factor", 1.0, 1.0)
	p.only("scale_by_std", false, false)
	p.only("concat_mode", true, true)
	p.only("conditioning_key", "concat", "concat")
	p.only("given_betas", nil, nil)
	if stage, given := p.value("cond_stage_config"); given {
		if name, special := stage.(string); special { // instead of a section with a target
			p.fail("cond_stage_config %.50s is not supported, the target torch.nn.Identity is", name)
		}
		p.section("cond_stage_config").only("target", "torch.nn.Identity", "torch.nn.Identity")
	}
	network := p.section("unet_config")
	if t := network.text("target", "UNetModel"); t != "UNetModel" && !strings.HasSuffix(t, "openaimodel.UNetModel") {
		network.fail("target %.100s is not supported, UNetModel is", t)
	}
	u := network.section("params")
	c.UNet = UNetConfig{
		InChannels: u.integer("in_channels", 0), OutChannels: u.integer("out_channels", 0), ModelChannels: u.integer("model_channels", 0),
		ChannelMult: u.integers("channel_mult", []int{1, 2, 4, 8}), NumResBlocks: u.integer("num_res_blocks", 0),
		AttentionResolutions: u.integers("attention_resolutions", nil),
		NumHeadChannels:      max(0, u.integer("num_head_channels", -1)), NumHeads: max(0, u.integer("num_heads", -1)),
		ScaleShiftNorm: u.boolean("use_scale_shift_norm", false), NewAttentionOrder: u.boolean("use_new_attention_order", false),
	}
	if c.UNet.NumHeadChannels > 0 {
		c.UNet.NumHeads = 0
	}
	if up := u.integer("num_heads_upsample", -1); up != -1 && c.UNet.NumHeadChannels == 0 && up != c.UNet.NumHeads {
		u.fail("num_heads_upsample other than num_heads is not supported")
	}
	u.only("conv_resample", true, true)
	u.only("dims", 2, 2)
	u.only("num_classes", nil, nil)
	u.only("resblock_updown", false, false)
	u.only("use_spatial_transformer", false, false)
	u.only("context_dim", nil, nil)
	u.only("n_embed", nil, nil)
	u.known("image_size", "dropout", "use_checkpoint", "use_fp16", "transformer_depth", "legacy")

	f := p.section("first_stage_config")
	if t := f.text("target", "VQModelInterface"); !strings.HasSuffix(t, "VQModelInterface") && !strings.HasSuffix(t, "VQModel") {
		f.fail("target %s is not supported, VQModelInterface is", t)
	}
	v := f.section("params")
	d := v.section("ddconfig")
	c.VQ = VQConfig{
		InChannels: d.integer("in_channels", 0), OutChannels: d.integer("out_ch", 0), Channels: d.integer("ch", 0),
		ChannelMult: d.integers("ch_mult", []int{1, 2, 4, 8}), NumResBlocks: d.integer("num_res_blocks", 0),
		ZChannels: d.integer("z_channels", 0), EmbedDim: v.integer("embed_dim", 0), NumEmbeddings: v.integer("n_embed", 0),
	}
	switch attention := d.text("attn_type", "vanilla"); attention {
	case "vanilla":
	case "none":
		c.VQ.NoMidAttention = true
	default:
		d.fail("attn_type %s is not supported", attention)
	}
	d.only("double_z", false, false)
	d.only("resamp_with_conv", true, true)
	d.only("give_pre_end", false, false)
	d.only("tanh_out", false, false)
	d.only("use_linear_attn", false, false)
	d.known("dropout", "resolution")
	v.only("remap", nil, nil)
	attends := d.integers("attn_resolutions", nil)
	for level := range c.VQ.ChannelMult {
		if r := d.integer("resolution", 256) >> level; slices.Contains(attends, r) && !c.VQ.NoMidAttention {
			d.fail("attn_resolutions %v: attention inside the levels of the first stage is not supported", attends)
		}
	}

	u.strict()
	d.strict()
	if err := p.err(); err != nil {
		return c, averaged, err
	}
	return c, averaged, c.validate()
}

// validate makes sure that a configuration read from a file can be built.
func (c Config) validate() error {
	for what, v := range map[string]int{
		"UNet in_channels": c.UNet.InChannels, "UNet out_channels": c.UNet.OutChannels, "UNet model_channels": c.UNet.ModelChannels,
		"UNet num_res_blocks": c.UNet.NumResBlocks, "UNet levels": len(c.UNet.ChannelMult), "first stage in_channels": c.VQ.InChannels,
		"first stage out_ch": c.VQ.OutChannels, "first stage ch": c.VQ.Channels, "first stage levels": len(c.VQ.ChannelMult),
		"first stage num_res_blocks": c.VQ.NumResBlocks, "z_channels": c.VQ.ZChannels, "embed_dim": c.VQ.EmbedDim,
		"n_embed": c.VQ.NumEmbeddings, "timesteps": c.Schedule.Timesteps,
	} {
		if v < 1 || v > 1<<20 {
			return fmt.Errorf("%s is %d", what, v)
		}
	}
	// far above what is published, so that nobody's file makes names without end
	if len(c.UNet.ChannelMult) > 8 || len(c.VQ.ChannelMult) > 8 || c.UNet.NumResBlocks > 32 || c.VQ.NumResBlocks > 32 {
		return errors.New("more than 8 levels or 32 residual blocks a level")
	}
	for _, m := range slices.Concat(c.UNet.ChannelMult, c.VQ.ChannelMult) {
		if m < 1 || m > 64 {
			return fmt.Errorf("channel multiplier %d", m)
		}
	}
	if c.UNet.InChannels <= c.UNet.OutChannels {
		return fmt.Errorf("UNet of %d input and %d output channels has none for the LR picture", c.UNet.InChannels, c.UNet.OutChannels)
	}
	if c.UNet.OutChannels != c.VQ.EmbedDim {
		return fmt.Errorf("UNet of %d output channels for latents of %d", c.UNet.OutChannels, c.VQ.EmbedDim)
	}
	if h := c.UNet.NumHeadChannels; h < 0 || h == 0 && c.UNet.NumHeads < 1 {
		return errors.New("neither num_head_channels nor num_heads")
	}
	widths := []int{c.UNet.ChannelMult[len(c.UNet.ChannelMult)-1]}
	for level, m := range c.UNet.ChannelMult {
		if slices.Contains(c.UNet.AttentionResolutions, 1<<level) {
			widths = append(widths, m)
		}
	}
	for _, m := range widths {
		width, heads := m*c.UNet.ModelChannels, c.UNet.NumHeads
		if h := c.UNet.NumHeadChannels; h > 0 {
			if width%h != 0 {
				return fmt.Errorf("attention of %d channels does not divide into heads of %d", width, h)
			}
		} else if width%heads != 0 {
			return fmt.Errorf("attention of %d channels does not divide into %d heads", width, heads)
		}
	}
	if s := c.Schedule; !(s.LinearStart > 0 && s.LinearEnd >= s.LinearStart && s.LinearEnd < 1) {
		return fmt.Errorf("noise schedule from %v to %v", s.LinearStart, s.LinearEnd)
	}
	return nil
}

// keys reads a section of a configuration and remembers what is wrong with it.
type keys struct {
	path   string
	m      map[string]any
	seen   map[string]bool
	errors *[]string // of all sections
}

func newKeys(m map[string]any) *keys {
	return &keys{m: m, seen: map[string]bool{}, errors: &[]string{}}
}

func (k *keys) fail(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if k.path != "" {
		text = k.path + "." + text
	}
	*k.errors = append(*k.errors, text)
}

// strict makes keys that nobody asked for an error.
func (k *keys) strict() {
	for _, name := range slices.Sorted(maps.Keys(k.m)) {
		if !k.seen[name] {
			k.fail("%s is not known", name)
		}
	}
}

// strictBelow is strict but for keys with a prefix.
func (k *keys) strictBelow(prefix string) {
	for name := range k.m {
		if strings.HasPrefix(name, prefix) {
			k.seen[name] = true
		}
	}
	k.strict()
}

// err reports the problems of a configuration and its sections.
func (k *keys) err() error {
	if len(*k.errors) == 0 {
		return nil
	}
	return errors.New(strings.Join(*k.errors, "; "))
}

func (k *keys) value(name string) (any, bool) {
	k.seen[name] = true
	v, ok := k.m[name]
	return v, ok && v != nil
}

// known lists keys that do not change the network.
func (k *keys) known(names ...string) {
	for _, name := range names {
		k.seen[name] = true
	}
}

func (k *keys) section(name string) *keys {
	v, _ := k.value(name)
	m, _ := v.(map[string]any)
	return &keys{path: strings.TrimPrefix(k.path+"."+name, "."), m: m, seen: map[string]bool{}, errors: k.errors}
}

func (k *keys) integer(name string, otherwise int) int {
	v, ok := k.value(name)
	if !ok {
		return otherwise
	}
	if f, is := v.(float64); is && f == float64(int(f)) {
		return int(f)
	}
	n, is := v.(int)
	if !is {
		k.fail("%s is %v, no integer", name, v)
	}
	return n
}

func (k *keys) integers(name string, otherwise []int) []int {
	v, ok := k.value(name)
	if !ok {
		return otherwise
	}
	list, is := v.([]any)
	out := make([]int, 0, len(list))
	for _, e := range list {
		switch e := e.(type) {
		case int:
			out = append(out, e)
		case float64:
			if e != float64(int(e)) {
				is = false
			}
			out = append(out, int(e))
		default:
			is = false
		}
	}
	if !is {
		k.fail("%s is %v, no list of integers", name, v)
	}
	return out
}

func (k *keys) texts(name string) []string {
	v, _ := k.value(name)
	list, _ := v.([]any)
	out := make([]string, 0, len(list))
	for _, e := range list {
		out = append(out, fmt.Sprint(e))
	}
	return out
}

func (k *keys) number(name string, otherwise float64) float64 {
	v, ok := k.value(name)
	if !ok {
		return otherwise
	}
	switch v := v.(type) {
	case float64:
		return v
	case int:
		return float64(v)
	case string:
		if f, err := strconv.ParseFloat(v, 64); err == nil && (math.IsInf(f, 0) || math.IsNaN(f)) { // see namedNumbers
			return f
		}
	}
	k.fail("%s is %v, no number", name, v)
	return otherwise
}

func (k *keys) boolean(name string, otherwise bool) bool {
	v, ok := k.value(name)
	if !ok {
		return otherwise
	}
	b, is := v.(bool)
	if !is {
		k.fail("%s is %v, neither true nor false", name, v)
	}
	return b
}

func (k *keys) text(name, otherwise string) string {
	v, ok := k.value(name)
	if !ok {
		return otherwise
	}
	s, is := v.(string)
	if !is {
		k.fail("%s is %v, no text", name, v)
	}
	return s
}

// only accepts one value; otherwise is the one that an absent key stands for.
func (k *keys) only(name string, accepted, otherwise any) {
	v, ok := k.value(name)
	if !ok {
		v = otherwise
	}
	if n, is := v.(int); is {
		if _, wantFloat := accepted.(float64); wantFloat {
			v = float64(n)
		}
	}
	if fmt.Sprint(v) != fmt.Sprint(accepted) {
		k.fail("%s %v is not supported, %v is", name, v, accepted)
	}
}
