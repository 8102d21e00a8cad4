package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/trustsr/trustsr/internal/backend"
	"github.com/trustsr/trustsr/internal/weightstore"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/digits"
	"github.com/trustsr/trustsr/srspace/ldm"
	"github.com/trustsr/trustsr/srspace/natural"
	"github.com/trustsr/trustsr/srspace/onnx"
	"github.com/trustsr/trustsr/srspace/picture"
)

// Names of the embedded models: of digits of 7×7 pixels, and of photographs
// and text of any size.
const (
	Digits  = "digits"
	Natural = "natural"
)

// DefaultSteps is how many denoising steps a sample takes unless it is said.
const DefaultSteps = 50

// ModelOptions say which model draws, and how. The zero value is the embedded
// model that suits the picture, with its defaults. A field that is not zero was asked for: a model that
// cannot follow it is refused with an [UnusedError].
type ModelOptions struct {
	// Model is a name ("digits", "natural", one of the weight store's), or the path of a
	// checkpoint, of a diffusers folder or of an .onnx file.
	Model string

	Backend   string   // a GoMLX backend such as "go" or "onnx:cpu"; "" chooses
	Sampler   string   // one of ldm.Methods, or ldm.SchedulerMethod; "" is the model's default
	Steps     int      // denoising steps; 0 is DefaultSteps
	Eta       *float64 // 0 to 1; nil is the sampler's default
	Fit       string   // how an LR picture gets a size the network takes, one of ldm.Fits
	RNG       string   // srspace.RNG ("" too) or srspace.TorchRNG
	Precision string   // "float32" ("" too) or srspace.BFloat16
	Tile      int      // copies of the LR picture a side; 0 for none
	Window    int      // LR pixels of the windows of large pictures; 0 for none
	Project   int      // times a sample is moved towards its LR picture, see srspace.Recipe
	Memory    int64    // bytes that an estimate may reach; 0 is what is free
	Batch     int      // samples drawn side by side; 0 suits cores and memory

	// What an ONNX file does not say of itself.
	LRInput     string     // name of the input that takes the LR picture
	NoiseInput  string     // name of the input that takes noise
	ONNXInput   string     // numbers for other inputs, see onnx.ParseValues
	Output      string     // name of the output
	InputRange  onnx.Range // what black and white are in the LR input
	OutputRange onnx.Range // and in the output
}

// Drawer is a sampler that says which LR pictures it takes.
type Drawer interface {
	srspace.Sampler
	Accepts(lr *picture.Image) error
}

// Model is a model ready to draw.
type Model struct {
	Drawer
	Assumed []string // what its files did not say

	options ModelOptions
	network *ldm.Sampler // nil for an ONNX file

	// window chooses the window of a picture, where the model does and the
	// options name none; else nil.
	window func(width, height int) int
}

// UnusedError is an option that the model would pass over.
type UnusedError struct {
	Option string // field of ModelOptions
	Model  string // in words, e.g. "the digit model"
}

func (e *UnusedError) Error() string {
	return fmt.Sprintf("%s is not for %s", e.Option, e.Model)
}

// NotModelError is a file that is no latent diffusion model for
// super-resolution.
type NotModelError struct {
	Name string
	Err  error
}

func (e *NotModelError) Error() string { return fmt.Sprintf("model %s: %v", e.Name, e.Err) }
func (e *NotModelError) Unwrap() error { return e.Err }

// MissingModelError is a name that the weight store does not hold.
type MissingModelError struct {
	Name      string
	Fetchable bool // it can be downloaded under this name
	Err       error
}

func (e *MissingModelError) Error() string { return e.Err.Error() }
func (e *MissingModelError) Unwrap() error { return e.Err }

// PrecisionError is a precision that the backend does not compute in.
type PrecisionError struct{ Err error }

func (e *PrecisionError) Error() string { return e.Err.Error() }
func (e *PrecisionError) Unwrap() error { return e.Err }

// ErrNoNoise is wrapped where several samples are asked of a model that can
// make only one of a picture.
var ErrNoNoise = errors.New("the model has no noise input: all its samples of a picture are equal")

