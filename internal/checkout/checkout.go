// Package checkout finds, for tests, the folder that holds this module's
// go.mod.
package checkout

import (
	"os"
	"testing"

	"github.com/trustsr/trustsr/internal/project"
)

// Root returns the folder with go.mod at or above the working directory. It
// fails the test when there is none.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatalf("working directory: %v", err)
	}
	root, err := project.Find(dir)
	if err != nil {
		t.Fatal(err)
	}
	return root
}
