package engine

import (
	"context"
	"time"

	"github.com/trustsr/trustsr/internal/weightstore"
	"github.com/trustsr/trustsr/kernel/app"
	"github.com/trustsr/trustsr/kernel/wire"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace/onnx"
	"github.com/trustsr/trustsr/srspace/picture"
)

// Tools is what the engine takes from the packages below. Tests put a fast
// model under the names that are asked for.
type Tools struct {
	Models *app.Models
	// TestDigit returns test digit i: its LR and HR pictures, and what it was
	// written as.
	TestDigit func(i int) (lr, hr *picture.Image, label int, err error)
	// Perception returns the metric of the plane's second axis, for pictures
	// whose shorter side has so many pixels.
	Perception func(side int) (metrics.Metric, error)
}

// Real returns the tools of the product.
func Real() Tools {
	return Tools{Models: &app.Models{}, TestDigit: app.TestDigit, Perception: perceptionOf}
}

// perceptionOf is DISTS, as in the paper's Fig. 2, where its VGG16 is there,
// which does not ship; else LPIPS with AlexNet, of enlarged pictures if they
// are too small for it, as digits are.
func perceptionOf(side int) (metrics.Metric, error) {
	if _, err := weightstore.Path("vgg16"); err == nil {
		return metrics.DISTSMetric{}, nil
	}
	lpips, err := metrics.LPIPSAlex()
	if err != nil {
		return nil, err
	}
	if side >= lpips.Info().MinSide {
		return lpips, nil
	}
	return lpips.Enlarged(metrics.DigitEnlargement)
}

// usualScale is the side of a sample over the side of its LR picture where no
// model is chosen yet.
const usualScale = 4

// modelOptions are a request's options of the model.
func modelOptions(m wire.Model) (o app.ModelOptions, err error) {
	o = app.ModelOptions{
		Model: m.Model, Backend: m.Backend, Sampler: m.Sampler, Steps: m.Steps, Eta: m.Eta, Fit: m.Fit, RNG: m.RNG,
		Precision: m.Precision, Tile: m.Tile, Window: m.Window, Project: m.Project, Memory: m.Memory, Batch: m.Batch,
		LRInput: m.LRInput, NoiseInput: m.NoiseInput, ONNXInput: m.ONNXInput, Output: m.Output,
	}
	for _, r := range []struct {
		text string
		to   *onnx.Range
	}{{m.InputRange, &o.InputRange}, {m.OutputRange, &o.OutputRange}} {
		if r.text != "" {
			if *r.to, err = onnx.ParseRange(r.text); err != nil {
				return o, err
			}
		}
	}
	return o, nil
}

// waiting does something that may have to load a model, and says so while it
// takes long.
func waiting[T any](ctx context.Context, report func(wire.Progress), do func(ctx context.Context) (T, error)) (T, error) {
	done := make(chan struct{})
	defer close(done)
	go func() {
		for patience := 200 * time.Millisecond; ; patience = time.Second {
			select {
			case <-done:
				return
			case <-time.After(patience):
				report(wire.Progress{Note: "loading model"})
			}
		}
	}()
	return do(ctx)
}
