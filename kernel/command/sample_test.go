package command

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// runLine runs the command line and returns what it prints.
func runLine(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	root := Root()
	root.SetArgs(args)
	root.SetOut(&out)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

// Shards merged, and one sample drawn from its address alone, are byte for
// byte the samples of one run.
func TestSampleShardsAndAddresses(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	ok := func(args ...string) string {
		t.Helper()
		out, err := runLine(t, args...)
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		return out
	}
	sample := []string{"sample", "--digit", "18", "-n", "3", "--steps", "1", "--seed", "5"}
	lines := strings.Split(strings.TrimSpace(ok(append(sample, "-o", at("whole"), "--json")...)), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines of JSON, want 3: %q", len(lines), lines)
	}
	var last sampleEvent
	if err := json.Unmarshal([]byte(lines[2]), &last); err != nil {
		t.Fatal(err)
	}
	ok(append(sample, "-o", at("a"), "--shard", "1/2")...)
	ok(append(sample, "-o", at("b"), "--shard", "2/2")...)
	ok("merge", at("merged"), at("a"), at("b"))
	for _, name := range []string{"000005.png", "000006.png", "000007.png"} {
		want, err := os.ReadFile(filepath.Join(at("whole"), "samples", name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(at("merged"), "samples", name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s of the merged parts differs (error %v)", name, err)
		}
	}
	ok("sample", "--address", last.Address, "-o", at("one.png"))
	got, _ := os.ReadFile(at("one.png"))
	if want, err := os.ReadFile(last.Path); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the sample drawn from %s differs (error %v)", last.Address, err)
	}
	for _, args := range [][]string{
		{"sample", "--digit", "18", "--sampler", "euler"},
		{"sample", "--digit", "18", "--sampler", "unipc", "--eta", "1"},
		{"sample", "--digit", "18", "--shard", "3/2"},
		{"sample", "--address", "digits@000000000000/lr@000000000000/ddim-5-eta1/seed/1"},
		{"sample", "--lr", at("nothing.png")},
		{"sample", "--model", "digits", "--lr", dir}, // 28×28 pixels
		{"sample"},
	} {
		if _, err := runLine(t, append(args, "-o", at("refused"))...); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
	if _, err := os.Stat(at("refused")); err == nil {
		t.Error("a refused command made its folder")
	}
}
