package jupyter

import (
	"encoding/json"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/hint"
)

func TestLiteral(t *testing.T) {
	for _, x := range []struct {
		value string
		as    token.Token
		want  string
	}{
		{"65", token.INT, "65"}, {"-7", token.INT, "-7"}, {"010", token.INT, "10"}, {"65", token.STRING, `"65"`}, {"65", token.FLOAT, "65.0"},
		{"0.5", token.INT, "0.5"}, {"1e3", token.INT, "1000.0"}, {"true", 0, "true"}, {"False", 0, "false"}, {"inf", 0, `"inf"`}, {"", 0, `""`},
		{`a"b` + "\n", 0, `"a\"b\n"`}, {"x); os.Exit(1", 0, `"x); os.Exit(1"`},
	} {
		if got, err := literal(x.value, x.as); err != nil || got != x.want {
			t.Errorf("%q is %s, %v; want %s", x.value, got, err, x.want)
		}
	}
	if _, err := literal(strings.Repeat("x", 1<<20), 0); err == nil {
		t.Error("a megabyte is taken")
	}
}

func TestDeclarations(t *testing.T) {
	got := declarations("const digit = 497\nvar eta float64 = 1\nconst (\n a = \"x\"\n b, c = 1, 2.5\n)\nfunc f() { const inner = 1 }")
	for name, want := range map[string]declaration{"digit": {"const digit", token.INT}, "eta": {"var eta float64", token.INT}, "a": {"const a", token.STRING}, "c": {"const c", token.FLOAT}} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	if len(got) != 5 {
		t.Errorf("declared: %v", got)
	}
}

// Values of the command line reach the cells, and the notebook written says
// which they were.
func TestExecWithParameters(t *testing.T) {
	if err := setUp(); err != nil {
		t.Fatal(err)
	}
	root := projectRoot(t)
	t.Setenv("TRUSTSR_ROOT", root)
	path := book(t, "const digit = 497\nconst (\n  steps = 50\n  name = \"a\"\n)\nvar eta = 1.0", "%%\nfmt.Println(digit, steps, name, eta)")
	tagFirst(t, path, tagParameters)
	out := filepath.Join(t.TempDir(), "out.ipynb")
	o := ExecOptions{Root: root, Notebook: path, Out: out, Progress: os.Stderr, kernel: []string{os.Args[0], "run"},
		Parameters: map[string]string{"digit": "65", "steps": "20", "name": "6", "eta": "0"}}
	if err := Exec(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	check := func(path, want string) {
		t.Helper()
		nb, err := readNotebook(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(nb.cells) != 4 || !nb.cells[1].tagged(tagInjected) {
			t.Fatalf("%d cells", len(nb.cells))
		}
		if got := string(nb.cells[2]["outputs"]); !strings.Contains(got, want) {
			t.Errorf("shown: %s, want %s", got, want)
		}
	}
	check(out, `65 20 6 0\n`)
	o.Notebook, o.Out = out, filepath.Join(t.TempDir(), "again.ipynb")
	o.Parameters = map[string]string{"digit": "3"}
	if err := Exec(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	check(o.Out, `3 50 a 1\n`) // the injected cell is another one

	for name, bad := range map[string]ExecOptions{
		"unknown parameter": {Notebook: path, Out: out, Parameters: map[string]string{"digits": "1"}},
		"no such cell":      {Notebook: book(t, "%%"), Out: out, Parameters: map[string]string{"digit": "1"}},
		"over itself":       {Notebook: path, Out: path, Parameters: map[string]string{"digit": "1"}},
	} {
		bad.Root, bad.Progress, bad.kernel = root, os.Stderr, []string{"/nonexistent/kernel"}
		if err := Exec(t.Context(), bad); err == nil || hint.Of(err) == "" {
			t.Errorf("%s: error %v, hint %q", name, err, hint.Of(err))
		}
	}
}

// A cell that may fail does, and the next one runs.
func TestExecAllowsErrors(t *testing.T) {
	if err := setUp(); err != nil {
		t.Fatal(err)
	}
	root := projectRoot(t)
	t.Setenv("TRUSTSR_ROOT", root)
	cells := []string{"%%\npanic(\"expected\")", "%%\nfmt.Print(\"sec\", \"ond\")"}
	for name, prepare := range map[string]func(path string, o *ExecOptions){
		"tag":    func(path string, o *ExecOptions) { tagFirst(t, path, tagRaises) },
		"option": func(path string, o *ExecOptions) { o.AllowErrors = true },
		"metadata": func(path string, o *ExecOptions) {
			nb, err := readNotebook(path)
			if err != nil {
				t.Fatal(err)
			}
			nb.fields["metadata"] = json.RawMessage(`{"execution": {"allow_errors": true}}`)
			if err := nb.write(path); err != nil {
				t.Fatal(err)
			}
		},
	} {
		o := ExecOptions{Root: root, Notebook: book(t, cells...), Out: filepath.Join(t.TempDir(), "out.ipynb"), Progress: os.Stderr, kernel: []string{os.Args[0], "run"}}
		prepare(o.Notebook, &o)
		if err := Exec(t.Context(), o); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		nb, err := readNotebook(o.Out)
		if err != nil {
			t.Fatal(err)
		}
		if first, second := string(nb.cells[0]["outputs"]), string(nb.cells[1]["outputs"]); !strings.Contains(first, `"ename":"panic"`) && !strings.Contains(first, `"ename": "panic"`) || !strings.Contains(second, "second") {
			t.Errorf("%s: outputs %s and %s", name, first, second)
		}
	}
}
