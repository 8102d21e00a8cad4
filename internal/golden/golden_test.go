package golden_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/checkout"
	"github.com/trustsr/trustsr/internal/golden"
)

// All test data of the repository together are at most 10 MB, the weights of
// networks, which have a limit of their own, apart.
func TestSizeOfTestdata(t *testing.T) {
	const limit = 10_000_000
	total := int64(0)
	err := filepath.WalkDir(checkout.Root(t), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		if d.IsDir() || d.Name() == "model.safetensors" || !slices.Contains(strings.Split(path, string(filepath.Separator)), "testdata") {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		total += info.Size()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if total > limit || total < 1_000_000 {
		t.Errorf("testdata has %d bytes, limit %d", total, limit)
	}
}

// Diffusers itself compares with the sums of diffusers' files.
func TestDiffusers(t *testing.T) {
	dir := golden.Diffusers(t)
	for name, size := range map[string]int64{"unet": 2827980, "vqvae": 1025732} {
		info, err := os.Stat(filepath.Join(dir, name, "diffusion_pytorch_model.safetensors"))
		if err != nil || info.Size() != size {
			t.Errorf("%s: %v, want %d bytes (%v)", name, info, size, err)
		}
	}
}

func TestTable(t *testing.T) {
	rows := golden.Table(t, "metrics", "pixel.csv")
	if len(rows) != 18 || rows[0]["dist"] != "a_ens5" || rows[0]["psnr_rgb_crop0"] != "28.690571895851853" {
		t.Errorf("%d rows, the first %v", len(rows), rows[0])
	}
}
