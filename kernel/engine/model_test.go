package engine

import (
	"os"
	"path/filepath"
	"testing"
)

// The plane's second axis is the paper's DISTS where VGG16 is there, and a
// metric of another name where it is not: LPIPS, enlarged for small pictures
// alone.
func TestPerception(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TRUSTSR_WEIGHTS", dir)
	check := func(side int, want string) {
		t.Helper()
		m, err := Real().Perception(side)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Info(); got.ID != want || got.MinSide > side {
			t.Errorf("the axis of %d pixels is %s, from %d pixels on, want %s", side, got.ID, got.MinSide, want)
		}
	}
	check(28, "lpips/alex/0.1/nearest×3")
	check(30, "lpips/alex/0.1/nearest×3")
	check(31, "lpips/alex/0.1")
	check(256, "lpips/alex/0.1")
	if err := os.WriteFile(filepath.Join(dir, "vgg16.safetensors"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	check(28, "dists/noresize")
	check(256, "dists/noresize")
}
