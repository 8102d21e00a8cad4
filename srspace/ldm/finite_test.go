package ldm_test

import (
	"context"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/backend"
	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/ldm"
)

// Weights that are finite and overflow are an error that names what could not
// be drawn, in the latent at the first such step and in the decoder.
func TestOverflowIsAnError(t *testing.T) {
	b, err := backend.Open("go")
	if err != nil {
		t.Fatal(err)
	}
	huge := func(name string) func(weights.Dict) {
		return func(dict weights.Dict) {
			for i := range dict[name].Data {
				dict[name].Data[i] = 3e38
			}
		}
	}
	for _, c := range []struct {
		name, tensor string
		tile         int
		want         []string
	}{
		{"latent", "model.diffusion_model.out.2.bias", 0, []string{"latent of seed 41", "after step 1 of 30"}},
		{"latent of a run", "model.diffusion_model.out.2.bias", 3, []string{"latent of run 4, seeds 36 to 44", "after step 1 of 30"}},
		{"picture", "first_stage_model.post_quant_conv.weight", 0, []string{"picture of seed 41", "decoding"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			steps := 0
			s := &ldm.Sampler{Model: twoLevelsOn(t, b, 0.08, huge(c.tensor)), Steps: 30, Eta: 1, Tile: c.tile,
				Description: srspace.Recipe{Fit: ldm.FitPeriodic}, OnStep: func(step, _ int) { steps += min(step, 1) }}
			for _, err := range s.Sample(context.Background(), gradient(7, 7), []uint64{41}) {
				if err == nil {
					t.Fatal("a sample is drawn")
				}
				for _, part := range c.want {
					if !strings.Contains(err.Error(), part) {
						t.Errorf("%v: does not say %q", err, part)
					}
				}
			}
			if c.name != "picture" && steps > 1 {
				t.Errorf("%d steps after the first that failed", steps-1)
			}
		})
	}
}
