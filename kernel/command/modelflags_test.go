package command

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/golden"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/srspace/picture"
)

func TestByteSize(t *testing.T) {
	for s, want := range map[string]int64{"4GiB": 4 << 30, "800MB": 800e6, "1.5 gib": 3 << 29, "512m": 512 << 20, "100": 100} {
		var b byteSize
		if err := b.Set(s); err != nil || int64(b) != want {
			t.Errorf("%q is %d, %v; want %d", s, b, err, want)
		}
	}
	for _, s := range []string{"", "GiB", "-1GiB", "0", "NaN", "4 apples", "4GiBB", "1e300GiB", "InfB"} {
		var b byteSize
		if err := b.Set(s); err == nil {
			t.Errorf("%q is read as %d", s, b)
		}
	}
}

// A 3×3 repeat from the command line: shards merged and one sample
// by its address are byte for byte those of one command, across the border of
// two runs.
func TestSampleTiles(t *testing.T) {
	model := golden.Path(t, "ldm", "tiny", "model.safetensors")
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	sample := []string{"sample", "--model", model, "--digit", "18", "--tile", "3", "-n", "3", "--seed", "8", "--steps", "1", "--backend", "go"}
	ok := func(args ...string) string {
		t.Helper()
		out, err := runLine(t, args...)
		if err != nil {
			t.Fatalf("%v: %v (%s)", args, err, hint.Of(err))
		}
		return out
	}
	lines := strings.Split(strings.TrimSpace(ok(append(sample, "-o", at("whole"), "--json")...)), "\n")
	ok(append(sample, "-o", at("a"), "--shard", "1/2")...)
	ok(append(sample, "-o", at("b"), "--shard", "2/2")...)
	ok("merge", at("merged"), at("a"), at("b"))
	for i, place := range []string{"3x3/run0/tile2,2", "3x3/run1/tile0,0", "3x3/run1/tile0,1"} {
		var e sampleEvent
		if err := json.Unmarshal([]byte(lines[i]), &e); err != nil || !strings.HasSuffix(e.Address, place) {
			t.Fatalf("sample %d is %s (%v), want …/%s", i, e.Address, err, place)
		}
		want, err := os.ReadFile(e.Path)
		if err != nil {
			t.Fatal(err)
		}
		merged, _ := os.ReadFile(filepath.Join(at("merged"), "samples", filepath.Base(e.Path)))
		ok("sample", "--model", model, "--address", e.Address, "--backend", "go", "-o", at("one.png"))
		one, _ := os.ReadFile(at("one.png"))
		if !bytes.Equal(merged, want) || !bytes.Equal(one, want) {
			t.Errorf("%s: the merged sample is equal: %v; the one drawn alone: %v", e.Address, bytes.Equal(merged, want), bytes.Equal(one, want))
		}
		if img, err := picture.ReadFile(e.Path); err != nil || img.Width != 28 || img.Height != 28 {
			t.Errorf("%s: %+v, %v", e.Path, img, err)
		}
	}
	if _, err := runLine(t, append(sample, "-o", at("refused"), "--memory", "1MiB")...); err == nil || !strings.Contains(err.Error(), "GiB") {
		t.Errorf("too little memory: %v", err)
	}
	if _, err := runLine(t, "sample", "--digit", "18", "--tile", "9", "-o", at("refused")); err == nil {
		t.Error("the digit model takes --tile")
	}
	if _, err := os.Stat(at("refused")); err == nil {
		t.Error("a refused command made its folder")
	}
}
