package engine

import (
	"os"
	"path/filepath"
	"testing"
)

// The plane's second axis is the paper's DISTS where VGG16 is there, and a
// metric of another name where it is not.
func TestPerceptionOfDigits(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TRUSTSR_WEIGHTS", dir)
	id := func() string {
		m, err := Digits().Perception()
		if err != nil {
			t.Fatal(err)
		}
		return m.Info().ID
	}
	if got := id(); got != "lpips/alex/0.1/nearest×3" {
		t.Errorf("without VGG16 the axis is %s", got)
	}
	if err := os.WriteFile(filepath.Join(dir, "vgg16.safetensors"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := id(); got != "dists/noresize" {
		t.Errorf("with VGG16 the axis is %s", got)
	}
}
