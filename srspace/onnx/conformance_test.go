package onnx

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"maps"
	"math"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	gomlx "github.com/gomlx/gomlx/ml/model"

	"github.com/trustsr/trustsr/internal/backend"
	"github.com/trustsr/trustsr/internal/npy"
)

// archived is a graph with inputs and ONNX Runtime's outputs for them, as
// testdata/operators.py writes it.
type archived struct {
	model  []byte
	arrays map[string]*npy.Array
}

func readArchive(t *testing.T, file string) map[string]*archived {
	t.Helper()
	z, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	cases := map[string]*archived{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			t.Fatal(err)
		}
		name := path.Dir(f.Name)
		if cases[name] == nil {
			cases[name] = &archived{arrays: map[string]*npy.Array{}}
		}
		if path.Base(f.Name) == "model.onnx" {
			cases[name].model = data
			continue
		}
		a, err := npy.Parse(bytes.Clone(data))
		if err != nil {
			t.Fatal(f.Name, err)
		}
		cases[name].arrays[strings.TrimSuffix(path.Base(f.Name), ".npy")] = a
	}
	return cases
}

// constantFrom is an array as a value of an ONNX type.
func constantFrom(a *npy.Array, elem int64) *constant {
	c := &constant{dims: a.Shape, elem: elem}
	switch kind, _ := dtypeOf(elem); kind {
	case dtypes.Float32:
		c.f = a.Float32()
	case dtypes.Int64:
		c.i = a.Int64()
	default:
		for _, v := range a.Uint8() {
			c.b = append(c.b, v != 0)
		}
	}
	return c
}

// run computes all outputs of a graph on a backend.
func (a *archived) run(config string) (out map[string]*constant, err error) {
	defer recovered(&err)
	m, err := parse(a.model, "")
	if err != nil {
		return nil, err
	}
	var in, outputs []string
	var given []*constant
	for _, p := range m.graph.inputs {
		in = append(in, p.name)
		given = append(given, constantFrom(a.arrays[p.name], p.dtype))
	}
	want := list(m.graph.outputs)
	for i, p := range m.graph.outputs {
		outputs = append(outputs, p.name)
		want[i].lengths = a.arrays[p.name].Shape
	}
	out = map[string]*constant{}
	if config == "onnx:cpu" {
		s, err := newSession(a.model, in, outputs)
		if err != nil {
			return nil, err
		}
		defer s.close()
		results, err := s.run(given, want)
		for i, r := range results {
			out[outputs[i]] = r
		}
		return out, err
	}
	fold, err := backend.Open("go")
	if err != nil {
		return nil, err
	}
	p, err := newProgram(m, nil, DefaultMemory, fold)
	if err != nil {
		return nil, err
	}
	b, err := backend.Open(config)
	if err != nil {
		return nil, err
	}
	args := []any{float32(0)} // graphs without inputs take this one
	for _, c := range given {
		args = append(args, c.tensor())
	}
	e, err := gomlx.NewExec(b, gomlx.NewStore(), func(s *gomlx.Scope, nodes []*Node) []*Node {
		inputs := map[string]*Node{}
		for i, n := range nodes[1:] {
			inputs[in[i]] = n
		}
		return p.build(s, nodes[0].Graph(), inputs, outputs...)
	})
	if err != nil {
		return nil, err
	}
	results, err := e.Call(args...)
	for i, r := range results {
		out[outputs[i]] = fromTensor(r)
	}
	return out, err
}

func (c *constant) floats() []float64 {
	out := make([]float64, 0, c.size())
	for _, v := range c.f {
		out = append(out, float64(v))
	}
	for _, v := range c.i {
		out = append(out, float64(v))
	}
	for _, v := range c.b {
		if v {
			out = append(out, 1)
		} else {
			out = append(out, 0)
		}
	}
	return out
}

// equal says where an output differs from ONNX Runtime's by more than 1e-5 of
// its largest value, a hundredth of that of 16-bit floats.
func equal(got *constant, want *npy.Array) error {
	if !slices.Equal(got.dims, want.Shape) && !(len(got.dims) == 0 && len(want.Shape) == 0) {
		return fmt.Errorf("the shape is %v, not %v", got.dims, want.Shape)
	}
	largest := 1.0
	for _, v := range want.Float64() {
		largest = max(largest, math.Abs(v))
	}
	tolerance := 1e-5 * largest
	if want.DType == "float16" {
		tolerance = 1e-3 * largest
	}
	for i, v := range want.Float64() {
		if g := got.floats()[i]; !(math.Abs(g-v) <= tolerance) {
			return fmt.Errorf("value %d of %v is %v, not %v", i, want.Shape, g, v)
		}
	}
	return nil
}

// Every operator that is accepted gives ONNX Runtime's values, with the axes,
// modes and attributes that models use and at odd sizes, on each backend.
func TestConformance(t *testing.T) {
	cases := readArchive(t, "testdata/operators.zip")
	if len(cases) < 300 {
		t.Fatalf("%d cases", len(cases))
	}
	tried := map[string]bool{}
	onEachBackend(t, func(t *testing.T, config string) {
		compiled := map[string]bool{}
		for _, name := range slices.Sorted(maps.Keys(cases)) {
			c := cases[name]
			if op, _, _ := strings.Cut(name, ","); strings.HasPrefix(config, "xla") {
				// XLA takes a quarter of a second to compile one; it has the
				// Go backend's graph but for convolutions.
				if testing.Short() || compiled[op] && op != "Conv" {
					continue
				}
				compiled[op] = true
			}
			m, err := parse(c.model, "")
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			for _, n := range m.graph.nodes {
				tried[n.op] = true
			}
			if config == "onnx:cpu" && (len(m.graph.inputs) == 0 || slices.ContainsFunc(m.graph.outputs, func(p typed) bool { return p.shape && len(p.axes) == 0 })) {
				continue // onnxruntime_go takes no graph without inputs and no single number
			}
			got, err := c.run(config)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			for output, v := range got {
				if err := equal(v, c.arrays[output]); err != nil {
					t.Errorf("%s, %s: %v", name, output, err)
				}
			}
		}
	})
	tried["Constant"] = true // in every file of TestFiles
	for op := range operators {
		if !tried[op] {
			t.Errorf("%s is accepted and not compared", op)
		}
	}
}
