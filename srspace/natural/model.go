// Package natural is the embedded model for photographs and text: a small
// latent diffusion model of srspace/ldm for ×4 super-resolution, with which
// everything works on natural pictures without a download. It is not the
// published model of Rombach et al., which has twenty times as many
// parameters; training.json says what it was trained on and what was measured.
//
// Its first stage encodes only what the LR picture leaves open, and its decoder
// sees the LR picture, so that samples stay near it.
package natural

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"

	"github.com/trustsr/trustsr/internal/backend"
	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/ldm"
)

//go:embed data/model.safetensors
var modelWeights []byte

// Training is the record of how the embedded weights came to be, as JSON.
//
//go:embed data/training.json
var Training []byte

// Largest is the largest side of an LR picture that is sampled whole; Window
// is the side of the windows of larger ones.
const Largest, Window = 128, 96

// maxFile bounds the files of weights that are read.
const maxFile = 64 << 20

// Model is the natural-image model, loaded. It implements srspace.Sampler for
// LR pictures of any size; [Model.Suit] sets what suits a picture's.
type Model struct {
	*ldm.Sampler
}

// Open loads the embedded model on a GoMLX backend ("" chooses one): 50 DDIM
// steps, eta 1.
func Open(config string) (*Model, error) { return load(config, modelWeights) }

// OpenFile loads a model file that training wrote.
func OpenFile(config, path string) (*Model, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("natural-image model: %w", err)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("natural-image model: %s has %d bytes, at most %d are read", path, info.Size(), maxFile)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("natural-image model: %w", err)
	}
	return load(config, data)
}

func load(config string, data []byte) (*Model, error) {
	b, err := backend.Open(config)
	if err != nil {
		return nil, err
	}
	info := backend.Of(b)
	library, err := info.Provenance()
	if err != nil {
		return nil, fmt.Errorf("natural-image model: %w", err)
	}
	dict, meta, err := weights.DecodeSafetensors(data)
	if err != nil {
		return nil, fmt.Errorf("natural-image model: %w", err)
	}
	var c ldm.Config
	if err := json.Unmarshal([]byte(meta["config"]), &c); err != nil {
		return nil, fmt.Errorf("natural-image model: configuration: %w", err)
	}
	net, err := ldm.New(b, c, dict)
	if err != nil {
		return nil, fmt.Errorf("natural-image model: %w", err)
	}
	return &Model{&ldm.Sampler{Model: net, Steps: 50, Eta: 1, Batch: 1, Workers: 1, Description: srspace.Recipe{
		Model: "natural", Weights: weights.SHA256(data), Fit: ldm.FitEdge, Backend: info.Name, Library: library, Software: srspace.Version,
	}}}, nil
}

// WindowFor is the window of LR pictures of a size: 0, for none, up to Largest
// pixels a side, so that memory does not grow with the picture beyond that.
func WindowFor(width, height int) int {
	if max(width, height) <= Largest {
		return 0
	}
	return Window
}

// Suit sets the window, how many samples a call takes and how many calls run
// side by side, for n samples of LR pictures of a size. Only the last of these
// depends on n and changes no sample.
func (m *Model) Suit(width, height, n int) error {
	m.Sampler.Window = WindowFor(width, height)
	if err := m.SuitBatch(width, height); err != nil {
		return err
	}
	return m.SuitWorkers(width, height, n)
}
