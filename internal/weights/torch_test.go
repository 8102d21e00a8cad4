package weights

import (
	"archive/zip"
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// wantTorch are the tensors that testdata/make_torch_files.py writes.
func wantTorch() Dict {
	values := func(scale float32, shape ...int) *Tensor {
		t := NewTensor(shape...)
		for i := range t.Data {
			t.Data[i] = scale * float32(i*7%23-11) / 4
		}
		return t
	}
	pick := func(t *Tensor, shape []int, at func(i int) int) *Tensor {
		out := NewTensor(shape...)
		for i := range out.Data {
			out.Data[i] = t.Data[at(i)]
		}
		return out
	}
	shared := values(1, 5, 6)
	unsigned := values(4, 40)
	for i, v := range unsigned.Data {
		unsigned.Data[i] = max(v, -v)
	}
	return Dict{
		"float32": values(1, 2, 3, 5), "half": values(1, 7), "bfloat16": values(1, 9), "float64": values(1, 2, 2),
		"int64": values(4, 4), "int32": values(4, 4), "int16": values(4, 4), "int8": values(4, 4), "uint8": unsigned,
		"bool":   {Shape: []int{3}, Data: []float32{1, 0, 1}},
		"scalar": {Shape: []int{}, Data: []float32{2.5}},
		"empty":  {Shape: []int{0, 3}, Data: []float32{}},
		"offset": values(1, 3, 4), "transposed": values(1, 3, 4),
		"shared_a":  pick(shared, []int{2, 6}, func(i int) int { return 6 + i }),
		"shared_b":  pick(shared, []int{5}, func(i int) int { return 6*i + 2 }),
		"expanded":  pick(values(1, 3), []int{4, 3}, func(i int) int { return i % 3 }),
		"parameter": values(1, 3),
	}
}

func TestTorchFiles(t *testing.T) {
	for file, format := range map[string]string{
		"lightning.ckpt": "torch zip", "flat.pth": "torch zip", "protocol1.pth": "torch zip", "protocol4.pth": "torch zip",
		"legacy.ckpt": "torch legacy", "legacy_flat.pth": "torch legacy",
	} {
		t.Run(file, func(t *testing.T) {
			f, err := Open(filepath.Join("testdata", file))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if f.Format() != format {
				t.Errorf("format %q, want %q", f.Format(), format)
			}
			want := wantTorch()
			if got := f.Names(); !slices.Equal(got, slices.Sorted(maps.Keys(want))) {
				t.Errorf("names %v", got)
			}
			for name, w := range want {
				got, err := f.Tensor(name)
				if err != nil {
					t.Error(err)
				} else if !slices.Equal(got.Shape, w.Shape) || !slices.Equal(got.Data, w.Data) {
					t.Errorf("%s is %v %v, want %v %v", name, got.Shape, got.Data, w.Shape, w.Data)
				}
			}
			if strings.HasSuffix(file, ".ckpt") {
				unet, _ := f.HyperParameters()["unet_config"].(map[string]any)
				if got := fmt.Sprint(unet["params"]); got != "map[channel_mult:[1 2] num_head_channels:16]" {
					t.Errorf("hyper-parameters %v", got)
				}
			}
			if _, err := f.Tensor("absent"); err == nil || !strings.Contains(err.Error(), `"absent"`) {
				t.Errorf("absent tensor: %v", err)
			}
		})
	}
	if _, err := os.Stat("executed"); err == nil {
		t.Error("the command in a pickle was executed")
	}
}

func TestOpenSafetensorsFile(t *testing.T) {
	dict := wantTorch()
	path := filepath.Join(t.TempDir(), "w.safetensors")
	if err := WriteSafetensors(path, dict, "F16", map[string]string{"k": "v"}); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Format() != "safetensors" || f.Metadata()["k"] != "v" || f.DType("half") != "F16" {
		t.Errorf("format %q, metadata %v, type %q", f.Format(), f.Metadata(), f.DType("half"))
	}
	for name, w := range dict {
		if got, err := f.Tensor(name); err != nil || !slices.Equal(got.Data, w.Data) || !slices.Equal(got.Shape, w.Shape) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	if _, err := Open("testdata/module.pth"); err == nil || !strings.Contains(err.Error(), "torch.nn.modules.linear.Linear") {
		t.Errorf("a pickled module: %v", err)
	}
	zipped, err := os.ReadFile("testdata/flat.pth")
	if err != nil {
		t.Fatal(err)
	}
	legacy, err := os.ReadFile("testdata/legacy_flat.pth")
	if err != nil {
		t.Fatal(err)
	}
	var other bytes.Buffer
	z := zip.NewWriter(&other)
	z.Create("readme.txt")
	z.Close()
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":          {nil, "too short"},
		"text":             {[]byte("<!DOCTYPE html><html>"), "neither"},
		"pointer of LFS":   {[]byte("version https://git-lfs.github.com/spec/v1\n"), "Git LFS pointer"},
		"zip cut":          {zipped[:len(zipped)/2], "zip"},
		"another zip":      {other.Bytes(), "data.pkl"},
		"legacy cut":       {legacy[:len(legacy)-10], "storage"},
		"legacy cut early": {legacy[:300], "pickle"},
		"numbers":          {[]byte("\x80\x02\x8a\x02\x01\x02.\x80\x02K\x01."), "magic"},
	} {
		_, err := newFile(bytes.NewReader(c.data), int64(len(c.data)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

// Views and sizes that lie are refused before memory is taken for them.
func TestTensorOutsideStorage(t *testing.T) {
	s := &torchStorage{dtype: "F32", count: 12}
	for name, c := range map[string]torchTensor{
		"offset":            {s, 13, []int{}, []int{}},
		"scalar beyond":     {s, 12, []int{}, []int{}},
		"negative offset":   {s, -1, []int{1}, []int{1}},
		"too long":          {s, 1, []int{12}, []int{1}},
		"stride":            {s, 0, []int{3, 4}, []int{5, 1}},
		"negative stride":   {s, 11, []int{12}, []int{-1}},
		"negative size":     {s, 0, []int{-1}, []int{1}},
		"overflow":          {s, 0, []int{1 << 62, 1 << 62}, []int{1 << 62, 1 << 62}},
		"overflow in total": {s, 0, []int{2, 2, 2}, []int{1 << 62, 1 << 62, 1 << 62}},
	} {
		if err := c.check(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for name, c := range map[string]torchTensor{
		"whole": {s, 0, []int{3, 4}, []int{4, 1}}, "empty": {s, 12, []int{0, 5}, []int{5, 1}},
		"one": {s, 11, []int{1, 1}, []int{99, 99}}, "repeated": {s, 11, []int{1000}, []int{0}},
	} {
		if err := c.check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	f := &File{size: 100}
	if err := f.check(item{dtype: "F32", shape: []int{1 << 40}, stride: []int{0}}); err == nil {
		t.Error("a tensor of 2^40 elements in a file of 100 bytes")
	}
}

func TestPickleLimits(t *testing.T) {
	deep := append(bytes.Repeat([]byte("("), pickleValuesLimit+1), '.')
	cycle := []byte("]q\x00h\x00a.") // a list that holds itself
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"values":         {deep, "more than"},
		"claimed string": {[]byte("\x8d\x00\x00\x00\x00\x00\x00\x00\x7f"), "more than"},
		"cut string":     {[]byte("X\x00\x00\x00\x03abc"), "EOF"},
		"unknown opcode": {[]byte("\xff"), "unknown"},
		"cycle":          {cycle, "not a dict"},
	} {
		err := decodePickle(c.data)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

// decodePickle reads data as the data.pkl of a zip without storages.
func decodePickle(data []byte) error {
	archive := torchZip(data)
	_, err := newFile(bytes.NewReader(archive), int64(len(archive)))
	return err
}

func torchZip(pickle []byte) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, _ := z.CreateHeader(&zip.FileHeader{Name: "archive/data.pkl"})
	w.Write(pickle)
	w, _ = z.CreateHeader(&zip.FileHeader{Name: "archive/data/0"})
	w.Write(make([]byte, 64))
	z.Close()
	return b.Bytes()
}

func memberOf(f *testing.F, path, name string) []byte {
	z, err := zip.OpenReader(path)
	if err != nil {
		f.Fatal(err)
	}
	defer z.Close()
	for _, m := range z.File {
		if strings.HasSuffix(m.Name, "/"+name) {
			data, err := readMember(m, pickleBytesLimit)
			if err != nil {
				f.Fatal(err)
			}
			return data
		}
	}
	f.Fatalf("no %s in %s", name, path)
	return nil
}

// readAll reads every tensor of a foreign file; none may be much larger than
// the file.
func readAll(t *testing.T, data []byte) {
	f, err := newFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return
	}
	for _, name := range f.Names() {
		if n := size(f.Shape(name)); n > len(data)+1<<20 {
			t.Fatalf("%q has %d elements in a file of %d bytes", name, n, len(data))
		}
		f.Tensor(name)
	}
}

func FuzzTorchZipPickle(f *testing.F) {
	for _, file := range []string{"lightning.ckpt", "flat.pth", "protocol1.pth", "protocol4.pth", "module.pth"} {
		f.Add(memberOf(f, filepath.Join("testdata", file), "data.pkl"))
	}
	f.Fuzz(func(t *testing.T, pickle []byte) { readAll(t, torchZip(pickle)) })
}

func FuzzTorchFile(f *testing.F) {
	for _, file := range []string{"lightning.ckpt", "legacy.ckpt", "legacy_flat.pth"} {
		data, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add(file(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8))
	f.Fuzz(readAll)
}
