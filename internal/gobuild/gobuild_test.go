package gobuild

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fake makes a go command of a shell script.
func fake(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "go")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRun(t *testing.T) {
	quiet, pause = 100*time.Millisecond, 200*time.Millisecond
	defer func() { quiet, pause = time.Second, 10*time.Second }()
	var progress bytes.Buffer
	o := Options{Tool: fake(t, "echo internal/a >&2; echo internal/b >&2; sleep 1; echo c >&2"), What: "the thing", Progress: &progress}
	if err := Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"building the thing …\n", "2 packages compiled\n", "built the thing: 1 s, 3 packages\n"} {
		if !strings.Contains(progress.String(), want) {
			t.Errorf("no %q in %q", want, &progress)
		}
	}
	progress.Reset()
	o.Tool = fake(t, "[ \"$1 $2 $3\" = 'build -v x' ] || exit 9\necho a/b >&2; echo '# a/b' >&2; echo './x.go:1:2: undefined: y' >&2; exit 1")
	o.Args = []string{"x"}
	err := Run(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "build the thing: exit status 1: # a/b\n./x.go:1:2: undefined: y") || progress.Len() > 0 {
		t.Errorf("error %v, told %q", err, &progress)
	}
}
