package command

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/golden"
)

// The same weights with another noise schedule, other attention heads or other
// settings of their scheduler are another address; an address draws its own
// picture or none, and flags that say otherwise are refused.
func TestConfigurationsHaveAddresses(t *testing.T) {
	dir := t.TempDir()
	folder := func(name, file, key string, v any) string {
		t.Helper()
		to := filepath.Join(dir, name, "tiny") // the model's name is the folder's
		if err := os.CopyFS(to, os.DirFS(golden.Diffusers(t))); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(to, file)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		if err := json.Unmarshal(data, &m); err != nil {
			t.Fatal(err)
		}
		if key != "" {
			m[key] = v
		}
		if data, err = json.Marshal(m); err == nil {
			err = os.WriteFile(path, data, 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
		return to
	}
	const schedule = "scheduler/scheduler_config.json"
	usual := folder("usual", schedule, "", nil)
	models := map[string]string{
		"usual": usual,
		"betas": folder("betas", schedule, "beta_end", 0.012),
		"heads": folder("heads", "unet/config.json", "attention_head_dim", 16),
		"steps": folder("steps", schedule, "timestep_spacing", "trailing"),
	}
	draw := func(model string, flags ...string) sampleEvent {
		t.Helper()
		s := sampler{t, model, t.TempDir()}
		return s.run("space", append(flags, "--digit", "18", "-n", "1", "--seed", "5", "--backend", "go")...)[0]
	}
	one := filepath.Join(dir, "one.png")
	again := func(model, address string, flags ...string) error {
		_, err := runLine(t, append([]string{"sample", "--model", model, "--address", address, "--backend", "go", "-o", one}, flags...)...)
		return err
	}
	drawn := map[string]sampleEvent{}
	for name, model := range models {
		e := draw(model, "--steps", "3")
		drawn[name] = e
		if !strings.Contains(e.Address, "/scheduler-3-eta1/config-") {
			t.Errorf("%s: %s", name, e.Address)
		}
		if err := again(model, e.Address); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !bytes.Equal(read(t, one), read(t, e.Path)) {
			t.Errorf("%s: %s draws another picture", name, e.Address)
		}
	}
	for name, e := range drawn {
		if name == "usual" {
			continue
		}
		if e.Address == drawn["usual"].Address {
			t.Errorf("%s has the address of the usual configuration", name)
		}
		if err := again(models[name], drawn["usual"].Address); err == nil {
			t.Errorf("%s draws a picture at the usual configuration's address", name)
		}
	}
	// a method that the scheduler has no part in
	if a, b := draw(usual, "--steps", "3", "--sampler", "ddim"), draw(models["steps"], "--steps", "3", "--sampler", "ddim"); a.Address != b.Address || !bytes.Equal(read(t, a.Path), read(t, b.Path)) {
		t.Errorf("%s and %s", a.Address, b.Address)
	}
	// an address of a version that did not say the configuration
	address := drawn["usual"].Address
	at := strings.Index(address, "/config-")
	old := address[:at] + address[at+len("/config-0123456789ab"):]
	if err := again(usual, old); err != nil || !bytes.Equal(read(t, one), read(t, drawn["usual"].Path)) {
		t.Errorf("%s: %v", old, err)
	}
	for _, flags := range [][]string{{"--steps", "4"}, {"--eta", "0"}, {"--sampler", "ddim"}, {"--rng", "torch-cpu"}, {"--fit", "pad-reflect"},
		{"--window", "16"}, {"--tile", "3"}, {"--project", "1"}, {"--precision", "bfloat16"}, {"-n", "2"}, {"--seed", "5"}, {"--shard", "1/2"}} {
		_, err := runLine(t, append([]string{"sample", "--model", usual, "--address", address, "--backend", "go", "-o", one}, flags...)...)
		if err == nil {
			t.Errorf("%v beside the address: no error", flags)
		}
	}
	if _, err := runLine(t, "sample", "--model", usual, "--address", address, "--backend", "go", "-o", one, "--steps", "3", "--eta", "1", "--rng", "philox4x32-10"); err != nil {
		t.Errorf("flags that say the same: %v", err)
	}
}
