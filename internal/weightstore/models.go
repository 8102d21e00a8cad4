package weightstore

import (
	"context"
	"crypto/sha256"
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
// copy. It appears whole or not at all, with the SHA-256 of the files recorded.
// A model of that name is not replaced.
func ImportModel(ctx context.Context, name, folder string, files []string, progress Progress, finish func(copied string) error) error {
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
	sums := map[string][]byte{}
	for _, file := range files {
		n, sum, err := copyFile(ctx, filepath.Join(temp, file), filepath.Join(folder, file), done, total, progress)
		if err != nil {
			return fmt.Errorf("copy %s: %w", file, err)
		}
		done += n
		sums[file] = sum
	}
	if err := writeSums(filepath.Join(temp, sumsFile), sums); err != nil {
		return err
	}
	if err := finish(temp); err != nil {
		return err
	}
	if err := os.Chmod(temp, 0o755); err != nil {
		return err
	}
	return os.Rename(temp, target)
}

func copyFile(ctx context.Context, to, from string, done, total int64, progress Progress) (n int64, sum []byte, err error) {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return 0, nil, err
	}
	in, err := os.Open(from)
	if err != nil {
		return 0, nil, err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return 0, nil, err
	}
	h := sha256.New()
	n, err = io.Copy(&counter{w: io.MultiWriter(out, h), done: done, total: total, progress: progress}, untilDone{ctx, in})
	return n, h.Sum(nil), errors.Join(err, out.Sync(), out.Close())
}

// untilDone reads until the context ends.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

func (u untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}
