package ldm

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/trustsr/trustsr/internal/inputfile"
	"github.com/trustsr/trustsr/internal/weights"
)

// openDiffusers reads the layout of Hugging Face diffusers: model_index.json
// and the folders unet, vqvae and scheduler.
func (c *Checkpoint) openDiffusers(dir string, o OpenOptions) error {
	c.Layout = DiffusersLayout
	if o.Config != nil || o.HeadChannels != 0 {
		return errors.New("a diffusers folder has its own configuration")
	}
	if o.Raw {
		return errors.New("a diffusers folder has the averaged weights only")
	}
	index, err := readConfig(filepath.Join(dir, "model_index.json"))
	if err != nil {
		return err
	}
	for component, classes := range map[string][]string{
		"unet": {"UNet2DModel"}, "vqvae": {"VQModel"},
	} {
		pair, _ := index.value(component)
		list, _ := pair.([]any)
		if len(list) != 2 || !slices.Contains(classes, fmt.Sprint(list[1])) {
			return fmt.Errorf("model_index.json: %s is %v, not a %s: not a latent diffusion model for super-resolution", component, pair, classes[0])
		}
	}
	unet, err := readConfig(filepath.Join(dir, "unet", "config.json"))
	if err != nil {
		return err
	}
	vq, err := readConfig(filepath.Join(dir, "vqvae", "config.json"))
	if err != nil {
		return err
	}
	schedule, err := readConfig(filepath.Join(dir, "scheduler", "scheduler_config.json"))
	if err != nil {
		return err
	}
	c.Config = Config{UNet: diffusersUNet(unet), VQ: diffusersVQ(vq)}
	if err := c.readSchedule(index, schedule); err != nil {
		return err
	}
	for _, k := range []*keys{unet, vq, schedule} {
		if err := k.err(); err != nil {
			return err
		}
	}
	if err := c.Config.validate(); err != nil {
		return err
	}
	want, err := c.Config.Tensors()
	if err != nil {
		return err
	}
	var problems differences
	for component, module := range map[string]string{"unet": UNetModule, "vqvae": FirstStageModule} {
		part, err := c.openComponent(filepath.Join(dir, component))
		if err != nil {
			return err
		}
		for name, shape := range want {
			if rest, ok := strings.CutPrefix(name, module+"."); ok {
				c.sources[name] = part.source(c.Config, component, rest, shape, &problems)
			}
		}
		for name := range part.where {
			if !part.used[name] {
				problems.extra = append(problems.extra, component+"/"+name)
			}
		}
	}
	return problems.err()
}

// readConfig reads a component's JSON.
func readConfig(path string) (*keys, error) {
	data, err := inputfile.Read(path, yamlLimit)
	if err != nil {
		return nil, err
	}
	var m map[string]any
	if err := json.Unmarshal(namedNumbers(data), &m); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	k := newKeys(m)
	k.path = filepath.Join(filepath.Base(filepath.Dir(path)), filepath.Base(path))
	return k, nil
}

// namedNumbers puts -Infinity, Infinity and NaN, which Python writes into JSON
// as they are, in quotes, where keys.number reads them.
func namedNumbers(data []byte) []byte {
	var out []byte
	inside := false
	for i := 0; i < len(data); i++ {
		if !inside {
			name := namedNumber.Find(data[i:])
			if name != nil {
				out = append(append(append(out, '"'), name...), '"')
				i += len(name) - 1
				continue
			}
		}
		switch {
		case data[i] == '"':
			inside = !inside
		case data[i] == '\\' && inside && i+1 < len(data):
			out = append(out, data[i])
			i++
		}
		out = append(out, data[i])
	}
	return out
}

var namedNumber = regexp.MustCompile(`^(-?Infinity|NaN)`)

