package onnx

import (
	"archive/zip"
	"context"
	"errors"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/npy"
	"github.com/trustsr/trustsr/internal/shared"
	"github.com/trustsr/trustsr/srspace/picture"
)

// extract writes testdata/networks.zip to a folder and returns the networks'
// names.
func extract(t *testing.T, dir string) []string {
	t.Helper()
	z, err := zip.OpenReader("testdata/networks.zip")
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	if err := os.CopyFS(dir, z); err != nil {
		t.Fatal(err)
	}
	folders, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range folders {
		names = append(names, f.Name())
	}
	return names
}

// Networks as PyTorch exports them draw ONNX Runtime's picture, to one level of
// 8 bits, at sizes that are no multiple of anything, on each backend.
func TestNetworks(t *testing.T) {
	dir := t.TempDir()
	names := extract(t, dir)
	values := map[string]map[string]float64{"cond_sigma": {"sigma": 0.35}, "cond_t": {"temperature": 0.35}}
	// ONNX Runtime computes between QuantizeLinear and DequantizeLinear in
	// integers and rounds there otherwise than the nodes say.
	// A level of luma or chroma is up to 1.8 of a colour.
	loose := map[string]float64{"edsr_qdq_dyn": 2, "edsrY_leg17dyn": 2}
	onEachBackend(t, func(t *testing.T, config string) {
		if strings.HasPrefix(config, "xla") && testing.Short() {
			t.Skip("compiling takes half a minute")
		}
		for _, name := range names {
			at := func(file string) string { return filepath.Join(dir, name, file) }
			lr, err := npy.ReadFile(at("lr.npy"))
			if err != nil {
				t.Fatal(err)
			}
			want, err := npy.ReadFile(at("sr.npy"))
			if err != nil {
				t.Fatal(err)
			}
			s, err := Open(at(name+".onnx"), config, Options{Values: values[name]})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			small := picture.NewImage(lr.Shape[1], lr.Shape[0])
			for i, v := range lr.Uint8() {
				small.Pix[i] = float32(v) / 255
			}
			for sample, err := range s.Sample(context.Background(), small, []uint64{1}) {
				if err != nil {
					t.Errorf("%s: %v", name, err)
					break
				}
				if sample.Image.Height != want.Shape[0] || sample.Image.Width != want.Shape[1] {
					t.Errorf("%s: %d×%d, not %v", name, sample.Image.Width, sample.Image.Height, want.Shape)
					break
				}
				worst := 0.0
				for i, v := range want.Uint8() {
					worst = max(worst, math.Abs(float64(sample.Image.Pix[i])*255-float64(v)))
				}
				if worst > max(1, loose[name])+0.01 {
					t.Errorf("%s: up to %.1f levels from ONNX Runtime", name, worst)
				}
			}
		}
	})
}

// What a file asks that a sampler cannot do is refused by name.
func TestRefusesFiles(t *testing.T) {
	for name, why := range map[string]string{
		"act_drop_leg":     "training_mode",
		"edsr_int8dyn_dyn": "DynamicQuantizeLinear",
		"edsr_ortopt_dyn":  "com.microsoft",
		"randin":           "noise of its own",
		"hwc":              "channels last",
		"rgba":             "[1, 4, H, W]",
		"u8":               "uint8",
		"cond_sigma":       "inputs besides the LR picture",
	} {
		_, err := Open(shared.Path(t, "faults", "files", "onnx", name+".onnx"), "go", Options{})
		if err == nil || !strings.Contains(err.Error()+hint.Of(err), why) {
			t.Errorf("%s: %v (%s)", name, err, hint.Of(err))
		}
		var ports *PortsError
		if name == "cond_sigma" && (!errors.As(err, &ports) || ports.WithoutValue != "sigma") {
			t.Errorf("%s: %v, want an error that names the input sigma", name, err)
		}
	}
}

