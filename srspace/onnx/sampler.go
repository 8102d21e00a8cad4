// Package onnx draws SR spaces with models made elsewhere: any ONNX file that
// maps an LR picture, and noise where it is a generator, to a picture scale
// times as wide and high is a [srspace.Sampler].
//
// Where graphs run on ONNX Runtime, that runs the file itself. Elsewhere, on the
// Go backend and XLA, the graph is written as one of GoMLX. Both accept the same
// operators, those that have been compared with ONNX Runtime; a file that needs
// another is refused with the operator's name.
package onnx

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
	gomlx "github.com/gomlx/gomlx/ml/model"

	"github.com/trustsr/trustsr/internal/backend"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/windows"
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
	program *program
	lr, out port  // inputs and output of the graph
	noise   *port // nil: the model is deterministic
	batch   int

	one     sync.Mutex // calls, and the building of graphs
	run     *gomlx.Exec
	runtime *session                // runs the file rather than run
	probe   *gomlx.Exec             // on the Go backend, for shapes alone
	sizes   map[[2]int]shapes.Shape // outputs by the LR picture's height and width
	last    shapes.Shape            // output of the graph built last
	why     error                   // that it could not be built
}

// Open loads an ONNX file on a GoMLX backend ("" chooses one). The LR picture
// goes to an input [batch, 1 or 3, h, w]; a second input, if there is one,
// gets standard normal noise, decided by a sample's seed alone:
// srspace.Noise of step 0. The output is [batch, 1 or 3, scale·h, scale·w];
// all are float32 or float16. A model of one channel enlarges the luma of a
// colour picture, and bicubic interpolation its chroma, see luma.go.
//
// Weights may be in other files of the model's folder, as PyTorch's exporter
// leaves them. A file that is none, is damaged, huge, or needs an operator that
// is not known is an error with a hint; one whose inputs and outputs do not
// suit is a [PortsError]. Nothing in it is executed but its graph.
func Open(path, backendConfig string, options Options) (*Sampler, error) {
	s, err := open(path, backendConfig, options)
	if err == nil {
		return s, nil
	}
	err = fmt.Errorf("ONNX model %s: %w", path, err)
	var ports *PortsError
	if hint.Of(err) != "" || errors.As(err, &ports) {
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
	return load(data, filepath.Dir(path), config, o)
}

// load is Open of a file's bytes; weights that are not in it are looked for in
// folder.
func load(data []byte, folder, config string, o Options) (s *Sampler, err error) {
	defer recovered(&err)
	if o.LRRange, o.OutputRange = o.LRRange.orUnit(), o.OutputRange.orUnit(); !o.LRRange.valid() || !o.OutputRange.valid() {
		return nil, fmt.Errorf("ranges %v and %v of pixel values", o.LRRange, o.OutputRange)
	}
	if o.Window != 0 && o.Window < 2*windows.Overlap {
		return nil, fmt.Errorf("windows of %d LR pixels, %d at least", o.Window, 2*windows.Overlap)
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
	m, err := parse(data, folder)
	if err != nil {
		return nil, err
	}
	var rest []port
	if s.lr, s.noise, s.out, rest, err = ports(m.graph, o); err != nil {
		return nil, err
	}
	if s.batch = s.lr.lengths[0]; s.batch < 0 {
		s.batch = max(1, o.Batch)
	}
	given := map[string]*constant{}
	settings := ""
	for _, p := range rest {
		if given[p.name], err = p.filled(o.Values[p.name], s.batch); err != nil {
			return nil, err
		}
		settings += fmt.Sprintf(", %.100s = %g", p.name, o.Values[p.name])
	}
	if s.program, err = newProgram(m, given, o.Memory, pureGo); err != nil {
		return nil, err
	}
	store := gomlx.NewStore()
	if s.probe, err = s.exec(pureGo, store); err != nil {
		return nil, err
	}
	switch info.Kind() {
	case backend.PureGo:
		s.run = s.probe
	case backend.ONNXRuntime:
		version, err := runtimeVersion()
		if err != nil {
			return nil, err
		}
		library = "ONNX Runtime " + version
		file, err := rewrite(data, m.graph, given)
		if err != nil {
			return nil, err
		}
		if s.runtime, err = newSession(file, s.inputs(), []string{s.out.name}); err != nil {
			return nil, err
		}
	default:
		if s.run, err = s.exec(b, store); err != nil {
			return nil, err
		}
	}
	scale, err := s.scale()
	if err != nil {
		return nil, err
	}
	s.recipe = srspace.Recipe{
		Model: o.Name, Weights: sumOf(data, m.graph), Scale: scale, Method: Method, Steps: 1, Window: o.Window, Fit: "none", RNG: srspace.RNG,
		Schedule: fmt.Sprintf("%.100s in %v → %.100s in %v", s.lr.name, o.LRRange, s.out.name, o.OutputRange) + settings,
		Backend:  fmt.Sprintf("%s, %d a call", info.Name, s.batch), Library: library, Software: srspace.Version,
	}
	if s.luma() {
		s.recipe.Schedule += ", Y alone, Cb and Cr bicubic"
	}
	if s.noise != nil {
		s.recipe.Eta = 1
		s.recipe.Schedule = fmt.Sprintf("%.100s normal, ", s.noise.name) + s.recipe.Schedule
	}
	sum := sha256.Sum256([]byte(s.recipe.Schedule))
	s.recipe.Configuration = hex.EncodeToString(sum[:])
	return s, s.recipe.Validate()
}

// sumOf is the SHA-256 of a file, followed by the weights that it keeps in
// others in the order in which it names them.
func sumOf(data []byte, g *graph) string {
	h := sha256.New()
	h.Write(data)
	for _, t := range g.initializers {
		if t.external != nil {
			h.Write(t.raw)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// inputs are the names of what a call gives.
func (s *Sampler) inputs() []string {
	if s.noise != nil {
		return []string{s.lr.name, s.noise.name}
	}
	return []string{s.lr.name}
}

// exec runs the model on a backend, compiled once a size of LR picture.
func (s *Sampler) exec(b compute.Backend, store *gomlx.Store) (*gomlx.Exec, error) {
	e, err := gomlx.NewExec(b, store, s.graph)
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
