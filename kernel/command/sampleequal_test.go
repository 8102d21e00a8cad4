package command

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/backendtest"
	"github.com/trustsr/trustsr/internal/golden"
	"github.com/trustsr/trustsr/internal/hint"
)

// sampler draws with a small checkpoint into folders of a temporary one.
type sampler struct {
	t     *testing.T
	model string
	dir   string
}

// run draws and returns the lines of --json.
func (s sampler) run(out string, flags ...string) []sampleEvent {
	s.t.Helper()
	args := append([]string{"sample", "--model", s.model, "--steps", "2", "--json", "-o", filepath.Join(s.dir, out)}, flags...)
	text, err := runLine(s.t, args...)
	if err != nil {
		s.t.Fatalf("%v: %v (%s)", args, err, hint.Of(err))
	}
	var events []sampleEvent
	for line := range strings.Lines(text) {
		var e sampleEvent
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			s.t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Samples are the same bytes however many are drawn side by side, in parts on
// many machines, interrupted and resumed, or one alone by its address.
func TestSamplesAreEqualBytes(t *testing.T) {
	model := golden.Path(t, "ldm", "tiny", "model.safetensors")
	backendtest.EachName(t, func(t *testing.T, config string) {
		const n = "9"
		s := sampler{t, model, t.TempDir()}
		whole := s.run("whole", "--digit", "18", "-n", n, "--backend", config, "--batch", "1")
		compare := func(what string, events []sampleEvent) {
			t.Helper()
			for _, e := range events {
				want := read(t, filepath.Join(s.dir, "whole", "samples", filepath.Base(e.Path)))
				if !bytes.Equal(read(t, e.Path), want) {
					t.Errorf("%s: %s differs", what, e.Address)
				}
			}
		}
		for _, batch := range []string{"0", "4", "16"} {
			compare("batch "+batch, s.run("batch"+batch, "--digit", "18", "-n", n, "--backend", config, "--batch", batch))
		}
		drawn := 0
		for _, shard := range []string{"1/1", "1/7", "2/7", "3/7", "4/7", "5/7", "6/7", "7/7"} {
			events := s.run("shard"+strings.ReplaceAll(shard, "/", "of"), "--digit", "18", "-n", n, "--backend", config, "--shard", shard)
			compare("shard "+shard, events)
			drawn += len(events)
		}
		if drawn != 2*len(whole) {
			t.Errorf("the shards drew %d samples, want twice %d", drawn, len(whole))
		}
		s.run("resumed", "--digit", "18", "-n", "4", "--backend", config)
		os.Remove(filepath.Join(s.dir, "resumed", "samples", "000001.png"))
		rest := s.run("resumed", "--digit", "18", "-n", n, "--backend", config)
		compare("resumed", rest)
		if len(rest) != 6 || filepath.Base(rest[0].Path) != "000001.png" || !strings.HasSuffix(rest[0].Address, "/seed/1") {
			t.Errorf("the run that fills a hole tells of %d samples, the first %+v", len(rest), rest[0])
		}
	})
}

// An address says all that decides a picture and is not the usual: the sample
// that it alone draws is the space's.
func TestAddressesNameOnePicture(t *testing.T) {
	s := sampler{t, golden.Path(t, "ldm", "tiny", "model.safetensors"), t.TempDir()}
	seen := map[string]string{}
	for name, flags := range map[string][]string{
		"usual":     nil,
		"rng":       {"--rng", "torch-cpu"},
		"fit":       {"--fit", "pad-reflect"},
		"tiled fit": {"--tile", "3", "--fit", "pad-edge"},
		"window":    {"--tile", "3", "--window", "16"},
		"precision": {"--precision", "bfloat16"},
		"sampler":   {"--sampler", "unipc"},
		"all":       {"--tile", "3", "--fit", "pad-reflect", "--window", "16", "--rng", "torch-cpu", "--precision", "bfloat16", "--sampler", "dpmpp-2m-sde"},
	} {
		e := s.run(name, append(flags, "--digit", "18", "-n", "1", "--seed", "5", "--backend", "go")...)[0]
		want := read(t, e.Path)
		one := filepath.Join(s.dir, name+".png")
		if _, err := runLine(t, "sample", "--model", s.model, "--address", e.Address, "--backend", "go", "-o", one); err != nil {
			t.Errorf("%s: %v", e.Address, err)
			continue
		}
		if !bytes.Equal(read(t, one), want) {
			t.Errorf("%s names another picture than the space's", e.Address)
		}
		if other, ok := seen[e.Address]; ok {
			t.Errorf("%s and %s have one address, %s", name, other, e.Address)
		}
		seen[e.Address] = name
	}
}
