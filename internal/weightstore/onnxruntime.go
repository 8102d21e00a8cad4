package weightstore

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/backend"
)

// onnxVersion is the version of npm's package onnxruntime-node whose library
// is taken.
const onnxVersion = "1.26.0"

// The package holds the libraries of all systems, 100 MB; Linux's come first,
// so that its first bytes do. The sums are those of a package whose SHA-512
// was the one that the registry publishes,
// 38797a3e23843aac5a2c72f437d785adbcd2ec81a6bb706d24d1f74531274408
// 5e08891f737823723978b06723a7d0b6d990bd613aae0cec52753fecb4143a05.
var onnxPackage = map[string]struct {
	folder string
	size   int64 // bytes of the package until after the library
	sum    string
}{
	"amd64": {"x64", 21_800_000, "e810872c0e4d10ab0c17ed963e2c56e84d20045d0821dd0f1beaade9fdf7272c"},
	"arm64": {"arm64", 7_700_000, "6ae9ab1266419cfb18af76956a9482f783dc1020108252268ea70b2a8ec3da55"},
}

// maxLibrary bounds the library that is taken out of the package: 37 MB.
const maxLibrary = 200 << 20

func onnxLibrary() (string, error) {
	library, err := backend.FindONNX()
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrMissing, err)
	}
	return library, nil
}

// registry is npm's, or the user's mirror of it.
func registry() string {
	if r := os.Getenv("npm_config_registry"); r != "" {
		return strings.TrimRight(r, "/")
	}
	return "https://registry.npmjs.org"
}

// fetchONNXRuntime installs the library where package backend looks for it.
func fetchONNXRuntime(ctx context.Context, progress Progress) error {
	if _, err := onnxLibrary(); err == nil {
		return nil
	}
	part, ok := onnxPackage[runtime.GOARCH]
	if runtime.GOOS != "linux" || !ok {
		return fmt.Errorf("ONNX Runtime for %s/%s is not in the npm package", runtime.GOOS, runtime.GOARCH)
	}
	target, err := onnxTarget()
	if err != nil {
		return err
	}
	name := "onnxruntime-node-" + onnxVersion + ".tgz"
	d := Download{
		URL: registry() + "/onnxruntime-node/-/" + name, Path: filepath.Join(filepath.Dir(target), name),
		Size: part.size, First: true, Hash: sha256.New, Sum: part.sum,
	}
	if err := d.Fetch(ctx, progress); err != nil {
		return err
	}
	defer os.Remove(d.Path)
	return ImportONNXRuntime(d.Path)
}

// onnxTarget is where package backend looks for the library.
func onnxTarget() (string, error) {
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".local/lib/onnxruntime/libonnxruntime.so"), err
}

// ImportONNXRuntime installs the library from a file: the library itself, or
// npm's package onnxruntime-node (.tgz).
func ImportONNXRuntime(path string) error {
	target, err := onnxTarget()
	if err != nil {
		return err
	}
	var library []byte
	if strings.HasSuffix(path, ".tgz") || strings.HasSuffix(path, ".tar.gz") {
		library, err = memberOf(path, "package/bin/napi-v6/linux/"+onnxPackage[runtime.GOARCH].folder+"/libonnxruntime.so.1")
	} else {
		library, err = readLibrary(path)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if !bytes.HasPrefix(library, []byte(elf.ELFMAG)) {
		return fmt.Errorf("%s: not a Linux library", path)
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	return atomicfile.Write(target, library)
}

func readLibrary(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxLibrary {
		return nil, fmt.Errorf("%d bytes are too many for ONNX Runtime's library", info.Size())
	}
	return os.ReadFile(path)
}

// memberOf reads one file out of a gzipped tar archive.
func memberOf(path, member string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	archive := tar.NewReader(unzipped)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("no file %s in it", member)
		}
		if err != nil {
			return nil, err
		}
		if header.Name == member {
			return io.ReadAll(io.LimitReader(archive, maxLibrary))
		}
	}
}
