// Package checkout finds, for tests, the folder that holds this module's
// go.mod.
package checkout

import (
	"os"
	"path/filepath"
	"testing"
)

// Root returns the folder with go.mod at or above the working directory. It
// fails the test when there is none.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatalf("working directory: %v", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the working directory")
		}
		dir = parent
	}
}
