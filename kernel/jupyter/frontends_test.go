package jupyter

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// kernelPath makes a folder for JUPYTER_PATH with a kernelspec that starts
// the test's kernel, and returns an environment with it.
func kernelPath(t *testing.T) []string {
	t.Helper()
	if err := setUp(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	spec, err := json.Marshal(map[string]any{"argv": []string{os.Args[0], "run", "{connection_file}"}, "display_name": "Go (trustsr)", "language": "go",
		"interrupt_mode": "signal", "env": map[string]string{"TRUSTSR_ROOT": projectRoot(t), envFreshPages: "1"}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "kernels", KernelName, "kernel.json")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, spec, 0o644); err != nil {
		t.Fatal(err)
	}
	return append(os.Environ(), "JUPYTER_PATH="+dir, "JUPYTER_RUNTIME_DIR="+t.TempDir(), "JUPYTER_DATA_DIR="+t.TempDir(), "JUPYTER_CONFIG_DIR="+t.TempDir())
}

// envPython names a Python with jupyter_kernel_test, papermill and nbval.
const envPython = "TRUSTSR_JUPYTER_PYTHON"

// python returns a Python that has a module, or skips the test.
func python(t *testing.T, module string) string {
	t.Helper()
	program := os.Getenv(envPython)
	if program == "" {
		program = "python3"
	}
	if out, err := exec.Command(program, "-c", "import "+module).CombinedOutput(); err != nil {
		t.Skipf("%s has no %s, which tries the kernel (pip install it and name the Python in $%s): %v %s", program, module, envPython, err, lastLine(string(out)))
	}
	return program
}

func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// The published tests of a kernel pass, but for that of a cell's value.
func TestKernelConformance(t *testing.T) {
	program := python(t, "jupyter_kernel_test")
	cmd := exec.Command(program, "testdata/kernel_conformance.py")
	cmd.Env = kernelPath(t)
	out, err := cmd.CombinedOutput()
	ran := regexp.MustCompile(`(?m)^Ran (\d+) tests`).FindStringSubmatch(string(out))
	if err != nil || ran == nil || len(ran[1]) < 2 {
		t.Errorf("%v\n%s", err, out)
	}
	t.Log(lastLine(string(out)))
}

// nbconvert stops at a cell that fails, and goes on where the notebook says
// so.
func TestNbconvert(t *testing.T) {
	program, err := exec.LookPath("jupyter-nbconvert")
	if err != nil {
		t.Skip("no jupyter-nbconvert on this machine, which runs notebooks as users do")
	}
	env := kernelPath(t)
	const second = "%%\nfmt.Println(\"second\", \"cell\")"
	for name, x := range map[string]struct {
		cell, tag string
		want      string // in what it says of the failure; "" for none
	}{
		"panic":    {"%%\npanic(\"boom\")", "", "panic: boom"},
		"exit":     {"%%\nos.Exit(3)", "", "exit status 3"},
		"shell":    {"!false", "", "Line 1"},
		"lab":      {"import \"github.com/trustsr/trustsr/kernel/lab\"\n%%\nlab.Engine()", "", "Line 3"},
		"compile":  {"%%\nx := undefinedThing()", "", "undefined: undefinedThing"},
		"expected": {"%%\npanic(\"expected\")", "raises-exception", ""},
		"right":    {"%%\nfmt.Println(\"exit status 1\")", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := book(t, x.cell, second)
			if x.tag != "" {
				tagFirst(t, path, x.tag)
			}
			cmd := exec.Command(program, "--to", "notebook", "--execute", "--output", "out.ipynb", "--ExecutePreprocessor.kernel_name="+KernelName, path)
			cmd.Env = env
			said, err := cmd.CombinedOutput()
			if (err == nil) != (x.want == "") {
				t.Fatalf("%v\n%s", err, said)
			}
			if x.want != "" {
				if !strings.Contains(string(said), "CellExecutionError") || !strings.Contains(string(said), x.want) {
					t.Errorf("it says %s", said)
				}
				return
			}
			nb, err := readNotebook(filepath.Join(filepath.Dir(path), "out.ipynb"))
			if err != nil {
				t.Fatal(err)
			}
			if got := string(nb.cells[1]["outputs"]); !strings.Contains(got, "second cell") {
				t.Errorf("the second cell shows %s", got)
			}
		})
	}
}

// tagFirst tags the first cell of a notebook.
func tagFirst(t *testing.T, path, tag string) {
	t.Helper()
	nb, err := readNotebook(path)
	if err != nil {
		t.Fatal(err)
	}
	nb.cells[0]["metadata"] = json.RawMessage(`{"tags": ["` + tag + `"]}`)
	if err := nb.write(path); err != nil {
		t.Fatal(err)
	}
}

// papermill gives a notebook's constants other values.
func TestPapermill(t *testing.T) {
	program := python(t, "papermill.engines")
	path := book(t, "const digit = 497\nconst name = \"a\"", "%%\nfmt.Println(\"digit\", digit, name)")
	tagFirst(t, path, tagParameters)
	out := filepath.Join(t.TempDir(), "out.ipynb")
	cmd := exec.Command(program, "-c", `import sys, trustsr_papermill, papermill
papermill.execute_notebook(sys.argv[1], sys.argv[2], parameters={"digit": 65, "name": "ü\"\n"}, kernel_name="trustsr", language="go", progress_bar=False)`, path, out)
	cmd.Env = append(kernelPath(t), "PYTHONDONTWRITEBYTECODE=1", "PYTHONPATH="+filepath.Join(projectRoot(t), "kernel", "jupyter", "papermill-go"))
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	nb, err := readNotebook(out)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(nb.cells[2]["outputs"]); !strings.Contains(got, `digit 65 ü\"\n`) {
		t.Errorf("shown: %s", got)
	}
}
