package weightstore

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/backend"
)

// makeWheel writes a wheel with some files and returns how it is pinned.
func makeWheel(t *testing.T, folder, name string, files map[string][]byte) wheel {
	t.Helper()
	w := wheel{name: name, version: "1.0", file: strings.ReplaceAll(name, "-", "_") + "-1.0-py3-none-manylinux_2_17_x86_64.whl"}
	info := strings.ReplaceAll(name, "-", "_") + "-1.0.dist-info/"
	all := map[string][]byte{
		info + "METADATA": fmt.Appendf(nil, "Metadata-Version: 2.1\nName: %s\nVersion: 1.0\n", name),
		info + "WHEEL":    []byte("Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\nTag: py3-none-manylinux_2_17_x86_64\n"),
	}
	for path, data := range files {
		all[path] = data
	}
	var record strings.Builder
	for path, data := range all {
		sum := sha256.Sum256(data)
		fmt.Fprintf(&record, "%s,sha256=%s,%d\n", path, base64.RawURLEncoding.EncodeToString(sum[:]), len(data))
	}
	all[info+"RECORD"] = []byte(record.String() + info + "RECORD,,\n")
	var buffer bytes.Buffer
	archive := zip.NewWriter(&buffer)
	for path, data := range all {
		f, err := archive.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		f.Write(data)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(buffer.Bytes())
	w.sha256, w.bytes = hex.EncodeToString(sum[:]), int64(buffer.Len())
	if err := os.WriteFile(filepath.Join(folder, w.file), buffer.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return w
}

// compiledPlugin is a shared library that could be a PJRT plugin.
func compiledPlugin(t *testing.T) []byte {
	t.Helper()
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler")
	}
	dir := t.TempDir()
	source, library := filepath.Join(dir, "p.c"), filepath.Join(dir, "p.so")
	if err := os.WriteFile(source, []byte("void *GetPjrtApi(void) { return 0; }"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(cc, "-shared", "-fPIC", "-o", library, source).CombinedOutput(); err != nil {
		t.Skipf("no library from %s: %v: %s", cc, err, out)
	}
	data, err := os.ReadFile(library)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// registryOf makes pip take packages from a folder alone, by the settings that
// users make, and returns the folder.
func registryOf(t *testing.T) string {
	t.Helper()
	if !forThisMachine() {
		t.Skip(errOtherMachine)
	}
	if err := FindPip(t.Context()); err != nil {
		t.Skip(err)
	}
	folder := t.TempDir()
	t.Setenv("PIP_NO_INDEX", "1")
	t.Setenv("PIP_FIND_LINKS", folder)
	return folder
}

// testLibrary is the library of a wheel, for a folder of the test's own.
func testLibrary(t *testing.T, wheels ...wheel) (library, string) {
	t.Helper()
	target := filepath.Join(t.TempDir(), "lib", "plugin.so")
	return library{wheels, "*/libpjrt_cpu.so", func() (string, error) { return target, nil }, backend.CheckPlugin}, target
}

// nothingLeft insists on an empty folder of the library.
func nothingLeft(t *testing.T, target string) {
	t.Helper()
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(target), "*"))
	hidden, _ := filepath.Glob(filepath.Join(filepath.Dir(target), ".*"))
	if left = append(left, hidden...); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// The library of a pinned wheel is fetched by the machine's pip from where its
// user has told it to.
func TestFetchLibrary(t *testing.T) {
	registry, plugin := registryOf(t), compiledPlugin(t)
	w := makeWheel(t, registry, "trustsr-probe", map[string][]byte{"trustsr_probe/libpjrt_cpu.so": plugin, "trustsr_probe/other.so": []byte("x")})
	l, target := testLibrary(t, w)
	var last, total int64
	if err := l.fetch(t.Context(), func(done, of int64) { last, total = done, of }); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(target); err != nil || !bytes.Equal(got, plugin) {
		t.Errorf("%d bytes, %v, want %d", len(got), err, len(plugin))
	}
	if last != w.bytes || total != w.bytes {
		t.Errorf("progress ended at %d of %d, want %d", last, total, w.bytes)
	}
	if err := os.Remove(target); err != nil {
		t.Fatal(err)
	}
	nothingLeft(t, target)

	// by hand, from the wheel and from the library
	for name, path := range map[string]string{"wheel": filepath.Join(registry, w.file), "library": writeFile(t, plugin)} {
		if err := installLibrary(t.Context(), path, l.pattern, target, l.check); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got, _ := os.ReadFile(target); !bytes.Equal(got, plugin) {
			t.Errorf("%s: %d bytes, want %d", name, len(got), len(plugin))
		}
		os.Remove(target)
	}

	// what came before an interruption is not asked for again
	second := makeWheel(t, registry, "trustsr-probe-two", map[string][]byte{"two/x": []byte("x")})
	l.wheels = []wheel{w, second}
	folder := filepath.Join(filepath.Dir(target), ".download")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(registry, w.file), filepath.Join(folder, w.file)); err != nil {
		t.Fatal(err)
	}
	if err := l.fetch(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(target); err != nil {
		t.Error(err)
	}
}

func writeFile(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// What is not the pinned file, or holds no library for this machine, is
// refused, and leaves nothing.
func TestFetchLibraryRefuses(t *testing.T) {
	registry, plugin := registryOf(t), compiledPlugin(t)
	good := makeWheel(t, registry, "trustsr-probe", map[string][]byte{"p/libpjrt_cpu.so": plugin})
	other := good
	other.sha256 = strings.Repeat("0", 64)
	unknown := good
	unknown.name = "trustsr-nowhere"
	empty := makeWheel(t, registry, "trustsr-empty", nil)
	text := makeWheel(t, registry, "trustsr-text", map[string][]byte{"p/libpjrt_cpu.so": []byte("<html>")})
	cut := makeWheel(t, registry, "trustsr-cut", map[string][]byte{"p/libpjrt_cpu.so": plugin[:len(plugin)/2]})
	for name, c := range map[string]struct {
		w    wheel
		is   error
		says string
	}{
		"another hash":    {other, ErrSum, ""},
		"no such package": {unknown, nil, "No matching distribution"},
		"no library":      {empty, nil, "no file */libpjrt_cpu.so in it"},
		"a page":          {text, nil, "not a Linux library"},
		"cut":             {cut, nil, "not a whole Linux library"},
	} {
		t.Run(name, func(t *testing.T) {
			l, target := testLibrary(t, c.w)
			err := l.fetch(t.Context(), nil)
			if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), ".tmp-") {
				t.Errorf("error %v", err)
			}
			if _, err := os.Stat(target); err == nil {
				t.Error("there is a library")
			}
			if c.w != empty && c.w != text && c.w != cut { // a whole wheel is kept for the next try
				nothingLeft(t, target)
			}
		})
	}
	t.Run("stopped", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		l, target := testLibrary(t, good)
		if err := l.fetch(ctx, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		nothingLeft(t, target)
	})
	t.Run("no network", func(t *testing.T) {
		t.Setenv("PIP_NO_INDEX", "")
		t.Setenv("PIP_FIND_LINKS", "")
		t.Setenv("PIP_RETRIES", "1")
		t.Setenv("PIP_INDEX_URL", "http://someone:secret@127.0.0.1:9/simple")
		l, target := testLibrary(t, good)
		err := l.fetch(t.Context(), nil)
		if !errors.Is(err, ErrOffline) || strings.Contains(err.Error(), "secret") {
			t.Errorf("error %v", err)
		}
		nothingLeft(t, target)
	})
	t.Run("no pip", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		l, target := testLibrary(t, good)
		if err := l.fetch(t.Context(), nil); !errors.Is(err, ErrNoPip) {
			t.Errorf("error %v", err)
		}
		nothingLeft(t, target)
	})
}

// The wheels of a plugin with many libraries are unpacked as in a Python
// environment, where package backend finds the plugin.
func TestInstallFolder(t *testing.T) {
	registry, plugin := registryOf(t), compiledPlugin(t)
	wheels := []wheel{
		makeWheel(t, registry, "trustsr-jax", map[string][]byte{"jax_plugins/xla_cuda13/xla_cuda_plugin.so": plugin}),
		makeWheel(t, registry, "trustsr-cublas", map[string][]byte{"nvidia/cu13/lib/libcublas.so.13": []byte("x")}),
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("PJRT_PLUGIN_LIBRARY_PATH", "")
	target, err := backend.CUDAFolder()
	if err != nil {
		t.Fatal(err)
	}
	p, err := findPip(t.Context())
	if err != nil {
		t.Skip(err)
	}
	folder := target + ".download"
	if err := p.download(t.Context(), folder, wheels, nil); err != nil {
		t.Fatal(err)
	}
	if err := installFolder(t.Context(), p, folder, target, wheels); err != nil {
		t.Fatal(err)
	}
	if got, err := backend.FindPlugin("cuda"); err != nil || got != filepath.Join(target, "jax_plugins/xla_cuda13/xla_cuda_plugin.so") {
		t.Errorf("found %s, %v", got, err)
	}
	if _, err := os.Stat(filepath.Join(target, "nvidia/cu13/lib/libcublas.so.13")); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(target + ".*"); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// What is pinned is a whole pin.
func TestWheels(t *testing.T) {
	hash := regexp.MustCompile(`^[0-9a-f]{64}$`)
	seen := map[string]bool{}
	for _, list := range [][]wheel{onnxWheels, xlaCPUWheels, xlaCUDAWheels} {
		for _, w := range list {
			if !hash.MatchString(w.sha256) || seen[w.sha256] || w.bytes <= 0 || w.licence == "" || w.holds == "" ||
				!strings.HasPrefix(w.file, strings.ReplaceAll(w.name, "-", "_")+"-"+w.version+"-") {
				t.Errorf("%+v", w)
			}
			seen[w.sha256] = true
		}
	}
	if n := wheelBytes(xlaCUDAWheels); n < 2e9 {
		t.Errorf("CUDA is %d bytes", n)
	}
}

// The pinned wheels are what the registry has, and hold the libraries.
func TestFetchPublished(t *testing.T) {
	if os.Getenv("TRUSTSR_LONG") == "" {
		t.Skip("TRUSTSR_LONG is not set: nothing is asked of a registry (91 MB)")
	}
	if !forThisMachine() {
		t.Skip(errOtherMachine)
	}
	t.Setenv("HOME", t.TempDir())
	for name, l := range map[string]library{ONNXRuntime: onnxLibrary, XLACPU: xlaLibrary} {
		err := l.fetch(t.Context(), nil)
		if errors.Is(err, ErrOffline) || errors.Is(err, ErrNoPip) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		item, _ := Find(name)
		target, _ := l.target()
		if info, err := os.Stat(target); err != nil || info.Size() != item.Disk {
			t.Errorf("%s: %v, %v; want %d bytes", name, info, err, item.Disk)
		}
	}
}
