package jupyter

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trustsr/trustsr/internal/hint"
)

// book writes a notebook of code cells.
func book(t *testing.T, cells ...string) string {
	t.Helper()
	var list []map[string]any
	for _, c := range cells {
		list = append(list, map[string]any{"cell_type": "code", "source": c, "metadata": map[string]any{"mine": 1}, "outputs": []any{}, "execution_count": nil})
	}
	list = append(list, map[string]any{"cell_type": "markdown", "source": []string{"# one\n", "two"}, "metadata": map[string]any{}})
	data, err := json.Marshal(map[string]any{"nbformat": 4, "nbformat_minor": 4, "metadata": map[string]any{"kept": true}, "cells": list})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "book.ipynb")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func execBook(t *testing.T, out string, cells ...string) (progress string, err error) {
	t.Helper()
	if err := setUp(); err != nil {
		t.Fatal(err)
	}
	root := projectRoot(t)
	t.Setenv("TRUSTSR_ROOT", root)
	var b bytes.Buffer
	err = Exec(context.Background(), ExecOptions{Root: root, Notebook: book(t, cells...), Out: out, Timeout: time.Minute, Progress: &b,
		kernel: []string{os.Args[0], "run"}})
	return b.String(), err
}

func TestExec(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.ipynb")
	progress, err := execBook(t, out, "%%\nfmt.Print(\"hello\")", "func twice(x int) int { return 2 * x }", "%%\nfmt.Print(twice(21))")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(progress, "[3/3] fmt.Print(twice(21))") {
		t.Errorf("progress: %s", progress)
	}
	nb, err := readNotebook(out)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(nb.cells[0]["outputs"]); !strings.Contains(got, "hello") {
		t.Errorf("first output: %s", got)
	}
	if got := string(nb.cells[2]["outputs"]); !strings.Contains(got, "42") {
		t.Errorf("third output: %s", got)
	}
	if string(nb.cells[0]["metadata"]) == "" || !strings.Contains(string(nb.fields["metadata"]), "kept") {
		t.Error("fields that are not ours were lost")
	}
}

// GoNB replies "ok" to a cell whose program panics or exits badly.
func TestExecFailingCells(t *testing.T) {
	for name, c := range map[string]struct{ source, want string }{
		"compile error": {"%%\nvar x int = \"text\"", "cannot use"},
		"panic":         {"%%\npanic(\"at the disco\")", "at the disco"},
		"exit status":   {"%%\nfmt.Fprintln(os.Stderr, \"error: no luck\")\nos.Exit(3)", "no luck"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := execBook(t, "", c.source, "%%\nfmt.Print(1)")
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "cell 1 of 2") {
				t.Errorf("error %v, want one of cell 1 with %q", err, c.want)
			}
		})
	}
}

// A kernel that cannot start is an error, and nothing more.
func TestExecWithoutKernel(t *testing.T) {
	for name, kernel := range map[string][]string{"absent": {"/nonexistent/kernel"}, "dies at once": {"/bin/false"}} {
		var b bytes.Buffer
		err := Exec(context.Background(), ExecOptions{Root: t.TempDir(), Notebook: book(t, "%%\n"), Progress: &b, kernel: kernel})
		if err == nil || hint.Of(err) == "" {
			t.Errorf("%s: error %v, hint %q", name, err, hint.Of(err))
		}
	}
}

