package lab

import (
	"fmt"
	"os"
	"strings"
)

// Model chooses what draws: "digits", a name of "weights list" such as
// "ldm-x4", or a file beside the notebook: a checkpoint, a diffusers folder or
// an .onnx file.
func (l *LR) Model(name string) *LR {
	if _, err := os.Stat(name); err == nil {
		name = absolute(name)
	} else if strings.ContainsAny(name, `/\`) || strings.Contains(name, ".onnx") {
		fail(&refusal{"model: " + err.Error(), "paths are seen from the folder of the notebook"})
	}
	return l.change(func(l *LR) { l.draw.Model.Model = name })
}

// Backend chooses the GoMLX backend, for example "go" or "onnx:cpu".
func (l *LR) Backend(name string) *LR { return l.change(func(l *LR) { l.draw.Backend = name }) }

// Sampler chooses the sampler: "ddim", "dpmpp-2m", "dpmpp-2m-sde", "unipc" or
// one of the variants that "sample --help" lists.
func (l *LR) Sampler(name string) *LR { return l.change(func(l *LR) { l.draw.Sampler = name }) }

// Steps sets the number of denoising steps, usually 50.
func (l *LR) Steps(n int) *LR { return l.change(func(l *LR) { l.draw.Steps = n }) }

// Eta sets the noise of DDIM's steps: 0 is deterministic, 1 ancestral.
func (l *LR) Eta(eta float64) *LR { return l.change(func(l *LR) { l.draw.Eta = &eta }) }

// Fit says how the picture gets a size that the network takes, for example
// "pad-edge"; the samples are cropped again.
func (l *LR) Fit(how string) *LR { return l.change(func(l *LR) { l.draw.Fit = how }) }

// RNG chooses the noise generator: "torch-cpu" honours seeds that were
// published with PyTorch.
func (l *LR) RNG(name string) *LR { return l.change(func(l *LR) { l.draw.RNG = name }) }

// Precision is "float32", or "bfloat16" where the backend has it.
func (l *LR) Precision(name string) *LR { return l.change(func(l *LR) { l.draw.Precision = name }) }

// Tile repeats the picture n × n times in one run, which gives n² samples; the
// paper's is 9.
func (l *LR) Tile(n int) *LR { return l.change(func(l *LR) { l.draw.Tile = n }) }

// Window denoises and decodes large pictures in overlapping windows of this
// many LR pixels, so that memory does not grow with the picture.
func (l *LR) Window(pixels int) *LR { return l.change(func(l *LR) { l.draw.Window = pixels }) }

// Project moves each sample towards the pictures whose reduction is the LR
// picture, three times or as often as said.
func (l *LR) Project(times ...int) *LR {
	n := 3
	if len(times) > 0 {
		n = times[0]
	}
	return l.change(func(l *LR) { l.draw.Project = n })
}

// Memory refuses, before work starts, what is estimated to need more bytes.
func (l *LR) Memory(bytes int64) *LR { return l.change(func(l *LR) { l.draw.Memory = bytes }) }

// Batch sets how many samples are drawn side by side. It changes no sample.
func (l *LR) Batch(n int) *LR { return l.change(func(l *LR) { l.draw.Batch = n }) }

// LRInput, NoiseInput and Output name what an ONNX file calls its inputs and
// its output, where names and shapes do not tell.
func (l *LR) LRInput(name string) *LR { return l.change(func(l *LR) { l.draw.LRInput = name }) }

// NoiseInput: see LRInput.
func (l *LR) NoiseInput(name string) *LR { return l.change(func(l *LR) { l.draw.NoiseInput = name }) }

// ONNXInput gives numbers for other inputs of an ONNX file, for example
// "sigma=0.5,t=1".
func (l *LR) ONNXInput(values string) *LR { return l.change(func(l *LR) { l.draw.ONNXInput = values }) }

// Output: see LRInput.
func (l *LR) Output(name string) *LR { return l.change(func(l *LR) { l.draw.Output = name }) }

// InputRange says what black and white are in the LR input of an ONNX file,
// for example -1 and 1, or 0 and 255. They are 0 and 1 unless it is said.
func (l *LR) InputRange(black, white float64) *LR {
	return l.change(func(l *LR) { l.draw.InputRange = fmt.Sprintf("%g,%g", black, white) })
}

// OutputRange says the same of its output.
func (l *LR) OutputRange(black, white float64) *LR {
	return l.change(func(l *LR) { l.draw.OutputRange = fmt.Sprintf("%g,%g", black, white) })
}
