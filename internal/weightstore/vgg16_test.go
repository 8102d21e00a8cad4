package weightstore

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/shared"
	"github.com/trustsr/trustsr/internal/weights"
)

// smallVGG16 plays VGG16 with two tensors: a hub that has both files, and what
// to expect of them.
func smallVGG16(t *testing.T) (*hub, vgg16Source, weights.Dict) {
	h := newHub(t)
	dict := weights.Dict{
		"a.head": weights.NewTensor(5), "features.0.weight": weights.NewTensor(2, 3), "features.0.bias": weights.NewTensor(4), "pre_logits": weights.NewTensor(9000),
	}
	for _, tensor := range dict {
		for i := range tensor.Data {
			tensor.Data[i] = float32(i + len(tensor.Data))
		}
	}
	s := vgg16Source{
		timm: "timm/small", torch: h.URL + "/torch/resolve/main/small.pth",
		shapes: map[string][]int{"features.0.weight": {2, 3}, "features.0.bias": {4}},
		first:  map[string]string{"features.0.weight": sumOf(dict["features.0.weight"].Data)},
	}
	data := encoded(t, dict)
	h.files["model.safetensors"], h.files["small.pth"] = data, data
	s.size, s.sum = int64(len(data)), fmt.Sprintf("%x", sha256.Sum256(data))
	return h, s, dict
}

func sumOf(values []float32) string {
	h := sha256.New()
	binary.Write(h, binary.LittleEndian, values)
	return fmt.Sprintf("%x", h.Sum(nil))
}

func encoded(t *testing.T, dict weights.Dict) []byte {
	t.Helper()
	data, err := weights.EncodeSafetensors(dict, "F32", nil)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// asked reports whether the hub was asked for a file whole or in parts.
func (h *hub) asked(name string) (whole, parts bool) {
	for _, r := range h.requests {
		if strings.HasSuffix(r.URL.Path, name) {
			whole = whole || r.Header.Get("Range") == ""
			parts = parts || r.Header.Get("Range") != ""
		}
	}
	return whole, parts
}

func TestFetchVGG16(t *testing.T) {
	change := func(dict weights.Dict, name string, shape []int, first float32) weights.Dict {
		dict = maps.Clone(dict)
		tensor := weights.NewTensor(shape...)
		copy(tensor.Data, dict[name].Data)
		tensor.Data[0] = first
		dict[name] = tensor
		return dict
	}
	for what, c := range map[string]struct {
		spoil func(h *hub, dict weights.Dict) // what the hub has
		whole bool                            // torchvision's file is fetched
		want  error
	}{
		"in parts": {spoil: func(*hub, weights.Dict) {}},
		"no timm":  {func(h *hub, _ weights.Dict) { delete(h.files, "model.safetensors") }, true, nil},
		"another network": {func(h *hub, dict weights.Dict) {
			h.files["model.safetensors"] = encoded(t, change(dict, "features.0.weight", []int{2, 3}, 5))
		}, true, nil},
		"another shape": {func(h *hub, dict weights.Dict) {
			h.files["model.safetensors"] = encoded(t, change(dict, "features.0.bias", []int{2, 2}, 5))
		}, true, nil},
		"not finite": {func(h *hub, dict weights.Dict) {
			h.files["model.safetensors"] = encoded(t, change(dict, "features.0.bias", []int{4}, float32(math.NaN())))
		}, true, nil},
		"a tensor missing": {func(h *hub, dict weights.Dict) {
			dict = maps.Clone(dict)
			delete(dict, "features.0.bias")
			h.files["model.safetensors"] = encoded(t, dict)
		}, true, nil},
		"neither": {func(h *hub, dict weights.Dict) {
			delete(h.files, "model.safetensors")
			data := encoded(t, change(dict, "pre_logits", []int{9000}, 5)) // what is not needed differs
			h.files["small.pth"] = data
		}, true, ErrSum},
	} {
		t.Run(what, func(t *testing.T) {
			h, s, dict := smallVGG16(t)
			c.spoil(h, dict)
			if err := s.fetch(t.Context(), nil); !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if whole, _ := h.asked("small.pth"); whole != c.whole {
				t.Errorf("torchvision's file asked for: %v", whole)
			}
			if whole, parts := h.asked("model.safetensors"); whole || !parts {
				t.Errorf("timm's file asked for whole: %v, in parts: %v", whole, parts)
			}
			path, err := Path("vgg16")
			if c.want != nil {
				if !errors.Is(err, ErrMissing) {
					t.Errorf("stored at %s", path)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got, _, err := weights.ReadSafetensors(path)
			if err != nil || len(got) != 2 || sumOf(got["features.0.bias"].Data) != sumOf(dict["features.0.bias"].Data) {
				t.Errorf("stored %v, %v", got, err)
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), "small.pth")); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("torchvision's file stays: %v", err)
			}
			asked := len(h.requests)
			if err := s.fetch(t.Context(), nil); err != nil || len(h.requests) != asked {
				t.Errorf("again: %v, %d requests", err, len(h.requests)-asked)
			}
		})
	}
}

// 14,714,688 parameters, as published; and the four real convolutions that are
// at hand are taken for torchvision's.
func TestVGG16Convolutions(t *testing.T) {
	parameters := 0
	dict := weights.Dict{}
	for name, shape := range VGG16Shapes() {
		dict[name] = weights.NewTensor(shape...)
		parameters += len(dict[name].Data)
	}
	if len(dict) != 26 || parameters != 14_714_688 {
		t.Errorf("%d tensors, %d parameters", len(dict), parameters)
	}
	if _, err := vgg16Files.convolutions(dict); !errors.Is(err, ErrSum) {
		t.Errorf("all zero: %v", err)
	}
	first, _, err := weights.ReadSafetensors(shared.Path(t, "golden", "metrics", "weights", "vgg16_features_0_7_torchvision_OIHW.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(dict, first)
	dict["classifier.0.bias"] = weights.NewTensor(1)
	found, err := vgg16Files.convolutions(dict)
	if err != nil || len(found) != 26 {
		t.Errorf("%d tensors, %v", len(found), err)
	}
	dict["features.5.weight"].Data[17] *= 1.0001
	if _, err := vgg16Files.convolutions(dict); !errors.Is(err, ErrSum) {
		t.Errorf("changed: %v", err)
	}
}
