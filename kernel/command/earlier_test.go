package command

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/golden"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/picture"
)

// earlier copies what version 0.1.0 wrote into a folder of the test's own.
func earlier(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "0.1.0"))); err != nil {
		t.Fatal(err)
	}
	return dir
}

func command(t *testing.T, args ...string) string {
	t.Helper()
	out, err := runLine(t, args...)
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return out
}

// A space of version 0.1.0 is continued: its samples stay as they are, and
// the next ones are those that version 0.1.0 drew next.
func TestEarlierSpaceIsContinued(t *testing.T) {
	dir := earlier(t)
	space := filepath.Join(dir, "space")
	lines := command(t, "sample", "--digit", "497", "-n", "8", "--steps", "10", "--backend", "go", "-o", space, "--json")
	if n := strings.Count(lines, "\n"); n != 2 {
		t.Errorf("%d samples drawn, want 2:\n%s", n, lines)
	}
	for seed := range 6 {
		name := fmt.Sprintf("%06d.png", seed)
		before := read(t, filepath.Join("testdata", "0.1.0", "space", "samples", name))
		if !bytes.Equal(read(t, filepath.Join(space, "samples", name)), before) {
			t.Errorf("sample %d was drawn again", seed)
		}
	}
	for seed := 6; seed < 8; seed++ {
		name := fmt.Sprintf("%06d.png", seed)
		// vector and scalar code of the Go backend round differently
		if d := levels(t, filepath.Join(space, "samples", name), filepath.Join(dir, "expected", name)); d > 2 {
			t.Errorf("sample %d differs by %g of 255", seed, d)
		}
	}
}

// The same for merged shards of a checkpoint, whose manifest has settings that
// are not the usual ones.
func TestEarlierMergeIsContinued(t *testing.T) {
	dir := earlier(t)
	merged := filepath.Join(dir, "merged")
	lines := command(t, "sample", "--model", golden.Path(t, "ldm", "tiny", "model.safetensors"), "--digit", "18", "--tile", "2", "-n", "8", "--steps", "3",
		"--rng", "torch-cpu", "--fit", "pad-reflect", "--sampler", "dpmpp-2m", "--backend", "go", "-o", merged, "--json")
	if n := strings.Count(lines, "\n"); n != 2 {
		t.Errorf("%d samples drawn, want 2:\n%s", n, lines)
	}
	s, err := srspace.Open(merged)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(s.Seeds()); n != 8 {
		t.Errorf("%d samples, want 8", n)
	}
}

// A study of version 0.1.0 reports the ballots, the readings and the ensemble
// that it reported.
func TestEarlierStudyReports(t *testing.T) {
	dir := earlier(t)
	report := filepath.Join(dir, "report")
	command(t, "study", "report", filepath.Join(dir, "study.yaml"), "-o", report)
	for _, name := range []string{"ballots.csv", "table1.csv"} {
		want, got := csvColumns(t, filepath.Join(dir, "expected", name)), csvColumns(t, filepath.Join(report, name))
		for column, values := range want { // later versions have more columns
			if !slices.Equal(got[column], values) {
				t.Errorf("%s, column %s: %q, want %q", name, column, got[column], values)
			}
		}
	}
	if d := levels(t, filepath.Join(report, "ensemble.png"), filepath.Join(dir, "expected", "ensemble.png")); d != 0 {
		t.Errorf("the ensemble differs by %g of 255", d)
	}
}

// csvColumns reads a CSV file with a header.
func csvColumns(t *testing.T, path string) map[string][]string {
	t.Helper()
	lines, err := csv.NewReader(bytes.NewReader(read(t, path))).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	columns := map[string][]string{}
	for _, line := range lines[1:] {
		for i, field := range line {
			columns[lines[0][i]] = append(columns[lines[0][i]], field)
		}
	}
	return columns
}

// levels is the largest difference of two pictures, in steps of 1/255.
func levels(t *testing.T, a, b string) float64 {
	t.Helper()
	x, err := picture.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := picture.ReadFile(b)
	if err != nil {
		t.Fatal(err)
	}
	if x.Width != y.Width || x.Height != y.Height {
		t.Fatalf("%s is %d×%d, %s is %d×%d", a, x.Width, x.Height, b, y.Width, y.Height)
	}
	largest := 0.0
	for i := range x.Pix {
		largest = max(largest, math.Abs(float64(x.Pix[i]-y.Pix[i])))
	}
	return math.Round(255 * largest)
}
