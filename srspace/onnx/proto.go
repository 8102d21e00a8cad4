package onnx

import (
	"errors"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// The messages of an ONNX file that a graph's values depend on, read from
// their wire form. The numbers of the fields are those of
// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto; other fields
// (documentation, types of inner values) are skipped.

type model struct {
	graph     *graph
	opset     int64 // of the default domain
	functions int   // of the file's own
}

type graph struct {
	nodes        []*node
	initializers []*tensor
	inputs       []typed
	outputs      []typed
	sparse       int
}

type node struct {
	op, name, domain string
	inputs, outputs  []string
	attributes       []*attribute
}

type attribute struct {
	name    string
	kind    int64 // AttributeProto.AttributeType; 0 in files older than it
	f       float32
	i       int64
	s       string
	t       *tensor
	g       *graph
	floats  []float32
	ints    []int64
	texts   []string
	tensors []*tensor
	graphs  []*graph
	sparse  int
}

type tensor struct {
	name     string
	dims     []int64
	dtype    int64 // TensorProto.DataType
	raw      []byte
	floats   []float32
	doubles  []float64
	int32s   []int64
	int64s   []int64
	uint64s  []int64
	outside  bool              // its data are in another file
	external map[string]string // location, offset, length
}

// typed is an input or an output of a graph.
type typed struct {
	name  string
	dtype int64
	axes  []axis
	shape bool // a shape is given
}

// axis has a length, or where that is below 0, a name or none.
type axis struct {
	length int64
	name   string
}

var errNotONNX = errors.New("not an ONNX file, or a damaged one")

// fields calls f for every field of a message: number is v for varints and
// fixed ones, data that of a length-delimited one.
func fields(b []byte, f func(n protowire.Number, v uint64, data []byte) error) error {
	for len(b) > 0 {
		n, kind, size := protowire.ConsumeTag(b)
		if size < 0 {
			return errNotONNX
		}
		b = b[size:]
		var v uint64
		var data []byte
		switch kind {
		case protowire.VarintType:
			v, size = protowire.ConsumeVarint(b)
		case protowire.Fixed32Type:
			var v32 uint32
			v32, size = protowire.ConsumeFixed32(b)
			v = uint64(v32)
		case protowire.Fixed64Type:
			v, size = protowire.ConsumeFixed64(b)
		case protowire.BytesType:
			data, size = protowire.ConsumeBytes(b)
			if data == nil {
				data = []byte{}
			}
		default:
			return errNotONNX
		}
		if size < 0 {
			return errNotONNX
		}
		b = b[size:]
		if err := f(n, v, data); err != nil {
			return err
		}
	}
	return nil
}

// integers adds a repeated integer, packed or not.
func integers(to []int64, v uint64, data []byte) ([]int64, error) {
	if data == nil {
		return append(to, int64(v)), nil
	}
	for len(data) > 0 {
		v, size := protowire.ConsumeVarint(data)
		if size < 0 {
			return nil, errNotONNX
		}
		to, data = append(to, int64(v)), data[size:]
	}
	return to, nil
}

func float32s(to []float32, v uint64, data []byte) ([]float32, error) {
	if data == nil {
		return append(to, math.Float32frombits(uint32(v))), nil
	}
	for len(data) > 0 {
		v, size := protowire.ConsumeFixed32(data)
		if size < 0 {
			return nil, errNotONNX
		}
		to, data = append(to, math.Float32frombits(v)), data[size:]
	}
	return to, nil
}

func float64s(to []float64, v uint64, data []byte) ([]float64, error) {
	if data == nil {
		return append(to, math.Float64frombits(v)), nil
	}
	for len(data) > 0 {
		v, size := protowire.ConsumeFixed64(data)
		if size < 0 {
			return nil, errNotONNX
		}
		to, data = append(to, math.Float64frombits(v)), data[size:]
	}
	return to, nil
}

func readModel(b []byte) (m model, err error) {
	m.opset = 1
	err = fields(b, func(n protowire.Number, v uint64, data []byte) (err error) {
		switch {
		case n == 7 && data != nil:
			m.graph, err = readGraph(data, 0)
		case n == 8 && data != nil:
			domain, version := "", int64(0)
			err = fields(data, func(n protowire.Number, v uint64, data []byte) error {
				switch n {
				case 1:
					domain = string(data)
				case 2:
					version = int64(v)
				}
				return nil
			})
			if usualDomain(domain) {
				m.opset = version
			}
		case n == 25:
			m.functions++
		}
		return err
	})
	return m, err
}

func usualDomain(d string) bool { return d == "" || d == "ai.onnx" }

func readGraph(b []byte, depth int) (*graph, error) {
	if depth > maxDepth {
		return nil, errNotONNX
	}
	g := &graph{}
	err := fields(b, func(n protowire.Number, _ uint64, data []byte) error {
		if data == nil {
			return nil
		}
		switch n {
		case 1:
			one, err := readNode(data, depth)
			g.nodes = append(g.nodes, one)
			return err
		case 5:
			t, err := readTensor(data)
			g.initializers = append(g.initializers, t)
			return err
		case 11, 12:
			p, err := readTyped(data)
			if n == 11 {
				g.inputs = append(g.inputs, p)
			} else {
				g.outputs = append(g.outputs, p)
			}
			return err
		case 15:
			g.sparse++
		}
		return nil
	})
	return g, err
}

func readNode(b []byte, depth int) (*node, error) {
	out := &node{}
	err := fields(b, func(n protowire.Number, _ uint64, data []byte) error {
		switch n {
		case 1:
			out.inputs = append(out.inputs, string(data))
		case 2:
			out.outputs = append(out.outputs, string(data))
		case 3:
			out.name = string(data)
		case 4:
			out.op = string(data)
		case 5:
			a, err := readAttribute(data, depth)
			out.attributes = append(out.attributes, a)
			return err
		case 7:
			out.domain = string(data)
		}
		return nil
	})
	return out, err
}

func readAttribute(b []byte, depth int) (*attribute, error) {
	a := &attribute{}
	err := fields(b, func(n protowire.Number, v uint64, data []byte) (err error) {
		switch n {
		case 1:
			a.name = string(data)
		case 2:
			a.f = math.Float32frombits(uint32(v))
		case 3:
			a.i = int64(v)
		case 4:
			a.s = string(data)
		case 5:
			a.t, err = readTensor(data)
		case 6:
			a.g, err = readGraph(data, depth+1)
		case 7:
			a.floats, err = float32s(a.floats, v, data)
		case 8:
			a.ints, err = integers(a.ints, v, data)
		case 9:
			a.texts = append(a.texts, string(data))
		case 10:
			var t *tensor
			t, err = readTensor(data)
			a.tensors = append(a.tensors, t)
		case 11:
			var g *graph
			g, err = readGraph(data, depth+1)
			a.graphs = append(a.graphs, g)
		case 20:
			a.kind = int64(v)
		case 22, 23:
			a.sparse++
		}
		return err
	})
	return a, err
}

func readTensor(b []byte) (*tensor, error) {
	t := &tensor{}
	err := fields(b, func(n protowire.Number, v uint64, data []byte) (err error) {
		switch n {
		case 1:
			t.dims, err = integers(t.dims, v, data)
		case 2:
			t.dtype = int64(v)
		case 4:
			t.floats, err = float32s(t.floats, v, data)
		case 5:
			t.int32s, err = integers(t.int32s, v, data)
		case 7:
			t.int64s, err = integers(t.int64s, v, data)
		case 8:
			t.name = string(data)
		case 9:
			t.raw = data
		case 10:
			t.doubles, err = float64s(t.doubles, v, data)
		case 11:
			t.uint64s, err = integers(t.uint64s, v, data)
		case 13:
			t.outside = true
			if t.external == nil {
				t.external = map[string]string{}
			}
			key, value := "", ""
			err = fields(data, func(n protowire.Number, _ uint64, data []byte) error {
				switch n {
				case 1:
					key = string(data)
				case 2:
					value = string(data)
				}
				return nil
			})
			t.external[key] = value
		case 14:
			t.outside = t.outside || v != 0
		}
		return err
	})
	return t, err
}

func readTyped(b []byte) (typed, error) {
	var p typed
	err := fields(b, func(n protowire.Number, _ uint64, data []byte) error {
		switch n {
		case 1:
			p.name = string(data)
		case 2: // TypeProto
			return fields(data, func(n protowire.Number, _ uint64, data []byte) error {
				if n != 1 { // tensor_type
					return nil
				}
				return fields(data, func(n protowire.Number, v uint64, data []byte) error {
					switch n {
					case 1:
						p.dtype = int64(v)
					case 2:
						p.shape = true
						return fields(data, p.readAxis)
					}
					return nil
				})
			})
		}
		return nil
	})
	return p, err
}

// readAxis reads a dimension. The length 0, as some exporters write it, stands
// for an open one.
func (p *typed) readAxis(n protowire.Number, _ uint64, data []byte) error {
	if n != 1 {
		return nil
	}
	a := axis{length: -1}
	err := fields(data, func(n protowire.Number, v uint64, data []byte) error {
		switch n {
		case 1:
			if a.length = int64(v); a.length < 1 {
				a.length = -1
			}
		case 2:
			a.name = string(data)
		}
		return nil
	})
	p.axes = append(p.axes, a)
	return err
}
