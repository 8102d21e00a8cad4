package ldm

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/trustsr/trustsr/internal/backend"
	"github.com/trustsr/trustsr/internal/finite"
	"github.com/trustsr/trustsr/internal/nn"
	"github.com/trustsr/trustsr/internal/weights"
)

// Names of the two networks in a CompVis checkpoint.
const (
	UNetModule       = "model.diffusion_model"
	FirstStageModule = "first_stage_model"
)

// Tensor is a float32 array, row-major.
type Tensor = weights.Tensor

// Model is a loaded latent diffusion model. Its methods may be called from
// several goroutines.
type Model struct {
	Config  Config
	backend compute.Backend
	ops     *nn.Ops
	store   *model.Store

	// serial: calls must not overlap. ONNX Runtime uses all cores in one
	// call, and two at once through compute-onnx v0.1.0 block each other for
	// ever; the Go backend gains from calls side by side.
	serial bool
	one    sync.Mutex

	met sync.Map // sizes of calls, each compiled at the first

	denoise, encode, quantize, decode, decodeQuantized *model.Exec
}

// New loads the tensors of dict, named as in a CompVis checkpoint
// (model.diffusion_model.…, first_stage_model.…), into the networks of
// config. Missing, extra, misshaped and non-finite tensors are an error that
// names them. Graphs are compiled at their first use with a shape.
func New(b compute.Backend, config Config, dict weights.Dict) (m *Model, err error) {
	defer recovered(&err)
	if err := config.Check(); err != nil {
		return nil, err
	}
	if err := Check(config, dict); err != nil {
		return nil, err
	}
	m, loader := newModel(b, config)
	for name, t := range dict {
		read := func(dst []float32) error { copy(dst, t.Data); return nil }
		if err := loader.Add(name, t.Shape, read); err != nil {
			return nil, err
		}
	}
	return m, m.compile()
}

// newModel returns a model without weights and what loads them.
func newModel(b compute.Backend, config Config) (*Model, *nn.Loader) {
	m := &Model{Config: config, backend: b, ops: nn.For(b), store: model.NewStore()}
	kind := backend.Of(b).Kind()
	m.serial = kind != backend.PureGo
	if kind == backend.ONNXRuntime { // lets ONNX Runtime fold and pack the weights
		m.store.WithVariableAsConst(true)
	}
	return m, &nn.Loader{Ops: m.ops, Backend: b, Store: m.store}
}

// BFloat16 returns the same model with convolutions and products of matrices
// in bfloat16, and norms, softmax, codes and sampling in float32. The weights
// are shared. Backends without bfloat16 of their own are an error.
func (m *Model) BFloat16() (half *Model, err error) {
	defer recovered(&err)
	if err := nn.CanHalf(m.backend); err != nil {
		return nil, fmt.Errorf("bfloat16: %w", err)
	}
	ops := *m.ops
	ops.Half = true
	half = &Model{Config: m.Config, backend: m.backend, ops: &ops, store: m.store, serial: m.serial}
	return half, half.compile()
}

// compile makes the model's graphs, each built at its first use with a shape.
func (m *Model) compile() error {
	o, config := m.ops, m.Config
	unet := func(s *model.Scope) *model.Scope { return nn.Module(s, UNetModule) }
	first := func(s *model.Scope) *model.Scope { return nn.Module(s, FirstStageModule) }
	var errs [5]error
	m.denoise, errs[0] = model.NewExec(m.backend, m.store, func(s *model.Scope, x, lr, t *Node) *Node {
		return config.UNet.Forward(o, unet(s), Concatenate([]*Node{x, lr}, 1), t)
	})
	m.encode, errs[1] = model.NewExec(m.backend, m.store, func(s *model.Scope, x *Node) *Node {
		return config.VQ.Encode(o, first(s), x)
	})
	if config.VQ.Residual {
		m.decode, errs[2] = model.NewExec(m.backend, m.store, func(s *model.Scope, z, lr *Node) *Node {
			return config.VQ.Decode(o, first(s), z, lr)
		})
	} else {
		m.decode, errs[2] = model.NewExec(m.backend, m.store, func(s *model.Scope, z *Node) *Node {
			return config.VQ.Decode(o, first(s), z, nil)
		})
	}
	if config.VQ.NumEmbeddings == 0 {
		return errors.Join(errs[:]...)
	}
	m.quantize, errs[3] = model.NewExec(m.backend, m.store, func(s *model.Scope, z *Node) (*Node, *Node) {
		return config.VQ.Quantize(first(s), z)
	})
	m.decodeQuantized, errs[4] = model.NewExec(m.backend, m.store, func(s *model.Scope, z *Node) *Node {
		_, codes := config.VQ.Quantize(first(s), z)
		return config.VQ.Decode(o, first(s), codes, nil)
	})
	return errors.Join(errs[:]...)
}

