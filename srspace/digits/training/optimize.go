package training

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/trustsr/trustsr/internal/finite"
	"github.com/trustsr/trustsr/internal/nn"
	"github.com/trustsr/trustsr/internal/weights"
)

// Scopes of what training keeps beside a weight: AdamW's two moments and the
// exponential moving average (EMA), under the weight's own path.
const (
	scopeM   = "/adamw_m"
	scopeV   = "/adamw_v"
	scopeEMA = "/ema"
)

// AdamW's constants: Loshchilov and Hutter, "Decoupled Weight Decay
// Regularization" (ICLR 2019), with PyTorch's defaults for beta and epsilon.
const (
	beta1, beta2 = 0.9, 0.999
	adamEpsilon  = 1e-8
	weightDecay  = 1e-2
	clipNorm     = 1.0 // of the whole gradient
	emaDecay     = 0.999
)

// lossFunc builds a loss, a scalar, and further outputs from a batch.
type lossFunc func(o *nn.Ops, s *model.Scope, batch []*Node) (loss *Node, more []*Node)

// optimizer trains the variables of a store.
type optimizer struct {
	ops   *nn.Ops
	store *model.Store
	exec  *model.Exec
	peak  float64 // learning rate
	steps int
}

// newOptimizer loads the weights to train and the fixed ones. Moments and
// averages start at zero and at the weights.
func newOptimizer(b compute.Backend, train weights.Dict, peak float64, steps int, loss lossFunc) (*optimizer, error) {
	o := nn.For(b)
	o.Train = true
	opt := &optimizer{ops: o, store: model.NewStore(), peak: peak, steps: steps}
	if err := o.Load(opt.store, train); err != nil {
		return nil, err
	}
	var names []string
	for v := range opt.store.IterVariables() {
		names = append(names, v.Path())
	}
	for _, path := range names {
		value, err := opt.store.GetVariable(path).Value()
		if err != nil {
			return nil, err
		}
		data, err := tensors.CopyFlatData[float32](value)
		if err != nil {
			return nil, err
		}
		dims := value.Shape().Dimensions
		for scope, initial := range map[string][]float32{scopeM: make([]float32, len(data)), scopeV: make([]float32, len(data)), scopeEMA: data} {
			v, err := opt.store.CreateVariable(scope+path, tensors.FromFlatDataAndDimensions(initial, dims...))
			if err != nil {
				return nil, err
			}
			v.SetTrainable(false)
		}
	}
	exec, err := model.NewExec(b, opt.store, func(s *model.Scope, in []*Node) []*Node {
		// in: the batch, then [learning rate, 1-beta1^t, 1-beta2^t, EMA decay]
		rates := in[len(in)-1]
		value, more := loss(o, s, in[:len(in)-1])
		opt.update(value, rates)
		return append([]*Node{value}, more...)
	})
	if err != nil {
		return nil, err
	}
	opt.exec = exec
	return opt, nil
}

