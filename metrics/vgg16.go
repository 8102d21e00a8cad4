package metrics

import (
	"fmt"
	"strconv"

	"github.com/trustsr/trustsr/internal/inputfile"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/trustsr/trustsr/internal/nn"
	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/internal/weightstore"
)

// vgg16Stages are the 3×3 convolutions of VGG16 (Simonyan and Zisserman,
// arXiv:1409.1556, configuration D) by their numbers in torchvision's
// features. A ReLU follows each; stages are tapped at their end, relu1_2,
// 2_2, 3_3, 4_3 and 5_3, and pooled before the next.
var vgg16Stages = []struct {
	channels int
	convs    []int
}{
	{64, []int{0, 2}},
	{128, []int{5, 7}},
	{256, []int{10, 12, 14}},
	{512, []int{17, 19, 21}},
	{512, []int{24, 26, 28}},
}

// vgg16Taps are the ends of the stages, with a given pooling between them.
func vgg16Taps(pool func(o *nn.Ops, x *Node) *Node) taps {
	return func(o *nn.Ops, s *model.Scope, x *Node) []*Node {
		var maps []*Node
		for i, stage := range vgg16Stages {
			if i > 0 {
				x = pool(o, x)
			}
			for _, n := range stage.convs {
				conv := nn.Module(s, "features."+strconv.Itoa(n))
				x = o.ReLU(o.Conv2D(conv, x, stage.channels, 3, 1, nn.Same))
			}
			maps = append(maps, x)
		}
		return maps
	}
}

// vgg16 is torchvision's VGG16 for LPIPS and DISTS, from the user's folder of
// weights, read once for both. Each has a graph of its own over it: their
// inputs are the same up to rounding, LPIPS's scaling of [-1,1] being ImageNet's mean
// and deviation of [0,1] in other words, and so are relu1_1 and relu1_2; from
// the first pooling on, maximum here and L2 there, nothing is. Those two
// convolutions are 38.6 of 306 thousand multiplications a pixel, so that passing
// them on would save an eighth of one of the two at most, and cost keeping the
// largest maps of all, 64 channels a pixel, for every picture from one metric to
// the other.
var vgg16 = &onDemand[*network]{load: func() (*network, error) { return installedNetwork("vgg16", weightstore.VGG16Shapes()) }}

// ErrNoWeights is wrapped by errors of metrics whose weights are not on this
// computer. Such errors are a [WeightsError], too.
var ErrNoWeights = weightstore.ErrMissing

// WeightsError says that a metric's weights are missing, where Err wraps
// [ErrNoWeights], or cannot be used.
type WeightsError struct {
	Weights string // one of [Imports]
	Err     error
}

func (e *WeightsError) Error() string { return e.Err.Error() }

// Unwrap returns why the weights cannot be used.
func (e *WeightsError) Unwrap() error { return e.Err }

// installedNetwork reads a network from the user's folder of weights.
func installedNetwork(name string, shapes map[string][]int) (*network, error) {
	path, err := weightstore.Path(name)
	if err == nil {
		var n *network
		if n, err = readNetwork(path, shapes); err == nil {
			return n, nil
		}
	}
	return nil, &WeightsError{name, err}
}

// maxWeightBytes is the largest file of a network's weights, in bytes: VGG16's
// has 553 MB.
const maxWeightBytes = 1 << 30

// readNetwork reads a network from a safetensors file.
func readNetwork(path string, shapes map[string][]int) (*network, error) {
	data, err := inputfile.Read(path, maxWeightBytes)
	if err != nil {
		return nil, err
	}
	dict, _, err := weights.DecodeSafetensors(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	n, err := newNetwork(dict, shapes, weights.SHA256(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return n, nil
}
