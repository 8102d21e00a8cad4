// Package weightstore says where on a user's computer downloaded and imported
// weights lie.
package weightstore

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/weights"
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

// Put stores named weights, as float32.
func Put(name string, dict weights.Dict, meta map[string]string) error {
	data, err := weights.EncodeSafetensors(dict, "F32", meta)
	if err != nil {
		return fmt.Errorf("store the weights %s: %w", name, err)
	}
	return PutFile(name, data)
}

// PutFile stores named weights that are a safetensors file already, and
// records its SHA-256 beside it.
func PutFile(name string, data []byte) error {
	dir, err := Dir()
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		return fmt.Errorf("store the weights %s: %w", name, err)
	}
	file := name + ".safetensors"
	path := filepath.Join(dir, file)
	if err := os.Remove(path + ".sha256"); err != nil && !errors.Is(err, fs.ErrNotExist) { // it holds for the file before
		return fmt.Errorf("store the weights %s: %w", name, err)
	}
	if err := atomicfile.Write(path, data); err != nil {
		return fmt.Errorf("store the weights %s: %w", name, err)
	}
	return atomicfile.Write(path+".sha256", fmt.Appendf(nil, "%x  %s\n", sha256.Sum256(data), file))
}
