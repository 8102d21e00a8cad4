// Package weightstore says where on a user's computer downloaded and imported
// weights lie.
package weightstore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// EnvVar names another folder than the default.
const EnvVar = "TRUSTSR_WEIGHTS"

// ErrMissing is what errors about weights wrap that are not on this computer.
var ErrMissing = errors.New("weights are missing")

// Dir returns the folder of the weights: $TRUSTSR_WEIGHTS, or
// trustsr/weights below the user's cache folder. It may not exist yet.
func Dir() (string, error) {
	if dir := os.Getenv(EnvVar); dir != "" {
		return dir, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("folder of the weights: %w", err)
	}
	return filepath.Join(dir, "trustsr", "weights"), nil
}

// Path returns where the named weights lie, or would: NAME.safetensors in
// [Dir]. An error wraps [ErrMissing] if nothing is there.
func Path(name string) (string, error) {
	dir, err := Dir()
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrMissing, err)
	}
	path := filepath.Join(dir, name+".safetensors")
	if _, err := os.Stat(path); err != nil {
		return path, fmt.Errorf("%w: no file %s", ErrMissing, path)
	}
	return path, nil
}
