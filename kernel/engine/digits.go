package engine

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/trustsr/trustsr/internal/weightstore"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/digits"
	"github.com/trustsr/trustsr/srspace/picture"
)

// Digits returns the tools of the embedded digit model.
func Digits() Tools {
	return Tools{
		Open: func() (Model, error) {
			model, err := digits.Open("")
			if err != nil {
				return nil, err
			}
			return digitModel{model}, nil
		},
		TestDigit:  digits.TestDigit,
		LR:         digits.LR,
		LRSize:     7,
		Scale:      4,
		Perception: perceptionOf,
	}
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

// digitModel is the embedded model as the engine asks for it.
type digitModel struct{ *digits.Model }

// Sampler returns a sampler that shares the loaded network.
func (m digitModel) Sampler(steps int, eta *float64, onStep func(Step)) (srspace.Sampler, error) {
	changed := *m.Model.Sampler
	if steps != 0 {
		changed.Steps = steps
	}
	if eta != nil {
		changed.Eta = *eta
	}
	if onStep != nil {
		round := max(1, changed.Batch) * max(1, changed.Workers)
		changed.OnStep = func(step, steps int) { onStep(Step{Round: round, Done: step, Total: steps}) }
	}
	return &changed, nil
}

func (m digitModel) Read(images []*picture.Image) ([]Reading, error) {
	got, err := m.Model.Read(images)
	if err != nil {
		return nil, err
	}
	out := make([]Reading, len(got))
	for i, r := range got {
		out[i] = Reading{Digit: r.Digit, Probability: r.Probability}
	}
	return out, nil
}

// Reader identifies the reader by the record of the training that made it.
func (digitModel) Reader() string {
	sum := sha256.Sum256(digits.Training)
	return hex.EncodeToString(sum[:])
}
