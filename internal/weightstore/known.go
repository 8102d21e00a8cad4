package weightstore

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/trustsr/trustsr/internal/weights"
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

	// Manual says how a person gets it without this program's network.
	Manual string
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
			Manual: "on a computer with network take the folder of huggingface.co/" + ldmX4.Repo + " (git clone, or huggingface-cli download), then: go run ./kernel weights import " + LDMX4 + " FOLDER",
		}, {
			Name: "vgg16", What: "torchvision's VGG16, convolutions only, for LPIPS-VGG and DISTS", Licence: "BSD-3-Clause",
			Fetch: fetchVGG16, Where: file("vgg16"),
			Manual: "on a computer with network take " + vgg16URL + ", then: go run ./kernel weights import vgg16 vgg16-397923af.pth",
		}, {
			Name: "pieapp", What: "PieAPP 0.1", Licence: "non-commercial use only", Where: file("pieapp"),
			Manual: "take PieAPPv0.1.pth as github.com/prashnani/PerceptualImageError says, then: go run ./kernel weights import pieapp PieAPPv0.1.pth",
		}, {
			Name: "nrqm", What: "the forests of NRQM", Licence: "MIT", Where: file("nrqm"),
			Manual: "take model.mat from github.com/chaoma99/sr-metric (or NRQM_model.mat of pyiqa), then: go run ./kernel weights import nrqm model.mat",
		}, {
			Name: "onnxruntime", What: "ONNX Runtime " + onnxVersion + ", the fast way on a CPU", Licence: "MIT",
			Fetch: fetchONNXRuntime, Where: onnxLibrary,
			Manual: "on a computer with network take https://registry.npmjs.org/onnxruntime-node/-/onnxruntime-node-" + onnxVersion + ".tgz, then: go run ./kernel weights import onnxruntime onnxruntime-node-" + onnxVersion + ".tgz",
		},
	}
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

// Sources of VGG16. torchvision's own file has the first digits of its
// SHA-256 in its name.
const (
	vgg16URL  = "https://download.pytorch.org/models/vgg16-397923af.pth"
	vgg16Sum  = "397923af"
	vgg16Timm = "timm/vgg16.tv_in1k" // the same tensors as safetensors
)

// vgg16First are SHA-256 of the first tensors of torchvision's VGG16
// (IMAGENET1K_V1), little-endian float32: they tell it from the Caffe and
// Keras networks of the same name and shapes.
var vgg16First = map[string]string{
	"features.0.weight": "03c02e0544ea3b2a9e832ca1d3cba452e3e4a43f13fb64a7d9c59bd024e43f48",
	"features.2.weight": "df471b8b1cc22da897eefd0a5de540046bfc9194ac60395f645af6a72a170589",
	"features.5.weight": "29ef064aafdf8978f47a9b141194499ea5485bbd4f740b045b1c8dd4c6a72e4e",
	"features.7.weight": "6f125d7637c5338753d317fb4d21a3154b9abfd8ac73092acb795656fa2269b6",
}

// CheckVGG16 returns an error that wraps [ErrSum] unless the tensors are
// those of torchvision's VGG16, by its first four convolutions.
func CheckVGG16(dict weights.Dict) error {
	for _, name := range slices.Sorted(maps.Keys(vgg16First)) {
		t, ok := dict[name]
		if !ok {
			return fmt.Errorf("tensor %q is missing", name)
		}
		h := sha256.New()
		if err := binary.Write(h, binary.LittleEndian, t.Data); err != nil {
			return err
		}
		if got := fmt.Sprintf("%x", h.Sum(nil)); got != vgg16First[name] {
			return fmt.Errorf("%w: tensor %q is not torchvision's (another VGG16 gives other distances)", ErrSum, name)
		}
	}
	return nil
}