// diffusersUNet reads a UNet2DModel. Absent keys have the defaults of the
// class (diffusers, src/diffusers/models/unets/unet_2d.py).
func diffusersUNet(k *keys) UNetConfig {
	c := UNetConfig{
		InChannels: k.integer("in_channels", 3), OutChannels: k.integer("out_channels", 3),
		NumResBlocks: k.integer("layers_per_block", 2), NormGroups: k.integer("norm_num_groups", 32),
		ScaleShiftNorm: k.text("resnet_time_scale_shift", "default") == "scale_shift",
	}
	c.ModelChannels, c.ChannelMult = diffusersWidths(k, []int{224, 448, 672, 896})
	if c.NormGroups == 32 {
		c.NormGroups = 0 // as CompVis's
	}
	c.NoMidNorm = c.ScaleShiftNorm
	if v, given := k.m["attention_head_dim"]; given && v == nil {
		c.NumHeads = 1
		k.known("attention_head_dim")
	} else {
		c.NumHeadChannels = k.integer("attention_head_dim", 8)
	}
	if width := k.integer("time_embedding_dim", 4*c.ModelChannels); width != 4*c.ModelChannels {
		k.fail("time_embedding_dim %d is not supported, %d is", width, 4*c.ModelChannels)
	}
	down := k.texts("down_block_types")
	up := k.texts("up_block_types")
	if len(down) != len(c.ChannelMult) || len(up) != len(c.ChannelMult) {
		k.fail("down_block_types %v and up_block_types %v for %d levels", down, up, len(c.ChannelMult))
		return c
	}
	c.AttentionResolutions = []int{}
	for level, kind := range down {
		mirror := up[len(up)-1-level]
		switch {
		case kind == "AttnDownBlock2D" && mirror == "AttnUpBlock2D":
			c.AttentionResolutions = append(c.AttentionResolutions, 1<<level)
		case kind != "DownBlock2D" || mirror != "UpBlock2D":
			k.fail("level %d with the blocks %s and %s is not supported", level, kind, mirror)
		}
	}
	k.only("norm_eps", unetEpsilon, unetEpsilon)
	k.only("flip_sin_to_cos", true, true)
	k.only("freq_shift", 0, 0)
	k.only("center_input_sample", false, false)
	k.only("time_embedding_type", "positional", "positional")
	k.only("downsample_padding", 1, 1)
	k.only("mid_block_scale_factor", 1, 1)
	k.only("downsample_type", "conv", "conv")
	k.only("upsample_type", "conv", "conv")
	k.only("act_fn", "silu", "silu")
	k.only("add_attention", true, true)
	k.only("class_embed_type", nil, nil)
	k.only("num_class_embeds", nil, nil)
	k.only("attn_norm_num_groups", nil, nil)
	k.known("sample_size", "dropout", "num_train_timesteps", "mid_block_type")
	k.strictBelow("_")
	return c
}

// diffusersVQ reads a VQModel (src/diffusers/models/autoencoders/vq_model.py).
func diffusersVQ(k *keys) VQConfig {
	c := VQConfig{
		InChannels: k.integer("in_channels", 3), OutChannels: k.integer("out_channels", 3),
		NumResBlocks: k.integer("layers_per_block", 1), ZChannels: k.integer("latent_channels", 3),
		NumEmbeddings: k.integer("num_vq_embeddings", 256), NormGroups: k.integer("norm_num_groups", 32),
		NoMidAttention: !k.boolean("mid_block_add_attention", true),
	}
	c.Channels, c.ChannelMult = diffusersWidths(k, []int{64})
	c.EmbedDim = k.integer("vq_embed_dim", c.ZChannels)
	if c.NormGroups == 32 {
		c.NormGroups = 0
	}
	for key, kind := range map[string]string{"down_block_types": "DownEncoderBlock2D", "up_block_types": "UpDecoderBlock2D"} {
		blocks := k.texts(key)
		if len(blocks) != len(c.ChannelMult) || slices.ContainsFunc(blocks, func(b string) bool { return b != kind }) {
			k.fail("%s %v is not supported, %d times %s is", key, blocks, len(c.ChannelMult), kind)
		}
	}
	k.only("act_fn", "silu", "silu")
	k.only("norm_type", "group", "group")
	k.only("lookup_from_codebook", false, false)
	// the pipeline for super-resolution applies no scaling_factor
	k.known("sample_size", "scaling_factor", "force_upcast")
	k.strictBelow("_")
	return c
}

