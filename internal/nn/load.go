package nn

import (
	"fmt"
	"strings"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/trustsr/trustsr/internal/weights"
)

// Load creates a variable for each tensor of dict: "a.b.weight" becomes
// "/a/b/weight". Convolution kernels (rank 4) are permuted to the inner
// layout.
func (o *Ops) Load(store *model.Store, dict weights.Dict) error {
	for name, t := range dict {
		shape, data := t.Shape, t.Data
		if o.ChannelsLast && len(shape) == 4 {
			shape, data = permuteKernel(shape, data)
		}
		value := tensors.FromFlatDataAndDimensions(data, shape...)
		if _, err := store.CreateVariable("/"+strings.ReplaceAll(name, ".", "/"), value); err != nil {
			return fmt.Errorf("load tensor %q: %w", name, err)
		}
	}
	return nil
}

// Dump is the inverse of Load for the variables below a dotted module name
// ("" for all): it copies them out under their checkpoint names and shapes.
func (o *Ops) Dump(store *model.Store, module string) (weights.Dict, error) {
	dict := weights.Dict{}
	for v := range store.IterVariables() {
		name := strings.ReplaceAll(strings.TrimPrefix(v.Path(), "/"), "/", ".")
		if module != "" && !strings.HasPrefix(name, module+".") {
			continue
		}
		value, err := v.Value()
		if err != nil {
			return nil, fmt.Errorf("dump tensor %q: %w", name, err)
		}
		data, err := tensors.CopyFlatData[float32](value)
		if err != nil {
			return nil, fmt.Errorf("dump tensor %q: %w", name, err)
		}
		shape := append([]int(nil), value.Shape().Dimensions...)
		if o.ChannelsLast && len(shape) == 4 {
			shape, data = unpermuteKernel(shape, data)
		}
		dict[name] = &weights.Tensor{Shape: shape, Data: data}
	}
	return dict, nil
}

// permuteKernel brings [out, in, kh, kw] to [kh, kw, in, out].
func permuteKernel(shape []int, data []float32) ([]int, []float32) {
	out, in, kh, kw := shape[0], shape[1], shape[2], shape[3]
	p := make([]float32, len(data))
	for i := range out {
		for j := range in {
			for k := range kh * kw {
				p[(k*in+j)*out+i] = data[(i*in+j)*kh*kw+k]
			}
		}
	}
	return []int{kh, kw, in, out}, p
}

// unpermuteKernel brings [kh, kw, in, out] back to [out, in, kh, kw].
func unpermuteKernel(shape []int, data []float32) ([]int, []float32) {
	kh, kw, in, out := shape[0], shape[1], shape[2], shape[3]
	p := make([]float32, len(data))
	for i := range out {
		for j := range in {
			for k := range kh * kw {
				p[(i*in+j)*kh*kw+k] = data[(k*in+j)*out+i]
			}
		}
	}
	return []int{out, in, kh, kw}, p
}