// fetchVGG16 reads the convolutions alone, a tenth of the file, where the
// server sends parts; else all of torchvision's file.
func fetchVGG16(ctx context.Context, progress Progress) error {
	if _, err := Path("vgg16"); err == nil {
		return nil
	}
	dict, err := convolutionsOf(ctx, hubEndpoint()+"/"+vgg16Timm+"/resolve/main/model.safetensors", progress)
	if err == nil {
		err = CheckVGG16(dict)
	}
	if err == nil {
		return Put("vgg16", dict, map[string]string{"source": "huggingface.co/" + vgg16Timm + ", features.*; torchvision VGG16 IMAGENET1K_V1; BSD-3-Clause"})
	}
	if ctx.Err() != nil || offline() {
		return err
	}
	dir, dirErr := Dir()
	if dirErr != nil {
		return dirErr
	}
	path := filepath.Join(dir, filepath.Base(vgg16URL))
	if second := (Download{URL: vgg16URL, Path: path, Hash: sha256.New, Sum: vgg16Sum}).Fetch(ctx, progress); second != nil {
		if errors.Is(err, ErrOffline) && errors.Is(second, ErrOffline) {
			return second
		}
		return fmt.Errorf("%w; and %w", err, second)
	}
	defer os.Remove(path)
	return ImportVGG16(path)
}

// ImportVGG16 stores the convolutions of a file of torchvision's VGG16, in any
// of the formats of [weights.Open].
func ImportVGG16(path string) error {
	f, err := weights.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	dict := weights.Dict{}
	for _, name := range f.Names() {
		if strings.HasPrefix(name, "features.") {
			if dict[name], err = f.Tensor(name); err != nil {
				return err
			}
		}
	}
	if err := CheckVGG16(dict); err != nil {
		return err
	}
	return Put("vgg16", dict, map[string]string{"source": filepath.Base(path) + ", features.*; torchvision VGG16 IMAGENET1K_V1; BSD-3-Clause"})
}

// convolutionsOf reads the tensors features.* of a safetensors file on a
// server without the rest.
func convolutionsOf(ctx context.Context, address string, progress Progress) (weights.Dict, error) {
	if offline() {
		return nil, fmt.Errorf("%w: HF_HUB_OFFLINE is set", ErrOffline)
	}
	const maxHeader = 1 << 20
	size, err := fetchRange(ctx, address, hubHeader(), 0, 8, nil)
	if err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(size)
	if n > maxHeader {
		return nil, fmt.Errorf("%s: a header of %d bytes", address, n)
	}
	text, err := fetchRange(ctx, address, hubHeader(), 8, int64(n), nil)
	if err != nil {
		return nil, err
	}
	var header map[string]struct {
		DType   string   `json:"dtype"`
		Shape   []int    `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	if err := json.Unmarshal(text, &header); err != nil {
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	low, high := int64(-1), int64(0)
	for name, t := range header {
		if strings.HasPrefix(name, "features.") {
			if low < 0 || t.Offsets[0] < low {
				low = t.Offsets[0]
			}
			high = max(high, t.Offsets[1])
		}
	}
	if low < 0 || high <= low || high-low > 100<<20 { // VGG16's have 59 MB
		return nil, fmt.Errorf("%s: features.* from byte %d to %d", address, low, high)
	}
	data, err := fetchRange(ctx, address, hubHeader(), 8+int64(n)+low, high-low, progress)
	if err != nil {
		return nil, err
	}
	// What was read is a safetensors file of its own once offsets are moved.
	for name, t := range header {
		if !strings.HasPrefix(name, "features.") {
			delete(header, name)
			continue
		}
		t.Offsets[0] -= low
		t.Offsets[1] -= low
		header[name] = t
	}
	moved, err := json.Marshal(header)
	if err != nil {
		return nil, err
	}
	whole := binary.LittleEndian.AppendUint64(nil, uint64(len(moved)))
	dict, _, err := weights.DecodeSafetensors(append(append(whole, moved...), data...))
	return dict, err
}
