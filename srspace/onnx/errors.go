package onnx

import "fmt"

// PortsError says why a model's inputs and outputs are not those of a
// super-resolution model, or cannot be told apart. What is needed: an LR
// input [batch, 1 or 3, h, w], a noise input or none, and an output
// [batch, 1 or 3, scale·h, scale·w], all float32 or
// float16. [Options] can name them.
type PortsError struct {
	Err error

	// WithoutValue is an input that is neither the LR picture nor noise and to
	// which [Options] gives no value; "" where that is not what is wrong.
	WithoutValue string
}

func (e *PortsError) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *PortsError) Unwrap() error { return e.Err }

// BackendError says that a model does not run on a backend. The Go backend
// knows all operators that are known here.
type BackendError struct {
	Model, Backend string
	Err            error
}

func (e *BackendError) Error() string {
	return fmt.Sprintf("model %s on %s: %v", e.Model, e.Backend, e.Err)
}

// Unwrap returns what the backend said.
func (e *BackendError) Unwrap() error { return e.Err }
