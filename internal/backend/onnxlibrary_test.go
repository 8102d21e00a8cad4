package backend

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A library tells its version by its symbols; one that is too old is not
// chosen, and that is said.
func TestONNXVersion(t *testing.T) {
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler")
	}
	dir := t.TempDir()
	source := filepath.Join(dir, "ort.c")
	if err := os.WriteFile(source, []byte("int OrtGetApiBase(void) { return 0; }"), 0o644); err != nil {
		t.Fatal(err)
	}
	noLibraries(t)
	for version, usable := range map[string]bool{"1.25.1": false, "1.26.0": true, "1.130.0": true, "2.0.0": true} {
		script, library := filepath.Join(dir, "versions"), filepath.Join(dir, "lib"+version+".so")
		if err := os.WriteFile(script, []byte("VERS_"+version+" { global: *; };"), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(cc, "-shared", "-fPIC", "-nostdlib", "-Wl,--version-script="+script, "-o", library, source).CombinedOutput(); err != nil {
			t.Skipf("no ELF library from %s: %v: %s", cc, err, out)
		}
		t.Setenv(onnxEnv, library)
		switch got, err := FindONNX(); {
		case usable && (got != library || err != nil):
			t.Errorf("%s: %q, %v", version, got, err)
		case !usable && (err == nil || !strings.Contains(err.Error(), "1.26 or later is needed")):
			t.Errorf("%s: %q, %v", version, got, err)
		}
		if c := Choose(); HasONNX && !usable && (strings.HasPrefix(c.Config, "onnx") || !strings.Contains(c.Reason, "1.26 or later")) {
			t.Errorf("%s: choice %+v", version, c)
		}
	}
}
