package weightstore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sort"
)

// modelName is what a model may be called: it becomes a folder and stands in
// addresses of samples.
var modelName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// models returns the folder of imported diffusion models.
func models() (string, error) {
	dir, err := Dir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "models"), nil
}

// ModelPath returns the folder of an imported model. An error wraps
// [ErrMissing] if there is none of that name.
func ModelPath(name string) (string, error) {
	dir, err := models()
	if err != nil {
		return "", err
	}
	if !modelName.MatchString(name) {
		return "", fmt.Errorf("%w: no model %.80q", ErrMissing, name)
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%w: no model %q", ErrMissing, name)
	}
	return path, nil
}

// Models returns the names of the imported models, sorted.
func Models() []string {
	dir, err := models()
	if err != nil {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if modelName.MatchString(e.Name()) {
			names = append(names, e.Name())
		}
	}
	sort.Strings(names)
	return names
}

// ImportModel copies a checkpoint, files by their paths below a common
// folder, so that [ModelPath] finds it under the name. finish may add to the
// copy. It appears whole or not at all. A model of that name is not replaced.
func ImportModel(name, folder string, files []string, progress Progress, finish func(copied string) error) error {
	if !modelName.MatchString(name) {
		return fmt.Errorf("model name %.80q: small letters, digits, dots and dashes", name)
	}
	dir, err := models()
	if err != nil {
		return err
	}
	target := filepath.Join(dir, name)
	if _, err := os.Stat(target); err == nil {
		return fmt.Errorf("there is a model %q: %w", name, fs.ErrExist)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(dir, ".tmp-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	total, done := int64(0), int64(0)
	for _, file := range files {
		info, err := os.Stat(filepath.Join(folder, file))
		if err != nil {
			return err
		}
		total += info.Size()
	}
	for _, file := range files {
		n, err := copyFile(filepath.Join(temp, file), filepath.Join(folder, file), done, total, progress)
		if err != nil {
			return fmt.Errorf("copy %s: %w", file, err)
		}
		done += n
	}
	if err := finish(temp); err != nil {
		return err
	}
	if err := os.Chmod(temp, 0o755); err != nil {
		return err
	}
	return os.Rename(temp, target)
}

func copyFile(to, from string, done, total int64, progress Progress) (n int64, err error) {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return 0, err
	}
	in, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return 0, err
	}
	n, err = io.Copy(&counter{w: out, done: done, total: total, progress: progress}, in)
	return n, errors.Join(err, out.Sync(), out.Close())
}
