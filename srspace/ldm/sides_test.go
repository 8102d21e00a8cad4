package ldm_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/backend"
	"github.com/trustsr/trustsr/srspace/ldm"
)

// Sizes that a network cannot take are errors that say which it takes, and not
// the tensor library's words about a concatenation.
func TestModelSizes(t *testing.T) {
	b, err := backend.Open("go")
	if err != nil {
		t.Fatal(err)
	}
	c := small(t, b).Config
	c.UNet.ChannelMult, c.UNet.AttentionResolutions = []int{1, 2, 2}, []int{2}
	m, err := ldm.New(b, c, noiseWeights(t, c, 0.08))
	if err != nil {
		t.Fatal(err)
	}
	u := m.Config.UNet
	multiple := 1 << (len(u.ChannelMult) - 1)
	x := func(n, channels, h, w int) *ldm.Tensor { return zeros(n, channels, h, w) }
	lrChannels := u.InChannels - u.OutChannels
	_, err = m.Denoise(x(1, u.OutChannels, multiple+1, multiple), x(1, lrChannels, multiple+1, multiple), []float32{1})
	var size *ldm.SizeError
	if !errors.As(err, &size) || size.Multiple != 4 || size.Height != 5 || !strings.Contains(err.Error(), "multiples of 4") {
		t.Errorf("denoise at %d×%d: %v", multiple+1, multiple, err)
	}
	scale := m.Config.VQ.Scale()
	if _, err = m.Encode(x(1, 1, 4*scale, 4*scale+1), nil); !errors.As(err, &size) || size.Multiple != scale || size.Width != 4*scale+1 {
		t.Errorf("encode at %d×%d: %v", 4*scale, 4*scale+1, err)
	}
	for name, call := range map[string]func() error{
		"another batch": func() error {
			_, err := m.Denoise(x(2, u.OutChannels, 4, 4), x(1, lrChannels, 4, 4), []float32{1, 1})
			return err
		},
		"another number of steps": func() error {
			_, err := m.Denoise(x(1, u.OutChannels, 4, 4), x(1, lrChannels, 4, 4), []float32{1, 1})
			return err
		},
		"other channels": func() error {
			_, err := m.Denoise(x(1, u.OutChannels+1, 4, 4), x(1, lrChannels, 4, 4), []float32{1})
			return err
		},
		"no tensor":   func() error { _, err := m.Denoise(nil, nil, nil); return err },
		"fewer data":  func() error { _, err := m.Encode(&ldm.Tensor{Shape: []int{1, 3, 8, 8}}, nil); return err },
		"three sides": func() error { _, err := m.Encode(zeros(3, 8, 8), nil); return err },
	} {
		if err := call(); err == nil || strings.Contains(err.Error(), "goroutine") || strings.Contains(err.Error(), "Concatenate") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A sampler that takes noise and has no source of it says so; the others run.
func TestNoNoiseSource(t *testing.T) {
	schedule := ldm.ScheduleConfig{Timesteps: 1000, LinearStart: 0.0015, LinearEnd: 0.0155}
	denoise := func(x []float32, _ int) ([]float32, error) { return make([]float32, len(x)), nil }
	for method, c := range map[string]struct {
		eta  float64
		want error
	}{"ddim": {1, ldm.ErrNoNoise}, "dpmpp-2m-sde": {1, ldm.ErrNoNoise}, "unipc": {0, nil}, "dpmpp-2m": {0, nil}, "ddim-compvis": {0, nil}} {
		plan, err := schedule.Plan(method, 4, c.eta)
		if err != nil {
			t.Fatal(err)
		}
		if err := plan.Run(context.Background(), denoise, make([]float32, 4), nil, nil); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", method, err, c.want)
		}
	}
	steps, err := schedule.DDIMSteps(4, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := ldm.DDIM(context.Background(), denoise, make([]float32, 4), steps, nil, nil); !errors.Is(err, ldm.ErrNoNoise) {
		t.Errorf("DDIM by itself: %v", err)
	}
	if err := ldm.DPMSolverPP2MSDE(context.Background(), denoise, make([]float32, 4), nil, nil, nil); !errors.Is(err, ldm.ErrNoNoise) {
		t.Errorf("DPMSolverPP2MSDE by itself: %v", err)
	}
}
