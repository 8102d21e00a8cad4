package command

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/hint"
)

// Doctor finds the Jupyter that up would start, and ends with an error when
// something fails, not when something optional is missing.
func TestDoctor(t *testing.T) {
	root := t.TempDir()
	program := filepath.Join(root, ".lab", "venv", "bin", "jupyter-notebook")
	t.Setenv("PATH", t.TempDir())
	for _, c := range []struct {
		name    string
		private bool // Jupyter in the private environment
		cell    error
		want    []string // rows, as regular expressions
	}{
		{"nothing fails", false, nil, []string{`Jupyter +missing +go run`, `a notebook cell +ok`, `digit model +ok`, `Chromium +missing`}},
		{"a private Jupyter", true, nil, []string{`Jupyter +ok +Jupyter Notebook 6.5.7, ` + regexp.QuoteMeta(program)}},
		{"a cell that fails", true, errors.New("no such\nthing"), []string{`a notebook cell +fails +no such thing`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.private {
				if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(program, []byte("#!/bin/sh\necho 6.5.7\n"), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			var out bytes.Buffer
			err := doctor(context.Background(), &out, root, func(context.Context, string) error { return c.cell })
			if c.cell == nil && err != nil {
				t.Errorf("error %v\n%s", err, &out)
			}
			if c.cell != nil && (err == nil || !strings.Contains(err.Error(), "a notebook cell") || hint.Of(err) == "") {
				t.Errorf("error %v, hint %q", err, hint.Of(err))
			}
			for _, row := range c.want {
				if !regexp.MustCompile(`(?m)^` + row).MatchString(out.String()) {
					t.Errorf("no row %s in\n%s", row, &out)
				}
			}
		})
	}
}
