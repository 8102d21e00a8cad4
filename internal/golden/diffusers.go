package golden

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// diffusersFiles are the SHA-256 sums of the files that diffusers' own
// conversion script wrote.
var diffusersFiles = map[string]string{
	"unet":  "3b6e55e1f86a30f6af04a6c6cfc515234f828e44526d425a14d77d8f1847780e",
	"vqvae": "1891e2884c99e3ab1e46848bc2cc540d6bc275949bff39150fb090db81aff5c3",
}

const headChannels = 32

// Diffusers returns a folder with the tiny model in diffusers' layout. The
// weights are those of model.safetensors, so testdata has the headers and a
// table of where each tensor comes from. The files that this function puts
// together have the check sums of the ones that diffusers wrote.
func Diffusers(t testing.TB) string {
	t.Helper()
	from := Path(t, "ldm", "tiny", "diffusers")
	dir := filepath.Join(t.TempDir(), "diffusers")
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	original := readHalves(t, Path(t, "ldm", "tiny", "model.safetensors"))
	table := Table(t, "ldm", "tiny", "diffusers", "tensors.tsv")
	for component, want := range diffusersFiles {
		header, err := os.ReadFile(filepath.Join(from, component, "header.json"))
		if err != nil {
			t.Fatal(err)
		}
		entries := parseHeader(t, header)
		data := []byte{}
		for _, row := range table {
			if row["component"] != component {
				continue
			}
			values, ok := original[row["original"]]
			if !ok {
				t.Fatalf("model.safetensors has no tensor %s", row["original"])
			}
			if part, ok := map[string]int{"q": 0, "k": 1, "v": 2}[row["op"]]; ok {
				values = headPart(values, part)
			}
			data = appendValues(data, values, entries[row["tensor"]].DType)
		}
		file := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
		file = append(append(file, header...), data...)
		if got := fmt.Sprintf("%x", sha256.Sum256(file)); got != want {
			t.Fatalf("%s has SHA-256 %s, want %s", component, got, want)
		}
		name := filepath.Join(dir, component, "diffusion_pytorch_model.safetensors")
		if err := os.WriteFile(name, file, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(dir, component, "header.json")); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(dir, "tensors.tsv")); err != nil {
		t.Fatal(err)
	}
	return dir
}

type headerEntry struct {
	DType   string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets [2]int `json:"data_offsets"`
}

func parseHeader(t testing.TB, header []byte) map[string]headerEntry {
	t.Helper()
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(header, &raw); err != nil {
		t.Fatal(err)
	}
	entries := map[string]headerEntry{}
	for name, m := range raw {
		if name == "__metadata__" {
			continue
		}
		var e headerEntry
		if err := json.Unmarshal(m, &e); err != nil {
			t.Fatal(err)
		}
		entries[name] = e
	}
	return entries
}

// readHalves reads a safetensors file of float16 values.
func readHalves(t testing.TB, path string) map[string][]uint16 {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	size := binary.LittleEndian.Uint64(file)
	data := file[8+size:]
	values := map[string][]uint16{}
	for name, e := range parseHeader(t, file[8:8+size]) {
		if e.DType != "F16" {
			t.Fatalf("%s is %s, want F16", name, e.DType)
		}
		part := data[e.Offsets[0]:e.Offsets[1]]
		for i := 0; i < len(part); i += 2 {
			values[name] = append(values[name], binary.LittleEndian.Uint16(part[i:]))
		}
	}
	return values
}

// headPart returns queries (0), keys (1) or values (2) of a weight or bias
// whose first dimension is heads × 3 × headChannels.
func headPart(values []uint16, part int) []uint16 {
	const rows = 2 * 3 * headChannels // the tiny UNet's attention has 64 channels
	columns := len(values) / rows
	block := headChannels * columns
	var out []uint16
	for at := part * block; at < len(values); at += 3 * block {
		out = append(out, values[at:at+block]...)
	}
	return out
}

func appendValues(data []byte, values []uint16, dtype string) []byte {
	for _, h := range values {
		if dtype == "F32" {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(fromHalf(h)))
		} else {
			data = binary.LittleEndian.AppendUint16(data, h)
		}
	}
	return data
}

// fromHalf converts a finite float16.
func fromHalf(h uint16) float32 {
	sign := 1 - 2*float64(h>>15)
	exponent, fraction := int(h>>10&31), float64(h&1023)
	if exponent == 0 {
		return float32(math.Copysign(math.Ldexp(fraction, -24), sign))
	}
	return float32(sign * math.Ldexp(1024+fraction, exponent-25))
}
