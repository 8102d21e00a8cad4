package metrics

import (
	"embed"
	"fmt"
	"maps"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/trustsr/trustsr/internal/nn"
	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/internal/weightstore"
)

//go:generate go run ./internal/publishedweights -dir ../../shared/data -o published

// The weights that ship; published/README.md has sources and licences.
//
//go:embed published/*.safetensors
var published embed.FS

// publishedDict reads embedded weights of one metric, and returns their hash.
func publishedDict(names ...string) (weights.Dict, string, error) {
	all, bytes := weights.Dict{}, []byte{}
	for _, name := range names {
		data, err := published.ReadFile("published/" + name + ".safetensors")
		if err != nil {
			return nil, "", err
		}
		dict, _, err := weights.DecodeSafetensors(data)
		if err != nil {
			return nil, "", fmt.Errorf("embedded weights %s: %w", name, err)
		}
		maps.Copy(all, dict)
		bytes = slices.Concat(bytes, data)
	}
	return all, weights.SHA256(bytes), nil
}

// lpipsNet is a network that LPIPS compares features of.
type lpipsNet struct {
	name, title string
	minSide     int // shortest side that survives the poolings
	loaded      onDemand[*loadedLPIPS]
}

// loadedLPIPS is a network with the linear layers of LPIPS.
type loadedLPIPS struct {
	*extractor
	lin    [][]float32
	sha256 string
}

var lpipsNets = []*lpipsNet{
	{
		name: "alex", title: "LPIPS", minSide: 31,
		loaded: onDemand[*loadedLPIPS]{load: func() (*loadedLPIPS, error) {
			dict, sha256, err := publishedDict("alex_float16", "alex_float32")
			if err != nil {
				return nil, err
			}
			return newLPIPSAlex(dict, sha256)
		}},
	},
	{
		name: "vgg", title: "LPIPS-VGG", minSide: 16,
		loaded: onDemand[*loadedLPIPS]{load: func() (*loadedLPIPS, error) {
			net, err := vgg16.get()
			if err != nil {
				return nil, err
			}
			return newLPIPSVGG(net)
		}},
	},
	{
		name: "squeeze", title: "LPIPS-squeeze", minSide: 17,
		loaded: onDemand[*loadedLPIPS]{load: func() (*loadedLPIPS, error) {
			dict, sha256, err := publishedDict("squeeze_float16", "squeeze_float32")
			if err != nil {
				return nil, err
			}
			return newLPIPSSqueeze(dict, sha256)
		}},
	},
}

// newLPIPSAlex takes AlexNet by torchvision's names and the linear layers as
// lin0.model.1.weight to lin4.model.1.weight.
func newLPIPSAlex(dict weights.Dict, sha256 string) (*loadedLPIPS, error) {
	net, err := newNetwork(dict, alexNetShapes(), sha256)
	if err != nil {
		return nil, fmt.Errorf("LPIPS weights: %w", err)
	}
	return newLoadedLPIPS(net, alexNetTaps, dict, []int{64, 192, 384, 256, 256}, sha256)
}

// newLPIPSSqueeze is [newLPIPSAlex] of SqueezeNet 1.1.
func newLPIPSSqueeze(dict weights.Dict, sha256 string) (*loadedLPIPS, error) {
	net, err := newNetwork(dict, squeezeNetShapes(), sha256)
	if err != nil {
		return nil, fmt.Errorf("LPIPS weights: %w", err)
	}
	return newLoadedLPIPS(net, squeezeNetTaps, dict, []int{64, 128, 256, 384, 384, 512, 512}, sha256)
}

// newLPIPSVGG puts the embedded linear layers on VGG16, the same as that of
// DISTS; why the features are not shared is said at vgg16.
func newLPIPSVGG(net *network) (*loadedLPIPS, error) {
	dict, sha256, err := publishedDict("vgg_float32")
	if err != nil {
		return nil, err
	}
	return vggWithLayers(net, dict, weights.SHA256([]byte(net.sha256+sha256)))
}

// newLPIPSVGGOf is [newLPIPSAlex] of VGG16.
func newLPIPSVGGOf(dict weights.Dict, sha256 string) (*loadedLPIPS, error) {
	net, err := newNetwork(dict, weightstore.VGG16Shapes(), sha256)
	if err != nil {
		return nil, fmt.Errorf("LPIPS weights: %w", err)
	}
	return vggWithLayers(net, dict, sha256)
}

func vggWithLayers(net *network, dict weights.Dict, sha256 string) (*loadedLPIPS, error) {
	pool := func(o *nn.Ops, x *Node) *Node { return o.MaxPool(x, 2, 2, false) }
	return newLoadedLPIPS(net, vgg16Taps(pool), dict, []int{64, 128, 256, 512, 512}, sha256)
}

func newLoadedLPIPS(net *network, features taps, dict weights.Dict, channels []int, sha256 string) (*loadedLPIPS, error) {
	l := &loadedLPIPS{extractor: net.extractor(features), sha256: sha256}
	for i, n := range channels {
		lin, err := tensor(dict, fmt.Sprintf("lin%d.model.1.weight", i), 1, n, 1, 1)
		if err != nil {
			return nil, fmt.Errorf("LPIPS weights: %w", err)
		}
		l.lin = append(l.lin, lin)
	}
	return l, nil
}
