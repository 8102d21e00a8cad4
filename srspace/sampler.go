package srspace

import (
	"context"
	"iter"

	"github.com/trustsr/trustsr/srspace/picture"
)

// Recipe is everything besides the LR image and the seed that decides a
// sample's pixels. It is stored in a Space's manifest and is part of a
// sample's address.
type Recipe struct {
	Model    string  `json:"model"`            // e.g. "digits", "ldm-x4"
	Weights  string  `json:"weights_sha256"`   // of the weight file, lower-case hexadecimal
	Scale    int     `json:"scale"`            // HR side / LR side, e.g. 4
	Method   string  `json:"sampler"`          // e.g. "ddim"
	Steps    int     `json:"steps"`            // denoising steps
	Eta      float64 `json:"eta"`              // 0 (deterministic) … 1 (ancestral)
	Schedule string  `json:"schedule"`         // e.g. "sqrt-linear 0.0015…0.0155 T=1000, compvis"
	Fit      string  `json:"fit"`              // how the LR reaches the network's size, e.g. "none"
	RNG      string  `json:"rng"`              // noise generator, e.g. "philox4x32-10"
	Backend  string  `json:"backend"`          // e.g. "go", "onnx:cpu"; equal bytes hold on one backend
	Software string  `json:"software_version"` // of this module

	// Tile is how many times the LR picture is repeated in both directions;
	// a run of the network then gives Tile×Tile samples, one a copy. 0: the
	// picture is drawn alone. Sample n is copy n mod Tile² of run n / Tile²,
	// rows first.
	Tile int `json:"tile,omitempty"`

	// Window is the side, in latent pixels, of the overlapping windows in which
	// a large picture is denoised and decoded. 0: it is sampled whole.
	Window int `json:"window,omitempty"`

	// Projection is how many times a decoded picture y is moved towards the
	// pictures whose reduction is the LR picture, y += up(LR − down(y)), before
	// it is rounded to 8 bits. 0: it is left as decoded.
	Projection int `json:"projection,omitempty"`

	// Configuration is the SHA-256, lower-case hexadecimal, of what decides
	// pixels and is not in the weights, as checkpoints and ONNX files need it:
	// layers and attention heads, the noise schedule, averaged or raw weights, the
	// settings of a folder's own scheduler, ranges and numbers given. "" where the
	// weight file holds it all, and in spaces of versions before it.
	Configuration string `json:"configuration_sha256,omitempty"`

	// Library is what computed, where that decides the last digits: a plugin's
	// platform, version and the SHA-256 of its file, ONNX Runtime's version, or
	// the vector code of pure Go. "" in spaces of versions before it.
	Library string `json:"library,omitempty"`

	// Precision is that of the networks' convolutions and matrix products:
	// "bfloat16", or "" for float32.
	Precision string `json:"precision,omitempty"`
}

// Sample is one draw from an SR space.
type Sample struct {
	Seed  uint64 // decides the sample's noise, with the recipe and the LR
	Image *picture.Image

	// File is the name of its file where it was made elsewhere; "" otherwise.
	// See [OpenFolder].
	File string
}

// Sampler draws samples of the SR space of an LR image.
type Sampler interface {
	// Recipe returns what decides the pixels besides LR and seed.
	Recipe() Recipe

	// Sample yields one sample per seed, in the order of seeds, each as soon
	// as it is finished. The pixels of a sample depend on the recipe, the LR
	// and its seed alone, never on the other seeds or the batch. A yielded
	// error is final. Cancelling ctx ends the iteration with ctx.Err().
	Sample(ctx context.Context, lr *picture.Image, seeds []uint64) iter.Seq2[Sample, error]
}
