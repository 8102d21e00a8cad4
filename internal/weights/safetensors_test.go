package weights

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/inputfile"
)

func file(header string, body int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, body)...)
}

func TestRoundTrip(t *testing.T) {
	dict := Dict{
		"b":      {Shape: []int{2, 3}, Data: []float32{1, -2, 0.5, 65504, 0, float32(math.Copysign(0, -1))}},
		"a":      {Shape: []int{}, Data: []float32{7}},
		"empty":  {Shape: []int{0, 4}, Data: []float32{}},
		"a.long": {Shape: []int{1}, Data: []float32{-1}},
	}
	for _, dtype := range []string{"F32", "F16"} {
		data, err := EncodeSafetensors(dict, dtype, map[string]string{"k": "v"})
		if err != nil {
			t.Fatal(err)
		}
		again, _ := EncodeSafetensors(dict, dtype, map[string]string{"k": "v"})
		if !bytes.Equal(data, again) {
			t.Errorf("%s: equal tensors gave other bytes", dtype)
		}
		got, meta, err := DecodeSafetensors(data)
		if err != nil {
			t.Fatal(err)
		}
		if meta["k"] != "v" || len(got) != len(dict) {
			t.Errorf("%s: metadata %v, %d tensors", dtype, meta, len(got))
		}
		for name, want := range dict {
			if !slices.Equal(got[name].Shape, want.Shape) || !slices.Equal(got[name].Data, want.Data) {
				t.Errorf("%s: %s is %v, want %v", dtype, name, got[name], want)
			}
		}
	}
}

func TestDecodeTypes(t *testing.T) {
	header := `{"bf":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]},"d":{"dtype":"F64","shape":[1],"data_offsets":[2,10]},"i":{"dtype":"I64","shape":[1],"data_offsets":[10,18]}}`
	data := file(header, 0)
	data = append(data, 0x40, 0xc0) // bfloat16 -3: 0xc040
	data = binary.LittleEndian.AppendUint64(data, math.Float64bits(1.5))
	data = binary.LittleEndian.AppendUint64(data, 12)
	got, _, err := DecodeSafetensors(data)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]float32{"bf": -3, "d": 1.5, "i": 12} {
		if got[name].Data[0] != want {
			t.Errorf("%s = %v, want %v", name, got[name].Data[0], want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	one := func(entry string) []byte { return file(`{"w":`+entry+`}`, 8) }
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":        {nil, "too short"},
		"huge header":    {binary.LittleEndian.AppendUint64(nil, math.MaxUint64), "header"},
		"header cut":     {file(`{"w":`, 0), "header"},
		"unknown type":   {one(`{"dtype":"Q4","shape":[2],"data_offsets":[0,8]}`), `"w"`},
		"outside":        {one(`{"dtype":"F32","shape":[4],"data_offsets":[0,16]}`), "outside"},
		"backwards":      {one(`{"dtype":"F32","shape":[1],"data_offsets":[8,4]}`), "outside"},
		"too few bytes":  {one(`{"dtype":"F32","shape":[3],"data_offsets":[0,8]}`), "shape"},
		"negative":       {one(`{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}`), "shape"},
		"overflow":       {one(`{"dtype":"F32","shape":[9223372036854775807,9223372036854775807],"data_offsets":[0,8]}`), "shape"},
		"no offsets":     {one(`{"dtype":"F32","shape":[2]}`), "outside"},
		"a gap":          {file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"w":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}`, 12), "gap of 4 bytes before tensor \"w\""},
		"a gap at first": {one(`{"dtype":"F32","shape":[1],"data_offsets":[4,8]}`), "gap of 4 bytes"},
		"an overlap":     {file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8), "overlap"},
		"the same bytes": {file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8), "overlap"},
		"bytes left":     {one(`{"dtype":"F32","shape":[1],"data_offsets":[0,4]}`), "4 bytes after the last"},
		"twice":          {file(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8), "twice"},
		"twice, escaped": {file(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"\u0077":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8), "twice"},
		"entry a number": {one(`7`), `"w"`},
	} {
		if _, _, err := DecodeSafetensors(c.data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
		if name == "nothing" {
			continue
		}
		// The reader of large files refuses the same.
		path := filepath.Join(t.TempDir(), "w.safetensors")
		if err := os.WriteFile(path, c.data, 0o666); err != nil {
			t.Fatal(err)
		}
		if f, err := Open(path); err == nil {
			if name != "unknown type" { // known by name until it is read
				t.Errorf("%s: opened", name)
			}
			f.Close()
		}
	}
}

// Tensors without elements lie anywhere between the others.
func TestDecodeEmptyTensors(t *testing.T) {
	dict, _, err := DecodeSafetensors(file(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"e":{"dtype":"F32","shape":[0,3],"data_offsets":[0,0]},"f":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}}`, 8))
	if err != nil || len(dict) != 3 || len(dict["w"].Data) != 2 || len(dict["e"].Data) != 0 {
		t.Errorf("%v, %v", dict, err)
	}
}

// What stands where a checkpoint should be is named.
func TestOpenRefusesOtherFiles(t *testing.T) {
	pointer := filepath.Join(t.TempDir(), "model.safetensors")
	if err := os.WriteFile(pointer, []byte("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{pointer: inputfile.ErrLFSPointer, t.TempDir(): inputfile.ErrNotFile, "/dev/zero": inputfile.ErrNotFile} {
		if _, err := Open(path); !errors.Is(err, want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
}

// Every binary16 value widens and narrows to itself; values between round to
// the nearest, ties to even.
func TestHalf(t *testing.T) {
	for h := range 1 << 16 {
		f := FromHalf(uint16(h))
		if f != f { // NaN keeps no payload
			continue
		}
		if back := ToHalf(f); back != uint16(h) {
			t.Fatalf("%#04x widens to %v and narrows to %#04x", h, f, back)
		}
	}
	for _, c := range []struct {
		f    float32
		want uint16
	}{
		{1, 0x3c00}, {-2, 0xc000}, {65504, 0x7bff}, {65519, 0x7bff}, {65520, 0x7c00}, {1e9, 0x7c00},
		{1 + 1.0/2048, 0x3c00}, {1 + 3.0/2048, 0x3c02}, // ties to even
		{1.0 / (1 << 24), 1}, {0.5 / (1 << 24), 0}, {1.5 / (1 << 24), 2}, {float32(math.Inf(-1)), 0xfc00},
	} {
		if got := ToHalf(c.f); got != c.want {
			t.Errorf("ToHalf(%v) = %#04x, want %#04x", c.f, got, c.want)
		}
	}
	if h := ToHalf(float32(math.NaN())); FromHalf(h) == FromHalf(h) {
		t.Error("NaN narrows to a number")
	}
}

func FuzzDecodeSafetensors(f *testing.F) {
	f.Add(file(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8))
	f.Add(file(`{"__metadata__":{"a":"b"}}`, 0))
	f.Fuzz(func(t *testing.T, data []byte) {
		dict, _, err := DecodeSafetensors(data)
		if err != nil {
			return
		}
		total := 0
		for name, w := range dict {
			if size(w.Shape) != len(w.Data) {
				t.Errorf("%s: shape %v with %d values", name, w.Shape, len(w.Data))
			}
			total += len(w.Data)
		}
		if total > len(data)*len(dict) { // at least two bytes a value, but entries may share bytes
			t.Errorf("%d values from %d bytes", total, len(data))
		}
	})
}
