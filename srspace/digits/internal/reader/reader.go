// Package reader is the network that reads 28×28 digits, for the model that
// ships and for its training.
package reader

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/trustsr/trustsr/internal/nn"
)

// module is the scope of the reader's variables.
const module = "reader"

// Network is the classifier: x [batch, 1, 28, 28] in [-1,1] → logits [batch,
// 10]. Three 3×3 convolutions (two of stride 2) and one hidden layer.
func Network(o *nn.Ops, s *model.Scope, x *Node) *Node {
	s = nn.Module(s, module)
	h := o.SiLU(o.Conv2D(nn.Module(s, "conv1"), o.In(x), 16, 3, 2, nn.Same))
	h = o.SiLU(o.Conv2D(nn.Module(s, "conv2"), h, 32, 3, 2, nn.Same))
	h = o.SiLU(o.Conv2D(nn.Module(s, "conv3"), h, 64, 3, 1, nn.Same))
	h = Reshape(o.Out(h), x.Shape().Dimensions[0], -1)
	h = o.SiLU(o.Linear(nn.Module(s, "hidden"), h, 64))
	return o.Linear(nn.Module(s, "logits"), h, 10)
}

// Tensors lists the reader's tensors and their shapes.
var Tensors = map[string][]int{
	"reader.conv1.weight": {16, 1, 3, 3}, "reader.conv1.bias": {16},
	"reader.conv2.weight": {32, 16, 3, 3}, "reader.conv2.bias": {32},
	"reader.conv3.weight": {64, 32, 3, 3}, "reader.conv3.bias": {64},
	"reader.hidden.weight": {64, 64 * 7 * 7}, "reader.hidden.bias": {64},
	"reader.logits.weight": {10, 64}, "reader.logits.bias": {10},
}
