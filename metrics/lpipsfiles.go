package metrics

import (
	"fmt"
	"slices"
	"strings"

	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/internal/weightstore"
)

// OpenLPIPS returns LPIPS 0.1 with weights of your own in place of those that
// ship, which are partly rounded to float16: torchvision's files of AlexNet,
// SqueezeNet 1.1 or VGG16 (net is "alex", "squeeze" or "vgg"), with or without
// the authors' linear layers (lin0.model.1.weight …), for which those that ship
// are taken otherwise. The files are safetensors or of torch.save; tensors that
// LPIPS does not use are passed over, and of a tensor in several files the last
// counts. Nothing in a file is executed.
//
// The passport's Weights is the SHA-256 of the tensors used, as a safetensors
// file in order of their names, float32: scores of other weights do not mix.
func OpenLPIPS(net string, files ...string) (*LPIPS, error) {
	i := slices.IndexFunc(lpipsNets, func(n *lpipsNet) bool { return n.name == net })
	if i < 0 {
		return nil, fmt.Errorf("%w: LPIPS with network %q", ErrUnknown, net)
	}
	var shapes map[string][]int
	var build func(dict weights.Dict, sha256 string) (*loadedLPIPS, error)
	switch net {
	case "alex":
		shapes, build = alexNetShapes(), newLPIPSAlex
	case "squeeze":
		shapes, build = squeezeNetShapes(), newLPIPSSqueeze
	case "vgg":
		shapes, build = weightstore.VGG16Shapes(), newLPIPSVGGOf
	}
	dict, _, err := publishedDict(net + "_float32")
	if err != nil {
		return nil, err
	}
	for name := range dict { // the linear layers alone
		if !strings.HasPrefix(name, "lin") {
			delete(dict, name)
		}
	}
	for _, file := range files {
		if err := addTensors(dict, file, net, shapes); err != nil {
			return nil, err
		}
	}
	all, err := weights.EncodeSafetensors(dict, "F32", nil)
	if err != nil {
		return nil, fmt.Errorf("LPIPS weights: %w", err)
	}
	loaded, err := build(dict, weights.SHA256(all))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", strings.Join(files, ", "), err)
	}
	n := lpipsNets[i]
	return &LPIPS{net: &lpipsNet{name: n.name, title: n.title, minSide: n.minSide, loaded: onDemand[*loadedLPIPS]{ready: true, value: loaded}}, enlarge: 1}, nil
}

// addTensors reads the tensors of a file that LPIPS uses. Those of the linear
// layers may have the network's name before theirs.
func addTensors(dict weights.Dict, file, net string, shapes map[string][]int) error {
	f, err := weights.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, stored := range f.Names() {
		name := strings.TrimPrefix(stored, net+".")
		_, used := shapes[name]
		if !used && !(strings.HasPrefix(name, "lin") && strings.HasSuffix(name, ".model.1.weight")) {
			continue
		}
		if dict[name], err = f.Tensor(stored); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}