// Models opens models and keeps what it has loaded. The zero value is ready.
type Models struct {
	// Own are models that are asked first, by their names: a program's own, or
	// a test's. OwnReader, unless nil, reads digits in place of the embedded
	// reader.
	Own       map[string]func(ModelOptions) (Drawer, error)
	OwnReader Reader

	networks networks
}

// Open opens the model that the options name. lr, unless nil, is the picture
// to be drawn from: where no model is named it decides which one is used.
func (ms *Models) Open(ctx context.Context, o ModelOptions, lr *picture.Image) (*Model, error) {
	if o.Model == "" {
		o.Model = DefaultModel(lr)
	}
	if own := ms.Own[o.Model]; own != nil {
		d, err := own(o)
		if err != nil {
			return nil, err
		}
		return &Model{Drawer: d, options: o}, nil
	}
	if IsONNX(o.Model) {
		return openONNX(o)
	}
	if err := o.refuse("this model, but for an ONNX file", onnxOnly); err != nil {
		return nil, err
	}
	if o.Precision == "float32" {
		o.Precision = ""
	}
	if o.Precision != "" && o.Precision != srspace.BFloat16 {
		return nil, fmt.Errorf("precision %.50q: float32 or %s", o.Precision, srspace.BFloat16)
	}
	switch o.Model {
	case Digits:
		return ms.digits(ctx, o)
	case Natural:
		return ms.natural(ctx, o)
	}
	return ms.checkpoint(ctx, o)
}

// Preload loads the digit model in the background, so that the first to ask
// finds it loaded.
func (ms *Models) Preload() {
	begin(func() (*Model, error) { return ms.Open(context.Background(), ModelOptions{}, nil) })
}

// Ready returns the digit model if it is loaded, else nil or why the last
// attempt to load it failed. It waits a moment at most.
func (ms *Models) Ready() (*Model, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	m, err := begin(func() (*Model, error) { return ms.Open(ctx, ModelOptions{}, nil) }).wait(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, nil
	}
	return m, err
}

// DefaultModel names the model for an LR picture where none is named: the
// digit model for those of its size, the natural-image model for all others.
func DefaultModel(lr *picture.Image) string {
	if lr == nil || lr.Width == digits.LRSide && lr.Height == digits.LRSide {
		return Digits
	}
	return Natural
}

// IsONNX reports whether a model's name is the path of an ONNX file.
func IsONNX(name string) bool { return strings.EqualFold(filepath.Ext(name), ".onnx") }

// Options that some models pass over, by the names of their fields.
var (
	onnxOnly    = []string{"LRInput", "NoiseInput", "ONNXInput", "Output", "InputRange", "OutputRange"}
	notONNX     = []string{"Sampler", "Steps", "Eta", "Fit", "RNG", "Precision", "Tile", "Project", "Batch"}
	checkpoints = []string{"Tile", "Window", "Memory", "Fit"}
)

// refuse returns an error for the first of the options that is set.
func (o ModelOptions) refuse(model string, options []string) error {
	given := map[string]bool{
		"Sampler": o.Sampler != "", "Steps": o.Steps != 0, "Eta": o.Eta != nil, "Fit": o.Fit != "", "RNG": o.RNG != "",
		"Precision": o.Precision != "", "Tile": o.Tile != 0, "Window": o.Window != 0, "Project": o.Project != 0, "Memory": o.Memory != 0, "Batch": o.Batch != 0,
		"LRInput": o.LRInput != "", "NoiseInput": o.NoiseInput != "", "ONNXInput": o.ONNXInput != "", "Output": o.Output != "",
		"InputRange": o.InputRange != onnx.Range{}, "OutputRange": o.OutputRange != onnx.Range{},
	}
	for _, name := range options {
		if given[name] {
			return &UnusedError{name, model}
		}
	}
	return nil
}

// method, steps and eta are the sampler's, with the model's defaults put in.
func (o ModelOptions) sampling(c ldm.Config) (method string, steps int, eta float64) {
	method, steps = o.Sampler, o.Steps
	if method == "" {
		method = c.DefaultMethod()
	}
	if steps == 0 {
		steps = DefaultSteps
	}
	if eta = c.DefaultEta(method); o.Eta != nil {
		eta = *o.Eta
	}
	return method, steps, eta
}

