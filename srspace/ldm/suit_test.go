package ldm_test

import (
	"runtime"
	"testing"

	"github.com/gomlx/compute"

	"github.com/trustsr/trustsr/internal/backendtest"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/ldm"
)

// On ONNX Runtime and XLA a call is filled with small pictures and never costs more
// than one of 64×64; on the Go backend and in windows it takes one.
func TestSuitBatch(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, config string, b compute.Backend) {
		if config == "xla:cuda" {
			t.Skip("four times as many on a GPU")
		}
		s := &ldm.Sampler{Model: twoLevelsOn(t, b, 0.08, nil), Steps: 2, Description: srspace.Recipe{Fit: ldm.FitEdge}}
		for _, c := range []struct{ width, height, tile, window, want int }{
			{7, 7, 0, 0, 16}, {16, 16, 0, 0, 16}, {31, 17, 0, 0, 4}, {32, 32, 0, 0, 4}, {32, 64, 0, 0, 2},
			{64, 64, 0, 0, 1}, {512, 512, 0, 0, 1}, {512, 512, 0, 16, 1}, {7, 7, 9, 0, 1},
		} {
			if config == "go" {
				c.want = 1
			}
			s.Tile, s.Window, s.Memory = c.tile, c.window, 1
			if err := s.SuitBatch(c.width, c.height); err != nil || s.Batch != c.want {
				t.Errorf("%d×%d, tile %d, window %d: %d a call, %v; want %d", c.width, c.height, c.tile, c.window, s.Batch, err, c.want)
			}
		}
		s.Tile, s.Window = 0, 0
		s.Description.Fit = ldm.FitNone
		if err := s.SuitBatch(31, 31); err == nil {
			t.Error("a size that the network does not take has a batch")
		}
	})
}

func TestSuitWorkers(t *testing.T) {
	s := &ldm.Sampler{Model: twoLevels(t, 0.08), Steps: 2, Batch: 4, Description: srspace.Recipe{Fit: ldm.FitEdge}}
	for n, want := range map[int]int{1: 1, 4: 1, 5: min(2, runtime.GOMAXPROCS(0)), 1000: runtime.GOMAXPROCS(0)} {
		if err := s.SuitWorkers(8, 8, n); err != nil || s.Workers != want {
			t.Errorf("%d samples, 4 a call: %d workers, %v; want %d", n, s.Workers, err, want)
		}
	}
	s.Memory = 1
	if err := s.SuitWorkers(8, 8, 1000); err != nil || s.Workers != 1 {
		t.Errorf("with no memory: %d workers, %v; want 1", s.Workers, err)
	}
}
