// Package onnx draws SR spaces with models made elsewhere: any ONNX file that
// maps an LR picture, and noise where it is a generator, to a picture scale
// times as wide and high is a [srspace.Sampler].
//
// The file is run by onnx-gomlx on a GoMLX backend. Of the operators that it
// lacks, those that super-resolution models use are written in terms of
// others: DepthToSpace, LeakyRelu, PRelu, InstanceNormalization. A file that
// needs more is refused with the operator's name.
package onnx

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/onnx-gomlx/onnx"

	"github.com/trustsr/trustsr/internal/backend"
	"github.com/trustsr/trustsr/srspace"
)

// DefaultMemory is what one value of a graph may take unless Options say
// otherwise, in bytes.
const DefaultMemory = 4 << 30

// Method is the sampler's name in recipes and addresses.
const Method = "onnx"

// Range is what black and white are in a model's pictures, e.g. {-1, 1}. The
// zero Range is {0, 1}.
type Range struct{ Black, White float32 }

// ParseRange reads "black,white", e.g. "-1,1".
func ParseRange(s string) (Range, error) {
	black, white, ok := strings.Cut(s, ",")
	b, err := strconv.ParseFloat(strings.TrimSpace(black), 32)
	w, err2 := strconv.ParseFloat(strings.TrimSpace(white), 32)
	r := Range{float32(b), float32(w)}
	if !ok || err != nil || err2 != nil || !r.valid() {
		return Range{}, srspace.WithHint(fmt.Errorf("range %.50q of pixel values", s), "write what black and white are, e.g. 0,1 or -1,1 or 0,255")
	}
	return r, nil
}

func (r Range) String() string { return fmt.Sprintf("%g,%g", r.or().Black, r.or().White) }

func (r Range) valid() bool {
	d := float64(r.White) - float64(r.Black)
	return d != 0 && !math.IsNaN(d) && !math.IsInf(d, 0)
}

func (r Range) or() Range {
	if r == (Range{}) {
		return Range{0, 1}
	}
	return r
}

// Options are what an ONNX file does not say of itself. The zero value infers
// names and takes [0,1] for the range.
type Options struct {
	Name string // of the model in recipes; "" is the file's, without extension

	// LR, Noise and Output name the graph's inputs and output; "" finds them
	// by usual names (lr, x, input, …; noise, z, …), then by shape.
	LR, Noise, Output string

	Input, Out Range // of the LR picture, and of the output

	// Batch is how many samples a call takes where the file leaves that open;
	// 0 means 1. Calls with fewer are filled up, since matrix products of
	// other sizes round otherwise. It is part of the recipe.
	Batch int

	// Memory refuses an LR picture for which one value of the graph takes
	// more, in bytes; 0 means [DefaultMemory].
	Memory int64
}

// Sampler draws samples with an ONNX model. Its methods may be called from
// several goroutines; calls of the model do not overlap.
type Sampler struct {
	options Options
	recipe  srspace.Recipe
	model   onnx.Model
	lr, out port
	noise   *port // nil: the model is deterministic
	batch   int

	one   sync.Mutex // calls, and the building of graphs
	run   *model.Exec
	probe *model.Exec             // on the Go backend, for shapes alone
	sizes map[[2]int]shapes.Shape // outputs by the LR picture's height and width
	last  shapes.Shape            // output of the graph built last
	why   error                   // that it could not be built
}

// Open loads an ONNX file on a GoMLX backend ("" chooses one). The LR picture
// goes to an input [batch, 1 or 3, h, w]; a second input, if there is one,
// gets standard normal noise, decided by a sample's seed alone:
// srspace.Noise of step 0. The output is [batch, 1 or 3, scale·h, scale·w];
// all are float32. One channel is the mean of RGB.
//
// A file that is none, is damaged, huge, keeps tensors in other files or needs
// what onnx-gomlx has not is an error with a hint. Nothing in it is executed
// but its graph.
func Open(path, backendConfig string, options Options) (*Sampler, error) {
	s, err := open(path, backendConfig, options)
	if err == nil {
		return s, nil
	}
	err = fmt.Errorf("ONNX model %s: %w", path, err)
	if srspace.Hint(err) != "" {
		return nil, err
	}
	return nil, srspace.WithHint(err, "a super-resolution model in one ONNX file is needed, whole: inputs LR and, if any, noise, float32")
}