// Weights in another file are read from the model's own folder alone.
func TestOutside(t *testing.T) {
	dir := t.TempDir()
	extract(t, dir)
	home := filepath.Join(dir, "edsr_dyn18dyn")
	path, data := filepath.Join(home, "edsr_dyn18dyn.onnx"), filepath.Join(home, "edsr_dyn18dyn.onnx.data")
	first, err := Open(path, "go", Options{})
	if err != nil {
		t.Fatal(err)
	}
	weights, err := os.ReadFile(data)
	if err != nil {
		t.Fatal(err)
	}
	// the identity covers the weights, not the small file alone
	weights[1000]++
	if err := os.WriteFile(data, weights, 0o666); err != nil {
		t.Fatal(err)
	}
	second, err := Open(path, "go", Options{})
	if err != nil || second.Recipe().Weights == first.Recipe().Weights {
		t.Errorf("other weights: %v, the hash is the same: %v", err, err == nil)
	}
	elsewhere := filepath.Join(dir, "weights")
	if err := os.Rename(data, elsewhere); err != nil {
		t.Fatal(err)
	}
	refused := func(what, why string) {
		t.Helper()
		if _, err := Open(path, "go", Options{}); err == nil || !strings.Contains(err.Error(), why) || hint.Of(err) == "" {
			t.Errorf("%s: %v (%s)", what, err, hint.Of(err))
		}
	}
	refused("no such file", "no such file")
	if err := os.Symlink(elsewhere, data); err != nil {
		t.Fatal(err)
	}
	refused("a link out of the folder", "edsr_dyn18dyn.onnx.data")
	if err := os.Remove(data); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(data, weights[:5000], 0o666); err != nil {
		t.Fatal(err)
	}
	refused("cut off", "of a file of 5000")
	if _, err := parse(encode(t, input("x", 1, 3, 4, 4)+output("y", 1, 3, 4, 4)+
		field(5, field(8, "k")+number(2, 1)+number(1, 1)+number(14, 1)+field(13, field(1, "location")+field(2, "../k")))+
		apply("Mul", "x k", "y")), dir); err == nil || !strings.Contains(err.Error(), "not in the model's folder") {
		t.Errorf("the folder above: %v", err)
	}
}

// Numbers given for inputs change the sample, enter the recipe, and replace
// defaults; what no number can fill is refused.
func TestValues(t *testing.T) {
	dir := t.TempDir()
	extract(t, dir)
	path := filepath.Join(dir, "cond_sigma", "cond_sigma.onnx")
	lr := lowResolution(9, 7)
	seen := map[string]bool{}
	onEachBackend(t, func(t *testing.T, config string) {
		var pictures []*picture.Image
		for _, sigma := range []float64{0, 0.5} {
			s, err := Open(path, config, Options{Values: map[string]float64{"sigma": sigma}})
			if err != nil {
				t.Fatal(err)
			}
			seen[s.Recipe().Schedule] = true
			pictures = append(pictures, draw(t, s, lr, 1)...)
		}
		if slices.Equal(pictures[0].Pix, pictures[1].Pix) {
			t.Error("sigma changes nothing")
		}
	})
	if len(seen) != 2 {
		t.Errorf("schedules %v", slices.Collect(maps.Keys(seen)))
	}
	m := encode(t, input("x", "n", 3, "h", "w")+input("gain", 1)+floats("gain", []float32{0.5}, 1)+output("y", "n", 3, "h", "w")+apply("Mul", "x gain", "y"))
	onEachBackend(t, func(t *testing.T, config string) {
		for _, c := range []struct {
			values map[string]float64
			want   float32
		}{{nil, 0.5}, {map[string]float64{"gain": 0.25}, 0.25}} {
			s, err := load(m, "", config, Options{Name: "m", Values: c.values})
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range draw(t, s, lr, 1)[0].Pix {
				if d := v - lr.Pix[i]*c.want; d > 0.51/255 || d < -0.51/255 {
					t.Fatalf("%v: value %d is %v of %v", c.values, i, v, lr.Pix[i])
				}
			}
		}
	})
	for name, v := range map[string]float64{"lr": 1, "gamma": 1} {
		if _, err := Open(path, "go", Options{Values: map[string]float64{"sigma": 1, name: v}}); err == nil {
			t.Errorf("%s = %v is accepted", name, v)
		}
	}
}

func TestParseValues(t *testing.T) {
	got, err := ParseValues("sigma=0.5, t=-3e2")
	if err != nil || !maps.Equal(got, map[string]float64{"sigma": 0.5, "t": -300}) {
		t.Errorf("%v, %v", got, err)
	}
	for _, s := range []string{"sigma", "=1", "sigma=", "sigma=x", "sigma=NaN", "a=1,a=2", "a=1,", "a=1e999"} {
		if _, err := ParseValues(s); err == nil || hint.Of(err) == "" {
			t.Errorf("%q: %v", s, err)
		}
	}
}
