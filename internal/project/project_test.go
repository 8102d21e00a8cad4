package project

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/trustsr/trustsr/internal/hint"
)

func TestFind(t *testing.T) {
	dir := t.TempDir()
	deep := filepath.Join(dir, "a", "b")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(at, text string) {
		if err := os.WriteFile(filepath.Join(at, "go.mod"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Find(deep); err == nil || hint.Of(err) == "" {
		t.Errorf("no checkout: %v", err)
	}
	write(deep, "module github.com/trustsr/trustsr/other\n") // a module inside the checkout, or another's
	write(dir, "module github.com/trustsr/trustsr\n\ngo 1.26\n")
	if got, err := Find(deep); got != dir || err != nil {
		t.Errorf("found %q, %v", got, err)
	}
	t.Chdir(deep)
	t.Setenv(EnvRoot, "")
	if got, err := Root(); got != dir || err != nil {
		t.Errorf("from the working directory %q, %v", got, err)
	}
	t.Setenv(EnvRoot, "..")
	if got, err := Root(); got != filepath.Dir(deep) || err != nil {
		t.Errorf("from the environment %q, %v", got, err)
	}
}