// meets reports whether calls of a batch of that size, in windows or 0, are
// new to the model: they compile first.
func (m *Model) meets(n, h, w, window int) bool {
	_, met := m.met.LoadOrStore([4]int{n, h, w, window}, true)
	return !met
}

// Backend is what the model runs on.
func (m *Model) Backend() backend.Info { return backend.Of(m.backend) }

// Denoise predicts the noise in x [batch, OutChannels, h, w], or what
// Config.UNet.Prediction names, given lr [batch, InChannels-OutChannels, h, w]
// at time steps t [batch]. h and w that the network cannot take are a
// [SizeError]. See [Model.Denoiser] for the noise always.
func (m *Model) Denoise(x, lr *Tensor, t []float32) (*Tensor, error) {
	if err := m.checkDenoise(x, lr, t); err != nil {
		return nil, err
	}
	out, err := m.run(m.denoise, x, lr, &Tensor{Shape: []int{len(t)}, Data: t})
	return first(out), err
}

// Encode brings pictures [batch, channels, H, W] in [-1,1] to latents. lr is
// their LR pictures [batch, channels, H/Scale, W/Scale], for a Residual first
// stage, elsewhere nil. H and W must be multiples of Scale, or the error is a
// [SizeError].
func (m *Model) Encode(img, lr *Tensor) (*Tensor, error) {
	if err := m.wantsLR(lr); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	if err := checkSides("encode", img, m.Config.VQ.Scale()); err != nil {
		return nil, err
	}
	if lr != nil {
		var err error
		if img, err = beyond(img, lr, m.Config.VQ.Scale()); err != nil {
			return nil, fmt.Errorf("encode: %w", err)
		}
	}
	out, err := m.run(m.encode, img)
	return first(out), err
}

// Quantize returns the nearest code's number for each latent pixel,
// row-major over (batch, h, w), and the codes in z's shape.
func (m *Model) Quantize(z *Tensor) (index []int, codes *Tensor, err error) {
	defer recovered(&err)
	if m.quantize == nil {
		return nil, nil, errors.New("quantize: the first stage has no codes")
	}
	if m.serial {
		m.one.Lock()
		defer m.one.Unlock()
	}
	i, c, err := m.quantize.Call2(value(z))
	if err != nil {
		return nil, nil, fmt.Errorf("quantize %v: %w", z.Shape, err)
	}
	flat, err := tensors.CopyFlatData[int32](i)
	if err != nil {
		return nil, nil, err
	}
	for _, v := range flat {
		index = append(index, int(v))
	}
	codes, err = host(c)
	return index, codes, err
}

// Decode brings latents [batch, EmbedDim, h, w] to pictures [batch,
// OutChannels, h·Scale, w·Scale], not clamped; quantize replaces each latent
// pixel by its nearest code first, as published sampling does; a first stage
// without codes has none to quantise to. lr is as for [Model.Encode].
func (m *Model) Decode(z, lr *Tensor, quantize bool) (*Tensor, error) {
	out, err := m.decodeNetwork(z, lr, quantize)
	if err != nil || lr == nil {
		return out, err
	}
	return out, addBicubic(out, lr, m.Config.VQ.Scale())
}

// decodeNetwork is Decode without the enlargement of lr.
func (m *Model) decodeNetwork(z, lr *Tensor, quantize bool) (*Tensor, error) {
	if err := m.wantsLR(lr); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	exec, inputs := m.decode, []*Tensor{z}
	if quantize {
		exec = m.decodeQuantized
	}
	if exec == nil {
		return nil, errors.New("decode quantised: the first stage has no codes")
	}
	if lr != nil {
		inputs = append(inputs, lr)
	}
	out, err := m.run(exec, inputs...)
	return first(out), err
}

// wantsLR returns an error unless an LR picture is there exactly where the
// first stage takes one.
func (m *Model) wantsLR(lr *Tensor) error {
	switch residual := m.Config.VQ.Residual; {
	case residual && lr == nil:
		return errors.New("the first stage takes the LR picture too")
	case !residual && lr != nil:
		return errors.New("the first stage takes no LR picture")
	}
	return nil
}

func first(ts []*Tensor) *Tensor {
	if len(ts) == 0 {
		return nil
	}
	return ts[0]
}

func value(t *Tensor) *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(t.Data, t.Shape...)
}

