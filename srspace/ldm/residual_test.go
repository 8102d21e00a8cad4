package ldm_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/gomlx/compute"

	"github.com/trustsr/trustsr/internal/backend"
	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/imresize"
	"github.com/trustsr/trustsr/srspace/ldm"
	"github.com/trustsr/trustsr/srspace/picture"
)

// residual is a small model without codes, whose decoder sees the LR picture
// and whose UNet predicts v.
func residual(t *testing.T, b compute.Backend, scale float32) *ldm.Model {
	t.Helper()
	c := ldm.Config{
		UNet: ldm.UNetConfig{InChannels: 7, OutChannels: 4, ModelChannels: 32, ChannelMult: []int{1, 1},
			NumResBlocks: 1, AttentionResolutions: []int{2}, NumHeadChannels: 32, Prediction: ldm.PredictV},
		VQ: ldm.VQConfig{InChannels: 3, OutChannels: 3, Channels: 8, ChannelMult: []int{1, 1, 2},
			NumResBlocks: 1, ZChannels: 4, EmbedDim: 4, NormGroups: 8, NoMidAttention: true, Residual: true},
		Schedule: ldm.ScheduleConfig{Timesteps: 1000, LinearStart: 0.0015, LinearEnd: 0.0155},
	}
	m, err := ldm.New(b, c, noiseWeights(t, c, scale))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// waves is an LR picture with values between 0.1 and 0.9.
func waves(width, height int) *picture.Image {
	img := picture.NewImage(width, height)
	for i := range img.Pix {
		img.Pix[i] = 0.5 + 0.4*float32(math.Sin(float64(i/3%width)*0.9+float64(i/3/width)*0.5+float64(i%3)))
	}
	return img.Quantized()
}

// planes is a picture as the networks take it, [1, 3, h, w] in [-1,1].
func planes(img *picture.Image) *ldm.Tensor {
	x := weights.NewTensor(1, 3, img.Height, img.Width)
	n := img.Width * img.Height
	for i, v := range img.Pix {
		x.Data[i%3*n+i/3] = 2*v - 1
	}
	return x
}

// With weights of zero a residual first stage gives the bicubic enlargement.
func TestResidualIsAddedToBicubic(t *testing.T) {
	onEachBackend(t, func(t *testing.T, b compute.Backend) {
		lr := waves(12, 8)
		got, err := residual(t, b, 0).Decode(weights.NewTensor(1, 4, 8, 12), planes(lr), false)
		if err != nil {
			t.Fatal(err)
		}
		want, err := imresize.Upscale(lr, 4)
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range planes(want).Data { // Upscale rounds to 8 bits after each pass
			if d := math.Abs(float64(got.Data[i] - w)); d > 3.0/255 {
				t.Fatalf("value %d is %v, bicubic %v", i, got.Data[i], w)
			}
		}
	})
}

// The noise is √ᾱ·v + √(1−ᾱ)·x, and x0 = √ᾱ·x − √(1−ᾱ)·v fits both.
func TestPredictionOfV(t *testing.T) {
	onEachBackend(t, func(t *testing.T, b compute.Backend) {
		m := residual(t, b, 0.08)
		lr, x := planes(waves(8, 8)), weights.NewTensor(1, 4, 8, 8)
		srspace.Noise(x.Data, 1, 0)
		for _, step := range []int{1, 500, 981} {
			v, err := m.Denoise(x, lr, []float32{float32(step)})
			if err != nil {
				t.Fatal(err)
			}
			eps, err := m.Denoiser(lr)(x.Data, step)
			if err != nil {
				t.Fatal(err)
			}
			a := float64(m.Config.Schedule.AlphasCumprod()[step])
			for i := range eps {
				x0 := math.Sqrt(a)*float64(x.Data[i]) - math.Sqrt(1-a)*float64(v.Data[i])
				if d := math.Abs(math.Sqrt(a)*x0 + math.Sqrt(1-a)*float64(eps[i]) - float64(x.Data[i])); d > 1e-5 {
					t.Fatalf("step %d: x0 and noise make a latent that is off by %g", step, d)
				}
			}
		}
	})
}

// Projected samples come much nearer to their LR picture, by every method.
func TestProjection(t *testing.T) {
	onEachBackend(t, func(t *testing.T, b compute.Backend) {
		m, lr := residual(t, b, 0.08), waves(16, 8)
		for _, method := range []string{"ddim", "dpmpp-2m-sde", "unipc"} {
			psnr := func(times int) float64 {
				s := &ldm.Sampler{Model: m, Method: method, Steps: 5, Eta: ldm.DefaultEta(method), Project: times}
				if r := s.Recipe(); r.Projection != times {
					t.Fatalf("the recipe says %d projections, not %d", r.Projection, times)
				}
				for sample, err := range s.Sample(context.Background(), lr, []uint64{3}) {
					if err != nil {
						t.Fatal(err)
					}
					down, err := imresize.Downscale(sample.Image, 4)
					if err != nil {
						t.Fatal(err)
					}
					sum := 0.0
					for i, v := range down.Pix {
						d := float64(v - lr.Pix[i])
						sum += d * d
					}
					return -10 * math.Log10(sum/float64(len(down.Pix))+1e-9)
				}
				return 0
			}
			if raw, projected := psnr(0), psnr(3); !(projected > raw+6) {
				t.Errorf("%s: LR consistency %.1f dB, projected %.1f dB", method, raw, projected)
			}
		}
	})
}

// What a first stage does not have is refused by name.
func TestResidualErrors(t *testing.T) {
	m := residual(t, openGo(t), 0)
	lr, z, x := planes(waves(4, 4)), weights.NewTensor(1, 4, 4, 4), weights.NewTensor(1, 3, 16, 16)
	for want, call := range map[string]func() error{
		"takes the LR picture": func() error { _, err := m.Decode(z, nil, false); return err },
		"no codes":             func() error { _, err := m.Decode(z, lr, true); return err },
		"has no codes":         func() error { _, _, err := m.Quantize(z); return err },
		"takes the LR picture too": func() error {
			_, err := m.Encode(x, nil)
			return err
		},
		"LR pictures [1 3 2 4]": func() error {
			_, err := m.Encode(x, weights.NewTensor(1, 3, 2, 4))
			return err
		},
		`predicts "x0"`: func() error {
			c := m.Config
			c.UNet.Prediction = "x0"
			_, err := ldm.New(openGo(t), c, nil)
			return err
		},
		"adds to an LR picture of 2": func() error {
			c := m.Config
			c.UNet.InChannels = 6
			_, err := ldm.New(openGo(t), c, nil)
			return err
		},
	} {
		if err := call(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}

func openGo(t *testing.T) compute.Backend {
	t.Helper()
	b, err := backend.Open("go")
	if err != nil {
		t.Fatal(err)
	}
	return b
}
