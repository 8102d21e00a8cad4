package metrics

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/trustsr/trustsr/internal/nn"
)

// alexNetLayers are the convolutions of torchvision's AlexNet
// (Krizhevsky, "One weird trick for parallelizing convolutional neural
// networks", arXiv:1404.5997). A ReLU follows each.
var alexNetLayers = []struct {
	name                string
	in, out             int // channels
	kernel, stride, pad int
	maxPool             bool // 3×3, stride 2, before the convolution
}{
	{name: "features.0", in: 3, out: 64, kernel: 11, stride: 4, pad: 2},
	{name: "features.3", in: 64, out: 192, kernel: 5, stride: 1, pad: 2, maxPool: true},
	{name: "features.6", in: 192, out: 384, kernel: 3, stride: 1, pad: 1, maxPool: true},
	{name: "features.8", in: 384, out: 256, kernel: 3, stride: 1, pad: 1},
	{name: "features.10", in: 256, out: 256, kernel: 3, stride: 1, pad: 1},
}

func alexNetShapes() map[string][]int {
	shapes := map[string][]int{}
	for _, l := range alexNetLayers {
		shapes[l.name+".weight"] = []int{l.out, l.in, l.kernel, l.kernel}
		shapes[l.name+".bias"] = []int{l.out}
	}
	return shapes
}

// alexNetTaps are the feature maps after each ReLU, features[1, 4, 7, 9, 11].
func alexNetTaps(o *nn.Ops, s *model.Scope, x *Node) []*Node {
	var maps []*Node
	for _, l := range alexNetLayers {
		if l.maxPool {
			x = o.MaxPool(x, 3, 2, false)
		}
		pad := nn.Padding{Top: l.pad, Bottom: l.pad, Left: l.pad, Right: l.pad}
		x = o.ReLU(o.Conv2D(nn.Module(s, l.name), x, l.out, l.kernel, l.stride, pad))
		maps = append(maps, x)
	}
	return maps
}
