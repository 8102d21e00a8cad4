package onnx

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"

	"github.com/trustsr/trustsr/internal/hint"
)

// port is an input or an output of a graph. lengths are -1 for the axes whose
// length the file leaves open.
type port struct {
	name    string
	elem    int64 // TensorProto.DataType
	lengths []int
	axes    []string // their names, "" for none
	shaped  bool     // the file says a shape
}

// float says whether a port takes or gives floats, of 32 bits or 16.
func (p port) float() bool { return p.elem == typeFloat || p.elem == typeFloat16 }

func (p port) String() string {
	var axes []string
	for i, n := range p.lengths {
		switch {
		case n >= 0:
			axes = append(axes, fmt.Sprint(n))
		case p.axes[i] != "":
			axes = append(axes, p.axes[i])
		default:
			axes = append(axes, "?")
		}
	}
	kind := map[int64]string{typeFloat: "float32", typeFloat16: "float16", typeDouble: "float64", typeInt64: "int64", typeInt32: "int32", typeUint8: "uint8", typeBool: "bool"}[p.elem]
	if kind == "" {
		kind = fmt.Sprintf("type %d", p.elem)
	}
	return fmt.Sprintf("%.50q %s [%s]", p.name, kind, strings.Join(axes, ", "))
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

// picture says whether a port may be that of pictures: [batch, 1 or 3, h, w].
func (p port) picture() bool {
	return len(p.lengths) == 4 && (p.lengths[1] == 1 || p.lengths[1] == 3 || p.lengths[1] < 0) && !p.channelsLast()
}

// channelsLast says that pictures are [batch, h, w, 1 or 3].
func (p port) channelsLast() bool {
	return len(p.lengths) == 4 && p.lengths[1] != 1 && p.lengths[1] != 3 && (p.lengths[3] == 1 || p.lengths[3] == 3)
}

// ports finds the inputs for the LR picture and, where there is one, the
// noise, and the output, by o's names, else by usual names, else by shape.
// rest are the other inputs, which o gives a value.
func ports(g *graph, o Options) (lr port, noise *port, out port, rest []port, err error) {
	fail := func(format string, a ...any) (port, *port, port, []port, error) {
		return port{}, nil, port{}, nil, &PortsError{Err: fmt.Errorf(format, a...)}
	}
	held := map[string]bool{}
	for _, t := range g.initializers {
		held[t.name] = true
	}
	all, outputs := list(g.inputs), list(g.outputs)
	var inputs []port // without the weights, which files of IR version 3 list too
	for _, in := range all {
		_, given := o.Values[in.name]
		switch {
		case given:
			rest = append(rest, in)
		case !held[in.name]:
			inputs = append(inputs, in)
		}
	}
	for name := range o.Values {
		if !slices.ContainsFunc(all, func(p port) bool { return p.name == name }) {
			return fail("no input %.100q; the inputs are %s", name, names(all))
		}
	}
	for _, name := range []string{o.LR, o.Noise} {
		if name != "" && !slices.ContainsFunc(inputs, func(p port) bool { return p.name == name }) {
			return fail("no input %.100q; the inputs are %s", name, names(inputs))
		}
	}
	var open []port
	found := false
	for _, in := range inputs {
		switch in.name {
		case o.LR:
			lr, found = in, true
		case o.Noise:
			noise = &in
		default:
			open = append(open, in)
		}
	}
	if !found {
		i := chooseLR(open, noise != nil)
		if i < 0 {
			return fail("which input takes the LR picture is not plain; the inputs are %s", names(inputs))
		}
		lr = open[i]
		open = slices.Delete(open, i, i+1)
	}
	if noise == nil && len(open) == 1 && (named(open[0].name, noiseNames) || len(open[0].lengths) > 1 && !named(open[0].name, otherNames)) {
		noise, open = &open[0], nil
	}
	if len(open) > 0 {
		return port{}, nil, port{}, nil, &PortsError{Err: fmt.Errorf("inputs besides the LR picture %q and noise: %s", lr.name, names(open)), WithoutValue: open[0].name}
	}
	if lr.channelsLast() {
		return fail("%s has its channels last", lr)
	}
	if i := slices.IndexFunc(outputs, func(p port) bool {
		return p.name == o.Output || o.Output == "" && (p.picture() || !p.shaped)
	}); i >= 0 {
		out = outputs[i]
	} else {
		return fail("no output for pictures; the outputs are %s", names(outputs))
	}
	for _, p := range []port{lr, out} {
		if !p.float() || p.shaped && !p.picture() {
			return fail("%s", p)
		}
	}
	if !lr.shaped || len(lr.lengths) == 0 || noise != nil && (!noise.float() || !noise.shaped || len(noise.lengths) == 0) {
		return fail("the inputs are %s", names(inputs))
	}
	return lr, noise, out, rest, nil
}

// filled is an input that has one number everywhere.
func (p port) filled(v float64, batch int) (*constant, error) {
	kind, err := dtypeOf(p.elem)
	if err != nil {
		return nil, fmt.Errorf("input %s: %w", p, err)
	}
	c := &constant{dims: slices.Clone(p.lengths), elem: p.elem}
	n := 1
	for i, d := range c.dims {
		if d < 0 && i == 0 {
			d = batch
			c.dims[0] = batch
		}
		if d < 0 || n > 1<<20/d {
			return nil, fmt.Errorf("input %s takes more than one number, it cannot be given %g", p, v)
		}
		n *= d
	}
	switch kind {
	case dtypes.Float32:
		c.f = slices.Repeat([]float32{float32(v)}, n)
	case dtypes.Int64:
		if v != float64(int64(v)) {
			return nil, fmt.Errorf("input %s takes whole numbers, not %g", p, v)
		}
		c.i = slices.Repeat([]int64{int64(v)}, n)
	default:
		c.b = slices.Repeat([]bool{v != 0}, n)
	}
	return c, nil
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
		port.picture,
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

func list(of []typed) []port {
	out := make([]port, len(of))
	for i, p := range of {
		out[i] = port{name: p.name, elem: p.dtype, shaped: p.shape}
		for _, a := range p.axes {
			out[i].lengths = append(out[i].lengths, int(a.length))
			out[i].axes = append(out[i].axes, a.name)
		}
	}
	return out
}

func names(ports []port) string {
	out := make([]string, len(ports))
	for i, p := range ports {
		out[i] = p.String()
	}
	return strings.Join(out, ", ")
}

// sized gives the LR input's shape for a batch of LR pictures of h × w pixels.
func (p port) sized(batch, h, w int) (shapes.Shape, error) {
	s := shapes.Make(dtypes.Float32, batch, 3, h, w)
	for axis, d := range p.lengths {
		if d >= 0 && axis >= 2 && d != s.Dimensions[axis] {
			return s, hint.With(fmt.Errorf("LR picture of %d×%d pixels: the model takes %s×%s", w, h, size(p.lengths[3]), size(p.lengths[2])),
				"crop the picture, draw a larger one in windows of the model's size, or export the model with dynamic axes for height and width")
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
	dims := slices.Clone(p.lengths)
	for axis, d := range dims {
		if d >= 0 {
			continue
		}
		same := -1
		for i := range lr.lengths {
			if name := p.axes[axis]; name != "" && name != "?" && lr.lengths[i] < 0 && lr.axes[i] == name {
				same = i
			}
		}
		switch {
		case same >= 0:
			dims[axis] = s.Dimensions[same]
		case axis == 0, axis >= 2 && len(dims) == 4:
			dims[axis] = s.Dimensions[axis]
		default:
			return shapes.Shape{}, hint.With(fmt.Errorf("axis %d of the noise input has no length: %s", axis, p), "export the model with that axis fixed, or of the name of an LR axis")
		}
	}
	return shapes.Make(dtypes.Float32, dims...), nil
}
