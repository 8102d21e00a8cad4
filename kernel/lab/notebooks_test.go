package lab

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The notebooks of the repository hold no outputs (they carry a token and
// make noise in diffs), name this kernel, and have cells short enough to read.
// A working copy may well hold outputs: it has been run.
func TestNotebooks(t *testing.T) {
	paths, err := filepath.Glob("../../notebooks/*.ipynb")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no notebooks: %v", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var book struct {
				Format   int `json:"nbformat"`
				Metadata struct {
					Kernelspec struct{ Name, Language string }
				}
				Cells []struct {
					ID      string
					Kind    string `json:"cell_type"`
					Source  []string
					Outputs []json.RawMessage
				}
			}
			if err := json.Unmarshal(data, &book); err != nil {
				t.Fatal(err)
			}
			if k := book.Metadata.Kernelspec; book.Format != 4 || k.Name != "trustsr" || k.Language != "go" {
				t.Errorf("nbformat %d, kernelspec %+v", book.Format, k)
			}
			committed := asCommitted(path)
			if !committed {
				t.Log("not as committed, or not in git: its outputs are its user's")
			}
			ids := map[string]bool{}
			for i, cell := range book.Cells {
				if cell.ID == "" || ids[cell.ID] {
					t.Errorf("cell %d: id %q is missing or taken", i, cell.ID)
				}
				ids[cell.ID] = true
				if len(cell.Source) > 15 {
					t.Errorf("cell %d has %d lines", i, len(cell.Source))
				}
				if cell.Kind != "code" {
					continue
				}
				if committed && len(cell.Outputs) > 0 {
					t.Errorf("cell %d has outputs", i)
				}
				// The product is Go in cells: what needs a shell, or knows where
				// the engine keeps its files, is missing in package lab.
				for _, odd := range []string{"!", ".lab/", "func must"} {
					if slices.ContainsFunc(cell.Source, func(line string) bool {
						return strings.HasPrefix(line, odd) || odd != "!" && strings.Contains(line, odd)
					}) {
						t.Errorf("cell %d has %q", i, odd)
					}
				}
				// GoNB keeps such imports for all later cells, and makes each slow.
				for _, line := range cell.Source {
					if strings.Contains(line, `import . "`) || strings.Contains(line, `import _ "`) {
						t.Errorf("cell %d: %s", i, strings.TrimSpace(line))
					}
				}
			}
		})
	}
}

// asCommitted reports whether a file is as git last committed it; it is not
// where there is no git, or no repository.
func asCommitted(path string) bool {
	dir, name := filepath.Split(path)
	git := func(args ...string) error { return exec.Command("git", append([]string{"-C", dir}, args...)...).Run() }
	return git("ls-files", "--error-unmatch", name) == nil && git("diff", "--quiet", "HEAD", "--", name) == nil
}

// Outputs are looked for in what is committed, and in nothing else.
func TestAsCommitted(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git on this machine")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "book.ipynb")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("as it was")
	if asCommitted(path) {
		t.Error("without a repository a file counts as committed")
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "book.ipynb"},
		{"-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false", "commit", "-q", "-m", "a"}} {
		if out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	if !asCommitted(path) {
		t.Error("a committed file does not count as committed")
	}
	write("as it ran")
	if asCommitted(path) {
		t.Error("a changed file counts as committed")
	}
}
