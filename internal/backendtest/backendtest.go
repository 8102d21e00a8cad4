// Package backendtest runs tests on every backend that is installed on the
// machine, not only on the one that would be chosen.
package backendtest

import (
	"testing"

	"github.com/gomlx/compute"

	"github.com/trustsr/trustsr/internal/backend"
)

// Each runs a test as a sub-test for each backend by its short name: on the
// pure Go backend always; on ONNX Runtime and XLA where their libraries are
// installed, and skipped, saying so, where they are not. A library that is
// there and does not open is a failure.
func Each(t *testing.T, test func(t *testing.T, name string, b compute.Backend)) {
	t.Helper()
	EachName(t, func(t *testing.T, name string) {
		b, err := backend.Open(exact(name))
		if err != nil {
			t.Fatal(err)
		}
		test(t, name, b)
	})
}

// EachName is [Each] for tests that open the backend themselves.
func EachName(t *testing.T, test func(t *testing.T, name string)) {
	t.Helper()
	installed := map[string]bool{}
	for _, name := range backend.Installed() {
		installed[name] = true
	}
	for _, name := range backend.Names {
		t.Run(name, func(t *testing.T) {
			if !installed[name] {
				t.Skipf("%s is not installed on this machine", name)
			}
			test(t, name)
		})
	}
}

// exact tells GPUs to compute products in float32 as they are asked to, rather
// than with TF32's ten bits.
func exact(name string) string {
	if name == "xla:cuda" {
		return name + ",tf32=false"
	}
	return name
}