func open(path, config string, o Options) (*Sampler, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	if o.Name == "" {
		o.Name = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	}
	return load(data, config, o)
}

// load is Open of a file's bytes.
func load(data []byte, config string, o Options) (s *Sampler, err error) {
	defer recovered(&err)
	if o.Input, o.Out = o.Input.or(), o.Out.or(); !o.Input.valid() || !o.Out.valid() {
		return nil, fmt.Errorf("ranges %v and %v of pixel values", o.Input, o.Out)
	}
	if o.Memory == 0 {
		o.Memory = DefaultMemory
	}
	s = &Sampler{options: o, sizes: map[[2]int]shapes.Shape{}}
	var sum string
	if s.model, sum, err = parse(data); err != nil {
		return nil, err
	}
	data = nil // the model holds a copy
	if s.lr, s.noise, s.out, err = ports(s.model, o); err != nil {
		return nil, err
	}
	if s.batch = s.lr.shape.Dimensions[0]; s.batch < 0 {
		s.batch = max(1, o.Batch)
	}
	store := model.NewStore()
	if err := s.model.VariablesToScope(store.RootScope()); err != nil {
		return nil, err
	}
	if config == "" {
		config = backend.Choose().Config
	}
	if s.run, err = s.exec(config, store); err != nil {
		return nil, err
	}
	if s.probe, err = s.exec("go", store); err != nil {
		return nil, err
	}
	scale, err := s.scale()
	if err != nil {
		return nil, err
	}
	s.recipe = srspace.Recipe{
		Model: o.Name, Weights: sum, Scale: scale, Method: Method, Steps: 1, Fit: "none", RNG: srspace.RNG,
		Schedule: fmt.Sprintf("%s %v → %s %v", s.lr.name, o.Input, s.out.name, o.Out),
		Backend:  fmt.Sprintf("%s, %d a call", backend.Name(config), s.batch), Software: srspace.Version,
	}
	if s.noise != nil {
		s.recipe.Eta = 1
		s.recipe.Schedule = s.noise.name + ", " + s.recipe.Schedule
	}
	return s, s.recipe.Validate()
}

// exec runs the model on a backend, compiled once a size of LR picture.
func (s *Sampler) exec(config string, store *model.Store) (*model.Exec, error) {
	b, err := backend.Open(config)
	if err != nil {
		return nil, err
	}
	e, err := model.NewExec(b, store, s.graph)
	if err != nil {
		return nil, err
	}
	return e.SetMaxCache(-1), nil
}

// graph calls the model and refuses graphs with values beyond the memory.
func (s *Sampler) graph(scope *model.Scope, inputs []*Node) *Node {
	s.why = nil
	defer func() {
		if p := recover(); p != nil {
			s.why = asError(p)
			panic(p)
		}
	}()
	in := map[string]*Node{s.lr.name: inputs[0]}
	if s.noise != nil {
		in[s.noise.name] = inputs[1]
	}
	g := inputs[0].Graph()
	out := s.model.CallGraph(scope, g, in, s.out.name)[0]
	for _, n := range g.Nodes() {
		if need := bytesOf(n.Shape()); need > float64(s.options.Memory) {
			panic(srspace.WithHint(fmt.Errorf("a value of the graph, %s, takes %.3g bytes, the limit is %d", n.Shape(), need, s.options.Memory), "take a smaller LR picture, or raise the limit"))
		}
	}
	s.last = out.Shape()
	return out
}

// bytesOf is the size of a value; float64, since a product of lengths may be
// beyond an int.
func bytesOf(s shapes.Shape) float64 {
	if !s.Ok() {
		return 0
	}
	n := float64(s.DType.Size())
	for _, d := range s.Dimensions {
		n *= float64(d)
	}
	return n
}

