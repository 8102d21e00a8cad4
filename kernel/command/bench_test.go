package command

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func runBench(t *testing.T, args ...string) (string, error) {
	t.Helper()
	c := benchCommand()
	var out bytes.Buffer
	c.SetOut(&out)
	c.SilenceUsage, c.SilenceErrors = true, true
	c.SetArgs(args)
	err := c.Execute()
	return out.String(), err
}

func TestBench(t *testing.T) {
	dir := t.TempDir()
	first, table := filepath.Join(dir, "first.json"), filepath.Join(dir, "RESULTS.md")
	out, err := runBench(t, "--quick", "--only", "digits,psnr", "--backend", "go", "--json", first, "--markdown", table)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"digits/", "samples/s", "metrics/psnr/rgb/crop0", "images/s", "quick run"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	out, err = runBench(t, "--quick", "--only", "psnr", "--backend", "go", "--compare", first, "--markdown", table)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out, "times better") {
		t.Errorf("not compared:\n%s", out)
	}
	md, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(md), "| metrics/psnr/rgb/crop0/256x256 |"); n != 2 {
		t.Errorf("%d sections of the table, want 2:\n%s", n, md)
	}
	if _, err := runBench(t, "--quick", "--only", "psnr", "--compare", table); err == nil {
		t.Error("compares with a file that is no report")
	}
}
