package onnx

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/onnx-gomlx/onnx"
	"github.com/trustsr/trustsr/internal/hint"
)

// port is an input or an output of a graph: float32, with -1 for the axes
// whose length the file leaves open.
type port struct {
	name  string
	shape shapes.Shape
}

// usual names of inputs, whole or as a part between separators.
var (
	noiseNames = []string{"noise", "z", "eps", "epsilon", "latent", "latents"}
	otherNames = []string{"scale", "size", "sigma", "t", "timestep", "timesteps", "step", "strength", "mask", "label", "class"}
	lrNames    = []string{"lr", "low", "lowres", "lq", "x", "input", "image", "img", "cond"}
)

func named(name string, usual []string) bool {
	parts := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r < 'a' || r > 'z' })
	return slices.ContainsFunc(parts, func(p string) bool { return slices.Contains(usual, p) })
}

// isPicture says whether a shape may be that of pictures: [batch, 1 or 3, h, w].
func isPicture(s shapes.Shape) bool {
	return s.Rank() == 4 && (s.Dimensions[1] == 1 || s.Dimensions[1] == 3 || s.Dimensions[1] < 0)
}

// ports finds the inputs for the LR picture and, where there is one, the
// noise, and the output, by o's names, else by usual names, else by shape.
func ports(m onnx.Model, o Options) (lr port, noise *port, out port, err error) {
	fail := func(format string, a ...any) (port, *port, port, error) {
		return port{}, nil, port{}, hint.With(fmt.Errorf(format, a...), "the model needs an LR input [batch, 1 or 3, h, w], a noise input or none, and an output [batch, 1 or 3, scale·h, scale·w], all float32; --lr-input, --noise-input and --output name them where that is not plain")
	}
	inputs := list(m.Inputs())
	outputs := list(m.Outputs())
	for _, name := range []string{o.LR, o.Noise} {
		if name != "" && !slices.ContainsFunc(inputs, func(p port) bool { return p.name == name }) {
			return fail("no input %.100q; the inputs are %s", name, names(inputs))
		}
	}
	var rest []port
	found := false
	for _, in := range inputs {
		switch in.name {
		case o.LR:
			lr, found = in, true
		case o.Noise:
			noise = &in
		default:
			rest = append(rest, in)
		}
	}
	if !found {
		i := chooseLR(rest, noise != nil)
		if i < 0 {
			return fail("which input takes the LR picture is not plain; the inputs are %s", names(inputs))
		}
		lr = rest[i]
		rest = slices.Delete(rest, i, i+1)
	}
	if noise == nil && len(rest) == 1 && (named(rest[0].name, noiseNames) || rest[0].shape.Rank() > 1 && !named(rest[0].name, otherNames)) {
		noise, rest = &rest[0], nil
	}
	if len(rest) > 0 {
		return fail("inputs besides the LR picture %q and noise: %s", lr.name, names(rest))
	}
	if i := slices.IndexFunc(outputs, func(p port) bool {
		return p.name == o.Output || o.Output == "" && (isPicture(p.shape) || p.shape.Rank() == 0)
	}); i >= 0 {
		out = outputs[i]
	} else {
		return fail("no output for pictures; the outputs are %s", names(outputs))
	}
	for _, p := range []port{lr, out} {
		if p.shape.DType != dtypes.Float32 || p.shape.Rank() != 0 && !isPicture(p.shape) {
			return fail("%.100q is %s", p.name, p.shape)
		}
	}
	if lr.shape.Rank() == 0 || noise != nil && (noise.shape.DType != dtypes.Float32 || noise.shape.Rank() == 0) {
		return fail("the inputs are %s", names(inputs))
	}
	return lr, noise, out, nil
}

// chooseLR returns the one of the inputs that the LR picture goes to, or -1.
func chooseLR(in []port, noiseKnown bool) int {
	if len(in) == 1 {
		return 0
	}
	if noiseKnown || len(in) != 2 {
		return -1
	}
	for _, fits := range []func(p port) bool{
		func(p port) bool { return !named(p.name, noiseNames) },
		func(p port) bool { return named(p.name, lrNames) },
		func(p port) bool { return isPicture(p.shape) },
	} {
		switch first, second := fits(in[0]), fits(in[1]); {
		case first && !second:
			return 0
		case second && !first:
			return 1
		}
	}
	return -1
}

func list(names []string, of []shapes.Shape) []port {
	out := make([]port, len(names))
	for i := range out {
		out[i] = port{names[i], of[i]}
	}
	return out
}

func names(ports []port) string {
	out := make([]string, len(ports))
	for i, p := range ports {
		out[i] = fmt.Sprintf("%.50q %s", p.name, p.shape)
	}
	return strings.Join(out, ", ")
}

// sized gives the LR input's shape for a batch of LR pictures of h × w pixels.
func (p port) sized(batch, h, w int) (shapes.Shape, error) {
	s := shapes.Make(dtypes.Float32, batch, 3, h, w)
	for axis, d := range p.shape.Dimensions {
		if d >= 0 && axis >= 2 && d != s.Dimensions[axis] {
			return s, hint.With(fmt.Errorf("LR picture of %d×%d pixels: the model takes %s×%s", w, h, size(p.shape.Dimensions[3]), size(p.shape.Dimensions[2])),
				"crop the picture, or export the model with dynamic axes for height and width")
		}
		if d >= 0 {
			s.Dimensions[axis] = d
		}
	}
	return s, nil
}

func size(d int) string {
	if d < 0 {
		return "any"
	}
	return fmt.Sprint(d)
}

// like gives the noise input's shape that goes with an LR input's: axes left
// open have the length of the LR axis of the same name, the first axis that
// of the batch, and those of a noise picture that of the LR picture.
func (p port) like(lr port, s shapes.Shape) (shapes.Shape, error) {
	dims := slices.Clone(p.shape.Dimensions)
	for axis, d := range dims {
		if d >= 0 {
			continue
		}
		same := -1
		for i := range lr.shape.Dimensions {
			if name := p.shape.AxisName(axis); name != "" && name != "?" && lr.shape.Dimensions[i] < 0 && lr.shape.AxisName(i) == name {
				same = i
			}
		}
		switch {
		case same >= 0:
			dims[axis] = s.Dimensions[same]
		case axis == 0, axis >= 2 && len(dims) == 4:
			dims[axis] = s.Dimensions[axis]
		default:
			return shapes.Shape{}, hint.With(fmt.Errorf("axis %d of the noise input %.100q has no length: %s", axis, p.name, p.shape), "export the model with that axis fixed, or of the name of an LR axis")
		}
	}
	return shapes.Make(dtypes.Float32, dims...), nil
}
