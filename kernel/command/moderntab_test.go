package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/trustsr/trustsr/kernel/jupyter"
)

// JupyterLab 4 and Notebook 7: "up" opens the notebook, all cells run without
// error, and a click in the gallery is stored.
func TestModernJupyterInBrowser(t *testing.T) {
	const envPython = "TRUSTSR_JUPYTER_PYTHON"
	python := os.Getenv(envPython)
	if python == "" {
		t.Skipf("$%s names no Python with JupyterLab 4 and Notebook 7 (.ci/run makes one): they are not tried", envPython)
	}
	for name, c := range map[string]struct{ program, page, config string }{
		"JupyterLab 4": {"jupyter-lab", "/lab/tree/widgets.ipynb", `jupyter_lab_config.json {"LabApp": {"expose_app_in_browser": true}}`},
		"Notebook 7":   {"jupyter-notebook", "/notebooks/widgets.ipynb", `jupyter_notebook_config.json {"JupyterNotebookApp": {"expose_app_in_browser": true}}`},
	} {
		t.Run(name, func(t *testing.T) {
			program := filepath.Join(filepath.Dir(python), c.program)
			if _, err := os.Stat(program); err != nil {
				t.Skipf("no %s: %v", name, err)
			}
			own := ownWidgets(t)
			t.Setenv(jupyter.EnvProgram, program)
			// the page's own application, to run cells with
			file, config, _ := strings.Cut(c.config, " ")
			folder := filepath.Join(own.root, ".lab", "jupyter-config")
			if err := os.MkdirAll(folder, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder, file), []byte(config), 0o644); err != nil {
				t.Fatal(err)
			}
			address, _ := own.up()
			if !strings.Contains(address, c.page+"?token=") {
				t.Fatalf("the notebook is at %s", address)
			}
			tab := listen(t, chromium(t))
			tab.do("open the notebook", time.Minute, chromedp.Navigate(address))
			tab.until("the kernel is ready", 2*time.Minute,
				`(globalThis.book = globalThis.jupyterapp && [...jupyterapp.shell.widgets("main")].find(w => w.sessionContext))?.sessionContext.session?.kernel?.status == "idle"`)
			tab.do("go to the notebook", time.Minute, chromedp.Evaluate(`jupyterapp.shell.activateById(book.id)`, nil), chromedp.Sleep(time.Second))
			tab.do("run all cells", time.Minute, chromedp.Evaluate(`jupyterapp.commands.execute("notebook:run-all-cells"), true`, nil))
			const cells = `book.content.widgets.filter(c => c.model.type == "code")`
			tab.until("all cells have run", 5*time.Minute, cells+`.every(c => c.model.executionCount)`)
			tab.until("no cell has failed", 10*time.Second, cells+`.every(c => c.model.outputs.toJSON().every(o => o.output_type != "error"))`)
			// far cells are not in the page until one goes there
			tab.do("go to the gallery", time.Minute, chromedp.Evaluate(`(() => {
				const cells = book.content;
				cells.activeCellIndex = cells.widgets.findIndex(c => c.model.type == "code" && JSON.stringify(c.model.outputs.toJSON()).includes("/gallery/"));
				cells.activeCell.node.scrollIntoView();
			})()`, nil), chromedp.WaitReady(`object[data*='/gallery/']`, chromedp.ByQuery))
			gallery := tab.frame("gallery")
			gallery.want("samples", `document.querySelectorAll(".thumb").length > 0`, "true")
			before := gallery.text(`document.querySelectorAll(".thumb.picked").length`)
			gallery.see()
			gallery.click(`.thumb:not(.picked)`)
			gallery.want("a sample more is picked", `document.querySelectorAll(".thumb.picked").length != `+before, "true")
			tab.screenshot(strings.ToLower(strings.ReplaceAll(name, " ", "-")))
		})
	}
}
