package bench

import (
	"context"
	"fmt"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/trustsr/trustsr/internal/backend"
)

// measureMatMul measures large square matrix products in float32 and
// bfloat16, and returns their medians in TFLOP/s.
func measureMatMul(ctx context.Context, s *session) (ceilings []float64, err error) {
	b, err := backend.Open(s.config)
	if err != nil {
		return nil, err
	}
	side, chain := pick(s, 8192, 512), pick(s, 10, 2)
	for _, dtype := range []dtypes.DType{dtypes.Float32, dtypes.BFloat16} {
		exec, err := NewExec(b, func(x *Node) *Node {
			x = ConvertDType(BroadcastToDims(x, side, side), dtype)
			y := x
			for range chain { // the arithmetic, not the transfer of one number
				y = MatMul(y, x)
			}
			return ReduceAllMean(ConvertDType(y, dtypes.Float32))
		})
		if err != nil {
			return nil, err
		}
		call := func() error {
			out, err := exec.Call1(tensors.FromScalarAndDimensions(float32(1)/float32(side), 1, 1))
			if err != nil {
				return err
			}
			_, err = tensors.CopyFlatData[float32](out)
			return err
		}
		flops := 2 * float64(side) * float64(side) * float64(side) * float64(chain)
		id := fmt.Sprintf("gpu/matmul/%s", shapes.Make(dtype, side, side))
		if err := s.time(ctx, id, "TFLOP/s", func(seconds float64) float64 { return flops / seconds / 1e12 }, call); err != nil {
			return nil, err
		}
		ceilings = append(ceilings, s.report.Rows[len(s.report.Rows)-1].Median)
	}
	return ceilings, nil
}
