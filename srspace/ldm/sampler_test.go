package ldm_test

import (
	"context"
	"testing"

	"github.com/gomlx/compute"
	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/ldm"
	"github.com/trustsr/trustsr/srspace/picture"
)

// small is a model of the digit model's size that needs no file.
func small(t *testing.T, b compute.Backend) *ldm.Model {
	t.Helper()
	c := ldm.Config{
		UNet: ldm.UNetConfig{InChannels: 4, OutChannels: 3, ModelChannels: 64, ChannelMult: []int{1},
			NumResBlocks: 2, AttentionResolutions: []int{1}, NumHeadChannels: 32},
		VQ: ldm.VQConfig{InChannels: 1, OutChannels: 1, Channels: 16, ChannelMult: []int{1, 1, 2},
			NumResBlocks: 1, ZChannels: 3, EmbedDim: 3, NumEmbeddings: 64, NormGroups: 8},
		Schedule: ldm.ScheduleConfig{Timesteps: 1000, LinearStart: 0.0015, LinearEnd: 0.0155},
	}
	m, err := ldm.New(b, c, noiseWeights(t, c, 0.08))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// noiseWeights makes weights of normal noise of that standard deviation.
func noiseWeights(t *testing.T, c ldm.Config, scale float32) weights.Dict {
	t.Helper()
	shapes, err := c.Tensors()
	if err != nil {
		t.Fatal(err)
	}
	dict := weights.Dict{}
	for name, shape := range shapes {
		w := weights.NewTensor(shape...)
		srspace.Noise(w.Data, uint64(len(name)), uint32(len(w.Data)))
		for i := range w.Data {
			w.Data[i] *= scale
		}
		dict[name] = w
	}
	return dict
}

// A sample is decided by its seed, not by the samples it is drawn with, its
// place among them, or what runs beside it.
func TestSampleDependsOnSeedAlone(t *testing.T) {
	onEachBackend(t, func(t *testing.T, b compute.Backend) {
		m := small(t, b)
		lr := picture.NewImage(7, 7)
		for i := range lr.Pix {
			lr.Pix[i] = float32(i%9) / 9
		}
		rng, method := srspace.RNG, "ddim"
		draw := func(batch, workers int, seeds ...uint64) map[uint64]string {
			s := &ldm.Sampler{Model: m, Method: method, RNG: rng, Steps: 10, Eta: 1, Batch: batch, Workers: workers}
			got := map[uint64]string{}
			for sample, err := range s.Sample(context.Background(), lr, seeds) {
				if err != nil {
					t.Fatal(err)
				}
				got[sample.Seed] = sample.Image.Hash()
			}
			return got
		}
		seeds := make([]uint64, 24)
		for i := range seeds {
			seeds[i] = uint64(i)
		}
		want := draw(8, 1, seeds...)
		published := want
		distinct := map[string]bool{}
		for _, h := range want {
			distinct[h] = true
		}
		if len(distinct) != len(seeds) {
			t.Fatalf("%d seeds gave %d pictures", len(seeds), len(distinct))
		}
		for name, got := range map[string]map[uint64]string{
			"two workers": draw(8, 2, seeds...),
			"alone":       draw(8, 1, 17),
			"a few":       draw(8, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9),
			"other order": draw(8, 1, 23, 3, 9, 17, 5),
		} {
			for seed, h := range got {
				if h != want[seed] {
					t.Errorf("%s: seed %d is another picture than with the others", name, seed)
				}
			}
		}
		method, rng = "dpmpp-2m-sde", srspace.TorchRNG
		want = draw(8, 1, seeds...)
		for seed, h := range draw(8, 2, 9, 2, 20) {
			if h != want[seed] {
				t.Errorf("%s from %s: seed %d is another picture than with the others", method, rng, seed)
			}
			if h == published[seed] {
				t.Errorf("%s from %s draws the picture of ddim", method, rng)
			}
		}
	})
}
