// Package golden finds, for tests, the numbers and pictures that the original
// authors' code made. They lie in testdata; testdata/README.md says what made
// them. Several packages compare with the same files, so they lie in one
// place.
package golden

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/trustsr/trustsr/internal/checkout"
)

// Path returns the path of elem below this package's testdata. A file that is
// absent fails the test: it is part of the repository.
func Path(t testing.TB, elem ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{checkout.Root(t), "internal", "golden", "testdata"}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("golden file: %v", err)
	}
	return path
}
