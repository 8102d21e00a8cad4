package backend

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
)

// pluginSymbol is the function that makes a library a PJRT plugin.
const pluginSymbol = "GetPjrtApi"

// onnxSymbol is the function that makes a library ONNX Runtime.
const onnxSymbol = "OrtGetApiBase"

// CheckPlugin reports what a file lacks to be a PJRT plugin for this machine,
// without loading it.
func CheckPlugin(path string) error { return checkLibrary(path, pluginSymbol) }

// CheckONNX reports what a file lacks to be ONNX Runtime for this machine,
// without loading it.
func CheckONNX(path string) error {
	if err := checkLibrary(path, onnxSymbol); err != nil {
		return err
	}
	return checkONNXVersion(path)
}

// checkLibrary reports what a file lacks to be a shared library for this
// machine that offers a function: one that is missing, cut, for another
// processor or something else gives one clear error rather than the loader's,
// or a crash.
func checkLibrary(path, symbol string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s: not a file", path)
	}
	magic := make([]byte, len(elf.ELFMAG))
	if _, err := file.ReadAt(magic, 0); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: %w", path, err)
	}
	if string(magic) != elf.ELFMAG {
		return fmt.Errorf("%s: not a Linux library", path)
	}
	library, err := elf.NewFile(file)
	if err != nil {
		return fmt.Errorf("%s: not a whole Linux library: %w", path, err)
	}
	if want := machines[runtime.GOARCH]; library.Machine != want || library.Class != elf.ELFCLASS64 {
		return fmt.Errorf("%s: a library for another processor: %v, this program needs %v", path, library.Machine, want)
	}
	if library.Type != elf.ET_DYN {
		return fmt.Errorf("%s: not a shared library but %v", path, library.Type)
	}
	for _, p := range library.Progs {
		if end := p.Off + p.Filesz; end > uint64(info.Size()) {
			return fmt.Errorf("%s: cut: %d bytes of at least %d", path, info.Size(), end)
		}
	}
	symbols, err := library.DynamicSymbols()
	if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		return fmt.Errorf("%s: not a whole Linux library: %w", path, err)
	}
	for _, s := range symbols {
		if s.Name == symbol && s.Section != elf.SHN_UNDEF {
			return nil
		}
	}
	return fmt.Errorf("%s: a library without the function %s: something else", path, symbol)
}

var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// The PJRT API that go-xla was built for. Plugins keep later ones compatible
// with it; an older one may lack functions that go-xla calls.
const pjrtMajor, pjrtMinor = 0, 104

// NeededAPI is the PJRT API that this program was built for.
func NeededAPI() (major, minor int) { return pjrtMajor, pjrtMinor }