// output returns the shape of the output for LR pictures of h × w pixels, from
// the graph that they give, without running it.
func (s *Sampler) output(h, w int) (lr, noise, out shapes.Shape, err error) {
	defer recovered(&err)
	if lr, err = s.lr.sized(s.batch, h, w); err != nil {
		return
	}
	in := []shapes.Shape{lr}
	if s.noise != nil {
		if noise, err = s.noise.like(s.lr, lr); err != nil {
			return
		}
		if noise.Dimensions[0] != s.batch {
			err = fmt.Errorf("the noise input is %s for %d samples a call", noise, s.batch)
			return
		}
		in = append(in, noise)
	}
	for _, shape := range in {
		if need := bytesOf(shape); need > float64(s.options.Memory) {
			err = fmt.Errorf("an input, %s, takes %.3g bytes, the limit is %d", shape, need, s.options.Memory)
			return
		}
	}
	s.one.Lock()
	defer s.one.Unlock()
	out, known := s.sizes[[2]int{h, w}]
	if !known {
		if err = s.compile(s.probe, in); err != nil {
			return
		}
		out, s.sizes[[2]int{h, w}] = s.last, s.last
	}
	return lr, noise, out, nil
}

// compile builds the graph for inputs of some shapes; the error is the cause
// alone, without the layers it came through.
func (s *Sampler) compile(e *model.Exec, in []shapes.Shape) error {
	s.why = nil
	_, err := e.Compile(in...)
	if err != nil && s.why != nil {
		return s.why
	}
	return err
}

// probeSizes are the LR sizes tried where the file leaves the size open; some
// models want a multiple of their window, the largest common ones dividing 192.
var probeSizes = []int{16, 64, 192}

// scale finds how much larger than the LR picture the output is.
func (s *Sampler) scale() (int, error) {
	h, w := s.lr.shape.Dimensions[2], s.lr.shape.Dimensions[3]
	var first error
	for _, side := range probeSizes {
		y, x := h, w
		if y < 0 {
			y = side
		}
		if x < 0 {
			x = side
		}
		_, _, out, err := s.output(y, x)
		if err == nil {
			if d := out.Dimensions; out.Rank() == 4 && d[2] >= y && d[2]%y == 0 && d[3] == d[2]/y*x && d[0] == s.batch && (d[1] == 1 || d[1] == 3) {
				return d[2] / y, nil
			}
			err = fmt.Errorf("the output %s for %d LR pictures of %d×%d pixels is not a whole number of times as large", out, s.batch, x, y)
		}
		if first == nil {
			first = err
		}
		if h >= 0 && w >= 0 {
			break
		}
	}
	return 0, first
}

// Recipe implements srspace.Sampler: one step; eta is 1 with noise, 0 without.
func (s *Sampler) Recipe() srspace.Recipe { return s.recipe }

// Deterministic says that the model has no noise input: a picture has one
// sample, whatever the seed.
func (s *Sampler) Deterministic() bool { return s.noise == nil }

// Accepts returns an error for an LR picture that Sample would refuse: of a
// size that the model does not take, or that needs more than the memory.
func (s *Sampler) Accepts(lr *srspace.Image) error {
	_, _, _, err := s.shapes(lr)
	return err
}

func (s *Sampler) shapes(lr *srspace.Image) (in, noise, out shapes.Shape, err error) {
	if in, noise, out, err = s.output(lr.Height, lr.Width); err != nil {
		return in, noise, out, fmt.Errorf("model %s, LR picture of %d×%d pixels: %w", s.recipe.Model, lr.Width, lr.Height, err)
	}
	d, k := out.Dimensions, s.recipe.Scale
	if out.Rank() != 4 || d[0] != s.batch || d[1] != 1 && d[1] != 3 || d[2] != k*lr.Height || d[3] != k*lr.Width {
		return in, noise, out, srspace.WithHint(fmt.Errorf("model %s makes %s of an LR picture of %d×%d pixels, not %d times its size", s.recipe.Model, out, lr.Width, lr.Height, k), "the model may want sides that are a multiple of some number: crop the picture")
	}
	return in, noise, out, s.ready(in, noise)
}

// ready compiles the model for inputs of some shapes on the backend it runs on.
func (s *Sampler) ready(in, noise shapes.Shape) (err error) {
	defer recovered(&err)
	all := []shapes.Shape{in}
	if s.noise != nil {
		all = append(all, noise)
	}
	s.one.Lock()
	defer s.one.Unlock()
	if err := s.compile(s.run, all); err != nil {
		return srspace.WithHint(fmt.Errorf("model %s on %s: %w", s.recipe.Model, s.recipe.Backend, err), "the Go backend knows most operators: --backend go")
	}
	return nil
}

