package bench

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/ldm"
	"github.com/trustsr/trustsr/srspace/picture"
)

// fullModel opens the published ×4 architecture on the session's backend. Its
// weights are generated: speed does not depend on them, and none need to be
// downloaded.
func (s *session) fullModel(config string) (*ldm.Model, error) {
	if s.full == "" {
		path := s.path("full.safetensors")
		if err := writeGenerated(path, ldm.X4()); err != nil {
			return nil, err
		}
		s.full = path
	}
	c, err := ldm.Open(s.full)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.Load(config)
}

// writeGenerated writes weights for an architecture as safetensors, with the
// configuration in its metadata: of variance 1/fan-in, so that activations
// keep their size through the depth.
func writeGenerated(path string, config ldm.Config) error {
	shapes, err := config.Tensors()
	if err != nil {
		return err
	}
	dict := weights.Dict{}
	for i, name := range slices.Sorted(maps.Keys(shapes)) {
		t := weights.NewTensor(shapes[name]...)
		scale, bias := 0.1, 0.0
		switch {
		case strings.HasSuffix(name, "quantize.embedding.weight"):
			scale = 1.75
		case len(t.Shape) >= 2:
			fanIn := 1
			for _, d := range t.Shape[1:] {
				fanIn *= d
			}
			scale = math.Sqrt(3 / float64(fanIn))
		case strings.HasSuffix(name, ".weight"):
			scale, bias = 0.25, 1
		}
		uniform(t.Data, uint64(i+1), scale, bias)
		dict[name] = t
	}
	meta, err := json.Marshal(config)
	if err != nil {
		return err
	}
	if info, err := os.Stat(path); err == nil && info.Size() > 0 {
		return fmt.Errorf("%s is there already", path)
	}
	return weights.WriteSafetensors(path, dict, "F32", map[string]string{"config": string(meta)})
}

// uniform fills dst with values of bias ± scale (SplitMix64).
func uniform(dst []float32, key uint64, scale, bias float64) {
	state := key << 32
	for i := range dst {
		state += 0x9E3779B97F4A7C15
		z := state
		z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
		z = (z ^ z>>27) * 0x94D049BB133111EB
		z ^= z >> 31
		dst[i] = float32(bias + scale*(float64(z>>40)/(1<<23)-1))
	}
}

// smoothPicture is a smooth picture with some noise, as wide as high.
func smoothPicture(side int, seed uint64) *picture.Image {
	img := picture.NewImage(side, side)
	noise := make([]float32, len(img.Pix))
	srspace.Noise(noise, seed, 0)
	for i := range img.Pix {
		x, y, c := float64(i/3%side), float64(i/3/side), float64(i%3)
		img.Pix[i] = float32(0.5+0.3*math.Sin(0.05*x+c)*math.Cos(0.07*y)) + 0.05*noise[i]
	}
	return img.Quantized()
}
