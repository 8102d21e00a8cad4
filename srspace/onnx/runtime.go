//go:build cgo && linux && amd64

package onnx

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/trustsr/trustsr/internal/backend"
)

// session is a file that ONNX Runtime itself runs. Writing the graph for
// GoMLX and that once more as ONNX for compute-onnx would lose what the latter
// has no operation for, and double the work that ONNX Runtime does better.
type session struct {
	in, out []string
	ort     *ort.DynamicAdvancedSession
	free    runtime.Cleanup // of memory that Go's collector does not see
}

var startRuntime = sync.OnceValue(func() error {
	path, err := backend.FindONNX()
	if err != nil {
		return err
	}
	ort.SetSharedLibraryPath(path)
	return ort.InitializeEnvironment(ort.WithLogLevelError())
})

// newSession loads the bytes of a file, whole.
func newSession(file []byte, in, out []string) (*session, error) {
	if err := startRuntime(); err != nil {
		return nil, fmt.Errorf("ONNX Runtime: %w", err)
	}
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	s, err := ort.NewDynamicAdvancedSessionWithONNXData(file, in, out, options)
	if err != nil {
		return nil, fmt.Errorf("ONNX Runtime: %w", err)
	}
	loaded := &session{in: in, out: out, ort: s}
	loaded.free = runtime.AddCleanup(loaded, func(s *ort.DynamicAdvancedSession) { s.Destroy() }, s)
	return loaded, nil
}

func (s *session) close() error {
	s.free.Stop()
	return s.ort.Destroy()
}

// runtimeVersion is ONNX Runtime's, e.g. "1.26.0".
func runtimeVersion() (string, error) {
	if err := startRuntime(); err != nil {
		return "", err
	}
	return ort.GetVersion(), nil
}

// run calls the model. Inputs and outputs are in the order of newSession.
// want has the shapes of the outputs, which those of 16-bit floats need:
// onnxruntime_go v1.27.0 takes their values for bytes where it makes them.
func (s *session) run(inputs []*constant, want []port) (out []*constant, err error) {
	var values []ort.Value
	results := make([]ort.Value, len(s.out))
	defer func() {
		for _, v := range values {
			err = errors.Join(err, v.Destroy())
		}
	}()
	for _, c := range inputs {
		v, err := ort.NewCustomDataTensor(ort.NewShape(toInt64s(c.dims)...), c.bytes(), ort.TensorElementDataType(c.elem))
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	for i, p := range want {
		if p.elem != typeFloat16 && p.elem != typeBF16 {
			continue
		}
		n := 2
		for _, d := range p.lengths {
			n *= d
		}
		if results[i], err = ort.NewCustomDataTensor(ort.NewShape(toInt64s(p.lengths)...), make([]byte, n), ort.TensorElementDataType(p.elem)); err != nil {
			return nil, err
		}
		values = append(values, results[i])
	}
	given := slices.Clone(results)
	if err := s.ort.Run(values[:len(inputs)], results); err != nil {
		return nil, fmt.Errorf("ONNX Runtime: %w", err)
	}
	for i, v := range results {
		if given[i] == nil {
			values = append(values, v)
		}
	}
	for i, v := range results {
		t := &tensor{name: s.out[i], dims: v.GetShape()}
		switch v := v.(type) {
		case *ort.Tensor[float32]:
			t.dtype, t.floats = typeFloat, v.GetData()
		case *ort.Tensor[float64]:
			t.dtype, t.doubles = typeDouble, v.GetData()
		case *ort.Tensor[int64]:
			t.dtype, t.int64s = typeInt64, v.GetData()
		case *ort.Tensor[int32]:
			t.dtype, t.int32s = typeInt32, widened(v.GetData())
		case *ort.Tensor[uint8]:
			t.dtype, t.int32s = typeUint8, widened(v.GetData())
		case *ort.Tensor[int8]:
			t.dtype, t.int32s = typeInt8, widened(v.GetData())
		case *ort.Tensor[bool]:
			t.dtype, t.int32s = typeBool, make([]int64, len(v.GetData()))
			for i, b := range v.GetData() {
				if b {
					t.int32s[i] = 1
				}
			}
		case *ort.CustomDataTensor:
			t.dtype, t.raw = int64(v.DataType()), v.GetData()
		default:
			return nil, fmt.Errorf("ONNX Runtime gives %T for %.100q", v, s.out[i])
		}
		c, err := constantOf(t)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

func widened[T int32 | uint8 | int8](v []T) []int64 {
	out := make([]int64, len(v))
	for i := range v {
		out[i] = int64(v[i])
	}
	return out
}
