package backend

import (
	"debug/elf"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// compiled builds a shared library from C.
func compiled(t *testing.T, source string, flags ...string) string {
	t.Helper()
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler")
	}
	dir := t.TempDir()
	path, library := filepath.Join(dir, "source.c"), filepath.Join(dir, "library.so")
	if err := os.WriteFile(path, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"-shared", "-fPIC", "-o", library, path}, flags...)
	if out, err := exec.Command(cc, args...).CombinedOutput(); err != nil {
		t.Skipf("no library from %s: %v: %s", cc, err, out)
	}
	return library
}

// pluginSource is a plugin of an API version that offers no functions.
func pluginSource(major, minor string) string {
	return `#include <stddef.h>
struct { size_t size; void *x; size_t y; void *z; int major, minor; } api = {40, 0, 24, 0, ` + major + `, ` + minor + `};
const void *GetPjrtApi(void) { return &api; }`
}

// changed is a copy of a file with some of its bytes changed.
func changed(t *testing.T, path string, change func(data []byte) []byte) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "changed.so")
	if err := os.WriteFile(copied, change(data), 0o644); err != nil {
		t.Fatal(err)
	}
	return copied
}

// noLibraries hides what this machine has installed.
func noLibraries(t *testing.T) {
	t.Helper()
	t.Setenv("GOMLX_BACKEND", "")
	t.Setenv("HOME", t.TempDir())
	t.Setenv(onnxEnv, "")
	t.Setenv(pluginEnv, t.TempDir())
}

// A file that cannot be used gives one clear error, from Open too.
func TestBadPlugins(t *testing.T) {
	if !HasXLA {
		t.Skip("built without cgo")
	}
	noLibraries(t)
	old := compiled(t, pluginSource("0", "23"))
	text := filepath.Join(t.TempDir(), "text.so")
	if err := os.WriteFile(text, []byte("<html>not found</html>"), 0o644); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "empty.so")
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ path, want string }{
		"missing":  {filepath.Join(t.TempDir(), "none.so"), "no such file"},
		"a folder": {t.TempDir(), "not a file"},
		"a page":   {text, "not a Linux library"},
		"empty":    {empty, "not a Linux library"},
		"cut":      {changed(t, old, func(d []byte) []byte { return d[:len(d)/2] }), "not a whole Linux library"},
		"another processor": {changed(t, old, func(d []byte) []byte {
			binary.LittleEndian.PutUint16(d[18:], uint16(elf.EM_AARCH64))
			return d
		}), "another processor"},
		"no plugin":   {compiled(t, "int f(void) { return 0; }"), "without the function GetPjrtApi"},
		"no API":      {compiled(t, "void *GetPjrtApi(void) { return 0; }"), "offers no PJRT API"},
		"old":         {old, "PJRT API 0.23, this program needs 0.104"},
		"another API": {compiled(t, pluginSource("1", "200")), "PJRT API 1.200, this program needs 0.104"},
		"libraries it needs": {compiled(t, "int absent(void); void *GetPjrtApi(void) { return absent() ? 0 : 0; }",
			"-nostdlib", "-Wl,-z,now", "-Wl,--unresolved-symbols=ignore-all"), "does not load"},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := Open("xla:" + c.path)
			if err == nil || b != nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.path) {
				t.Errorf("backend %v, error %v; want %q", b, err, c.want)
			}
		})
	}
}

// The number in the code is the one that go-xla's header has.
func TestNeededAPI(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/gomlx/go-xla").Output()
	if err != nil {
		t.Fatal(err)
	}
	header, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "pjrt", "pjrt_c_api.h"))
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]int{"#define PJRT_API_MAJOR ": pjrtMajor, "#define PJRT_API_MINOR ": pjrtMinor} {
		_, after, found := strings.Cut(string(header), line)
		number, _, _ := strings.Cut(after, "\n")
		if !found || number != strconv.Itoa(want) {
			t.Errorf("%s%s, the code has %d", line, number, want)
		}
	}
}
