package command

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/ensemble/study"
	"github.com/trustsr/trustsr/internal/backend"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/onnx"
)

// Each kind of error below has advice in the words of the command line,
// however often it is wrapped.
func TestAdvice(t *testing.T) {
	cause := errors.New("cause")
	for want, err := range map[string]error{
		"go run ./kernel weights fetch vgg16":               &metrics.WeightsError{Weights: "vgg16", Err: metrics.ErrNoWeights},
		"get the weights again: go run ./kernel weights":    &metrics.WeightsError{Weights: "vgg16", Err: cause},
		"go run ./kernel weights import pieapp PieAPPv0":    &metrics.WeightsError{Weights: "pieapp", Err: metrics.ErrNoWeights},
		"go run ./kernel weights import nrqm model.mat":     &metrics.WeightsError{Weights: "nrqm", Err: metrics.ErrNoWeights},
		"--lr-input, --noise-input and --output":            &onnx.PortsError{Err: cause},
		"--onnx-input sigma=NUMBER":                         &onnx.PortsError{Err: cause, WithoutValue: "sigma"},
		"--backend go":                                      &onnx.BackendError{Model: "m", Backend: "b", Err: cause},
		"-n 1":                                              onnx.ErrSame,
		"weights fetch xla-cpu gets one":                    &backend.NoLibraryError{Library: "xla-cpu"},
		"study repair FILE":                                 &study.DamagedError{Err: cause},
		"study new FILE --space DIR":                        &study.FileError{Path: "x", Err: fs.ErrNotExist},
		"compare it with a new one: go run ./kernel study":  &study.FileError{Path: "x", Err: study.ErrStudy},
		"draw more with: go run ./kernel sample":            &study.TooFewError{Trial: "t", Dir: "d", Have: 1, Want: 5},
		"check the path; go run ./kernel sample makes":      &srspace.NotSpaceError{Dir: "d", Err: fs.ErrNotExist},
		"the folder samples/ has those there are":           &srspace.NoSampleError{Dir: "d", Seed: 7},
		"the hint of an error that is none of these kinds.": hint.With(cause, "the hint of an error that is none of these kinds."),
	} {
		if got := adviceOn(fmt.Errorf("outside: %w", err)); !strings.Contains(got, want) {
			t.Errorf("%T: advice %q, want %q", err, got, want)
		}
	}
	if got := adviceOn(cause); got != "" {
		t.Errorf("advice on an unknown error: %q", got)
	}
}

// Errors that commands run into, as they print them.
func TestAdviceAsPrinted(t *testing.T) {
	absent := filepath.Join(t.TempDir(), "absent")
	for want, args := range map[string][]string{
		"hint: check the path; go run ./kernel sample makes a space": {"tally", "--space", absent, "--simulate", "3"},
		"hint: make one with: go run ./kernel study new":             {"study", "check", absent},
	} {
		_, err := runLine(t, args...)
		if err == nil {
			t.Errorf("%v: no error", args)
			continue
		}
		var out strings.Builder
		report(&out, err)
		if !strings.Contains(out.String(), want) || strings.Contains(out.String(), "OpenFolder") {
			t.Errorf("%v prints %q, want %q", args, out.String(), want)
		}
	}
}
