package ldm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/weights"
)

// Targets of a CompVis configuration that are other classes are refused by name.
func TestYAMLTargets(t *testing.T) {
	const usual = `
model:
  target: ldm.models.diffusion.ddpm.LatentDiffusion
  params:
    cond_stage_config: COND
    unet_config: {target: UNET, params: {in_channels: 6, out_channels: 3, model_channels: 32, attention_resolutions: [2], num_res_blocks: 1, channel_mult: [1, 2], num_head_channels: 32}}
    first_stage_config: {target: ldm.models.autoencoder.VQModelInterface, params: {embed_dim: 3, n_embed: 16, ddconfig: {z_channels: 3, in_channels: 3, out_ch: 3, ch: 32, ch_mult: [1, 2], num_res_blocks: 1, attn_resolutions: []}}}
`
	const unet, identity = "ldm.modules.diffusionmodules.openaimodel.UNetModel", "{target: torch.nn.Identity}"
	for _, c := range []struct{ cond, unet, refused string }{
		{identity, unet, ""},
		{"__is_first_stage__", unet, "cond_stage_config __is_first_stage__"},
		{"__is_unconditional__", unet, "cond_stage_config __is_unconditional__"},
		{"{target: ldm.modules.encoders.modules.SpatialRescaler}", unet, "cond_stage_config.target ldm.modules.encoders.modules.SpatialRescaler"},
		{identity, "ldm.modules.diffusionmodules.openaimodel.EncoderUNetModel", "unet_config.target"},
	} {
		params, err := parseYAML([]byte(strings.NewReplacer("COND", c.cond, "UNET", c.unet).Replace(usual)))
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = compvisConfig(params)
		if (err == nil) != (c.refused == "") || err != nil && !strings.Contains(err.Error(), c.refused) {
			t.Errorf("%s, %s: %v", c.cond, c.unet, err)
		}
	}
}

// What wrappers put into names is taken out, and said.
func TestUnwrap(t *testing.T) {
	for name, left := range map[string]string{
		"model.diffusion_model.input_blocks.0.0.weight":            "",
		"module.model.diffusion_model.input_blocks.0.0.weight":     "module.",
		"model._orig_mod.diffusion_model.input_blocks.0.0.weight":  "_orig_mod.",
		"ema.module.model.diffusion_model.input_blocks.0.0.weight": "ema.module.",
		"generator.model.diffusion_model.input_blocks.0.0.weight":  "generator.",
		"modules.model.diffusion_model.other.weight":               "",
	} {
		path := filepath.Join(t.TempDir(), "m.safetensors")
		header := `{"` + name + `":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`
		data := append([]byte{byte(len(header)), 0, 0, 0, 0, 0, 0, 0}, header...)
		if err := os.WriteFile(path, append(data, 0, 0, 0, 0), 0o666); err != nil {
			t.Fatal(err)
		}
		f, err := weights.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := unwrap(f)
		f.Close()
		if err != nil || got != left || left != "" && f.Names()[0] != "model.diffusion_model.input_blocks.0.0.weight" {
			t.Errorf("%s: left out %q, %v, named %q", name, got, err, f.Names())
		}
	}
}
