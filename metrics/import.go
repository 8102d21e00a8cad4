package metrics

import (
	"fmt"
	"strings"

	"github.com/trustsr/trustsr/internal/inputfile"
	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/internal/weightstore"
	"github.com/trustsr/trustsr/metrics/nrqm"
)

// Imports are the weights that [Import] takes.
var Imports = []string{"vgg16", "pieapp", "nrqm"}

// Import reads a network's weights as their authors publish them, checks them
// and stores them where metrics find them: "vgg16" from torchvision's file,
// "pieapp" from PieAPPv0.1.pth, each also as safetensors; "nrqm" from
// model.mat. Nothing in a file is executed.
func Import(name, path string) error {
	switch name {
	case "vgg16":
		return weightstore.ImportVGG16(path)
	case "pieapp":
		return importPieAPP(path)
	case "nrqm":
		f, _, err := inputfile.Open(path, maxWeightBytes)
		if err != nil {
			return err
		}
		defer f.Close()
		data, err := nrqm.Import(f)
		if err != nil {
			return err
		}
		return weightstore.PutFile("nrqm", data)
	}
	return fmt.Errorf("%w: no weights called %q; they are %s", ErrUnknown, name, strings.Join(Imports, ", "))
}

// CheckWeights reads stored weights again, checks them and returns the
// SHA-256 of their file.
func CheckWeights(name string) (sha256 string, err error) {
	path, err := weightstore.Path(name)
	if err != nil {
		return "", err
	}
	switch name {
	case "vgg16":
		n, err := readNetwork(path, weightstore.VGG16Shapes())
		if err != nil {
			return "", err
		}
		return n.sha256, nil
	case "pieapp":
		n, err := readNetwork(path, pieAPPShapes())
		if err != nil {
			return "", err
		}
		return n.sha256, nil
	case "nrqm":
		m, err := nrqm.ReadModel(path)
		if err != nil {
			return "", err
		}
		return m.SHA256(), nil
	}
	return "", fmt.Errorf("%w: no weights called %q", ErrUnknown, name)
}

// importPieAPP takes the tensors by their names, whatever module they were
// saved in.
func importPieAPP(path string) error {
	f, err := weights.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	stored := map[string]string{}
	for _, name := range f.Names() {
		parts := strings.Split(name, ".")
		if len(parts) >= 2 {
			stored[strings.Join(parts[len(parts)-2:], ".")] = name
		}
	}
	dict := weights.Dict{}
	for name, shape := range pieAPPShapes() {
		full, ok := stored[name]
		if !ok {
			return fmt.Errorf("%s: tensor %q is missing", path, name)
		}
		t, err := f.Tensor(full)
		if err != nil {
			return err
		}
		n := 1
		for _, d := range shape {
			n *= d
		}
		if len(t.Data) == n && len(shape) == 1 { // files have [1] or [1, 1] for one number
			t.Shape = shape
		}
		if _, err := tensor(weights.Dict{name: t}, name, shape...); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		dict[name] = t
	}
	return weightstore.Put("pieapp", dict, map[string]string{"source": "PieAPP 0.1 of github.com/prashnani/PerceptualImageError; non-commercial use only"})
}
