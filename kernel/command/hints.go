package command

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/trustsr/trustsr/ensemble/study"
	"github.com/trustsr/trustsr/internal/backend"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/weightstore"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/onnx"
)

// adviceOn says what a user of the command line can do about an error: in
// words of the command for the kinds of errors that packages below define,
// else what the error itself advises.
func adviceOn(err error) string {
	var (
		notSpace *srspace.NotSpaceError
		noSample *srspace.NoSampleError
		ports    *onnx.PortsError
		refused  *onnx.BackendError
		weights  *metrics.WeightsError
		file     *study.FileError
		tooFew   *study.TooFewError
		damaged  *study.DamagedError
	)
	switch {
	case errors.As(err, &weights):
		return weightsAdvice(weights)
	case errors.As(err, &ports) && ports.WithoutValue != "":
		return fmt.Sprintf("give it a number: --onnx-input %.50s=NUMBER", ports.WithoutValue)
	case errors.As(err, &ports):
		return "the model needs an LR input [batch, 1 or 3, h, w], a noise input or none, and an output [batch, 1 or 3, scale·h, scale·w], all float32 or float16; name them with --lr-input, --noise-input and --output where that is not plain"
	case errors.As(err, &refused):
		return "the Go backend knows all the operators: --backend go"
	case errors.Is(err, onnx.ErrSame):
		return "draw one, -n 1, or name its noise with --noise-input"
	case errors.As(err, &file) && errors.Is(err, fs.ErrNotExist):
		return "make one with: go run ./kernel study new FILE --space DIR"
	case errors.As(err, &damaged):
		return "what is readable can be saved into a new store with: go run ./kernel study repair FILE"
	case errors.As(err, &tooFew):
		return "draw more with: go run ./kernel sample"
	}
	if advice := hint.Of(err); advice != "" {
		return advice
	}
	var library *backend.NoLibraryError
	switch {
	case errors.As(err, &file) && errors.Is(err, study.ErrStudy):
		return "compare it with a new one: go run ./kernel study new FILE"
	case errors.As(err, &library):
		return libraryAdvice(library.Library)
	case errors.As(err, &notSpace):
		return "check the path; go run ./kernel sample makes a space"
	case errors.As(err, &noSample):
		return "the folder samples/ has those there are, named by their seeds"
	}
	return ""
}

// weightsAdvice says how the weights of a metric get onto this computer.
func weightsAdvice(e *metrics.WeightsError) string {
	item, ok := weightstore.Find(e.Weights)
	if !ok {
		return ""
	}
	advice := importAdvice(item)
	if item.Fetch != nil {
		advice = "go run ./kernel weights fetch " + item.Name
	}
	if !errors.Is(e, metrics.ErrNoWeights) {
		return "get the weights again: " + advice
	}
	return advice
}

// libraryAdvice says how a library that graphs can run on gets onto this
// computer.
func libraryAdvice(name string) string {
	if _, ok := weightstore.Find(name); !ok {
		return ""
	}
	advice := "go run ./kernel weights fetch " + name + " gets one"
	if name == weightstore.XLACUDA {
		advice += ", and one of JAX (jax[cuda13]) is found in the Python environment"
	}
	return advice
}

// withAdvice is an error's message and the advice on it, for one line.
func withAdvice(err error) string {
	if advice := adviceOn(err); advice != "" {
		return err.Error() + "; " + advice
	}
	return err.Error()
}

// importAdvice says how a person gets weights and gives them to the command.
func importAdvice(item weightstore.Item) string {
	if item.File == "" {
		return item.Source
	}
	return item.Source + ", then: go run ./kernel weights import " + item.Name + " " + item.File
}
