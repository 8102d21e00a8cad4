package command

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// figures is how many pictures each notebook has to show when it is opened
// with no kernel; a notebook that is not here is not tested.
var figures = map[string]int{
	"quickstart": 7, "fig2_sr_space": 9, "task1_digits": 8, "task2_natural": 17, "table2": 0,
	"look_inside": 7, "own_model": 5, "classroom": 3,
}

// Every notebook runs from its first cell to its last with the embedded
// model, by this program and by Jupyter's own, and what it leaves shows every
// figure where there is no kernel. All together take a quarter of an hour at
// most either way.
func TestNotebooksRun(t *testing.T) {
	if os.Getenv("TRUSTSR_LONG") == "" {
		t.Skip("TRUSTSR_LONG is not set: the notebooks are not run (some minutes)")
	}
	trustsr, root := binary(t)
	t.Run("exec", func(t *testing.T) {
		lab, paths := copyNotebooks(t, root)
		runAll(t, paths, func(path, out string) *exec.Cmd {
			run := exec.Command(trustsr, "exec", path, "--out", out)
			run.Dir = root
			stateOf(run, lab)
			return run
		})
	})
	t.Run("nbconvert", func(t *testing.T) {
		need(t, "jupyter-nbconvert", "jupyter-execute")
		lab, paths := copyNotebooks(t, root)
		runAll(t, paths, func(path, out string) *exec.Cmd {
			run := exec.Command("jupyter-nbconvert", "--to", "notebook", "--execute", "--ExecutePreprocessor.timeout=900", "--output", out, path)
			stateOf(run, lab)
			run.Env = append(run.Env, "JUPYTER_PATH="+filepath.Join(root, ".lab", "jupyter"))
			return run
		})
	})
}

// copyNotebooks copies the notebooks beside a .lab of their own that has the
// checkout's programs: what a user drew, picked and wrote there is not touched.
func copyNotebooks(t *testing.T, root string) (lab string, paths []string) {
	t.Helper()
	place := t.TempDir()
	lab, books := filepath.Join(place, ".lab"), filepath.Join(place, "notebooks")
	if err := os.CopyFS(books, os.DirFS(filepath.Join(root, "notebooks"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(lab, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(root, ".lab", "bin"), filepath.Join(lab, "bin")); err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join(books, "*.ipynb"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no notebooks: %v", err)
	}
	return lab, paths
}

// runAll runs notebooks and looks at what they leave.
func runAll(t *testing.T, paths []string, command func(path, out string) *exec.Cmd) {
	var total time.Duration
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".ipynb")
		t.Run(name, func(t *testing.T) {
			want, known := figures[name]
			if !known {
				t.Errorf("how many figures %s has is not in the test", name)
			}
			out := filepath.Join(t.TempDir(), name+".ipynb")
			began := time.Now()
			text, err := command(path, out).CombinedOutput()
			total += time.Since(began)
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			t.Logf("%s ran in %v", name, time.Since(began).Round(100*time.Millisecond))
			n, trouble := shownIn(t, out)
			if n < want {
				t.Errorf("%d pictures in the notebook that ran, want %d", n, want)
			}
			if trouble != "" {
				t.Errorf("a cell failed: %s", trouble)
			}
			t.Run("saved", func(t *testing.T) { openSaved(t, out) })
		})
	}
	t.Logf("all ran in %v", total.Round(time.Second))
	if total > 15*time.Minute {
		t.Errorf("the notebooks took %v, more than a quarter of an hour", total)
	}
}

// need skips a test where programs of the packages that .ci/run installs are
// not there.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("no %s here: apt-get install jupyter-nbconvert python3-nbclient chromium", program)
		}
	}
}

// failedCell is what GoNB writes of a program that ended badly; the reply to
// the cell says "ok" then.
var failedCell = regexp.MustCompile(`(?m)^(exit status [1-9]|signal: )`)

// shownIn counts the pictures among a notebook's outputs and returns what a
// cell that failed said.
func shownIn(t *testing.T, path string) (pictures int, trouble string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var book struct {
		Cells []struct {
			Outputs []struct {
				Kind string `json:"output_type"`
				Name string
				Text any
				Data map[string]any
			}
		}
	}
	if err := json.Unmarshal(text, &book); err != nil {
		t.Fatal(err)
	}
	for _, cell := range book.Cells {
		for _, output := range cell.Outputs {
			if output.Data["image/png"] != nil {
				pictures++
			}
			markup, _ := json.Marshal(output.Data["text/html"])
			pictures += strings.Count(string(markup), "data:image/png")
			text, _ := json.Marshal(output.Text) // a string or a list of lines
			if lines := strings.ReplaceAll(string(text), `\n`, "\n"); output.Kind == "error" || output.Name == "stderr" && failedCell.MatchString(strings.ReplaceAll(lines, `"`, "\n")) {
				trouble += lines
			}
		}
	}
	return pictures, trouble
}

// openSaved looks at a notebook that ran as nbconvert makes it a page, with
// nothing running: all pictures are there, and no frame stands empty.
func openSaved(t *testing.T, path string) {
	t.Helper()
	need(t, "chromium", "jupyter-nbconvert")
	if text, err := exec.Command("jupyter-nbconvert", "--to", "html", path).CombinedOutput(); err != nil {
		t.Fatalf("nbconvert: %v\n%s", err, text)
	}
	p := &page{t, chromium(t)}
	p.do("open the saved notebook", time.Minute, chromedp.Navigate("file://"+strings.TrimSuffix(path, ".ipynb")+".html"))
	p.until("all pictures are shown", 20*time.Second, `[...document.images].every(i => i.complete && i.naturalWidth > 20)`)
	p.until("no page of the engine is missed", 20*time.Second,
		`!document.querySelector("iframe") && [...document.querySelectorAll("object")].every(o => o.innerText.includes("below is how it stood"))`)
	p.screenshot("saved-" + strings.TrimSuffix(filepath.Base(path), ".ipynb"))
}
