// Package stranger tests what a program sees that imports this module: no
// package below internal, no type of one, and errors that it can tell apart.
package stranger

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/trustsr/trustsr/internal/checkout"
)

// The module in testdata is built and tested as somebody else's, without
// network.
func TestStranger(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: compiles a module of its own")
	}
	root := checkout.Root(t)
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	// The versions are this module's, so that all are on the computer.
	own := regexp.MustCompile(`(?m)^module .*$`).ReplaceAll(mod, []byte("module example.org/stranger"))
	own = regexp.MustCompile(`(?ms)^tool \(.*?^\)`).ReplaceAll(own, nil)
	own = append(own, "\nrequire github.com/trustsr/trustsr v0.0.0\n\nreplace github.com/trustsr/trustsr => "+root+"\n"...)
	files := map[string][]byte{"go.mod": own, "go.sum": sums}
	for _, name := range []string{"stranger_test.go"} {
		if files[name], err = os.ReadFile(filepath.Join("testdata", name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command("go", "test", "-mod=mod", "./...")
	c.Dir = dir
	c.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=", "GOWORK=off", "TRUSTSR_ROOT="+root)
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
