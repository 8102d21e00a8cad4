package ldm_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/golden"
	"github.com/trustsr/trustsr/internal/shared"
	"github.com/trustsr/trustsr/srspace/ldm"
)

// edited is a copy of the golden diffusers folder with changes to its files:
// keys of a JSON file, by "file/key", and names of files.
func edited(t *testing.T, keys map[string]any, renamed map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(golden.Diffusers(t))); err != nil {
		t.Fatal(err)
	}
	for at, v := range keys {
		path := filepath.Join(dir, filepath.Dir(at))
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		if err := json.Unmarshal([]byte(strings.ReplaceAll(string(data), `:-Infinity`, `:"-Infinity"`)), &m); err != nil {
			t.Fatal(err)
		}
		m[filepath.Base(at)] = v
		if data, err = json.Marshal(m); err != nil {
			t.Fatal(err)
		}
		data = []byte(strings.ReplaceAll(string(data), `"-Infinity"`, `-Infinity`))
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for from, to := range renamed {
		if err := os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// What diffusers has written since 0.32, and where it puts weights, is read.
func TestDiffusersVariants(t *testing.T) {
	const stem = "/diffusion_pytorch_model."
	original, err := ldm.Open(golden.Diffusers(t))
	if err != nil {
		t.Fatal(err)
	}
	defer original.Close()
	file := ".safetensors"
	if _, err := os.Stat(filepath.Join(golden.Diffusers(t), "unet"+stem+"safetensors")); err != nil {
		file = ".bin"
	}
	file = strings.TrimPrefix(file, ".")
	variant := map[string]string{"unet" + stem + file: "unet" + stem + "bf16." + file, "vqvae" + stem + file: "vqvae" + stem + "bf16." + file}
	for name, c := range map[string]struct {
		keys    map[string]any
		renamed map[string]string
		refused string
		check   func(c *ldm.Checkpoint) bool
	}{
		"time_embedding_dim null":  {keys: map[string]any{"unet/config.json/time_embedding_dim": nil}},
		"time_embedding_dim usual": {keys: map[string]any{"unet/config.json/time_embedding_dim": 4 * original.Config.UNet.ModelChannels}},
		"time_embedding_dim other": {keys: map[string]any{"unet/config.json/time_embedding_dim": 64}, refused: "time_embedding_dim 64"},
		"one head": {keys: map[string]any{"unet/config.json/attention_head_dim": nil}, check: func(c *ldm.Checkpoint) bool {
			return c.Config.UNet.NumHeads == 1 && c.Config.UNet.NumHeadChannels == 0
		}},
		"variant": {renamed: variant, check: func(c *ldm.Checkpoint) bool { return strings.Contains(strings.Join(c.Assumed, "; "), "bf16") }},
		"of a DPM-Solver": {keys: map[string]any{"scheduler/scheduler_config.json/_class_name": "DPMSolverMultistepScheduler", "scheduler/scheduler_config.json/lambda_min_clipped": "-Infinity",
			"scheduler/scheduler_config.json/set_alpha_to_one": true}, check: func(c *ldm.Checkpoint) bool { // a key of another class
			return strings.Contains(c.Config.Scheduler.Refused, "set_alpha_to_one") && len(c.Assumed) == 1
		}},
		"of PNDM":      {keys: map[string]any{"scheduler/scheduler_config.json/_class_name": "PNDMScheduler"}, check: func(c *ldm.Checkpoint) bool { return strings.Contains(c.Config.Scheduler.Refused, "PNDMScheduler") }},
		"of v":         {keys: map[string]any{"scheduler/scheduler_config.json/prediction_type": "v_prediction"}, check: func(c *ldm.Checkpoint) bool { return c.Config.UNet.Prediction == ldm.PredictV }},
		"of x0":        {keys: map[string]any{"scheduler/scheduler_config.json/prediction_type": "sample"}, refused: "prediction_type sample"},
		"of no weight": {renamed: map[string]string{"vqvae" + stem + file: "vqvae/other." + file}, refused: "in full precision, fp16 or bf16"},
	} {
		got, err := ldm.Open(edited(t, c.keys, c.renamed))
		if c.refused != "" {
			if err == nil || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.check != nil && !c.check(got) {
			t.Errorf("%s: %+v, assumed %q", name, got.Config, got.Assumed)
		}
		if err := got.Verify(nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got.Close()
	}
}

// Folders and files that people have, see ../shared/faults/files/README.md.
func TestOpenFaults(t *testing.T) {
	for name, c := range map[string]struct{ refused, assumed string }{
		"diffusers/base_0.42.1":           {},
		"diffusers/v_head_none":           {},
		"diffusers/shard_bin_noTimeKey":   {},
		"diffusers/bf16variant_noTimeKey": {assumed: "bf16"},
		"ckpt/ddp_prefix/model.ckpt":      {assumed: `"module."`},
		"ckpt/numpy_arrays/model.ckpt":    {refused: "NumPy arrays and no tensors"},
	} {
		got, err := ldm.Open(shared.Path(t, append([]string{"faults", "files"}, strings.Split(name, "/")...)...))
		if c.refused != "" {
			if err == nil || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !strings.Contains(strings.Join(got.Assumed, "; "), c.assumed) || c.assumed == "" && len(got.Assumed) > 0 {
			t.Errorf("%s: assumed %q", name, got.Assumed)
		}
		if err := got.Verify(nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got.Close()
	}
}