// readSchedule reads the training schedule, what the network predicts, and the
// folder's own scheduler.
func (c *Checkpoint) readSchedule(index, k *keys) error {
	pair, _ := index.value("scheduler")
	list, _ := pair.([]any)
	class := k.text("_class_name", "")
	if class == "" && len(list) == 2 {
		class = fmt.Sprint(list[1])
	}
	if !strings.HasSuffix(class, "Scheduler") {
		return fmt.Errorf("model_index.json: scheduler is %v, not a scheduler", pair)
	}
	c.Config.Schedule = diffusersSchedule(k)
	switch prediction := k.text("prediction_type", "epsilon"); prediction {
	case "epsilon":
	case "v_prediction":
		c.Config.UNet.Prediction = PredictV
	default:
		k.fail("prediction_type %.50s is not supported, epsilon and v_prediction are", prediction)
	}
	c.Config.Scheduler = readScheduler(class, k)
	_, ends := k.m["final_sigmas_type"]
	switch why := c.Config.Scheduler.Refused; {
	case why != "":
		c.Assumed = append(c.Assumed, "the folder's own scheduler is not followed, name a sampler: "+why)
	case !ends && class != classDDIM:
		c.Assumed = append(c.Assumed, "the scheduler ends without noise, the default of diffusers 0.42.1; its file, of an older version, does not say final_sigmas_type")
	}
	return nil
}

// diffusersSchedule reads a scheduler's training schedule.
func diffusersSchedule(k *keys) ScheduleConfig {
	kind := k.oneOf("beta_schedule", EvenBetas, "scaled_linear", EvenBetas, CosineBetas)
	if kind == "scaled_linear" {
		kind = ""
	}
	k.only("trained_betas", nil, nil)
	k.only("rescale_betas_zero_snr", false, false)
	return ScheduleConfig{
		Timesteps: k.integer("num_train_timesteps", 1000), LinearStart: k.number("beta_start", 1e-4), LinearEnd: k.number("beta_end", 0.02), Kind: kind,
	}
}

// diffusersWidths splits block_out_channels into CompVis's width and
// multipliers.
func diffusersWidths(k *keys, otherwise []int) (width int, mult []int) {
	blocks := k.integers("block_out_channels", otherwise)
	if len(blocks) == 0 || blocks[0] < 1 {
		k.fail("block_out_channels %v", blocks)
		return 1, []int{1}
	}
	for _, b := range blocks {
		if b%blocks[0] != 0 {
			k.fail("block_out_channels %v are no multiples of the first", blocks)
		}
		mult = append(mult, b/blocks[0])
	}
	return blocks[0], mult
}

// part is one component's weights, in one or several files.
type part struct {
	where map[string]int // index of the file that has a tensor
	files []*weights.File
	used  map[string]bool
}

// openComponent opens the weights in a component's folder: one file or
// several, .safetensors or .bin, in full precision or else as a variant of it,
// e.g. fp16.
func (c *Checkpoint) openComponent(dir string) (*part, error) {
	p := &part{where: map[string]int{}, used: map[string]bool{}}
	var names []string
	for _, variant := range []string{"", "fp16", "bf16"} {
		for _, kind := range []string{"safetensors", "bin"} {
			var err error
			if names, err = weightFiles(dir, kind, variant); err != nil {
				return nil, err
			}
			if names != nil {
				break
			}
		}
		if names != nil {
			if variant != "" {
				c.Assumed = append(c.Assumed, fmt.Sprintf("%s: the weights are those of the variant %s, the only ones here", filepath.Base(dir), variant))
			}
			break
		}
	}
	if names == nil {
		found, _ := filepath.Glob(filepath.Join(dir, "*"))
		for i := range found {
			found[i] = filepath.Base(found[i])
		}
		return nil, fmt.Errorf("no weights %s.safetensors or .bin, whole or in shards, in full precision, fp16 or bf16, in %s; it holds %s", weightStem, dir, some(found))
	}
	for _, name := range names {
		f, err := c.openFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		p.files = append(p.files, f)
		for _, tensor := range f.Names() {
			p.where[tensor] = len(c.files) - 1
		}
	}
	return p, nil
}

