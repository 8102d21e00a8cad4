package weightstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/trustsr/trustsr/internal/backend"
)

// Names of the libraries that graphs run on.
const (
	ONNXRuntime = "onnxruntime"
	XLACPU      = "xla-cpu"
	XLACUDA     = "xla-cuda"
)

// Libraries are the items that are programs' code rather than data.
var Libraries = []string{ONNXRuntime, XLACPU, XLACUDA}

// library is one shared library out of one wheel.
type library struct {
	wheels  []wheel
	pattern string // of its name in the wheel
	target  func() (string, error)
	check   func(file string) error
}

var (
	onnxLibrary = library{onnxWheels, "onnxruntime/capi/libonnxruntime.so.*", onnxTarget, backend.CheckONNX}
	xlaLibrary  = library{xlaCPUWheels, "*/libpjrt_cpu.so", backend.InstalledPlugin, backend.CheckPlugin}
)

// onnxTarget is where package backend looks for ONNX Runtime.
func onnxTarget() (string, error) {
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".local/lib/onnxruntime/libonnxruntime.so"), err
}

// missing makes an error of package backend one of this package's.
func missing(find func() (string, error)) func() (string, error) {
	return func() (string, error) {
		path, err := find()
		if err != nil {
			return "", fmt.Errorf("%w: %w", ErrMissing, err)
		}
		return path, nil
	}
}

var errOtherMachine = fmt.Errorf("there is a library for Linux on amd64 alone, this is %s/%s", runtime.GOOS, runtime.GOARCH)

func forThisMachine() bool { return runtime.GOOS == "linux" && runtime.GOARCH == "amd64" }

// fetch has pip download the wheel, and puts the library where package
// backend looks for it.
func (l library) fetch(ctx context.Context, progress Progress) error {
	if !forThisMachine() {
		return errOtherMachine
	}
	p, err := findPip(ctx)
	if err != nil {
		return err
	}
	target, err := l.target()
	if err != nil {
		return err
	}
	folder := filepath.Join(filepath.Dir(target), ".download")
	if err := p.download(ctx, folder, l.wheels, progress); err != nil {
		return errors.Join(err, removeEmpty(folder))
	}
	if err := installLibrary(ctx, filepath.Join(folder, l.wheels[0].file), l.pattern, target, l.check); err != nil {
		return err
	}
	return os.RemoveAll(folder)
}

// removeEmpty removes a folder in which nothing is kept for the next try.
func removeEmpty(folder string) error {
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		return err
	}
	return os.Remove(folder)
}

// fetchCUDA has pip download the plugin and NVIDIA's libraries, and unpack
// them into one folder as in a Python environment, where the plugin finds them.
func fetchCUDA(ctx context.Context, progress Progress) error {
	if !forThisMachine() {
		return errOtherMachine
	}
	p, err := findPip(ctx)
	if err != nil {
		return err
	}
	target, err := backend.CUDAFolder()
	if err != nil {
		return err
	}
	folder := target + ".download"
	if err := p.download(ctx, folder, xlaCUDAWheels, progress); err != nil {
		return errors.Join(err, removeEmpty(folder))
	}
	return installFolder(ctx, p, folder, target, xlaCUDAWheels)
}

// installFolder unpacks wheels to target, whole or not at all, and removes
// the folder they came in.
func installFolder(ctx context.Context, p *pip, folder, target string, wheels []wheel) error {
	whole := target + ".unpacked"
	if err := os.RemoveAll(whole); err != nil {
		return err
	}
	defer os.RemoveAll(whole)
	if err := p.install(ctx, folder, whole, wheels); err != nil {
		return err
	}
	if err := os.RemoveAll(target); err != nil {
		return err
	}
	if err := os.Rename(whole, target); err != nil {
		return err
	}
	return os.RemoveAll(folder)
}

// ImportLibrary installs a library from a file: the wheel that holds it, or
// the library itself.
func ImportLibrary(ctx context.Context, name, path string) error {
	l := xlaLibrary
	switch name {
	case ONNXRuntime:
		l = onnxLibrary
	case XLACPU:
	default:
		return fmt.Errorf("%s is many files: copy the folder of a Python environment with jax[cuda13], and set $VIRTUAL_ENV to it", name)
	}
	target, err := l.target()
	if err != nil {
		return err
	}
	return installLibrary(ctx, path, l.pattern, target, l.check)
}