func host(t *tensors.Tensor) (*Tensor, error) {
	data, err := tensors.CopyFlatData[float32](t)
	if err != nil {
		return nil, err
	}
	shape := slices.Clone(t.Shape().Dimensions)
	return &Tensor{Shape: shape, Data: data}, t.FinalizeAll()
}

// run executes a graph on host arrays.
func (m *Model) run(exec *model.Exec, inputs ...*Tensor) (out []*Tensor, err error) {
	defer recovered(&err)
	args := make([]any, len(inputs))
	shapes := make([]string, len(inputs))
	for i, in := range inputs {
		args[i] = value(in)
		shapes[i] = fmt.Sprint(in.Shape)
	}
	if m.serial {
		m.one.Lock()
		defer m.one.Unlock()
	}
	results, err := exec.Call(args...)
	if err != nil {
		return nil, fmt.Errorf("run the network on %s: %w", strings.Join(shapes, ", "), err)
	}
	for _, r := range results {
		t, err := host(r)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	for _, a := range args {
		a.(*tensors.Tensor).FinalizeAll()
	}
	return out, nil
}

// recovered turns a panic of graph building into an error.
func recovered(err *error) {
	if r := recover(); r != nil {
		if e, ok := r.(error); ok {
			*err = fmt.Errorf("build the network: %w", e)
		} else {
			*err = fmt.Errorf("build the network: %v", r)
		}
	}
}

// Tensors returns the names and shapes of all tensors of the model, as in a
// CompVis checkpoint. They are read off the networks themselves.
func (c Config) Tensors() (shapesByName map[string][]int, err error) {
	defer recovered(&err)
	b, err := shapeBackend()
	if err != nil {
		return nil, err
	}
	o := &nn.Ops{} // PyTorch's layout
	store := model.NewStore()
	g := NewGraph(b, "shapes")
	defer g.Finalize()
	input := func(name string, dims ...int) *Node {
		return Parameter(g, name, shapes.Make(dtypes.Float32, dims...))
	}
	side := 1 << (len(c.UNet.ChannelMult) - 1)
	c.UNet.Forward(o, nn.Module(store.RootScope(), UNetModule), input("x", 1, c.UNet.InChannels, side, side), input("t", 1))
	s := nn.Module(store.RootScope(), FirstStageModule)
	z := c.VQ.Encode(o, s, input("img", 1, c.VQ.InChannels, c.VQ.Scale(), c.VQ.Scale()))
	if c.VQ.NumEmbeddings > 0 {
		_, z = c.VQ.Quantize(s, z)
	}
	var lr *Node
	if c.VQ.Residual {
		lr = input("lr", 1, c.VQ.OutChannels, 1, 1)
	}
	c.VQ.Decode(o, s, z, lr)

	shapesByName = map[string][]int{}
	for v := range store.IterVariables() {
		name := strings.ReplaceAll(strings.TrimPrefix(v.Path(), "/"), "/", ".")
		shapesByName[name] = slices.Clone(v.Shape().Dimensions)
	}
	return shapesByName, nil
}

var shapeBackend = sync.OnceValues(func() (compute.Backend, error) {
	return backend.Open("go")
})

// Check compares the tensors of a checkpoint with what config needs.
func Check(config Config, dict weights.Dict) error {
	want, err := config.Tensors()
	if err != nil {
		return err
	}
	var missing, extra, wrong, bad []string
	for name, shape := range want {
		t, ok := dict[name]
		switch {
		case !ok:
			missing = append(missing, name)
		case !slices.Equal(t.Shape, shape):
			wrong = append(wrong, fmt.Sprintf("%s is %v, not %v", name, t.Shape, shape))
		case !(finite.Not(t.Data) < 0):
			bad = append(bad, name)
		}
	}
	for name := range dict {
		if _, ok := want[name]; !ok {
			extra = append(extra, name)
		}
	}
	var problems []string
	for _, p := range []struct {
		what  string
		names []string
	}{{"missing", missing}, {"unknown", extra}, {"of the wrong shape", wrong}, {"not finite", bad}} {
		if len(p.names) > 0 {
			problems = append(problems, fmt.Sprintf("%d tensors %s (%s)", len(p.names), p.what, some(p.names)))
		}
	}
	if len(problems) > 0 {
		return fmt.Errorf("weights do not fit the model: %s", strings.Join(problems, "; "))
	}
	return nil
}

// some lists the first few names, in order.
func some(names []string) string {
	sort.Strings(names)
	if len(names) > 5 {
		return strings.Join(names[:5], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}
