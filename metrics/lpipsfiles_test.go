package metrics

import (
	"errors"
	"io/fs"
	"math"
	"path/filepath"
	"testing"

	"github.com/trustsr/trustsr/internal/golden"
	"github.com/trustsr/trustsr/internal/shared"
)

// The float32 AlexNet in place of the one that ships: the authors' numbers
// within 1e-6 + 1e-5·value, under a passport of its own.
func TestOpenLPIPS(t *testing.T) {
	file := shared.Path(t, "data", "lpips", "alexnet_features.safetensors")
	m, err := OpenLPIPS("alex", file)
	if err != nil {
		t.Fatal(err)
	}
	layers := shared.Path(t, "data", "lpips", "lpips_lin_v0.1.safetensors")
	withLayers, err := OpenLPIPS("alex", file, layers)
	if err != nil {
		t.Fatal(err)
	}
	if own, ships := m.Info(), embedded(t).Info(); own.ID != ships.ID || own.Weights == ships.Weights || own != withLayers.Info() {
		t.Errorf("passport %+v, that of what ships %+v, with the layers %+v", own, ships, withLayers.Info())
	}
	dir := golden.Path(t, "metrics", "img")
	for _, c := range readPublishedLPIPS(t).Alex[:4] {
		got := lpipsScore(t, m, read(t, dir, c.Dist+".png"), read(t, dir, c.Ref+".png"))
		if math.Abs(got-c.F64) > 1e-6+1e-5*c.F64 {
			t.Errorf("%s: %v, want %v", c.Dist, got, c.F64)
		}
	}
}

func TestOpenLPIPSRefuses(t *testing.T) {
	if _, err := OpenLPIPS("resnet"); !errors.Is(err, ErrUnknown) {
		t.Errorf("another network: %v", err)
	}
	if _, err := OpenLPIPS("alex"); err == nil {
		t.Error("a network without a file")
	}
	if _, err := OpenLPIPS("alex", filepath.Join(t.TempDir(), "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := OpenLPIPS("squeeze", filepath.Join("published", "alex_float32.safetensors")); err == nil {
		t.Error("AlexNet's file for SqueezeNet")
	}
}

// All metrics run on one backend.
func TestSetBackend(t *testing.T) {
	if err := SetBackend(opened.config); err != nil {
		t.Errorf("the backend in use, or the default: %v", err)
	}
	if err := SetBackend("no such backend"); !errors.Is(err, ErrBackendInUse) {
		t.Errorf("another backend: %v", err)
	}
}