const weightStem = "diffusion_pytorch_model"

// weightFiles returns the names of a component's weight files of a kind and a
// variant, nil where there are none.
func weightFiles(dir, kind, variant string) ([]string, error) {
	dotted := ""
	if variant != "" {
		dotted = "." + variant
	}
	whole := weightStem + dotted + "." + kind
	if _, err := os.Stat(filepath.Join(dir, whole)); err == nil {
		return []string{whole}, nil
	}
	index, err := readConfig(filepath.Join(dir, weightStem+"."+kind+".index"+dotted+".json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, v := range index.section("weight_map").m {
		name, _ := v.(string)
		if name == "" || name != filepath.Base(name) {
			return nil, fmt.Errorf("%s: a shard named %q", dir, name)
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if names == nil {
		return nil, fmt.Errorf("%s: an index of no weights", dir)
	}
	slices.Sort(names)
	return names, nil
}

// source finds the tensor of a component that CompVis calls rest.
func (p *part) source(config Config, component, rest string, shape []int, problems *differences) tensorSource {
	names := config.diffusersNames(component, rest)
	stored := make([]string, 0, 3)
	for _, alternatives := range names {
		i := slices.IndexFunc(alternatives, func(n string) bool { _, ok := p.where[n]; return ok })
		if i < 0 {
			problems.missing = append(problems.missing, component+"/"+alternatives[0])
			continue
		}
		stored = append(stored, alternatives[i])
	}
	if len(stored) < len(names) {
		return tensorSource{shape: shape, at: func() (int, int64) { return 0, 0 }}
	}
	each := slices.Clone(shape)
	each[0] /= len(names)
	files := make([]*weights.File, len(names))
	for i, name := range stored {
		p.used[name] = true
		files[i] = p.fileOf(name)
		if got := files[i].Shape(name); !slices.Equal(squeeze(got), squeeze(each)) {
			problems.wrongShape = append(problems.wrongShape, fmt.Sprintf("%s/%s is %v, not %v", component, name, got, squeeze(each)))
		} else if d := files[i].DType(name); !floating(d) {
			problems.wrongType = append(problems.wrongType, component+"/"+name+" of "+d)
		}
	}
	if len(stored) == 1 {
		return single(p.where[stored[0]], files[0], stored[0], shape)
	}
	return tensorSource{
		shape: shape,
		at:    func() (int, int64) { return p.where[stored[0]], files[0].Offset(stored[0]) },
		read: func(dst []float32) error {
			return readHeads(dst, config.UNet, shape, func(i int, to []float32) error { return files[i].Read(stored[i], to) })
		},
	}
}

func (p *part) fileOf(name string) *weights.File {
	for _, f := range p.files {
		if f.Has(name) {
			return f
		}
	}
	return nil
}

// squeeze drops the sizes of 1 at the end of a shape, as between a 1×1
// convolution and a linear layer.
func squeeze(shape []int) []int {
	n := len(shape)
	for n > 1 && shape[n-1] == 1 {
		n--
	}
	return shape[:n]
}

// readHeads joins queries, keys and values into CompVis's qkv: rows in the
// order (heads, 3, head channels).
func readHeads(dst []float32, c UNetConfig, shape []int, read func(i int, to []float32) error) error {
	channels := shape[0] / 3
	row := len(dst) / shape[0]
	head := channels / c.heads(channels)
	one := make([]float32, channels*row)
	for i := range 3 {
		if err := read(i, one); err != nil {
			return err
		}
		for from := 0; from < channels; from += head {
			to := (3*from + i*head) * row
			copy(dst[to:to+head*row], one[from*row:])
		}
	}
	return nil
}
