package digits

import (
	"hash/fnv"
	"math"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/trustsr/trustsr/internal/nn"
	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/ldm"
)

// Config is the digit model: the networks of the published model with fewer
// channels, one grey channel inside, and no downsampling of the 7×7 latent.
func Config() ldm.Config {
	return ldm.Config{
		UNet: ldm.UNetConfig{InChannels: 4, OutChannels: 3, ModelChannels: 64, ChannelMult: []int{1},
			NumResBlocks: 2, AttentionResolutions: []int{1}, NumHeadChannels: 32},
		VQ: ldm.VQConfig{InChannels: 1, OutChannels: 1, Channels: 32, ChannelMult: []int{1, 2, 2},
			NumResBlocks: 1, ZChannels: 3, EmbedDim: 3, NumEmbeddings: 512, NormGroups: 8},
		Schedule: ldm.ScheduleConfig{Timesteps: 1000, LinearStart: 0.0015, LinearEnd: 0.0155},
	}
}

// readerModule is the scope of the digit reader's variables.
const readerModule = "reader"

// reader is the classifier: x [batch, 1, 28, 28] in [-1,1] → logits [batch,
// 10]. Three 3×3 convolutions (two of stride 2) and one hidden layer.
func reader(o *nn.Ops, s *model.Scope, x *Node) *Node {
	s = nn.Module(s, readerModule)
	h := o.SiLU(o.Conv2D(nn.Module(s, "conv1"), o.In(x), 16, 3, 2, nn.Same))
	h = o.SiLU(o.Conv2D(nn.Module(s, "conv2"), h, 32, 3, 2, nn.Same))
	h = o.SiLU(o.Conv2D(nn.Module(s, "conv3"), h, 64, 3, 1, nn.Same))
	h = Reshape(o.Out(h), x.Shape().Dimensions[0], -1)
	h = o.SiLU(o.Linear(nn.Module(s, "hidden"), h, 64))
	return o.Linear(nn.Module(s, "logits"), h, 10)
}

// readerTensors lists the reader's tensors.
var readerTensors = map[string][]int{
	"reader.conv1.weight": {16, 1, 3, 3}, "reader.conv1.bias": {16},
	"reader.conv2.weight": {32, 16, 3, 3}, "reader.conv2.bias": {32},
	"reader.conv3.weight": {64, 32, 3, 3}, "reader.conv3.bias": {64},
	"reader.hidden.weight": {64, 64 * lrSide * lrSide}, "reader.hidden.bias": {64},
	"reader.logits.weight": {10, 64}, "reader.logits.bias": {10},
}

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
