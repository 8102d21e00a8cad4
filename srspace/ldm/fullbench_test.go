package ldm_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/trustsr/trustsr/internal/backend"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/ldm"
)

// onEachLoaded benchmarks the published architecture on each backend of this
// machine.
func onEachLoaded(b *testing.B, measure func(b *testing.B, m *ldm.Model)) {
	long(b)
	c := openGenerated(b)
	for _, config := range backend.Installed() {
		m, err := c.Load(config)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(config, func(b *testing.B) { measure(b, m) })
	}
}

// timed benchmarks a network call, compiled before.
func timed(b *testing.B, name string, samples int, call func() (*ldm.Tensor, error)) {
	if _, err := call(); err != nil {
		b.Fatal(err)
	}
	b.Run(name, func(b *testing.B) {
		for b.Loop() {
			if _, err := call(); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(1000*b.Elapsed().Seconds()/float64(b.N*samples), "ms/sample")
	})
}

// A network call of the published architecture, 64×64 latents.
func BenchmarkFullModel(b *testing.B) {
	onEachLoaded(b, func(b *testing.B, m *ldm.Model) {
		x, lr := generatedInput("x", 1, 1, 3, 64, 64), generatedInput("lr", 1, 1, 3, 64, 64)
		timed(b, "UNet", 1, func() (*ldm.Tensor, error) { return m.Denoise(x, lr, []float32{500}) })
		timed(b, "decode", 1, func() (*ldm.Tensor, error) { return m.Decode(x, nil, true) })
	})
}

// UNet calls for several samples at once: what SuitBatch chooses by.
func BenchmarkBatch(b *testing.B) {
	onEachLoaded(b, func(b *testing.B, m *ldm.Model) {
		for _, side := range []int{8, 16, 32, 64} {
			for batch := 1; batch <= 16 && batch*side*side <= 2*64*64; batch *= 2 {
				x, lr := generatedInput("x", 1, batch, 3, side, side), generatedInput("lr", 1, batch, 3, side, side)
				t := make([]float32, batch)
				timed(b, fmt.Sprintf("%dx%d/batch %d", side, side, batch), batch, func() (*ldm.Tensor, error) { return m.Denoise(x, lr, t) })
			}
		}
	})
}

// The part of the sampling loop that is not spent in the network: what several
// steps in one graph could save at most.
func BenchmarkOutsideTheNetwork(b *testing.B) {
	onEachLoaded(b, func(b *testing.B, m *ldm.Model) {
		plan, err := m.Config.Schedule.Plan("ddim", 10, 1)
		if err != nil {
			b.Fatal(err)
		}
		denoise := m.Denoiser(generatedInput("lr", 1, 1, 3, 16, 16))
		var network time.Duration
		inNetwork := func(x []float32, t int) ([]float32, error) {
			began := time.Now()
			defer func() { network += time.Since(began) }()
			return denoise(x, t)
		}
		noise := func(dst []float32, step int) { srspace.Noise(dst, 1, uint32(step)) }
		for b.Loop() {
			if err := plan.Run(context.Background(), inNetwork, generatedInput("x", 1, 1, 3, 16, 16).Data, noise, nil); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(100*(1-network.Seconds()/b.Elapsed().Seconds()), "%outside")
	})
}
