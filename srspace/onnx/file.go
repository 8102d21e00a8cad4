package onnx

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/gomlx/onnx-gomlx/onnx"
	"github.com/gomlx/onnx-gomlx/onnx/parser"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/srspace/onnx/internal/registration"
)

func init() { registration.Done() }

// maxFile is protocol buffers' own limit of a message, in bytes.
const maxFile = 2<<30 - 1

// readFile reads an ONNX file, its size checked first.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	switch {
	case !info.Mode().IsRegular():
		return nil, errors.New("not a file")
	case info.Size() == 0:
		return nil, errors.New("the file is empty")
	case info.Size() > maxFile:
		return nil, fmt.Errorf("%d bytes, an ONNX file has %d at most", info.Size(), maxFile)
	}
	data := make([]byte, info.Size())
	_, err = io.ReadFull(f, data)
	return data, err
}

// parse checks an ONNX file, writes operators that onnx-gomlx has not in
// terms of those it has, convolutions too where columns says so, and hands it
// over. sum is the SHA-256 of data.
func parse(data []byte, columns bool) (m onnx.Model, sum string, err error) {
	defer recovered(&err)
	kind, err := protoregistry.GlobalTypes.FindMessageByName("protos.ModelProto")
	if err != nil {
		return nil, "", fmt.Errorf("onnx-gomlx registers no ONNX messages: %w", err)
	}
	file := message{kind.New()}
	if err := (proto.UnmarshalOptions{DiscardUnknown: true, RecursionLimit: maxDepth}).Unmarshal(data, file.Interface()); err != nil {
		return nil, "", errors.New("not an ONNX file, or a damaged one")
	}
	if !file.has("graph") {
		return nil, "", errors.New("not an ONNX file: it holds no graph")
	}
	graph := file.message("graph")
	if file.Get(file.field("functions")).List().Len() > 0 {
		return nil, "", errors.New("it defines functions of its own")
	}
	if err := checkOpset(file); err != nil {
		return nil, "", err
	}
	if err := check(graph, nil); err != nil {
		return nil, "", err
	}
	dropInitialized(graph)
	openAxes(graph)
	if err := lower(graph, columns); err != nil {
		return nil, "", err
	}
	lowered, err := proto.Marshal(file.Interface())
	if err != nil {
		return nil, "", err
	}
	m, err = parser.Parse(lowered)
	if err != nil {
		return nil, "", err
	}
	return m.WithExternalDataReader(noExternalData{}), weights.SHA256(data), nil
}

// recovered makes an error of a panic of the libraries below.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = asError(p)
	}
}

func asError(p any) error {
	if err, ok := p.(error); ok {
		return err
	}
	return fmt.Errorf("%v", p)
}

// noExternalData refuses what check has let through of tensors in other files,
// which the SHA-256 of the model would not cover.
type noExternalData struct{}

func (noExternalData) ReadInto(info onnx.ExternalDataInfo, _ []byte) error {
	return fmt.Errorf("tensor in another file, %.100q", info.Location)
}

func (noExternalData) Close() error { return nil }

// openAxes leaves open the axes of inputs and outputs that have the length 0,
// as some exporters write it.
func openAxes(graph message) {
	for _, p := range append(graph.messages("input"), graph.messages("output")...) {
		for _, d := range p.message("type").message("tensor_type").message("shape").messages("dim") {
			if d.number("dim_value") == 0 && d.has("dim_value") {
				d.Clear(d.field("dim_value"))
			}
		}
	}
}

// dropInitialized removes the graph inputs that have an initial value, as
// files of IR version 3 list all weights: they are no inputs to give.
func dropInitialized(graph message) {
	weights := map[string]bool{}
	for _, t := range graph.messages("initializer") {
		weights[t.text("name")] = true
	}
	field := graph.field("input")
	kept := graph.NewField(field).List()
	for _, in := range graph.messages("input") {
		if !weights[in.text("name")] {
			kept.Append(protoreflect.ValueOfMessage(in.Message))
		}
	}
	graph.Set(field, protoreflect.ValueOfList(kept))
}

// message reads the ONNX messages that onnx-gomlx registers; its Go types are
// internal to it.
type message struct{ protoreflect.Message }

func (m message) field(name protoreflect.Name) protoreflect.FieldDescriptor {
	return m.Descriptor().Fields().ByName(name)
}

func (m message) has(name protoreflect.Name) bool     { return m.Has(m.field(name)) }
func (m message) text(name protoreflect.Name) string  { return m.Get(m.field(name)).String() }
func (m message) number(name protoreflect.Name) int64 { return m.Get(m.field(name)).Int() }
func (m message) message(name protoreflect.Name) message {
	return message{m.Get(m.field(name)).Message()}
}

func (m message) messages(name protoreflect.Name) []message {
	list := m.Get(m.field(name)).List()
	out := make([]message, list.Len())
	for i := range out {
		out[i] = message{list.Get(i).Message()}
	}
	return out
}

func (m message) texts(name protoreflect.Name) []string {
	list := m.Get(m.field(name)).List()
	out := make([]string, list.Len())
	for i := range out {
		out[i] = list.Get(i).String()
	}
	return out
}

// attribute returns a node's attribute, the zero message where it has none.
func (m message) attribute(name string) (message, bool) {
	for _, a := range m.messages("attribute") {
		if a.text("name") == name {
			return a, true
		}
	}
	return message{}, false
}

// textAttribute returns a node's attribute of type string.
func (m message) textAttribute(name, otherwise string) string {
	if a, ok := m.attribute(name); ok {
		return string(a.Get(a.field("s")).Bytes())
	}
	return otherwise
}

// intsAttribute returns a node's attribute of type INTS.
func (m message) intsAttribute(name string, otherwise ...int64) []int64 {
	if a, ok := m.attribute(name); ok {
		return a.ints("ints")
	}
	return otherwise
}

func (m message) ints(name protoreflect.Name) []int64 {
	list := m.Get(m.field(name)).List()
	out := make([]int64, list.Len())
	for i := range out {
		out[i] = list.Get(i).Int()
	}
	return out
}