// errSame refuses several samples of a model that can make only one.
var errSame = srspace.WithHint(errors.New("the model has no noise input: all its samples of a picture are equal"), "draw one, -n 1")

// Sample implements srspace.Sampler. Samples are rounded to 8 bits, as they
// will be seen and stored. Several seeds for a model that is Deterministic are
// an error, since a space of equal samples would look like certainty.
func (s *Sampler) Sample(ctx context.Context, lr *srspace.Image, seeds []uint64) iter.Seq2[srspace.Sample, error] {
	return func(yield func(srspace.Sample, error) bool) {
		in, noise, out, err := s.shapes(lr)
		if err == nil && s.noise == nil && len(seeds) > 1 {
			err = errSame
		}
		if err != nil {
			yield(srspace.Sample{}, err)
			return
		}
		x := s.condition(lr, in)
		for len(seeds) > 0 {
			if err := ctx.Err(); err != nil {
				yield(srspace.Sample{}, err)
				return
			}
			now := seeds[:min(s.batch, len(seeds))]
			y, err := s.call(x, in, noise, out, now)
			if err != nil {
				yield(srspace.Sample{}, fmt.Errorf("model %s: %w", s.recipe.Model, err))
				return
			}
			for i, seed := range now {
				img, err := s.picture(y[i*len(y)/s.batch:(i+1)*len(y)/s.batch], out)
				if err != nil {
					yield(srspace.Sample{}, fmt.Errorf("sample %d: %w", seed, err))
					return
				}
				if !yield(srspace.Sample{Seed: seed, Image: img}, nil) {
					return
				}
			}
			seeds = seeds[len(now):]
		}
	}
}

// call runs the model for up to batch seeds and returns the output, flat.
func (s *Sampler) call(x []float32, in, noise, out shapes.Shape, seeds []uint64) (y []float32, err error) {
	defer recovered(&err)
	args := []any{tensors.FromFlatDataAndDimensions(x, in.Dimensions...)}
	if s.noise != nil {
		z := make([]float32, noise.Size())
		each := len(z) / s.batch
		for i := range s.batch {
			srspace.Noise(z[i*each:(i+1)*each], seeds[min(i, len(seeds)-1)], 0)
		}
		args = append(args, tensors.FromFlatDataAndDimensions(z, noise.Dimensions...))
	}
	s.one.Lock()
	defer s.one.Unlock()
	result, err := s.run.Call(args...)
	if err != nil {
		return nil, err
	}
	if !result[0].Shape().Equal(out) {
		return nil, fmt.Errorf("the output is %s, not %s", result[0].Shape(), out)
	}
	return tensors.CopyFlatData[float32](result[0])
}

// condition brings the LR picture to the model's range and channels, once for
// every sample of a call.
func (s *Sampler) condition(lr *srspace.Image, in shapes.Shape) []float32 {
	channels, n := in.Dimensions[1], lr.Width*lr.Height
	black, span := s.options.Input.Black, s.options.Input.White-s.options.Input.Black
	x := make([]float32, in.Size())
	for i := range n {
		rgb := lr.Pix[3*i : 3*i+3]
		if channels == 1 {
			x[i] = black + (rgb[0]+rgb[1]+rgb[2])/3*span
			continue
		}
		for c, v := range rgb {
			x[c*n+i] = black + v*span
		}
	}
	for from := channels * n; from < len(x); from += channels * n {
		copy(x[from:], x[:channels*n])
	}
	return x
}

// picture makes an 8-bit picture of one sample of the output.
func (s *Sampler) picture(planes []float32, out shapes.Shape) (*srspace.Image, error) {
	channels, h, w := out.Dimensions[1], out.Dimensions[2], out.Dimensions[3]
	black, span := s.options.Out.Black, s.options.Out.White-s.options.Out.Black
	img := srspace.NewImage(w, h)
	for i, v := range planes {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil, srspace.WithHint(fmt.Errorf("the output is not finite: value %d is %v", i, v), "check the model's weights and the range of its input")
		}
	}
	for i := range w * h {
		for c := range 3 {
			img.Pix[3*i+c] = (planes[c%channels*w*h+i] - black) / span
		}
	}
	return img.Quantized(), nil
}
