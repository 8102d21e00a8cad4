package engine

import (
	"errors"

	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace/digits"
)

// Digits returns the tools of the embedded digit model.
func Digits() Tools {
	return Tools{
		Open:      func() (Model, error) { return nil, errors.New("the digit model is not there yet") },
		TestDigit: digits.TestDigit,
		LR:        digits.LR,
		LRSize:    7,
		Scale:     4,
		Perception: func() (metrics.Metric, error) {
			// AlexNet takes no image as small as a digit.
			return metrics.LPIPSAlexEnlarged(metrics.DigitEnlargement)
		},
	}
}
