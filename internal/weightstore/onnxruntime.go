package weightstore

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha512"
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

// ONNX Runtime's library as npm's package onnxruntime-node carries it for
// Linux. The sum is the package's SHA-512 that the registry publishes.
const (
	onnxVersion = "1.26.0"
	onnxSum     = "38797a3e23843aac5a2c72f437d785adbcd2ec81a6bb706d24d1f74531274408" +
		"5e08891f737823723978b06723a7d0b6d990bd613aae0cec52753fecb4143a05"
)

// maxLibrary bounds the library that is taken out of the package: 37 MB.
const maxLibrary = 200 << 20

func onnxLibrary() (string, error) {
	if lib := backend.ONNXLibrary(); lib != "" {
		return lib, nil
	}
	return "", fmt.Errorf("%w: no ONNX Runtime library", ErrMissing)
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
	processor := map[string]string{"amd64": "x64", "arm64": "arm64"}[runtime.GOARCH]
	if runtime.GOOS != "linux" || processor == "" {
		return fmt.Errorf("ONNX Runtime for %s/%s is not in the npm package", runtime.GOOS, runtime.GOARCH)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return err
	}
	target := filepath.Join(home, ".local/lib/onnxruntime/libonnxruntime.so")
	name := "onnxruntime-node-" + onnxVersion + ".tgz"
	d := Download{URL: registry() + "/onnxruntime-node/-/" + name, Path: filepath.Join(filepath.Dir(target), name), Hash: sha512.New, Sum: onnxSum}
	if err := d.Fetch(ctx, progress); err != nil {
		return err
	}
	defer os.Remove(d.Path)
	library, err := memberOf(d.Path, "package/bin/napi-v6/linux/"+processor+"/libonnxruntime.so.1")
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return atomicfile.Write(target, library)
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
