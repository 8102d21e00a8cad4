package nn

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/trustsr/trustsr/internal/backend"
)

// CanHalf returns an error where a backend has no bfloat16 of its own.
func CanHalf(b compute.Backend) error {
	if backend.Of(b).Kind() == backend.ONNXRuntime { // it takes the type and computes in float32
		return fmt.Errorf("%s computes bfloat16 in float32", b.Name())
	}
	if !b.Capabilities().DTypes[dtypes.BFloat16] {
		return fmt.Errorf("%s has no bfloat16", b.Name())
	}
	return nil
}

// product is f of the operands, a convolution or a sum of products, with
// operands and result in bfloat16 where o.Half says so: what the matrix units
// of GPUs are made for.
func (o *Ops) product(f func(x, w *Node) *Node, x, w *Node) *Node {
	if !o.Half {
		return f(x, w)
	}
	return ConvertDType(f(ConvertDType(x, dtypes.BFloat16), ConvertDType(w, dtypes.BFloat16)), dtypes.Float32)
}

// einsum is Einsum as a [Ops.product].
func (o *Ops) einsum(equation string, x, w *Node) *Node {
	return o.product(func(x, w *Node) *Node { return Einsum(equation, x, w) }, x, w)
}
