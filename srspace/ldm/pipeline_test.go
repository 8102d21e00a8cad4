package ldm_test

import (
	"archive/zip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/compute"

	"github.com/trustsr/trustsr/internal/npy"
	"github.com/trustsr/trustsr/srspace/ldm"
)

// A pipeline as diffusers 0.42.1 saves it, in shards of .bin, with scale_shift
// and one attention head, computes what diffusers does.
func TestPipeline(t *testing.T) {
	dir := t.TempDir()
	z, err := zip.OpenReader("testdata/pipeline.zip")
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	if err := os.CopyFS(dir, z); err != nil {
		t.Fatal(err)
	}
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
