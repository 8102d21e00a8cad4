package command

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// figures is how many pictures each notebook has to show when it is opened
// with no kernel; a notebook that is not here is not tested.
var figures = map[string]int{
	"quickstart": 7, "fig2_sr_space": 6, "task1_digits": 7, "task2_natural": 3, "table2": 0,
	"look_inside": 7, "own_model": 3, "classroom": 2,
}

// Every notebook runs from its first cell to its last with the embedded
// model, and what it leaves shows every figure where there is no kernel.
func TestNotebooksRun(t *testing.T) {
	if os.Getenv("TRUSTSR_LONG") == "" {
		t.Skip("TRUSTSR_LONG is not set: the notebooks are not run (some minutes)")
	}
	trustsr, root := binary(t)
	// The notebooks run in a copy of their folder, beside a .lab of their own
	// that has the checkout's programs: what a user drew, picked and wrote
	// there is not touched.
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
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".ipynb")
		t.Run(name, func(t *testing.T) {
			want, known := figures[name]
			if !known {
				t.Errorf("how many figures %s has is not in the test", name)
			}
			out := filepath.Join(t.TempDir(), name+".ipynb")
			began := time.Now()
			run := exec.Command(trustsr, "exec", path, "--out", out)
			run.Dir = root
			stateOf(run, lab)
			if text, err := run.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			t.Logf("%s ran in %v", name, time.Since(began).Round(100*time.Millisecond))
			if n := picturesIn(t, out); n < want {
				t.Errorf("%d pictures in the notebook that ran, want %d", n, want)
			}
			openSaved(t, out)
		})
	}
}

// picturesIn counts the pictures among a notebook's outputs.
func picturesIn(t *testing.T, path string) (n int) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var book struct {
		Cells []struct {
			Outputs []struct {
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
				n++
			}
			markup, _ := json.Marshal(output.Data["text/html"])
			n += strings.Count(string(markup), "data:image/png")
		}
	}
	return n
}

// openSaved looks at a notebook that ran as nbconvert makes it a page, with
// nothing running: all pictures are there, and no frame stands empty.
func openSaved(t *testing.T, path string) {
	t.Helper()
	for _, program := range []string{"chromium", "jupyter-nbconvert"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Logf("no %s on this machine: the saved notebook is not looked at", program)
			return
		}
	}
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
