// Package project finds the checkout of this module that a program works in.
package project

import (
	"os"
	"path/filepath"
	"strings"

	"errors"

	"github.com/trustsr/trustsr/internal/hint"
)

// EnvRoot names the environment variable that holds the checkout's folder.
const EnvRoot = "TRUSTSR_ROOT"

// Root returns the folder that [EnvRoot] names, or that [Find] finds from the
// working directory, as an absolute path.
func Root() (string, error) {
	if root := os.Getenv(EnvRoot); root != "" {
		return filepath.Abs(root)
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	return Find(dir)
}

// Find returns the folder with this module's go.mod at dir or above it.
func Find(dir string) (string, error) {
	for {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(mod), "module github.com/trustsr/trustsr\n") {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", hint.With(errors.New("not in a checkout of trustsr"), "run it in the folder you cloned, or set "+EnvRoot)
		}
		dir = parent
	}
}
