package ldm_test

import (
	"archive/zip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/gomlx/compute"

	"github.com/trustsr/trustsr/internal/npy"
	"github.com/trustsr/trustsr/srspace/ldm"
)

// Configurations as other versions of diffusers save them are the same model.
func TestPipelineVersions(t *testing.T) {
	dir := t.TempDir()
	unpack(t, "testdata/pipeline.zip", dir)
	newest, err := ldm.Open(filepath.Join(dir, "pipeline"))
	if err != nil {
		t.Fatal(err)
	}
	defer newest.Close()
	for _, version := range []string{"0.25.1", "0.31.0", "0.35.2"} {
		at := t.TempDir()
		unpack(t, "testdata/versions.zip", at)
		at = filepath.Join(at, version)
		for _, part := range []string{"unet", "vqvae"} {
			files, err := filepath.Glob(filepath.Join(dir, "pipeline", part, "diffusion_pytorch_model*"))
			if err != nil || len(files) == 0 {
				t.Fatal(files, err)
			}
			for _, f := range files {
				if err := os.Link(f, filepath.Join(at, part, filepath.Base(f))); err != nil {
					t.Fatal(err)
				}
			}
		}
		c, err := ldm.Open(at)
		if err != nil {
			t.Errorf("%s: %v", version, err)
			continue
		}
		if !reflect.DeepEqual(c.Config, newest.Config) {
			t.Errorf("%s: %+v, not %+v", version, c.Config, newest.Config)
		}
		if assumed := strings.Join(c.Assumed, "; "); (version == "0.25.1") != strings.Contains(assumed, "final_sigmas_type") {
			t.Errorf("%s: assumed %q", version, assumed)
		}
		if err := c.Verify(nil); err != nil {
			t.Errorf("%s: %v", version, err)
		}
		c.Close()
	}
}

func unpack(t *testing.T, file, dir string) {
	t.Helper()
	z, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	if err := os.CopyFS(dir, z); err != nil {
		t.Fatal(err)
	}
}

// A pipeline as diffusers 0.42.1 saves it, in shards of .bin, with scale_shift
// and one attention head, computes what diffusers does.
func TestPipeline(t *testing.T) {
	dir := t.TempDir()
	unpack(t, "testdata/pipeline.zip", dir)
	array := func(name string) *npy.Array {
		a, err := npy.ReadFile(filepath.Join(dir, name+".npy"))
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	c, err := ldm.Open(filepath.Join(dir, "pipeline"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	own := c.Config.Scheduler
	if len(c.Assumed) > 0 || own == nil || own.Sigmas != "karras" || c.Config.DefaultMethod() != ldm.SchedulerMethod || c.Config.DefaultEta(ldm.SchedulerMethod) != 0 {
		t.Errorf("assumed %q, scheduler %v", c.Assumed, own)
	}
	onEachBackend(t, func(t *testing.T, b compute.Backend) {
		m, err := c.Model(b)
		if err != nil {
			t.Fatal(err)
		}
		x, lr := splitChannels(tensor(t, array("x")), 3)
		got, err := m.Denoise(x, lr, array("t").Float32())
		if err != nil {
			t.Fatal(err)
		}
		closeCall(t, "y", got, array("y"))
		if got, err = m.Decode(tensor(t, array("z")), nil, true); err != nil {
			t.Fatal(err)
		}
		closeCall(t, "picture", got, array("picture"))
		s := &ldm.Sampler{Model: m, Steps: 5}
		if r := s.Recipe(); r.Method != ldm.SchedulerMethod || !strings.Contains(r.Schedule, "karras") {
			t.Errorf("recipe %+v", r)
		}
	})
}
