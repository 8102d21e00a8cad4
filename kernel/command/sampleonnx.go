package command

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/srspace/onnx"
)

// onnxOptions are the flags of sample that say of an ONNX model what its file
// does not.
type onnxOptions struct {
	lrInput, noiseInput, output string
	inputRange, outputRange     pixelRange
}

func (o *onnxOptions) register(f *pflag.FlagSet) {
	f.StringVar(&o.lrInput, "lr-input", "", "ONNX model: the input that takes the LR picture; found by its name or shape by default")
	f.StringVar(&o.noiseInput, "noise-input", "", "ONNX model: the input that takes standard normal noise; found likewise")
	f.StringVar(&o.output, "output", "", "ONNX model: the output that holds the sample, the first picture by default")
	f.Var(&o.inputRange, "input-range", "ONNX model: what black and white are in its LR input, e.g. -1,1 or 0,255; part of the recipe")
	f.Var(&o.outputRange, "output-range", "ONNX model: likewise in its output")
}

// pixelRange is a flag like "-1,1".
type pixelRange onnx.Range

func (r *pixelRange) String() string { return onnx.Range(*r).String() }
func (r *pixelRange) Type() string   { return "black,white" }

func (r *pixelRange) Set(s string) error {
	v, err := onnx.ParseRange(s)
	*r = pixelRange(v)
	return err
}

func isONNX(name string) bool { return strings.EqualFold(filepath.Ext(name), ".onnx") }

// others returns an error for flags that the model would pass over.
func (o sampleOptions) others(model string, flags ...string) error {
	for _, name := range flags {
		if o.given(name) {
			return fmt.Errorf("--%s is not for %s", name, model)
		}
	}
	return nil
}

// onnxModel opens a model made elsewhere, an ONNX file.
func (o sampleOptions) onnxModel() (*onnx.Sampler, error) {
	if err := o.others("an ONNX model", "sampler", "steps", "eta", "fit", "rng", "precision", "tile", "window", "batch"); err != nil {
		return nil, err
	}
	s, err := onnx.Open(o.name, o.backend, onnx.Options{
		Name: nameFor(o.name), LR: o.lrInput, Noise: o.noiseInput, Output: o.output,
		LRRange: onnx.Range(o.inputRange), OutputRange: onnx.Range(o.outputRange), Memory: int64(o.memory),
	})
	if err != nil {
		return nil, err
	}
	if s.Deterministic() && o.n > 1 && o.address == "" {
		return nil, hint.With(errors.New("the model has no noise input: all its samples of a picture are equal"), "draw one, -n 1, or name its noise with --noise-input")
	}
	return s, nil
}
