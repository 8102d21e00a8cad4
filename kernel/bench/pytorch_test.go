package bench

import (
	"errors"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/backend"
	"github.com/trustsr/trustsr/srspace/ldm"
)

// The networks and metrics in PyTorch compute what ours do: Run refuses to time them
// otherwise.
func TestVersusPyTorch(t *testing.T) {
	if _, err := findPython(t.Context(), ""); err != nil {
		t.Skip(err)
	}
	t.Setenv("TRUSTSR_WEIGHTS", t.TempDir())
	backends := []string{backend.Choose().Config}
	report, err := Run(t.Context(), Options{Backends: backends, Only: []string{"digits", "natural", "lpips", "dists"}, Quick: true, Repeat: 1, Root: "../..", VersusPyTorch: true})
	if err != nil {
		t.Fatal(err)
	}
	ratios := 0
	for _, r := range report.Rows {
		if r.Unit == "×" {
			ratios++
			if !(r.Median > 0) || !strings.Contains(r.Backend, " / torch ") {
				t.Errorf("row %+v", r)
			}
		}
	}
	if ratios < 4*len(backends) {
		t.Errorf("%d ratios of %d backends: %+v", ratios, len(backends), report)
	}
}

func TestWithoutPyTorch(t *testing.T) {
	report, err := Run(t.Context(), Options{Backends: []string{"go"}, Only: []string{"psnr"}, Quick: true, Python: "/bin/false", VersusPyTorch: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Notes) != 1 || !strings.Contains(report.Notes[0], "python3-torch") {
		t.Errorf("notes %q", report.Notes)
	}
	if _, err := findPython(t.Context(), "/bin/false"); !errors.Is(err, errSkip) {
		t.Errorf("%v", err)
	}
}

func TestSame(t *testing.T) {
	tensor := func(v ...float32) *ldm.Tensor { return &ldm.Tensor{Shape: []int{len(v)}, Data: v} }
	if err := same("x", tensor(10, 1), tensor(10.005, 1)); err != nil {
		t.Error(err)
	}
	for _, wrong := range [][2]*ldm.Tensor{
		{tensor(10, 1), tensor(10.02, 1)}, {tensor(1), tensor(1, 1)}, {tensor(1, zero/zero), tensor(1, 1)},
	} {
		if err := same("x", wrong[0], wrong[1]); err == nil {
			t.Errorf("%v is the same as %v", wrong[0], wrong[1])
		}
	}
}

var zero float32 // makes NaN at run time