// Ctrl-C interrupts the cell, stops the kernel, and says so in the user's
// words.
func TestExecInterrupted(t *testing.T) {
	if err := setUp(); err != nil {
		t.Fatal(err)
	}
	root := projectRoot(t)
	t.Setenv("TRUSTSR_ROOT", root)
	mark, token := "TRUSTSR_TEST_MARK", randomToken()
	t.Setenv(mark, token)
	begun := filepath.Join(t.TempDir(), "begun")
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		for ctx.Err() == nil {
			if _, err := os.Stat(begun); err == nil {
				cancel()
			}
			time.Sleep(50 * time.Millisecond)
		}
	}()
	defer cancel()
	out := filepath.Join(t.TempDir(), "out.ipynb")
	cell := fmt.Sprintf("%%%%\nos.WriteFile(%q, nil, 0o644)\ntime.Sleep(time.Hour)", begun)
	err := Exec(ctx, ExecOptions{Root: root, Notebook: book(t, cell), Out: out, Timeout: 5 * time.Minute, Progress: io.Discard,
		kernel: []string{os.Args[0], "run"}})
	if err == nil || !strings.HasSuffix(err.Error(), ": interrupted") || !strings.Contains(hint.Of(err), "samples are kept") {
		t.Errorf("error %v, hint %q", err, hint.Of(err))
	}
	if _, err := readNotebook(out); err != nil {
		t.Errorf("what ran is not written: %v", err)
	}
	waitFor(t, "nothing left running", func() bool { return len(running(mark+"="+token, "")) == 0 })
	if left, _ := filepath.Glob(filepath.Join(layout{root}.tmp(), "exec-*", "*"+token+"*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// What cannot end well is refused before a kernel starts.
func TestExecRefuses(t *testing.T) {
	notebook := func(metadata string) string {
		path := filepath.Join(t.TempDir(), "book.ipynb")
		text := `{"nbformat": 4, "nbformat_minor": 4, "metadata": ` + metadata + `, "cells": []}`
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, c := range map[string]struct{ notebook, out, want string }{
		"no folder for the outputs": {notebook(`{}`), filepath.Join(t.TempDir(), "none", "x.ipynb"), "no folder"},
		"a file for a folder":       {notebook(`{}`), filepath.Join(notebook(`{}`), "x.ipynb"), "no folder"},
		"another language":          {notebook(`{"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}`), "", "is in python"},
		"language_info alone":       {notebook(`{"language_info": {"name": "R"}}`), "", "is in R"},
		"a name alone":              {notebook(`{"kernelspec": {"name": "python3"}}`), "", "is in python"},
	} {
		var b bytes.Buffer
		err := Exec(context.Background(), ExecOptions{Root: t.TempDir(), Notebook: c.notebook, Out: c.out, Progress: &b, kernel: []string{"/nonexistent/kernel"}})
		if err == nil || !strings.Contains(err.Error(), c.want) || hint.Of(err) == "" {
			t.Errorf("%s: error %v, hint %q", name, err, hint.Of(err))
		}
	}
	for _, metadata := range []string{`{}`, `{"kernelspec": {"name": "gonb", "language": "go"}}`, `{"kernelspec": 7}`} {
		nb, err := readNotebook(notebook(metadata))
		if err != nil {
			t.Fatal(err)
		}
		if l := nb.language(); l != "" && l != "go" {
			t.Errorf("%s is taken for %s", metadata, l)
		}
	}
}

func TestReadNotebookRefuses(t *testing.T) {
	for name, content := range map[string]string{
		"empty": "", "text": "hello", "cut": `{"nbformat": 4, "cells": [{"cell_type": "co`, "format 3": `{"nbformat": 3, "worksheets": []}`,
		"no format": `{"cells": []}`, "no cells": `{"nbformat": 4}`, "cells not a list": `{"nbformat": 4, "cells": 7}`,
		"source a number": `{"nbformat": 4, "cells": [{"cell_type": "code", "source": 7}]}`, "list": `[]`,
	} {
		path := filepath.Join(t.TempDir(), "bad.ipynb")
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := readNotebook(path); err == nil || hint.Of(err) == "" {
			t.Errorf("%s: error %v, hint %q", name, err, hint.Of(err))
		}
	}
	if _, err := readNotebook(filepath.Join(t.TempDir(), "absent.ipynb")); err == nil || hint.Of(err) == "" {
		t.Errorf("absent file: %v", err)
	}
}

func FuzzReadNotebook(f *testing.F) {
	f.Add([]byte(`{"nbformat": 4, "cells": [{"cell_type": "code", "source": ["a"]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "n.ipynb")
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		nb, err := readNotebook(path)
		if err != nil {
			return
		}
		if err := nb.write(path); err != nil {
			t.Fatal(err)
		}
		if _, err := readNotebook(path); err != nil {
			t.Fatalf("written and not read: %v", err)
		}
	})
}
