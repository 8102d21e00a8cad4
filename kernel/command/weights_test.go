package command

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/golden"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/shared"
	"github.com/trustsr/trustsr/srspace/picture"
)

// One model in two layouts, imported or opened where it is, draws the same
// picture by the same sampler from a 5×6 picture that no network takes as it is.
func TestImportAndSample(t *testing.T) {
	original := golden.Path(t, "ldm", "tiny", "model.safetensors")
	importAndSample(t, original, map[string]string{"original": original, "diffusers": golden.Diffusers(t)})
}

// The same for a training checkpoint, of which the averages are taken.
func TestImportCheckpoint(t *testing.T) {
	importAndSample(t, golden.Path(t, "ldm", "tiny", "model.safetensors"),
		map[string]string{"ckpt": shared.Path(t, "golden", "ldm", "tiny", "model.ckpt")})
}

// importAndSample imports models under their names and checks that each draws
// what the model of a file draws, and that changed files are found.
func importAndSample(t *testing.T, file string, models map[string]string) {
	t.Helper()
	t.Setenv("TRUSTSR_WEIGHTS", t.TempDir())
	dir := t.TempDir()
	lr := picture.NewImage(5, 6)
	for i := range lr.Pix {
		lr.Pix[i] = float32(i*37%256) / 255
	}
	img := filepath.Join(dir, "lr.png")
	if err := lr.WritePNG(img); err != nil {
		t.Fatal(err)
	}
	draw := func(name, model string) *picture.Image {
		t.Helper()
		space := filepath.Join(dir, name)
		if _, err := runLine(t, "sample", "--model", model, "--lr", img, "-n", "1", "--sampler", "ddim", "--steps", "2", "--backend", "go", "-o", space); err != nil {
			t.Fatal(err)
		}
		got, err := picture.ReadFile(filepath.Join(space, "samples", "000000.png"))
		if err != nil {
			t.Fatal(err)
		}
		if got.Width != 20 || got.Height != 24 {
			t.Errorf("%s: %d×%d pixels", name, got.Width, got.Height)
		}
		return got
	}
	want := draw("file", file)
	names := slices.Sorted(maps.Keys(models))
	for _, name := range names {
		out, err := runLine(t, "weights", "import", name, models[name])
		if err != nil || !strings.Contains(out, "285 tensors") {
			t.Fatalf("%s: %q, %v", name, out, err)
		}
		if !reflect.DeepEqual(draw(name, name), want) {
			t.Errorf("%s draws another picture", name)
		}
	}
	out, err := runLine(t, append([]string{"weights", "verify"}, names...)...)
	if err != nil || strings.Count(out, "unchanged since it was imported, 285 tensors") != len(names) || strings.Contains(out, "ok") {
		t.Errorf("verify: %q, %v", out, err)
	}
	if out, err := runLine(t, "weights", "list"); err != nil || !strings.Contains(out, "imported model") || !strings.Contains(out, "vgg16: fetched in parts") {
		t.Errorf("list: %q, %v", out, err)
	}
	// Without the record there is nothing to compare with.
	record := filepath.Join(os.Getenv("TRUSTSR_WEIGHTS"), "models", names[0], "SHA256SUMS")
	kept, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(record); err != nil {
		t.Fatal(err)
	}
	if out, err := runLine(t, "weights", "verify", names[0]); err != nil || !strings.Contains(out, "unknown: whole") {
		t.Errorf("verify without a record: %q, %v", out, err)
	}
	if err := os.WriteFile(record, kept, 0o644); err != nil {
		t.Fatal(err)
	}
	// One changed bit, which leaves a good number a good number, is found.
	stored := filepath.Join(os.Getenv("TRUSTSR_WEIGHTS"), "models", names[0])
	if filepath.Base(models[names[0]]) == "diffusers" {
		stored = filepath.Join(stored, "unet", "diffusion_pytorch_model.safetensors")
	} else {
		stored = filepath.Join(stored, filepath.Base(models[names[0]]))
	}
	data, err := os.ReadFile(stored)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-4] ^= 1
	if err := os.WriteFile(stored, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := runLine(t, "weights", "verify", names[0]); err == nil || !strings.Contains(out, "check sum does not match") {
		t.Errorf("verify of a changed file: %q, %v", out, err)
	}
	if err := os.Truncate(stored, 100_000); err != nil {
		t.Fatal(err)
	}
	if out, err := runLine(t, "weights", "verify"); err == nil || hint.Of(err) == "" {
		t.Errorf("verify of a cut file: %q, %v", out, err)
	}
}

func TestWeightsErrors(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("TRUSTSR_WEIGHTS", t.TempDir())
	text := filepath.Join(t.TempDir(), "text.ckpt")
	if err := os.WriteFile(text, []byte("no checkpoint"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"import", "x", text}, "neither safetensors nor a torch.save file"},
		{[]string{"import", "vgg16", text}, "neither safetensors nor a torch.save file"},
		{[]string{"import", "pieapp", text}, "neither safetensors nor a torch.save file"},
		{[]string{"import", "nrqm", text}, "not a model of NRQM"},
		{[]string{"import", "nrqm", text + "2"}, "no such file"},
		{[]string{"import", "onnxruntime", text}, "not a Linux library"},
		{[]string{"import", "xla-cpu", text}, "not a Linux library"},
		{[]string{"import", "xla-cuda", text}, "many files"},
		{[]string{"fetch", "xla-cuda"}, "not wanted"},
		{[]string{"fetch", "pieapp"}, "not offered for download"},
		{[]string{"fetch", "nothing"}, `no weights called "nothing"`},
		{[]string{"verify", "nothing"}, "1 of 1 weights fail"},
	} {
		_, err := runLine(t, append([]string{"weights"}, c.args...)...)
		if err == nil || !strings.Contains(err.Error(), c.want) || hint.Of(err) == "" {
			t.Errorf("%v: error %v, hint %q", c.args, err, hint.Of(err))
		}
	}
}
