package weightstore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/trustsr/trustsr/internal/backend"
)

// Item is something that does not ship and that this program knows how to
// get.
type Item struct {
	Name, What, Licence string

	// Fetch downloads it; nil if its owners do not offer it for that. It does
	// nothing if it is there.
	Fetch func(ctx context.Context, progress Progress) error

	// Where returns its file or folder; the error wraps ErrMissing if it is
	// not there.
	Where func() (string, error)

	// Download and Disk are how many bytes come and stay, 0 where that is not
	// known before.
	Download, Disk int64

	// Proof says how what was fetched is known to be the published weights,
	// where that depends on the way they came.
	Proof string

	// Source says where a person gets it without this program's network, and
	// File names what they then import; "" where nothing is to be imported.
	Source, File string
}

// LDMX4 is the published ×4 model.
const LDMX4 = "ldm-x4"

// Known lists what can be fetched or imported by name.
func Known() []Item {
	file := func(name string) func() (string, error) { return func() (string, error) { return Path(name) } }
	return []Item{
		{
			Name: LDMX4, What: "the published ×4 latent diffusion model, 113.6 M + 55.3 M parameters", Licence: "Apache-2.0",
			Fetch: func(ctx context.Context, p Progress) error { _, err := ldmX4.Fetch(ctx, p); return err },
			Where: func() (string, error) {
				if path, err := ModelPath(LDMX4); err == nil {
					return path, nil
				}
				return ldmX4.Cached()
			},
			Source: "on a computer with network take the folder of huggingface.co/" + ldmX4.Repo + " (git clone, or huggingface-cli download)", File: "FOLDER",
		}, {
			Name: "vgg16", What: "torchvision's VGG16, convolutions only, for LPIPS-VGG and DISTS", Licence: "BSD-3-Clause",
			Fetch: vgg16Files.fetch, Where: file("vgg16"), Proof: vgg16Proof,
			Source: "on a computer with network take " + vgg16Files.torch, File: "vgg16-397923af.pth",
		}, {
			Name: "pieapp", What: "PieAPP 0.1", Licence: "non-commercial use only", Where: file("pieapp"),
			Source: "take PieAPPv0.1.pth as github.com/prashnani/PerceptualImageError says", File: "PieAPPv0.1.pth",
		}, {
			Name: "nrqm", What: "the forests of NRQM", Licence: "MIT", Where: file("nrqm"),
			Source: "take model.mat from github.com/chaoma99/sr-metric (or NRQM_model.mat of pyiqa)", File: "model.mat",
		}, {
			Name: ONNXRuntime, What: "ONNX Runtime " + onnxWheels[0].version + ", fast on a CPU", Licence: onnxWheels[0].licence,
			Fetch: onnxLibrary.fetch, Where: missing(backend.FindONNX), Download: wheelBytes(onnxWheels), Disk: 34_824_680,
			Source: pipDownload(onnxWheels[0]), File: onnxWheels[0].file,
		}, {
			Name: XLACPU, What: "XLA for the CPU, a PJRT plugin of " + xlaCPUWheels[0].version, Licence: xlaCPUWheels[0].licence,
			Fetch: xlaLibrary.fetch, Where: missing(func() (string, error) { return backend.FindPlugin("cpu") }), Download: wheelBytes(xlaCPUWheels), Disk: 273_768_800,
			Source: pipDownload(xlaCPUWheels[0]), File: xlaCPUWheels[0].file,
		}, {
			Name: XLACUDA, What: "XLA for NVIDIA GPUs, the PJRT plugin of JAX " + xlaCUDAWheels[0].version + " with NVIDIA's libraries", Licence: "Apache-2.0 and NVIDIA's own",
			Fetch: fetchCUDA, Where: missing(func() (string, error) { return backend.FindPlugin("cuda") }), Download: wheelBytes(xlaCUDAWheels),
			Source: "on a computer with network make a Python environment with jax[cuda13], copy it, and set $VIRTUAL_ENV to it",
		},
	}
}

// pipDownload says how a wheel comes to another computer.
func pipDownload(w wheel) string {
	return fmt.Sprintf("on a computer with network: pip download --no-deps --only-binary :all: --platform %s --python-version 3.11 %s==%s",
		strings.TrimSuffix(w.file[strings.Index(w.file, "manylinux"):], ".whl"), w.name, w.version)
}

// Find returns the item of a name.
func Find(name string) (Item, bool) {
	for _, item := range Known() {
		if item.Name == name {
			return item, true
		}
	}
	return Item{}, false
}

var ldmX4 = HuggingFace{Repo: "CompVis/ldm-super-resolution-4x-openimages", Files: diffusersFiles}

// diffusersFiles are the configurations and weights of a super-resolution
// pipeline: one weight file a network, safetensors rather than a pickle.
func diffusersFiles(all []string) ([]string, error) {
	needed := []string{"model_index.json", "scheduler/scheduler_config.json"}
	for _, part := range []string{"unet", "vqvae"} {
		needed = append(needed, part+"/config.json")
		file := part + "/diffusion_pytorch_model.safetensors"
		if !slices.Contains(all, file) {
			file = part + "/diffusion_pytorch_model.bin"
		}
		needed = append(needed, file)
	}
	for _, name := range needed {
		if !slices.Contains(all, name) {
			return nil, fmt.Errorf("%w: no file %s", ErrMissing, name)
		}
	}
	return needed, nil
}
