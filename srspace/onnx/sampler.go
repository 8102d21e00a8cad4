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
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/onnx-gomlx/onnx"
	"github.com/trustsr/trustsr/internal/backend"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/srspace"
)

// DefaultMemory is what one value of a graph may take unless Options say
// otherwise, in bytes.
const DefaultMemory = 4 << 30

// Method is the sampler's name in recipes and addresses.
const Method = "onnx"

// Sampler draws samples with an ONNX model. Its methods may be called from
// several goroutines; calls of the model do not overlap.
type Sampler struct {
	options Options
	recipe  srspace.Recipe
	model   onnx.Model
	lr, out port  // inputs and output of the graph
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
	if hint.Of(err) != "" {
		return nil, err
	}
	return nil, hint.With(err, "a super-resolution model in one ONNX file is needed, whole: inputs LR and, if any, noise, float32")
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
	if o.LRRange, o.OutputRange = o.LRRange.orUnit(), o.OutputRange.orUnit(); !o.LRRange.valid() || !o.OutputRange.valid() {
		return nil, fmt.Errorf("ranges %v and %v of pixel values", o.LRRange, o.OutputRange)
	}
	if o.Memory == 0 {
		o.Memory = DefaultMemory
	}
	s = &Sampler{options: o, sizes: map[[2]int]shapes.Shape{}}
	b, err := backend.Open(config)
	if err != nil {
		return nil, err
	}
	pureGo, err := backend.Open("go")
	if err != nil {
		return nil, err
	}
	info := backend.Of(b)
	library, err := info.Provenance()
	if err != nil {
		return nil, err
	}
	var sum string
	if s.model, sum, err = parse(data, info.Kind() == backend.PureGo); err != nil {
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
	if s.run, err = s.exec(b, store); err != nil {
		return nil, err
	}
	if s.probe, err = s.exec(pureGo, store); err != nil {
		return nil, err
	}
	scale, err := s.scale()
	if err != nil {
		return nil, err
	}
	s.recipe = srspace.Recipe{
		Model: o.Name, Weights: sum, Scale: scale, Method: Method, Steps: 1, Fit: "none", RNG: srspace.RNG,
		Schedule: fmt.Sprintf("%.100s in %v → %.100s in %v", s.lr.name, o.LRRange, s.out.name, o.OutputRange),
		Backend:  fmt.Sprintf("%s, %d a call", info.Name, s.batch), Library: library, Software: srspace.Version,
	}
	if s.noise != nil {
		s.recipe.Eta = 1
		s.recipe.Schedule = fmt.Sprintf("%.100s normal, ", s.noise.name) + s.recipe.Schedule
	}
	return s, s.recipe.Validate()
}

// exec runs the model on a backend, compiled once a size of LR picture.
func (s *Sampler) exec(b compute.Backend, store *model.Store) (*model.Exec, error) {
	e, err := model.NewExec(b, store, s.graph)
	if err != nil {
		return nil, err
	}
	return e.SetMaxCache(-1), nil
}

// Recipe implements srspace.Sampler: one step; eta is 1 with noise, 0 without.
func (s *Sampler) Recipe() srspace.Recipe { return s.recipe }

// Deterministic says that the model has no noise input: a picture has one
// sample, whatever the seed.
func (s *Sampler) Deterministic() bool { return s.noise == nil }
