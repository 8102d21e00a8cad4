package metrics

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/trustsr/trustsr/internal/nn"
)

// squeezeNetFires are the Fire modules of torchvision's SqueezeNet 1.1
// (Iandola et al., arXiv:1602.07360) by their numbers in its features: a 1×1
// convolution to few channels, then 1×1 and 3×3 ones side by side.
var squeezeNetFires = []struct {
	number, in, squeeze, expand int
	maxPool, tap                bool // pooled before; compared by LPIPS
}{
	{number: 3, in: 64, squeeze: 16, expand: 64, maxPool: true},
	{number: 4, in: 128, squeeze: 16, expand: 64, tap: true},
	{number: 6, in: 128, squeeze: 32, expand: 128, maxPool: true},
	{number: 7, in: 256, squeeze: 32, expand: 128, tap: true},
	{number: 9, in: 256, squeeze: 48, expand: 192, maxPool: true, tap: true},
	{number: 10, in: 384, squeeze: 48, expand: 192, tap: true},
	{number: 11, in: 384, squeeze: 64, expand: 256, tap: true},
	{number: 12, in: 512, squeeze: 64, expand: 256, tap: true},
}

func squeezeNetShapes() map[string][]int {
	shapes := map[string][]int{"features.0.weight": {64, 3, 3, 3}, "features.0.bias": {64}}
	for _, f := range squeezeNetFires {
		for _, part := range []struct {
			name            string
			out, in, kernel int
		}{{"squeeze", f.squeeze, f.in, 1}, {"expand1x1", f.expand, f.squeeze, 1}, {"expand3x3", f.expand, f.squeeze, 3}} {
			name := fmt.Sprintf("features.%d.%s", f.number, part.name)
			shapes[name+".weight"] = []int{part.out, part.in, part.kernel, part.kernel}
			shapes[name+".bias"] = []int{part.out}
		}
	}
	return shapes
}

// squeezeNetTaps are the feature maps features[1, 4, 7, 9, 10, 11, 12].
func squeezeNetTaps(o *nn.Ops, s *model.Scope, x *Node) []*Node {
	x = o.ReLU(o.Conv2D(nn.Module(s, "features.0"), x, 64, 3, 2, nn.Padding{}))
	maps := []*Node{x}
	for _, f := range squeezeNetFires {
		if f.maxPool {
			x = o.MaxPool(x, 3, 2, true)
		}
		fire := nn.Module(s, fmt.Sprintf("features.%d", f.number))
		x = o.ReLU(o.Conv2D(fire.At("squeeze"), x, f.squeeze, 1, 1, nn.Padding{}))
		x = o.Concat(
			o.ReLU(o.Conv2D(fire.At("expand1x1"), x, f.expand, 1, 1, nn.Padding{})),
			o.ReLU(o.Conv2D(fire.At("expand3x3"), x, f.expand, 3, 1, nn.Same)))
		if f.tap {
			maps = append(maps, x)
		}
	}
	return maps
}
