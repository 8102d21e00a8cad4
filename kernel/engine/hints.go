package engine

import (
	"errors"
	"io/fs"

	"github.com/trustsr/trustsr/ensemble/study"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/weightstore"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/onnx"
)

// adviceOn says what somebody at a notebook can do about an error: in words of
// package lab for the kinds of errors that packages below define, else what
// the error itself advises.
func adviceOn(err error) string {
	var (
		notSpace *srspace.NotSpaceError
		noSample *srspace.NoSampleError
		ports    *onnx.PortsError
		backend  *onnx.BackendError
		weights  *metrics.WeightsError
		file     *study.FileError
		tooFew   *study.TooFewError
		damaged  *study.DamagedError
	)
	switch {
	case errors.As(err, &weights):
		return weightsAdvice(weights)
	case errors.As(err, &ports):
		return "the model needs an LR input [batch, 1 or 3, h, w], a noise input or none, and an output [batch, 1 or 3, scale·h, scale·w], all float32 or float16"
	case errors.As(err, &backend):
		return "the Go backend knows all the operators: set GOMLX_BACKEND=go before Jupyter is started"
	case errors.Is(err, onnx.ErrSame):
		return "draw one: .Draw(1)"
	case errors.As(err, &file) && errors.Is(err, fs.ErrNotExist):
		return "check the path; the command study new makes a study file"
	case errors.As(err, &damaged):
		return "what is readable can be saved into a new store, in a terminal: go run ./kernel study repair FILE"
	case errors.As(err, &tooFew):
		return "draw more samples, for example lab.Digit(497).Draw(324)"
	}
	if advice := hint.Of(err); advice != "" {
		return advice
	}
	switch {
	case errors.As(err, &file) && errors.Is(err, study.ErrStudy):
		return "compare it with a new one, which the command study new makes"
	case errors.As(err, &notSpace):
		return "check the path; lab.Digit(497).Draw(324) makes a space"
	case errors.As(err, &noSample):
		return "draw it, or choose one of those that the gallery shows"
	}
	return ""
}

// weightsAdvice says how the weights of a metric get onto this computer.
func weightsAdvice(e *metrics.WeightsError) string {
	item, ok := weightstore.Find(e.Weights)
	if !ok {
		return ""
	}
	advice := item.Source + ", then in a terminal: go run ./kernel weights import " + item.Name + " " + item.File
	if item.Fetch != nil {
		advice = "in a terminal: go run ./kernel weights fetch " + item.Name
	}
	if !errors.Is(e, metrics.ErrNoWeights) {
		return "get the weights again: " + advice
	}
	return advice
}
