package nn

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// A Loader creates variables one by one, as [Ops.Load] does, from values
// that are read straight into the memory where they stay: beside the
// variables it needs the memory of the largest convolution kernel.
type Loader struct {
	Ops     *Ops
	Backend compute.Backend
	Store   *model.Store

	scratch []float32
}

// Add creates the variable of a checkpoint's tensor; read fills its elements,
// row-major in the checkpoint's shape.
func (l *Loader) Add(name string, shape []int, read func(dst []float32) error) error {
	permute := l.Ops.ChannelsLast && len(shape) == 4
	inner := shape
	if permute {
		inner = []int{shape[2], shape[3], shape[1], shape[0]}
	}
	value, err := tensors.FromShapeForBackend(l.Backend, 0, shapes.Make(dtypes.Float32, inner...))
	if err == nil {
		var failed error
		err = tensors.MutableFlatData(value, func(flat []float32) {
			if !permute {
				failed = read(flat)
				return
			}
			l.scratch = slices.Grow(l.scratch[:0], len(flat))[:len(flat)]
			if failed = read(l.scratch); failed == nil {
				permuteInto(flat, shape, l.scratch)
			}
		})
		if failed != nil {
			err = failed
		}
	}
	if err == nil {
		_, err = l.Store.CreateVariable("/"+strings.ReplaceAll(name, ".", "/"), value)
	}
	if err != nil {
		return fmt.Errorf("load tensor %q: %w", name, err)
	}
	return nil
}

// permuteInto brings [out, in, kh, kw] to [kh, kw, in, out]. It writes
// forward: the cache misses are on reading.
func permuteInto(dst []float32, shape []int, src []float32) {
	out, in, size := shape[0], shape[1], shape[2]*shape[3]
	i := 0
	for k := range size {
		for j := range in {
			from := j*size + k
			for range out {
				dst[i] = src[from]
				from += in * size
				i++
			}
		}
	}
}