// update adds one step of AdamW, with the gradient clipped to a global norm
// of clipNorm, and of the EMA to the graph.
func (opt *optimizer) update(loss, rates *Node) {
	g := loss.Graph()
	var vars []*model.Variable
	var nodes []*Node
	for v := range opt.store.IterVariables() {
		if v.Trainable && v.InUseByGraph(g) {
			vars = append(vars, v)
		}
	}
	// The store's order is that of a map. The norm below is a sum of floats, so
	// it takes a fixed one for the same run to end with the same bits.
	slices.SortFunc(vars, func(a, b *model.Variable) int { return strings.Compare(a.Path(), b.Path()) })
	for _, v := range vars {
		nodes = append(nodes, v.NodeValue(g))
	}
	grads := Gradient(loss, nodes...)
	rate := func(i int) *Node { return Reshape(SliceAxis(rates, 0, AxisRange(i, i+1))) }
	var total *Node
	for _, d := range grads {
		sum := ReduceAllSum(Mul(d, d))
		if total == nil {
			total = sum
		} else {
			total = Add(total, sum)
		}
	}
	one := Scalar(g, dtypes.Float32, 1)
	clip := Min(one, Div(Scalar(g, dtypes.Float32, clipNorm), AddScalar(Sqrt(total), 1e-6)))
	for i, v := range vars {
		moment := func(scope string) *model.Variable { return opt.store.GetVariable(scope + v.Path()) }
		d := Mul(grads[i], clip)
		m := Add(MulScalar(moment(scopeM).NodeValue(g), beta1), MulScalar(d, 1-beta1))
		s := Add(MulScalar(moment(scopeV).NodeValue(g), beta2), MulScalar(Mul(d, d), 1-beta2))
		moment(scopeM).SetNodeValue(m)
		moment(scopeV).SetNodeValue(s)
		step := Div(Div(m, rate(1)), AddScalar(Sqrt(Div(s, rate(2))), adamEpsilon))
		if len(v.Shape().Dimensions) > 1 { // biases and norms do not decay
			step = Add(step, MulScalar(nodes[i], weightDecay))
		}
		w := Sub(nodes[i], Mul(step, rate(0)))
		v.SetNodeValue(w)
		average := moment(scopeEMA)
		average.SetNodeValue(Add(Mul(average.NodeValue(g), rate(3)), Mul(w, Sub(one, rate(3)))))
	}
}

// step trains on one batch; step counts from 0. It returns the loss and the
// further outputs.
func (opt *optimizer) step(step int, batch ...any) (float64, []*tensors.Tensor, error) {
	t := float64(step + 1)
	warm := math.Min(1, t/100)
	cosine := 0.5 * (1 + math.Cos(math.Pi*math.Min(1, float64(step)/float64(opt.steps))))
	decay := math.Min(emaDecay, (1+t)/(10+t)) // so that the average forgets the start
	rates := []float32{float32(opt.peak * warm * cosine), float32(1 - math.Pow(beta1, t)), float32(1 - math.Pow(beta2, t)), float32(decay)}
	out, err := opt.exec.Call(append(batch, rates)...)
	if err != nil {
		return 0, nil, fmt.Errorf("training step %d: %w", step, err)
	}
	loss := float64(tensors.MustCopyFlatData[float32](out[0])[0])
	if !finite.Is(loss) {
		return loss, nil, fmt.Errorf("training step %d: loss is %v", step, loss)
	}
	return loss, out[1:], nil
}

// state returns all variables, moments and averages included.
func (opt *optimizer) state() (weights.Dict, error) { return opt.ops.Dump(opt.store, "") }

// restore puts back what state returned.
func (opt *optimizer) restore(dict weights.Dict) error {
	fresh := model.NewStore()
	if err := opt.ops.Load(fresh, dict); err != nil {
		return err
	}
	n := 0
	for v := range opt.store.IterVariables() {
		from := fresh.GetVariable(v.Path())
		if from == nil {
			return fmt.Errorf("checkpoint lacks %s", v.Path())
		}
		value, err := from.Value()
		if err != nil {
			return err
		}
		if !value.Shape().Equal(v.Shape()) {
			return fmt.Errorf("checkpoint has %s as %v, not %v", v.Path(), value.Shape(), v.Shape())
		}
		if err := v.SetValue(value); err != nil {
			return err
		}
		n++
	}
	if n != len(dict) {
		return fmt.Errorf("checkpoint has %d tensors, training %d", len(dict), n)
	}
	return nil
}

// trained returns the weights, averaged or raw.
func (opt *optimizer) trained(average bool) (weights.Dict, error) {
	all, err := opt.state()
	if err != nil {
		return nil, err
	}
	out := weights.Dict{}
	prefix := strings.TrimPrefix(scopeEMA, "/") + "."
	for name, t := range all {
		rest, isAverage := strings.CutPrefix(name, prefix)
		if isAverage == average && !strings.HasPrefix(name, scopeM[1:]+".") && !strings.HasPrefix(name, scopeV[1:]+".") {
			out[rest] = t
		}
	}
	return out, nil
}