func (o ModelOptions) backend() string {
	if o.Backend != "" {
		return o.Backend
	}
	return backend.Choose().Config
}

// fixed is a network that takes LR pictures of some sizes only.
type fixed struct {
	*ldm.Sampler
	accepts func(lr *picture.Image) error
}

func (f fixed) Accepts(lr *picture.Image) error { return f.accepts(lr) }

func (ms *Models) digits(ctx context.Context, o ModelOptions) (*Model, error) {
	if err := o.refuse("the digit model", checkpoints); err != nil {
		return nil, err
	}
	m, err := ms.networks.digits(ctx, o.Backend)
	if err != nil {
		return nil, err
	}
	s := *m.Sampler // its own settings, the same network
	s.Method, s.Steps, s.Eta = o.sampling(s.Model.Config)
	s.RNG, s.Project = o.RNG, o.Project
	if _, err := s.Model.Config.Plan(s.Method, s.Steps, s.Eta); err != nil {
		return nil, err
	}
	if s.Model, err = ms.networks.precise(s.Model, o.Precision); err != nil {
		return nil, err
	}
	return &Model{Drawer: fixed{&s, m.Accepts}, options: o, network: &s}, nil
}

// natural opens the embedded natural-image model, which draws large pictures
// in windows unless it is told how.
func (ms *Models) natural(ctx context.Context, o ModelOptions) (*Model, error) {
	m, err := ms.networks.natural(ctx, o.Backend)
	if err != nil {
		return nil, err
	}
	out, err := ms.anySize(o, m.Sampler.Model, m.Description)
	if err != nil {
		return nil, err
	}
	out.window = natural.WindowFor
	return out, nil
}

// anySize is a model that draws pictures of any size with a network, as the
// options say; r says where its weights are from and what computes.
func (ms *Models) anySize(o ModelOptions, network *ldm.Model, r srspace.Recipe) (*Model, error) {
	s := &ldm.Sampler{RNG: o.RNG, Tile: o.Tile, Window: o.Window, Project: o.Project, Memory: o.Memory, Description: r}
	s.Method, s.Steps, s.Eta = o.sampling(network.Config)
	if _, err := network.Config.Plan(s.Method, s.Steps, s.Eta); err != nil {
		return nil, err
	}
	var err error
	if s.Model, err = ms.networks.precise(network, o.Precision); err != nil {
		return nil, err
	}
	s.Description.Fit = o.Fit
	switch {
	case o.Fit == "" && o.Tile > 0: // as the paper's authors tile
		s.Description.Fit = ldm.FitPeriodic
	case o.Fit == "":
		s.Description.Fit = ldm.FitEdge
	}
	if on := network.Backend(); o.Memory == 0 && (on.Kind() != backend.XLA || on.Name == "xla:cpu") { // a GPU has its own
		s.Memory = ldm.FreeMemory()
	}
	return &Model{Drawer: s, options: o, network: s}, nil
}

// checkpoint opens an imported or fetched model, or one by its path.
func (ms *Models) checkpoint(ctx context.Context, o ModelOptions) (*Model, error) {
	path, err := ModelPath(o.Model)
	name := o.Model
	if _, statErr := os.Stat(o.Model); err != nil && errors.Is(err, weightstore.ErrMissing) && statErr == nil {
		path, name, err = o.Model, NameFor(o.Model), nil
	}
	if err != nil {
		return nil, err
	}
	n, err := ms.networks.checkpoint(ctx, o.Model, path, o.backend(), func(c *ldm.Checkpoint) error {
		_, err := c.Config.Plan(o.sampling(c.Config))
		return err
	})
	if err != nil {
		return nil, err
	}
	on := n.model.Backend()
	library, err := on.Provenance()
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", o.Model, err)
	}
	method, _, _ := o.sampling(n.model.Config)
	configuration, err := n.configuration(method)
	if err != nil {
		return nil, err
	}
	m, err := ms.anySize(o, n.model, srspace.Recipe{Model: name, Weights: n.sum, Configuration: configuration, Backend: on.Name, Library: library, Software: srspace.Version})
	if err != nil {
		return nil, err
	}
	m.Assumed = n.assumed
	return m, nil
}

