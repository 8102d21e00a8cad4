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
	"strconv"
	"strings"

	"github.com/trustsr/trustsr/internal/finite"
	"github.com/trustsr/trustsr/internal/weights"
)

// vgg16Source is where VGG16's convolutions are had, and what tells them from
// another network's.
type vgg16Source struct {
	timm  string // repository of Hugging Face with the tensors as safetensors
	torch string // torchvision's own file
	size  int64  // of torchvision's file, bytes
	sum   string // its SHA-256

	shapes map[string][]int
	first  map[string]string // SHA-256 of some tensors, little-endian float32
}

// vgg16Files are the sources of torchvision's VGG16 (IMAGENET1K_V1). Its first
// tensors tell it from the Caffe and Keras networks of the same name and
// shapes.
var vgg16Files = vgg16Source{
	timm:   "timm/vgg16.tv_in1k",
	torch:  "https://download.pytorch.org/models/vgg16-397923af.pth",
	size:   553433881,
	sum:    "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
	shapes: VGG16Shapes(),
	first: map[string]string{
		"features.0.weight": "03c02e0544ea3b2a9e832ca1d3cba452e3e4a43f13fb64a7d9c59bd024e43f48",
		"features.2.weight": "df471b8b1cc22da897eefd0a5de540046bfc9194ac60395f645af6a72a170589",
		"features.5.weight": "29ef064aafdf8978f47a9b141194499ea5485bbd4f740b045b1c8dd4c6a72e4e",
		"features.7.weight": "6f125d7637c5338753d317fb4d21a3154b9abfd8ac73092acb795656fa2269b6",
	},
}

// vgg16Proof is honest about the quick way: the check sums of all tensors were
// not at hand.
const vgg16Proof = "fetched in parts from timm's copy, its first four convolutions are torchvision's by SHA-256, the others by name, shape and finite values; where that fails torchvision's whole file is fetched and compared by SHA-256"

// VGG16Shapes are the 26 tensors of VGG16's convolutions (Simonyan and
// Zisserman, arXiv:1409.1556, configuration D) by torchvision's names,
// features.N.weight [out, in, 3, 3] and features.N.bias [out].
func VGG16Shapes() map[string][]int {
	shapes := map[string][]int{}
	in, n := 3, 0
	for _, stage := range []struct{ channels, convs int }{{64, 2}, {128, 2}, {256, 3}, {512, 3}, {512, 3}} {
		for range stage.convs {
			name := "features." + strconv.Itoa(n)
			shapes[name+".weight"] = []int{stage.channels, in, 3, 3}
			shapes[name+".bias"] = []int{stage.channels}
			in = stage.channels
			n += 2 // a ReLU follows
		}
		n++ // a pooling
	}
	return shapes
}

// convolutions returns the tensors of dict that are the network's. All must
// be there, of the right shape and finite; an error about one whose values are
// not torchvision's wraps [ErrSum].
func (s vgg16Source) convolutions(dict weights.Dict) (weights.Dict, error) {
	found := weights.Dict{}
	for _, name := range slices.Sorted(maps.Keys(s.shapes)) {
		t, ok := dict[name]
		if !ok {
			return nil, fmt.Errorf("tensor %q is missing", name)
		}
		if !slices.Equal(t.Shape, s.shapes[name]) {
			return nil, fmt.Errorf("tensor %q has shape %v, want %v", name, t.Shape, s.shapes[name])
		}
		if i := finite.Not(t.Data); i >= 0 {
			return nil, fmt.Errorf("tensor %q has the value %v at %d", name, t.Data[i], i)
		}
		found[name] = t
	}
	for _, name := range slices.Sorted(maps.Keys(s.first)) {
		h := sha256.New()
		if err := binary.Write(h, binary.LittleEndian, found[name].Data); err != nil {
			return nil, err
		}
		if got := fmt.Sprintf("%x", h.Sum(nil)); got != s.first[name] {
			return nil, fmt.Errorf("%w: tensor %q is not torchvision's (another VGG16 gives other distances)", ErrSum, name)
		}
	}
	return found, nil
}

// put stores the convolutions, once they are what they should be.
func (s vgg16Source) put(dict weights.Dict, source string) error {
	found, err := s.convolutions(dict)
	if err != nil {
		return err
	}
	return Put("vgg16", found, map[string]string{"source": source + ", features.*; torchvision VGG16 IMAGENET1K_V1; BSD-3-Clause"})
}

// fetch reads the convolutions alone, a tenth of the file, where the server
// sends parts; else all of torchvision's file.
func (s vgg16Source) fetch(ctx context.Context, progress Progress) error {
	if _, err := Path("vgg16"); err == nil {
		return nil
	}
	dict, err := convolutionsOf(ctx, hubEndpoint()+"/"+s.timm+"/resolve/main/model.safetensors", progress)
	if err == nil {
		err = s.put(dict, "huggingface.co/"+s.timm)
	}
	if err == nil || ctx.Err() != nil || offline() {
		return err
	}
	dir, dirErr := Dir()
	if dirErr != nil {
		return dirErr
	}
	path := filepath.Join(dir, filepath.Base(s.torch))
	whole := Download{URL: s.torch, Path: path, Size: s.size, Hash: sha256.New, Sum: s.sum}
	if second := whole.Fetch(ctx, progress); second != nil {
		if errors.Is(err, ErrOffline) && errors.Is(second, ErrOffline) {
			return second
		}
		return fmt.Errorf("%w; and %w", err, second)
	}
	defer os.Remove(path)
	return s.importFile(path)
}

// ImportVGG16 stores the convolutions of a file of torchvision's VGG16, in any
// of the formats of [weights.Open]. The error wraps [ErrSum] if they are those
// of another VGG16.
func ImportVGG16(path string) error { return vgg16Files.importFile(path) }

func (s vgg16Source) importFile(path string) error {
	f, err := weights.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	dict := weights.Dict{}
	for _, name := range f.Names() {
		if _, ok := s.shapes[name]; ok {
			if dict[name], err = f.Tensor(name); err != nil {
				return err
			}
		}
	}
	return s.put(dict, filepath.Base(path))
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
