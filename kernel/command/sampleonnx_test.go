package command

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/srspace/picture"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// onnxFile writes an ONNX model that enlarges the LR picture x twice; where
// noise is named, it adds a tenth of that before.
func onnxFile(t *testing.T, path, noise string) {
	t.Helper()
	port := func(kind, name string) string {
		return kind + ` { name: "` + name + `" type { tensor_type { elem_type: 1 shape {
			dim { dim_param: "n" } dim { dim_value: 3 } dim { dim_param: "` + kind + `h" } dim { dim_param: "` + kind + `w" } } } } } `
	}
	graph := port("input", "x") + port("output", "y") + `
		initializer { name: "scales" data_type: 1 dims: 4 float_data: [1, 1, 2, 2] }
		initializer { name: "tenth" data_type: 1 float_data: 0.1 } `
	large := "x"
	if noise != "" {
		large = "sum"
		graph += port("input", noise) + `
			node { op_type: "Mul" input: ["` + noise + `", "tenth"] output: "t" }
			node { op_type: "Add" input: ["x", "t"] output: "sum" } `
	}
	graph += `node { op_type: "Resize" input: ["` + large + `", "", "scales"] output: "y" }`
	kind, err := protoregistry.GlobalTypes.FindMessageByName("protos.ModelProto")
	if err != nil {
		t.Fatal(err)
	}
	m := kind.New().Interface()
	if err := prototext.Unmarshal([]byte("ir_version: 8 opset_import { version: 17 } graph { "+graph+" }"), m); err != nil {
		t.Fatal(err)
	}
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

// An ONNX file draws a space from the command line, whole, in shards and one
// by its address; what it cannot do is refused before a folder is made.
func TestSampleONNX(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	generator, enlarger := at("My Generator.onnx"), at("enlarger.ONNX")
	onnxFile(t, generator, "z")
	onnxFile(t, enlarger, "")
	ok := func(args ...string) string {
		t.Helper()
		out, err := runLine(t, args...)
		if err != nil {
			t.Fatalf("%v: %v (%s)", args, err, hint.Of(err))
		}
		return out
	}
	sample := []string{"sample", "--model", generator, "--digit", "18", "-n", "5", "--backend", "go"}
	lines := strings.Split(strings.TrimSpace(ok(append(sample, "-o", at("whole"), "--json")...)), "\n")
	if len(lines) != 5 {
		t.Fatalf("%d lines: %q", len(lines), lines)
	}
	ok(append(sample, "-o", at("a"), "--shard", "1/2")...)
	ok(append(sample, "-o", at("b"), "--shard", "2/2")...)
	ok("merge", at("merged"), at("a"), at("b"))
	different := map[string]bool{}
	for _, line := range lines {
		var e sampleEvent
		if err := json.Unmarshal([]byte(line), &e); err != nil || !strings.HasPrefix(e.Address, "my-generator@") {
			t.Fatalf("%s: %v", line, err)
		}
		want, err := os.ReadFile(e.Path)
		if err != nil {
			t.Fatal(err)
		}
		merged, _ := os.ReadFile(filepath.Join(at("merged"), "samples", filepath.Base(e.Path)))
		ok("sample", "--model", generator, "--address", e.Address, "--backend", "go", "-o", at("one.png"))
		one, _ := os.ReadFile(at("one.png"))
		if !bytes.Equal(merged, want) || !bytes.Equal(one, want) {
			t.Errorf("%s: the merged sample is equal: %v; the one drawn alone: %v", e.Address, bytes.Equal(merged, want), bytes.Equal(one, want))
		}
		img, err := picture.ReadFile(e.Path)
		if err != nil || img.Width != 14 || img.Height != 14 {
			t.Fatalf("%s: %+v, %v", e.Path, img, err)
		}
		different[img.Hash()] = true
	}
	if len(different) != 5 {
		t.Errorf("%d different samples of 5", len(different))
	}
	ok("sample", "--model", enlarger, "--digit", "18", "-n", "1", "-o", at("enlarged"), "--input-range", "-1,1", "--output-range", "-1,1", "--backend", "go")

	for why, args := range map[string][]string{
		"no noise input":       {"--model", enlarger, "-n", "2"},
		"--steps is not":       {"--model", generator, "--steps", "5"},
		"--tile is not":        {"--model", generator, "--tile", "9"},
		"--input-range is not": {"--input-range", "0,255"},
		"range":                {"--model", generator, "--output-range", "1,1"},
		"no input \"w\"":       {"--model", generator, "--noise-input", "w"},
		"the limit is":         {"--model", generator, "--memory", "500B"},
		"no such file":         {"--model", at("absent.onnx")},
	} {
		_, err := runLine(t, append([]string{"sample", "--digit", "18", "-o", at("refused"), "--backend", "go"}, args...)...)
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%v: %v, want %q", args, err, why)
		}
	}
	if _, err := os.Stat(at("refused")); err == nil {
		t.Error("a refused command made its folder")
	}
}
