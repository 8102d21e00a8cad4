package metrics

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/gomlx/compute"
	"github.com/trustsr/trustsr/internal/finite"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/srspace/picture"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/trustsr/trustsr/internal/backend"
	"github.com/trustsr/trustsr/internal/nn"
	"github.com/trustsr/trustsr/internal/weights"
)

// MaxPixels bounds the pictures that metrics with a network take: what lies
// between the layers of a picture of this size needs some gigabytes.
const MaxPixels = 1 << 22

// featureMap is height × width × channels float32, channels last.
type featureMap struct {
	height, width, channels int
	data                    []float32
}

func newFeatureMap(height, width, channels int) featureMap {
	return featureMap{height, width, channels, make([]float32, height*width*channels)}
}

// tensorOf returns x as a batch of one.
func (x featureMap) tensor() *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(x.data, 1, x.height, x.width, x.channels)
}

// network is a network's weights on the backend that metrics run on.
type network struct {
	backend compute.Backend
	ops     *nn.Ops
	store   *model.Store
	sha256  string

	// serial is locked during calls, on backends that take all cores for one:
	// two calls at once through compute-onnx v0.1.0 block each other.
	serial *sync.Mutex
}

// metricsSerial is the lock of the one backend of all metrics.
var metricsSerial sync.Mutex

// newNetwork loads the tensors of dict that have the given names and shapes,
// which are PyTorch's. All must be there and finite.
func newNetwork(dict weights.Dict, shapes map[string][]int, sha256 string) (*network, error) {
	b, err := metricsBackend()
	if err != nil {
		return nil, err
	}
	return newNetworkOn(b, &metricsSerial, dict, shapes, sha256)
}

func newNetworkOn(b compute.Backend, serial *sync.Mutex, dict weights.Dict, shapes map[string][]int, sha256 string) (*network, error) {
	n := &network{backend: b, ops: nn.For(b), store: model.NewStore(), sha256: sha256}
	kind := backend.Of(b).Kind()
	if kind != backend.PureGo {
		n.serial = serial
	}
	if kind == backend.ONNXRuntime { // lets ONNX Runtime fold and pack the weights
		n.store.WithVariableAsConst(true)
	}
	needed := weights.Dict{}
	for _, name := range slices.Sorted(maps.Keys(shapes)) {
		if _, err := tensor(dict, name, shapes[name]...); err != nil {
			return nil, err
		}
		needed[name] = dict[name]
	}
	return n, n.ops.Load(n.store, needed)
}

// tensor returns the values of a named tensor and insists on its shape.
func tensor(dict weights.Dict, name string, shape ...int) ([]float32, error) {
	t, ok := dict[name]
	if !ok {
		return nil, fmt.Errorf("tensor %q is missing", name)
	}
	if !slices.Equal(t.Shape, shape) {
		return nil, fmt.Errorf("tensor %q has shape %v, want %v", name, t.Shape, shape)
	}
	if i := finite.Not(t.Data); i >= 0 {
		return nil, fmt.Errorf("tensor %q has the value %v at %d", name, t.Data[i], i)
	}
	return t.Data, nil
}

// function is a graph over a network's weights, compiled for each shape of
// inputs that it meets. Calls never join pictures to batches, so that a
// score does not depend on what else is scored.
type function struct {
	*network
	build func(o *nn.Ops, s *model.Scope, inputs []*Node) []*Node

	mu       sync.Mutex
	compiled map[string]*model.Exec
}

// maxCompiled bounds how many compiled graphs a function keeps. On ONNX
// Runtime each holds its own copy of the weights.
const maxCompiled = 8

func (n *network) function(build func(o *nn.Ops, s *model.Scope, inputs []*Node) []*Node) *function {
	return &function{network: n, build: build, compiled: map[string]*model.Exec{}}
}

// call runs the graph on inputs and returns the values of its outputs.
func (f *function) call(inputs ...*tensors.Tensor) (out []*tensors.Tensor, err error) {
	defer func() {
		if r := recover(); r != nil {
			out, err = nil, fmt.Errorf("build the network: %v", r)
		}
	}()
	if f.serial != nil {
		f.serial.Lock()
		defer f.serial.Unlock()
	}
	exec, err := f.exec(inputs)
	if err != nil {
		return nil, err
	}
	args := make([]any, len(inputs))
	for i, t := range inputs {
		args[i] = t
	}
	return exec.Call(args...)
}

func (f *function) exec(inputs []*tensors.Tensor) (*model.Exec, error) {
	key := ""
	for _, t := range inputs {
		key += t.Shape().String()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if e, ok := f.compiled[key]; ok {
		return e, nil
	}
	if len(f.compiled) >= maxCompiled {
		if f.serial != nil { // no call is under way
			for _, e := range f.compiled {
				e.Finalize()
			}
		}
		clear(f.compiled)
	}
	e, err := model.NewExec(f.backend, f.store, func(s *model.Scope, inputs []*Node) []*Node {
		return f.build(f.ops, s, inputs)
	})
	if err != nil {
		return nil, err
	}
	f.compiled[key] = e
	return e, nil
}

// taps builds the feature maps of x, in the inner layout of o, that a metric
// compares.
type taps func(o *nn.Ops, s *model.Scope, x *Node) []*Node

// extractor returns the function of one picture [1, height, width, channels]
// to its feature maps, channels last.
func (n *network) extractor(features taps) *extractor {
	return &extractor{n.function(func(o *nn.Ops, s *model.Scope, inputs []*Node) []*Node {
		x := inputs[0]
		if !o.ChannelsLast {
			x = TransposeAllAxes(x, 0, 3, 1, 2)
		}
		maps := features(o, s, x)
		if !o.ChannelsLast {
			for i, m := range maps {
				maps[i] = TransposeAllAxes(m, 0, 2, 3, 1)
			}
		}
		return maps
	})}
}

type extractor struct{ *function }

func (e *extractor) features(x featureMap) ([]featureMap, error) {
	in := x.tensor()
	defer in.FinalizeAll()
	outputs, err := e.call(in)
	if err != nil {
		return nil, fmt.Errorf("features of %d×%d pixels: %w", x.width, x.height, err)
	}
	maps := make([]featureMap, len(outputs))
	for i, t := range outputs {
		d := t.Shape().Dimensions
		maps[i] = featureMap{height: d[1], width: d[2], channels: d[3]}
		if maps[i].data, err = tensors.CopyFlatData[float32](t); err != nil {
			return nil, err
		}
		if err := t.FinalizeAll(); err != nil {
			return nil, err
		}
	}
	return maps, nil
}

// withinNetwork is what every picture needs before it meets a network.
func withinNetwork(image *picture.Image, enlarge int, info Info) error {
	if err := Check(image); err != nil {
		return err
	}
	if err := noSmaller(image, info); err != nil {
		return err
	}
	if pixels := image.Width * image.Height * enlarge * enlarge; pixels > MaxPixels {
		err := fmt.Errorf("%d×%d pixels are more than %d: %w", image.Width*enlarge, image.Height*enlarge, MaxPixels, ErrTooLarge)
		return hint.With(err, "score parts of the picture")
	}
	return nil
}

// onDemand is a value that is made at its first use, and tried again at the
// next one if it could not be: weights may have arrived meanwhile.
type onDemand[T any] struct {
	load func() (T, error)

	mu    sync.Mutex
	ready bool
	value T
}

func (l *onDemand[T]) get() (T, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ready {
		value, err := l.load()
		if err != nil {
			return value, err
		}
		l.value, l.ready = value, true
	}
	return l.value, nil
}
