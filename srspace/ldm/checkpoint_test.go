package ldm_test

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"

	"github.com/trustsr/trustsr/internal/golden"
	"github.com/trustsr/trustsr/internal/shared"
	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/srspace/ldm"
)

// tinyFile is the path of the tiny model in one of its three layouts.
func tinyFile(t *testing.T, name string) string {
	t.Helper()
	switch name {
	case "model.ckpt":
		return shared.Path(t, "golden", "ldm", "tiny", name)
	case "diffusers":
		return golden.Diffusers(t)
	}
	return golden.Path(t, "ldm", "tiny", name)
}

// openTiny opens one of the golden checkpoints.
func openTiny(t *testing.T, o ldm.OpenOptions, name string) *ldm.Checkpoint {
	t.Helper()
	c, err := o.Open(tinyFile(t, name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// All three published layouts give the golden network: the averages of a
// training checkpoint and the same weights in other files.
func TestOpenGolden(t *testing.T) {
	golden := archive(t, "unet.npz")
	decoded := archive(t, "vq.npz")
	for name, layout := range map[string]string{"model.ckpt": ldm.OriginalLayout, "model.safetensors": ldm.OriginalLayout, "diffusers": ldm.DiffusersLayout} {
		t.Run(name, func(t *testing.T) {
			c := openTiny(t, ldm.OpenOptions{}, name)
			if (c.Config.Scheduler != nil) != (layout == ldm.DiffusersLayout) {
				t.Errorf("scheduler %v", c.Config.Scheduler)
			}
			c.Config.Scheduler = nil // of the folder alone
			if !reflect.DeepEqual(c.Config, tiny) || c.Layout != layout || c.Averaged != (name == "model.ckpt") || len(c.Assumed) != 0 {
				t.Errorf("layout %s, averaged %v, assumed %v, configuration %+v, want %+v", c.Layout, c.Averaged, c.Assumed, c.Config, tiny)
			}
			onEachBackend(t, func(t *testing.T, b compute.Backend) {
				m, err := c.Model(b)
				if err != nil {
					t.Fatal(err)
				}
				x, lr := splitChannels(tensor(t, golden["x"]), 3)
				got, err := m.Denoise(x, lr, golden["t"].Float32())
				if err != nil {
					t.Fatal(err)
				}
				closeCall(t, "y", got, golden["y"])
				if got, err = m.Decode(tensor(t, decoded["z"]), nil, true); err != nil {
					t.Fatal(err)
				}
				closeCall(t, "dec_q", got, decoded["dec_q"])
				if got, err = m.Encode(tensor(t, decoded["img"]), nil); err != nil {
					t.Fatal(err)
				}
				closeCall(t, "enc", got, decoded["enc"])
			})
		})
	}
}

// The weights of the last step, on request.
func TestOpenRaw(t *testing.T) {
	golden := archive(t, "unet.npz")
	c := openTiny(t, ldm.OpenOptions{Raw: true}, "model.ckpt")
	if c.Averaged {
		t.Error("raw weights are said to be averaged")
	}
	m, err := c.Load("go")
	if err != nil {
		t.Fatal(err)
	}
	x, lr := splitChannels(tensor(t, golden["x"]), 3)
	got, err := m.Denoise(x, lr, golden["t"].Float32())
	if err != nil {
		t.Fatal(err)
	}
	closeCall(t, "y_raw", got, golden["y_raw"])
}

// copyOf links a golden checkpoint into an empty folder, away from its
// configuration.
func copyOf(t *testing.T, name string) string {
	t.Helper()
	from, err := filepath.Abs(tinyFile(t, name))
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), name)
	if err := os.Symlink(from, to); err != nil {
		t.Fatal(err)
	}
	return to
}

// Without a configuration, shapes tell it.
func TestInferConfig(t *testing.T) {
	c, err := ldm.Open(copyOf(t, "model.safetensors")) // has no buffers
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if !reflect.DeepEqual(c.Config, tiny) || len(c.Assumed) != 2 {
		t.Errorf("assumed %v, configuration %+v, want %+v", c.Assumed, c.Config, tiny)
	}
}

// The buffers of a training checkpoint tell the schedule, too.
func TestInferConfigOfCheckpoint(t *testing.T) {
	c, err := ldm.Open(copyOf(t, "model.ckpt"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if !reflect.DeepEqual(c.Config, tiny) || len(c.Assumed) != 1 || !strings.Contains(c.Assumed[0], "heads") {
		t.Errorf("assumed %v, configuration %+v, want %+v", c.Assumed, c.Config, tiny)
	}
	o := ldm.OpenOptions{HeadChannels: 16}
	if c, err = o.Open(copyOf(t, "model.ckpt")); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.Config.UNet.NumHeadChannels != 16 || len(c.Assumed) != 0 {
		t.Errorf("heads of %d, assumed %v", c.Config.UNet.NumHeadChannels, c.Assumed)
	}
	o.HeadChannels = 48
	if _, err = o.Open(copyOf(t, "model.ckpt")); err == nil || !strings.Contains(err.Error(), "project.yaml") {
		t.Errorf("heads of 48: %v", err)
	}
}

// Files that do not fit are refused by the names of what is wrong.
func TestOpenNamesWhatIsWrong(t *testing.T) {
	dict, _, err := weights.ReadSafetensors(golden.Path(t, "ldm", "tiny", "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	const conv, norm = ldm.UNetModule + ".input_blocks.1.0.in_layers.2.weight", ldm.FirstStageModule + ".decoder.norm_out.bias"
	write := func(t *testing.T, change func(d weights.Dict)) string {
		d := weights.Dict{}
		for name, w := range dict {
			d[name] = w
		}
		change(d)
		path := filepath.Join(t.TempDir(), "w.safetensors")
		if err := weights.WriteSafetensors(path, d, "F32", nil); err != nil {
			t.Fatal(err)
		}
		return path
	}
	config := tiny
	for name, c := range map[string]struct {
		change func(d weights.Dict)
		want   string
	}{
		"missing": {func(d weights.Dict) { delete(d, norm) }, "missing (" + norm + ")"},
		"unknown": {func(d weights.Dict) { d["cond_stage_model.w"] = weights.NewTensor(1) }, "unknown (cond_stage_model.w)"},
		"shape":   {func(d weights.Dict) { d[conv] = weights.NewTensor(32, 32, 3, 2) }, conv + " is [32 32 3 2], not [32 32 3 3]"},
	} {
		t.Run(name, func(t *testing.T) {
			o := ldm.OpenOptions{Config: &config}
			if _, err := o.Open(write(t, c.change)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
	t.Run("not finite", func(t *testing.T) {
		c, err := ldm.Open(write(t, func(d weights.Dict) {
			bad := weights.NewTensor(d[norm].Shape...)
			bad.Data[3] = float32(math.Inf(1))
			d[norm] = bad
		}))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for what, err := range map[string]error{"verify": c.Verify(nil), "load": second(c.Load("go")), "tensor": second(c.Tensor(norm))} {
			if err == nil || !strings.Contains(err.Error(), norm) || !strings.Contains(err.Error(), "finite") {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }

// The schedule that a file without configuration was trained with is read off
// its betas in any type, and said where they are halves.
func TestInferredSchedule(t *testing.T) {
	for _, want := range []ldm.ScheduleConfig{
		{Timesteps: 1000, LinearStart: 0.0015, LinearEnd: 0.0195},
		{Timesteps: 500, LinearStart: 0.00085, LinearEnd: 0.012},
		{Timesteps: 1000, LinearStart: 0.0015, LinearEnd: 0.0155},
	} {
		dict, _, err := weights.ReadSafetensors(golden.Path(t, "ldm", "tiny", "model.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		betas, alphas := weights.NewTensor(want.Timesteps), weights.NewTensor(want.Timesteps)
		for i, b := range want.Betas() {
			betas.Data[i] = float32(b)
		}
		copy(alphas.Data, want.AlphasCumprod())
		dict["betas"], dict["alphas_cumprod"] = betas, alphas
		for _, dtype := range []string{"F32", "F16"} {
			path := filepath.Join(t.TempDir(), "model.safetensors")
			if err := weights.WriteSafetensors(path, dict, dtype, nil); err != nil {
				t.Fatal(err)
			}
			c, err := ldm.Open(path)
			if err != nil {
				t.Errorf("%s: %v", dtype, err)
				continue
			}
			if c.Config.Schedule != want {
				t.Errorf("%s: schedule %+v, want %+v", dtype, c.Config.Schedule, want)
			}
			if said := slices.ContainsFunc(c.Assumed, func(s string) bool { return strings.Contains(s, "schedule") }); said != (dtype != "F32") {
				t.Errorf("%s: assumed %q", dtype, c.Assumed)
			}
			c.Close()
		}
	}
}