// openONNX opens a model made elsewhere, an ONNX file.
func openONNX(o ModelOptions) (*Model, error) {
	if err := o.refuse("an ONNX model", notONNX); err != nil {
		return nil, err
	}
	values, err := onnx.ParseValues(o.ONNXInput)
	if err != nil {
		return nil, err
	}
	s, err := onnx.Open(o.Model, o.Backend, onnx.Options{
		Name: NameFor(o.Model), LR: o.LRInput, Noise: o.NoiseInput, Output: o.Output, Values: values, Window: o.Window,
		LRRange: o.InputRange, OutputRange: o.OutputRange, Memory: o.Memory,
	})
	if err != nil {
		return nil, err
	}
	return &Model{Drawer: s, options: o}, nil
}

// Deterministic reports whether all samples of a picture are equal.
func (m *Model) Deterministic() bool {
	s, ok := m.Drawer.(*onnx.Sampler)
	return ok && s.Deterministic()
}

// suit sets how many of n samples of a picture a call takes, and how many
// calls run side by side.
func (m *Model) suit(lr *picture.Image, n int) error {
	s := m.network
	if s == nil {
		return nil
	}
	if m.window != nil && m.options.Window == 0 {
		s.Window = m.window(lr.Width*max(1, s.Tile), lr.Height*max(1, s.Tile))
	}
	_, isFixed := m.Drawer.(fixed) // its calls have the size it was measured with
	if !isFixed {
		if err := s.SuitBatch(lr.Width, lr.Height); err != nil {
			return err
		}
	}
	switch {
	case m.options.Batch > 0:
		s.Workers = (m.options.Batch + s.Batch - 1) / s.Batch
	case !isFixed:
		return s.SuitWorkers(lr.Width, lr.Height, n)
	}
	return nil
}

// Step says that samples under way have gone through Done of Total denoising
// steps. Done is 0 while the network is compiled for a size that is new to it.
type Step struct {
	UnderWay    int // samples drawn side by side
	Done, Total int
}

// OnStep calls report after each denoising step, and before the first where
// the network is compiled. A model without steps, an
// ONNX file, never calls it.
func (m *Model) OnStep(report func(Step)) {
	s := m.network
	if s == nil {
		return
	}
	s.OnStep = func(step, steps int) {
		report(Step{s.Batch * max(1, s.Workers) * max(1, s.Tile*s.Tile), step, steps})
	}
}

// Steps returns how many denoising steps a sample takes; 1 for an ONNX file.
func (m *Model) Steps() int {
	if m.network == nil {
		return 1
	}
	return m.network.Steps
}

// ModelPath returns where the weights of a name are. An error is a
// [MissingModelError].
func ModelPath(name string) (string, error) {
	if item, ok := weightstore.Find(name); ok && name == weightstore.LDMX4 {
		path, err := item.Where()
		if err != nil {
			return "", &MissingModelError{name, true, err}
		}
		return path, nil
	}
	path, err := weightstore.ModelPath(name)
	if err != nil {
		return "", &MissingModelError{name, false, err}
	}
	return path, nil
}

var notInName = regexp.MustCompile(`[^a-z0-9._-]+`)

// NameFor makes a model's name of its path: lower case, without the ending.
func NameFor(path string) string {
	base := filepath.Base(filepath.Clean(path))
	return strings.Trim(notInName.ReplaceAllString(strings.ToLower(strings.TrimSuffix(base, filepath.Ext(base))), "-"), "-._")
}

// Reader reads digits in 28×28 pictures.
type Reader interface {
	// Probabilities returns the probability of each digit in each picture.
	Probabilities(images []*picture.Image) ([][10]float64, error)
	// ID identifies the reader: what another one read is read again.
	ID() string
}

// Reader returns the embedded digit reader.
func (ms *Models) Reader(ctx context.Context) (Reader, error) {
	if ms.OwnReader != nil {
		return ms.OwnReader, nil
	}
	m, err := ms.networks.digits(ctx, "")
	if err != nil {
		return nil, err
	}
	return digitReader{m}, nil
}

type digitReader struct{ *digits.Model }

// ID is the SHA-256 of the record of the training that made the reader.
func (digitReader) ID() string {
	sum := sha256.Sum256(digits.Training)
	return hex.EncodeToString(sum[:])
}
