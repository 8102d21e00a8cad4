package command

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"strings"
	"unicode"

	"github.com/dustin/go-humanize"
	"github.com/spf13/pflag"
	"github.com/trustsr/trustsr/kernel/app"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/ldm"
	"github.com/trustsr/trustsr/srspace/onnx"
)

// modelFlags are the flags that say which model draws, and how.
type modelFlags struct {
	app.ModelOptions
	eta float64
}

func (o *modelFlags) register(f *pflag.FlagSet) {
	f.StringVar(&o.Model, "model", "", app.Digits+", "+app.Natural+", a name of \"weights list\", a checkpoint file or folder, or an .onnx file; by default "+app.Digits+" for 7×7 pictures and "+app.Natural+" for all others")
	f.StringVar(&o.Sampler, "sampler", "", "one of "+strings.Join(ldm.Methods(), ", ")+", or "+ldm.SchedulerMethod+": a diffusers folder's own. By default "+ldm.SchedulerMethod+" where the model has one, else "+ldm.DefaultMethod)
	f.IntVar(&o.Steps, "steps", app.DefaultSteps, "denoising steps")
	f.Float64Var(&o.eta, "eta", 1, "noise of DDIM's steps, 0 to 1; the other samplers have their own")
	f.StringVar(&o.Fit, "fit", ldm.FitEdge, "how an LR picture gets a size the network takes: "+strings.Join(ldm.Fits(), ", ")+"; the digit model takes 7×7 alone")
	f.IntVar(&o.Batch, "batch", 0, "samples drawn side by side; changes no sample. 0: chosen from the cores and the free memory (or --memory)")
	f.StringVar(&o.Precision, "precision", "float32", "of convolutions and matrix products: float32, or bfloat16 where the backend has it; part of the recipe")
	f.StringVar(&o.RNG, "rng", srspace.RNG, "noise generator, or "+srspace.TorchRNG+" for seeds published with PyTorch")
	f.StringVar(&o.Backend, "backend", "", "where graphs run: go, onnx:cpu, xla:cpu, xla:cuda or xla:FILE.so; chosen by default")

	f.IntVar(&o.Tile, "tile", 0, "repeat the LR picture N × N times in one run, which gives N² samples; the paper's is 9. It then pads periodically, unless --fit is given")
	f.IntVar(&o.Window, "window", 0, "draw large pictures in overlapping windows of this many LR pixels, e.g. 64, so that memory does not grow with them; part of the recipe")
	f.IntVar(&o.Project, "project", 0, "move each sample this many times towards the pictures whose reduction is the LR picture; part of the recipe. 3 is much")
	f.Var((*byteSize)(&o.Memory), "memory", "refuse, before work starts, what is estimated to need more than this, e.g. 4GiB; by default what is free now")

	f.StringVar(&o.LRInput, "lr-input", "", "ONNX model: the input that takes the LR picture; found by its name or shape by default")
	f.StringVar(&o.NoiseInput, "noise-input", "", "ONNX model: the input that takes standard normal noise; found likewise")
	f.StringVar(&o.ONNXInput, "onnx-input", "", "ONNX model: numbers for its other inputs, e.g. sigma=0.5 or sigma=0.5,t=1; part of the recipe")
	f.StringVar(&o.Output, "output", "", "ONNX model: the output that holds the sample, the first picture by default")
	f.Var((*pixelRange)(&o.InputRange), "input-range", "ONNX model: what black and white are in its LR input, e.g. -1,1 or 0,255; part of the recipe")
	f.Var((*pixelRange)(&o.OutputRange), "output-range", "ONNX model: likewise in its output")
}

// onlyGiven leaves what no flag says to the model: the defaults that help
// prints are those of most models, not of all.
func (o *modelFlags) onlyGiven(given func(flag string) bool) {
	options := reflect.ValueOf(&o.ModelOptions).Elem()
	for i := range options.NumField() {
		if !given(flagOf(options.Type().Field(i).Name)) {
			options.Field(i).SetZero()
		}
	}
	if given("eta") {
		o.Eta = &o.eta
	}
}

// flagOf is the flag of a field of app.ModelOptions: NoiseInput is noise-input.
func flagOf(field string) string {
	var b strings.Builder
	runes := []rune(field)
	for i, r := range runes {
		if i > 0 && unicode.IsUpper(r) && unicode.IsLower(append(runes, 'A')[i+1]) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
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

// byteSize is a flag like "4GiB" or "800 MB".
type byteSize int64

func (b *byteSize) String() string {
	if *b == 0 {
		return ""
	}
	return fmt.Sprintf("%gGiB", float64(*b)/(1<<30))
}

func (b *byteSize) Type() string { return "size" }

func (b *byteSize) Set(s string) error {
	n, err := humanize.ParseBytes(shortUnit.ReplaceAllString(s, "${1}iB"))
	if err != nil || n == 0 || n > math.MaxInt64 {
		return errors.New("write a size like 4GiB or 800MB")
	}
	*b = byteSize(n)
	return nil
}

// shortUnit finds a size like 512M, of which M is taken for MiB.
var shortUnit = regexp.MustCompile(`^([0-9.]+ *[kKmMgGtT])$`)
