package jupyter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"

	"github.com/trustsr/trustsr/internal/hint"
)

// InstallOptions say where a kernelspec goes that other Jupyters than that of
// [Up] find: Notebook, JupyterLab, VS Code, nbconvert.
type InstallOptions struct {
	Root      string // project root
	Name      string // "" is [KernelName]; the notebooks here ask for that one
	SysPrefix string // folder of a Python environment; "" is the user's own data folder
	Progress  io.Writer
}

// Jupyter asks for names of ASCII letters, digits, '-', '.' and '_', and
// lowers their case.
var kernelName = regexp.MustCompile(`^[a-z0-9._-]{1,100}$`)

// folder returns the folder of the kernelspec, as jupyter_core's paths have it.
func (o InstallOptions) folder() (string, error) {
	name := o.Name
	if name == "" {
		name = KernelName
	}
	if !kernelName.MatchString(name) || name == "." || name == ".." {
		return "", fmt.Errorf("kernel name %.100q: small letters, digits, '.', '_' and '-'", name)
	}
	data := os.Getenv("JUPYTER_DATA_DIR")
	if o.SysPrefix != "" {
		if info, err := os.Stat(o.SysPrefix); err != nil || !info.IsDir() {
			return "", hint.With(fmt.Errorf("%s is not a folder", o.SysPrefix), "name the folder of a Python environment, for example $VIRTUAL_ENV")
		}
		data = filepath.Join(o.SysPrefix, "share", "jupyter")
	} else if data == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		data = filepath.Join(home, ".local", "share", "jupyter")
		if runtime.GOOS == "darwin" {
			data = filepath.Join(home, "Library", "Jupyter")
		}
	}
	return filepath.Join(data, "kernels", name), nil
}

// Install sets the kernel up and writes a kernelspec for other Jupyters. It
// returns the kernelspec's folder. One of another kernel is not replaced.
func Install(ctx context.Context, o InstallOptions) (string, error) {
	dir, err := o.folder()
	if err != nil {
		return "", err
	}
	if err := ours(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if err := Setup(ctx, o.Root, o.Progress); err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("install the kernel: %w", err)
	}
	l := layout{o.Root}
	if err := l.kernelspec(dir); err != nil {
		return "", fmt.Errorf("install the kernel: %w", err)
	}
	if err := l.buildGopls(ctx, o.Progress); err != nil {
		fmt.Fprintln(o.Progress, "note:", err) // a notebook runs without it
	}
	return dir, nil
}

// Uninstall removes a kernelspec that [Install] wrote, and returns the folder
// it was in.
func Uninstall(o InstallOptions) (string, error) {
	dir, err := o.folder()
	if err != nil {
		return "", err
	}
	if err := ours(dir); err != nil {
		return "", err
	}
	return dir, os.RemoveAll(dir)
}

// ours checks that a folder holds a kernelspec that Install wrote, of this
// checkout or another, and nothing else.
func ours(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("no kernel is installed: %w", err)
	}
	for _, e := range entries {
		if !slices.Contains([]string{"kernel.json", "logo-64x64.png"}, e.Name()) {
			return fmt.Errorf("%s holds %s, which is not of this kernel", dir, e.Name())
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "kernel.json"))
	if err != nil {
		return fmt.Errorf("no kernel is installed: %w", err)
	}
	var spec struct{ Argv []string }
	if err := json.Unmarshal(text, &spec); err != nil || len(spec.Argv) != 3 || filepath.Base(spec.Argv[0]) != "trustsr" || spec.Argv[1] != "run" {
		return hint.With(fmt.Errorf("%s is of another kernel", dir), "choose another --name")
	}
	return nil
}
