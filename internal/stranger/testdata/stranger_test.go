// Package stranger is a program of somebody else, which knows the public API of
// trustsr alone.
package stranger

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/imresize"
	"github.com/trustsr/trustsr/srspace/ldm"
	"github.com/trustsr/trustsr/srspace/picture"
)

// grey is a picture of one level.
func grey(t *testing.T, level byte, width, height int) *picture.Image {
	t.Helper()
	pixels := make([]byte, width*height)
	for i := range pixels {
		pixels[i] = level
	}
	m, err := picture.FromGray(pixels, width, height)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Samples of another program, opened, scored against the truth and the LR
// picture.
func TestScoreAFolder(t *testing.T) {
	dir := t.TempDir()
	for name, level := range map[string]byte{"sample_0.png": 110, "sample_2.png": 101, "sample_10.png": 105} {
		if err := grey(t, level, 32, 32).WritePNG(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	space, err := srspace.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	truth := grey(t, 100, 32, 32)
	low, err := imresize.Downscale(truth, 4)
	if err != nil {
		t.Fatal(err)
	}
	chosen, err := metrics.Select("psnr/rgb/crop0,lrpsnr/matlab-u8/vs-lr", 4)
	if err != nil {
		t.Fatal(err)
	}
	// 20·log10(255/d) for samples d levels off, at either size.
	want := map[uint64]float64{0: 28.1308, 2: 48.1308, 10: 34.1514}
	for _, seed := range space.Seeds() {
		sample, err := space.Sample(seed)
		if err != nil {
			t.Fatal(err)
		}
		for i, m := range metrics.AtFactor(chosen, 4) {
			score, err := metrics.ScoreOf(m, sample.Image, []*picture.Image{truth, low}[i])
			if err != nil || math.Abs(score.Value-want[seed]) > 1e-4 {
				t.Errorf("%s of %s: %v, %v, want %.4f", score.Passport.ID, sample.File, score.Value, err, want[seed])
			}
		}
	}
}

// Errors are told apart by what they wrap.
func TestErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "text.png")
	if err := os.WriteFile(file, []byte("no picture at all"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := picture.ReadFile(file); !errors.Is(err, picture.ErrNotImage) {
		t.Errorf("a text: %v", err)
	}
	psnr, err := metrics.Find("psnr/rgb/crop0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := psnr.Score(grey(t, 1, 8, 8), grey(t, 1, 9, 8)); !errors.Is(err, metrics.ErrSize) {
		t.Errorf("two sizes: %v", err)
	}
	if _, err := metrics.Find("psnr"); !errors.Is(err, metrics.ErrUnknown) {
		t.Errorf("no convention: %v", err)
	}
}

// A metric with a network, on a backend that the program names.
func TestNetworkMetric(t *testing.T) {
	if err := metrics.SetBackend("go"); err != nil {
		t.Fatal(err)
	}
	lpips, err := metrics.NewLPIPS("alex")
	if err != nil {
		t.Fatal(err)
	}
	if d, err := lpips.Score(grey(t, 50, 32, 32), grey(t, 50, 32, 32)); err != nil || d != 0 {
		t.Errorf("equal pictures: %v, %v", d, err)
	}
	if err := metrics.SetBackend("onnx:cpu"); !errors.Is(err, metrics.ErrBackendInUse) {
		t.Errorf("another backend: %v", err)
	}
}

// A latent diffusion model of one's own, by its file, and the samplers by
// themselves.
func TestModel(t *testing.T) {
	checkpoint, err := ldm.Open(filepath.Join(os.Getenv("TRUSTSR_ROOT"), "srspace", "digits", "data", "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer checkpoint.Close()
	model, err := checkpoint.Load("go")
	if err != nil {
		t.Fatal(err)
	}
	odd := &ldm.Tensor{Shape: []int{1, 1, 28, 27}, Data: make([]float32, 28*27)}
	var size *ldm.SizeError
	if _, err := model.Encode(odd, nil); !errors.As(err, &size) || size.Multiple != 4 || size.Width != 27 {
		t.Errorf("28×27: %v", err)
	}
	plan, err := checkpoint.Config.Schedule.Plan("ddim", 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	latent := &ldm.Tensor{Shape: []int{1, 3, 7, 7}, Data: make([]float32, 3*7*7)}
	srspace.Noise(latent.Data, 1, 0)
	lr := &ldm.Tensor{Shape: []int{1, 1, 7, 7}, Data: make([]float32, 7*7)}
	if err := model.SampleLatent(context.Background(), plan, latent, lr, nil); !errors.Is(err, ldm.ErrNoNoise) {
		t.Errorf("no noise source: %v", err)
	}
	noise := func(dst []float32, step int) { srspace.Noise(dst, 1, uint32(step)) }
	if err := model.SampleLatent(context.Background(), plan, latent, lr, noise); err != nil {
		t.Error(err)
	}
	for _, v := range latent.Data {
		if math.IsNaN(float64(v)) {
			t.Fatal("a latent is not a number")
		}
	}
}
