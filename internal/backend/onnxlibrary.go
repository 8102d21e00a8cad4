package backend

import (
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Older ONNX Runtimes have not the API that compute-onnx asks for (26).
const onnxMajor, onnxMinor = 1, 26

const onnxEnv = "ONNXRUNTIME_SHARED_LIBRARY_PATH"

// ONNXLibrary returns the path of ONNX Runtime's shared library, or "".
func ONNXLibrary() string {
	path, err := FindONNX()
	if err != nil {
		return ""
	}
	return path
}

// FindONNX returns the path of ONNX Runtime's shared library:
// $ONNXRUNTIME_SHARED_LIBRARY_PATH where that is set, as compute-onnx takes no
// other then, or ~/.local/lib/onnxruntime/libonnxruntime.so. The error says
// why there is none to use; a library that is too old is none.
func FindONNX() (string, error) {
	path := os.Getenv(onnxEnv)
	if path == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("no ONNX Runtime library: %w", err)
		}
		path = filepath.Join(home, ".local/lib/onnxruntime/libonnxruntime.so")
	}
	if info, err := os.Stat(path); err != nil || info.IsDir() {
		return "", &NoLibraryError{Library: "onnxruntime", what: "no ONNX Runtime library at " + path}
	}
	if err := CheckONNX(path); err != nil {
		return "", err
	}
	return path, nil
}

// checkONNXVersion reports a library that is too old.
func checkONNXVersion(path string) error {
	major, minor, ok := onnxVersion(path)
	if ok && (major < onnxMajor || major == onnxMajor && minor < onnxMinor) {
		return fmt.Errorf("ONNX Runtime at %s is %d.%d, %d.%d or later is needed", path, major, minor, onnxMajor, onnxMinor)
	}
	return nil
}

// onnxVersion reads the version of an ELF library without loading it: its
// functions have the symbol version VERS_1.26.0 or the like. ok is false where
// it does not say.
func onnxVersion(path string) (major, minor int, ok bool) {
	f, err := elf.Open(path)
	if err != nil {
		return 0, 0, false
	}
	defer f.Close()
	versions, err := f.DynamicVersions()
	if err != nil {
		return 0, 0, false
	}
	for _, v := range versions {
		if number, found := strings.CutPrefix(v.Name, "VERS_"); found {
			_, err := fmt.Sscanf(number, "%d.%d", &major, &minor)
			return major, minor, err == nil
		}
	}
	return 0, 0, false
}
