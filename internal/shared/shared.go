// Package shared finds, for tests, the folder "shared" that lies beside a
// developer's checkout and holds golden numbers and pictures too large or
// not licensed to be in the repository.
package shared

import (
	"os"
	"path/filepath"
	"testing"
)

// Path returns the path of elem below ../shared, seen from the folder that
// holds go.mod. It skips the test, saying so, when that path is absent.
func Path(t testing.TB, elem ...string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatalf("working directory: %v", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the working directory")
		}
		dir = parent
	}
	path := filepath.Join(append([]string{dir, "..", "shared"}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("needs %s, which is not here", filepath.Join(append([]string{"../shared"}, elem...)...))
	}
	return path
}
