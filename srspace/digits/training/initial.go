package training

import (
	"hash/fnv"
	"math"
	"strings"

	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/ldm"
)

// initial returns the tensors before training, made on the host so that they
// are the same on every backend: PyTorch's fan-in scale for weights (here
// normal, standard deviation 1/√(3·fan-in)), norms at identity, biases 0,
// and, as in CompVis's UNet, 0 for the last layer of each residual branch.
func initial(shapes map[string][]int, seed uint64) weights.Dict {
	dict := weights.Dict{}
	for name, shape := range shapes {
		t := weights.NewTensor(shape...)
		fanIn := 1
		for _, d := range shape[min(1, len(shape)-1):] {
			fanIn *= d
		}
		switch {
		case strings.HasSuffix(name, ".bias"), zeroed(name):
		case len(shape) == 1:
			for i := range t.Data {
				t.Data[i] = 1
			}
		default:
			h := fnv.New64a()
			h.Write([]byte(name))
			srspace.Noise(t.Data, seed^h.Sum64(), 0)
			scale := float32(1 / math.Sqrt(3*float64(fanIn)))
			for i := range t.Data {
				t.Data[i] *= scale
			}
		}
		dict[name] = t
	}
	return dict
}

// zeroed names CompVis's zero_module weights in the UNet.
func zeroed(name string) bool {
	return strings.HasPrefix(name, ldm.UNetModule) &&
		(strings.HasSuffix(name, "out_layers.3.weight") || strings.HasSuffix(name, "proj_out.weight") ||
			strings.HasSuffix(name, ".out.2.weight"))
}
