package command

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/srspace/picture"
	"google.golang.org/protobuf/encoding/protowire"
)

// onnxFile writes an ONNX model that enlarges the LR picture x twice; where
// noise is named, it adds a tenth of that before.
func onnxFile(t *testing.T, path, noise string) {
	t.Helper()
	// fields of protocol buffers, with the numbers of onnx.proto
	field := func(n protowire.Number, data string) string {
		return string(protowire.AppendString(protowire.AppendTag(nil, n, protowire.BytesType), data))
	}
	number := func(n protowire.Number, v uint64) string {
		return string(protowire.AppendVarint(protowire.AppendTag(nil, n, protowire.VarintType), v))
	}
	port := func(n protowire.Number, name string) string {
		side := name + "-side"
		axes := field(1, field(2, "n")) + field(1, number(1, 3)) + field(1, field(2, side+"h")) + field(1, field(2, side+"w"))
		return field(n, field(1, name)+field(2, field(1, number(1, 1)+field(2, axes))))
	}
	tensor := func(name string, axes int, values ...float32) string {
		t := field(8, name) + number(2, 1)
		if axes > 0 {
			t += number(1, uint64(axes))
		}
		for _, v := range values {
			t += string(protowire.AppendFixed32(protowire.AppendTag(nil, 4, protowire.Fixed32Type), math.Float32bits(v)))
		}
		return field(5, t)
	}
	apply := func(op, out string, in ...string) string {
		n := field(4, op) + field(2, out)
		for _, name := range in {
			n += field(1, name)
		}
		return field(1, n)
	}
	graph := port(11, "x") + port(12, "y") + tensor("scales", 4, 1, 1, 2, 2) + tensor("tenth", 0, 0.1)
	large := "x"
	if noise != "" {
		large = "sum"
		graph += port(11, noise) + apply("Mul", "t", noise, "tenth") + apply("Add", "sum", "x", "t")
	}
	graph += apply("Resize", "y", large, "", "scales")
	data := []byte(number(1, 8) + field(8, number(2, 17)) + field(7, graph))
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
