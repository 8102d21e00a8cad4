// Package digits is the model that ships with the program: a small latent
// diffusion model of srspace/ldm, trained on MNIST for ×4 super-resolution
// (28×28 from 7×7), with MNIST's test digits and a reader that classifies
// them. It makes every notebook and test run on real samples without a
// download.
package digits

import (
	"context"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/srspace/digits/internal/reader"
	"github.com/trustsr/trustsr/srspace/picture"

	_ "embed"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"sync"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/trustsr/trustsr/internal/backend"
	"github.com/trustsr/trustsr/internal/nn"
	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/ldm"
)

//go:embed data/model.safetensors
var modelWeights []byte

//go:embed data/reader.safetensors
var readerWeights []byte

// Training is the record of how the embedded weights came to be, as JSON.
//
//go:embed data/training.json
var Training []byte

// Model is the digit model, loaded. It implements srspace.Sampler for 7×7 LR
// pictures, and reads digits. Its methods may be called from several
// goroutines.
type Model struct {
	*ldm.Sampler
	read *model.Exec
	one  sync.Mutex
}

// Reading is what the digit reader sees in a picture.
type Reading struct {
	Digit       int     `json:"digit"`       // 0…9
	Probability float64 `json:"probability"` // the reader's own, 0…1
}

// Open loads the embedded model on a GoMLX backend ("" chooses one): 50 DDIM
// steps, eta 1.
func Open(config string) (*Model, error) {
	return Load(config, modelWeights, readerWeights)
}

// Load is [Open] of another model of this kind: the contents of the
// model.safetensors and reader.safetensors that training wrote.
func Load(config string, modelData, readerData []byte) (*Model, error) {
	b, err := backend.Open(config)
	if err != nil {
		return nil, err
	}
	info := backend.Of(b)
	library, err := info.Provenance()
	if err != nil {
		return nil, fmt.Errorf("digit model: %w", err)
	}
	dict, meta, err := weights.DecodeSafetensors(modelData)
	if err != nil {
		return nil, fmt.Errorf("digit model: %w", err)
	}
	var c ldm.Config
	if err := json.Unmarshal([]byte(meta["config"]), &c); err != nil {
		return nil, fmt.Errorf("digit model: configuration: %w", err)
	}
	net, err := ldm.New(b, c, dict)
	if err != nil {
		return nil, fmt.Errorf("digit model: %w", err)
	}
	m := &Model{Sampler: &ldm.Sampler{Model: net, Steps: 50, Eta: 1, Batch: 81, Workers: 1, Description: srspace.Recipe{
		Model: "digits", Weights: weights.SHA256(modelData), Fit: "none", Backend: info.Name, Library: library, Software: srspace.Version,
	}}}
	switch info.Name {
	case "go": // two calls side by side keep two cores busy
		m.Batch, m.Workers = 27, 2
	case "onnx:cpu": // as many a second as with 81, and the first in half the time
		m.Batch = 36
	}
	m.read, err = newReader(b, readerData)
	if err != nil {
		return nil, fmt.Errorf("digit reader: %w", err)
	}
	return m, nil
}

// newReader builds the reader on a backend.
func newReader(b compute.Backend, data []byte) (*model.Exec, error) {
	dict, _, err := weights.DecodeSafetensors(data)
	if err != nil {
		return nil, err
	}
	o := nn.For(b)
	store := model.NewStore()
	if err := o.Load(store, dict); err != nil {
		return nil, err
	}
	return model.NewExec(b, store, func(s *model.Scope, x *Node) *Node { return Softmax(reader.Network(o, s, x), -1) })
}

// Accepts returns an error unless the LR picture is 7×7.
func (m *Model) Accepts(lr *picture.Image) error {
	if lr.Width == LRSide && lr.Height == LRSide {
		return nil
	}
	return hint.With(
		fmt.Errorf("LR picture of %d×%d pixels: the digit model takes %d×%d", lr.Width, lr.Height, LRSide, LRSide),
		"crop one digit so that it fills the picture, and shrink it to 7×7 with the degradation model")
}

// Sample implements srspace.Sampler, for what [Model.Accepts].
func (m *Model) Sample(ctx context.Context, lr *picture.Image, seeds []uint64) iter.Seq2[srspace.Sample, error] {
	if err := m.Accepts(lr); err != nil {
		return func(yield func(srspace.Sample, error) bool) { yield(srspace.Sample{}, err) }
	}
	return m.Sampler.Sample(ctx, lr, seeds)
}

// readBatch bounds the memory of one call of the reader.
const readBatch = 324

// Read classifies 28×28 pictures (the mean of RGB, white on black). The
// reader was trained on clean digits; it stands in for a person in tests and
// demonstrations and proves nothing about what a picture shows.
func (m *Model) Read(images []*picture.Image) ([]Reading, error) {
	probabilities, err := m.Probabilities(images)
	if err != nil {
		return nil, err
	}
	out := make([]Reading, len(images))
	for i := range out {
		for digit, p := range probabilities[i] {
			if p > out[i].Probability {
				out[i] = Reading{digit, p}
			}
		}
	}
	return out, nil
}

// Probabilities returns what [Model.Read] goes by: for each picture the
// reader's probability of each digit.
func (m *Model) Probabilities(images []*picture.Image) ([][10]float64, error) {
	out := make([][10]float64, 0, len(images))
	m.one.Lock()
	defer m.one.Unlock()
	for from := 0; from < len(images); from += readBatch {
		part := images[from:min(len(images), from+readBatch)]
		x := make([]float32, len(part)*Side*Side)
		for i, img := range part {
			if img.Width != Side || img.Height != Side {
				return nil, fmt.Errorf("read digits: picture %d is %d×%d, not %d×%d", from+i, img.Width, img.Height, Side, Side)
			}
			for p := range Side * Side {
				x[i*Side*Side+p] = 2*(img.Pix[3*p]+img.Pix[3*p+1]+img.Pix[3*p+2])/3 - 1
			}
		}
		y, err := m.read.Call1(tensors.FromFlatDataAndDimensions(x, len(part), 1, Side, Side))
		if err != nil {
			return nil, fmt.Errorf("read digits: %w", err)
		}
		for i, v := range tensors.MustCopyFlatData[float32](y) {
			if i%10 == 0 {
				out = append(out, [10]float64{})
			}
			if math.IsNaN(float64(v)) {
				return nil, fmt.Errorf("read digits: not finite for picture %d", from+i/10)
			}
			out[len(out)-1][i%10] = float64(v)
		}
	}
	return out, nil
}
