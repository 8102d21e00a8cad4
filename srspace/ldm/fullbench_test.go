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

// Time of a network call of the published architecture, 64×64 latents.
func BenchmarkFullModel(b *testing.B) {
	long(b)
	c := openGenerated(b)
	for _, config := range []string{"go", "onnx:cpu"} {
		if config != "go" && (!backend.HasONNX || backend.ONNXLibrary() == "") {
			continue
		}
		m, err := c.Load(config)
		if err != nil {
			b.Fatal(err)
		}
		x, lr := generatedInput("x", 1, 1, 3, 64, 64), generatedInput("lr", 1, 1, 3, 64, 64)
		calls := []struct {
			name string
			call func() (*ldm.Tensor, error)
		}{
			{"UNet", func() (*ldm.Tensor, error) { return m.Denoise(x, lr, []float32{500}) }},
			{"decode", func() (*ldm.Tensor, error) { return m.Decode(x, true) }},
		}
		for _, c := range calls {
			if _, err := c.call(); err != nil { // compiles
				b.Fatal(err)
			}
			b.Run(c.name+"/"+config, func(b *testing.B) {
				for b.Loop() {
					if _, err := c.call(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// UNet calls of the published architecture for several samples at once: what
// SuitBatch chooses by.
func BenchmarkBatch(b *testing.B) {
	long(b)
	c := openGenerated(b)
	for _, config := range []string{"onnx:cpu", "go"} {
		if config != "go" && (!backend.HasONNX || backend.ONNXLibrary() == "") {
			continue
		}
		m, err := c.Load(config)
		if err != nil {
			b.Fatal(err)
		}
		for _, side := range []int{8, 16, 32, 64} {
			for batch := 1; batch <= 16 && batch*side*side <= 2*64*64; batch *= 2 {
				x, lr := generatedInput("x", 1, batch, 3, side, side), generatedInput("lr", 1, batch, 3, side, side)
				t := make([]float32, batch)
				call := func() {
					if _, err := m.Denoise(x, lr, t); err != nil {
						b.Fatal(err)
					}
				}
				call() // compiles
				b.Run(fmt.Sprintf("%s/%dx%d/batch %d", config, side, side, batch), func(b *testing.B) {
					for b.Loop() {
						call()
					}
					b.ReportMetric(1000*b.Elapsed().Seconds()/float64(b.N*batch), "ms/sample")
				})
			}
		}
	}
}

// The part of the sampling loop that is not spent in the network: what several
// steps in one graph could save at most.
func BenchmarkOutsideTheNetwork(b *testing.B) {
	long(b)
	c := openGenerated(b)
	for _, config := range []string{"onnx:cpu", "go"} {
		if config != "go" && (!backend.HasONNX || backend.ONNXLibrary() == "") {
			continue
		}
		m, err := c.Load(config)
		if err != nil {
			b.Fatal(err)
		}
		plan, err := m.Config.Schedule.Plan("ddim", 10, 1)
		if err != nil {
			b.Fatal(err)
		}
		lr := generatedInput("lr", 1, 1, 3, 16, 16)
		denoise := m.Denoiser(lr)
		noise := func(dst []float32, step int) { srspace.Noise(dst, 1, uint32(step)) }
		b.Run(config, func(b *testing.B) {
			var network time.Duration
			timed := func(x []float32, t int) ([]float32, error) {
				began := time.Now()
				defer func() { network += time.Since(began) }()
				return denoise(x, t)
			}
			for b.Loop() {
				if err := plan.Run(context.Background(), timed, generatedInput("x", 1, 1, 3, 16, 16).Data, noise, nil); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(100*(1-network.Seconds()/b.Elapsed().Seconds()), "%outside")
		})
	}
}
