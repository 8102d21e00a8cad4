package ldm_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/trustsr/trustsr/internal/backend"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/ldm"
	"github.com/trustsr/trustsr/srspace/picture"
)

// twoLevels is a model that takes latents of even size and needs no file; its
// weights are normal with standard deviation noise.
func twoLevels(t testing.TB, noise float32) *ldm.Model {
	t.Helper()
	b, err := backend.Open("go")
	if err != nil {
		t.Fatal(err)
	}
	return twoLevelsOn(t, b, noise, nil)
}

// twoLevelsOn is twoLevels on a backend, with weights changed before they are
// loaded.
func twoLevelsOn(t testing.TB, b compute.Backend, noise float32, change func(weights.Dict)) *ldm.Model {
	t.Helper()
	c := ldm.Config{
		UNet: ldm.UNetConfig{InChannels: 6, OutChannels: 3, ModelChannels: 32, ChannelMult: []int{1, 1},
			NumResBlocks: 1, AttentionResolutions: []int{2}, NumHeadChannels: 16},
		VQ: ldm.VQConfig{InChannels: 3, OutChannels: 3, Channels: 16, ChannelMult: []int{1, 1, 2},
			NumResBlocks: 1, ZChannels: 3, EmbedDim: 3, NumEmbeddings: 64, NormGroups: 8},
		Schedule: ldm.ScheduleConfig{Timesteps: 1000, LinearStart: 0.0015, LinearEnd: 0.0155},
	}
	shapes, err := c.Tensors()
	if err != nil {
		t.Fatal(err)
	}
	dict := weights.Dict{}
	for name, shape := range shapes {
		w := weights.NewTensor(shape...)
		srspace.Noise(w.Data, uint64(len(name)), uint32(len(w.Data)))
		for i := range w.Data {
			w.Data[i] *= noise
		}
		dict[name] = w
	}
	if change != nil {
		change(dict)
	}
	m, err := ldm.New(b, c, dict)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func gradient(width, height int) *picture.Image {
	img := picture.NewImage(width, height)
	for i := range img.Pix {
		img.Pix[i] = float32(i*7%23) / 23
	}
	return img.Quantized()
}

func drawSeeds(t *testing.T, s *ldm.Sampler, lr *picture.Image, seeds ...uint64) map[uint64]*picture.Image {
	t.Helper()
	got := map[uint64]*picture.Image{}
	var order []uint64
	for sample, err := range s.Sample(context.Background(), lr, seeds) {
		if err != nil {
			t.Fatal(err)
		}
		got[sample.Seed] = sample.Image
		order = append(order, sample.Seed)
	}
	if !slices.Equal(order, seeds) {
		t.Fatalf("seeds %v drawn as %v", seeds, order)
	}
	return got
}

// Samples of a 3×3 tiling, 7×7 → 21×21 → 22×22 → 88×88 → 84×84 → 9 × 28×28,
// are the parts of the run that the repeated picture gives, alone and
// together.
func TestTile(t *testing.T) {
	m := twoLevels(t, 0.08)
	lr, repeated := gradient(7, 7), picture.NewImage(21, 21)
	for y := range 21 {
		for x := range 21 {
			copy(repeated.Pix[3*(21*y+x):][:3], lr.Pix[3*(7*(y%7)+x%7):])
		}
	}
	s := &ldm.Sampler{Model: m, Steps: 2, Eta: 1, Batch: 1, Description: srspace.Recipe{Fit: ldm.FitPeriodic}}
	runs := drawSeeds(t, s, repeated, 0, 1)
	s.Tile = 3
	if s.Recipe().Tile != 3 {
		t.Error("the recipe does not tell of the tiling")
	}
	seeds := make([]uint64, 18)
	for i := range seeds {
		seeds[i] = uint64(i)
	}
	all := drawSeeds(t, s, lr, seeds...)
	for seed, got := range all {
		run, tile := runs[seed/9], int(seed%9)
		want := picture.NewImage(28, 28)
		for y := range 28 {
			copy(want.Pix[3*28*y:][:3*28], run.Pix[3*((tile/3*28+y)*84+tile%3*28):])
		}
		if got.Hash() != want.Hash() {
			t.Errorf("sample %d is not tile %d of run %d", seed, tile, seed/9)
		}
	}
	s.Workers = 2
	for _, some := range [][]uint64{{13}, {17, 2, 3, 9}} {
		for seed, got := range drawSeeds(t, s, lr, some...) {
			if got.Hash() != all[seed].Hash() {
				t.Errorf("sample %d drawn with %v is another picture", seed, some)
			}
		}
	}
}

// A picture no larger than a window is drawn as without windows; a larger one
// comes out whole, and the same in any batch of company.
func TestWindowSampling(t *testing.T) {
	m := twoLevels(t, 0.08)
	s := &ldm.Sampler{Model: m, Steps: 2, Eta: 1, Batch: 2, Description: srspace.Recipe{Fit: ldm.FitEdge}}
	small := gradient(15, 9)
	want := drawSeeds(t, s, small, 5)[5].Hash()
	s.Window = 16
	if got := drawSeeds(t, s, small, 5)[5].Hash(); got != want {
		t.Error("one window draws another picture than none")
	}
	if r := s.Recipe(); r.Window != 16 || r.Fit != "pad-edge" {
		t.Errorf("the recipe tells of fit %q, windows of %d", r.Fit, r.Window)
	}
	large := gradient(35, 21)
	all := drawSeeds(t, s, large, 0, 1, 2)
	if img := all[1]; img.Width != 140 || img.Height != 84 {
		t.Errorf("%d×%d", img.Width, img.Height)
	}
	if all[0].Hash() == all[1].Hash() {
		t.Error("two seeds give one picture")
	}
	if got := drawSeeds(t, s, large, 1)[1]; got.Hash() != all[1].Hash() {
		t.Error("a sample alone is another picture than in company")
	}
}

// Every size is drawn at exactly its scale.
func TestEverySize(t *testing.T) {
	m := twoLevels(t, 0.08)
	for _, size := range [][2]int{{7, 7}, {8, 8}, {1, 1}, {13, 30}, {33, 10}} {
		for _, way := range []string{ldm.FitEdge, ldm.FitReflect, ldm.FitPeriodic} {
			s := &ldm.Sampler{Model: m, Steps: 1, Eta: 1, Description: srspace.Recipe{Fit: way}}
			got := drawSeeds(t, s, gradient(size[0], size[1]), 3)[3]
			if got.Width != 4*size[0] || got.Height != 4*size[1] {
				t.Errorf("%v, %s: %d×%d", size, way, got.Width, got.Height)
			}
		}
	}
}

// What would take more memory than allowed is refused before work starts,
// with the figure and a way out.
func TestMemoryRefused(t *testing.T) {
	s := &ldm.Sampler{Model: twoLevels(t, 0.08), Steps: 1, Eta: 1, Memory: 1 << 30, Description: srspace.Recipe{Fit: ldm.FitEdge}}
	if err := s.Accepts(gradient(64, 64)); err != nil {
		t.Fatal(err)
	}
	large := picture.NewImage(512, 512)
	err := s.Accepts(large)
	if err == nil || !strings.Contains(err.Error(), "GiB") || !strings.Contains(hint.Of(err), "windows") {
		t.Errorf("%v (%s)", err, hint.Of(err))
	}
	s.Window = 64
	if err := s.Accepts(large); err != nil {
		t.Error(err)
	}
	for _, window := range []int{1, 7, 9, -16} {
		s.Window = window
		if s.Accepts(gradient(8, 8)) == nil {
			t.Errorf("windows of %d are taken", window)
		}
	}
	s.Window, s.Tile = 0, 1
	if s.Accepts(gradient(8, 8)) == nil {
		t.Error("a tiling of 1×1 is taken")
	}
}

// A network that computes nonsense is an error with step and seed.
func TestNotFinite(t *testing.T) {
	s := &ldm.Sampler{Model: twoLevels(t, 1e30), Steps: 3, Eta: 1}
	for _, err := range s.Sample(context.Background(), gradient(8, 8), []uint64{41}) {
		if err == nil || !strings.Contains(err.Error(), "seed 41") || !strings.Contains(err.Error(), "step 1 of 3") {
			t.Errorf("error %v", err)
		}
		return
	}
	t.Error("neither a sample nor an error")
}
