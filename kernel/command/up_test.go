package command

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"

	"github.com/trustsr/trustsr/kernel/jupyter"
	"github.com/trustsr/trustsr/kernel/wire"
)

// envScreenshots names a folder to keep screenshots in.
const envScreenshots = "TRUSTSR_SCREENSHOTS"

// binary builds the command as the launcher does.
func binary(t *testing.T) (path, root string) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(root, ".lab", "bin", "trustsr")
	build := exec.Command("go", "build", "-o", path, "./kernel")
	build.Dir, build.Env = root, append(os.Environ(), "GOEXPERIMENT=simd")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return path, root
}

// stateOf gives a command a folder of its own for spaces, picks and scores:
// those of the checkout are its user's.
func stateOf(cmd *exec.Cmd, folder string) {
	cmd.Env = append(cmd.Environ(), wire.EnvState+"="+folder)
}

// marked counts the processes that carry a mark in their environment.
func marked(mark string) (pids []int) {
	paths, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, p := range paths {
		if env, err := os.ReadFile(p); err == nil && bytes.Contains(env, []byte(mark)) {
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(p))); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// processOf finds the marked process whose command line holds word.
func processOf(mark, word string) int {
	for _, pid := range marked(mark) {
		if line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && strings.Contains(string(line), word) {
			return pid
		}
	}
	return 0
}

// classicNotebook makes "up" start the classic Notebook, whose own script the
// tests use, whatever is first on the PATH. Without it or a browser the test is
// skipped.
func classicNotebook(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("chromium"); err != nil {
		t.Skip("no chromium on this machine: notebooks are not tried in a browser")
	}
	classic := jupyter.FindClassic(t.Context(), t.TempDir())
	if classic == nil {
		t.Skip("no jupyter-notebook before release 7 on this machine: notebooks are not tried in its browser page")
	}
	t.Setenv(jupyter.EnvProgram, classic.Path)
}

// The whole path, as a newcomer walks it: up, the notebook in a browser, all
// cells, five clicks in the gallery, the mean and the plane; then the engine
// and Jupyter are killed.
func TestQuickstartInBrowser(t *testing.T) {
	classicNotebook(t)
	trustsr, root := binary(t)
	mark := fmt.Sprintf("TRUSTSR_TEST_MARK=up-%d-%d", os.Getpid(), time.Now().UnixNano())
	up := exec.Command(trustsr, "up", "--no-browser", "--no-onnx")
	up.Dir = root
	up.Env = append(os.Environ(), mark)
	state := t.TempDir()
	stateOf(up, state)
	up.Stderr = os.Stderr
	stdout, err := up.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := up.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, pid := range marked(mark) {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		up.Wait()
	})
	address, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("up printed no address: %v", err)
	}
	p := &page{t, chromium(t)}
	p.do("open the notebook", time.Minute, chromedp.Navigate(strings.TrimSpace(address)))
	p.until("the kernel is ready", time.Minute,
		`typeof Jupyter != "undefined" && Jupyter.notebook && Jupyter.notebook.kernel && Jupyter.notebook.kernel.info_reply.status == "ok"`)
	// no autosave: the notebook in the repository stays as it is
	p.do("run all cells", time.Minute, chromedp.Evaluate(`Jupyter.notebook.set_autosave_interval(0); Jupyter.notebook.execute_all_cells()`, nil))
	const finished = `Jupyter.notebook.get_cells().filter(c => c.cell_type == "code").every(c => c.input_prompt_number && c.input_prompt_number != "*")`
	p.until("all cells have run", 10*time.Minute, finished)
	p.trouble()

	p.gallery(func(frame *cdp.Node) {
		p.do("clear the stand-in's picks", 20*time.Second, chromedp.WaitVisible(`#wall[data-shown="324"]`, chromedp.ByQuery, chromedp.FromNode(frame)),
			chromedp.Click(`#clear`, chromedp.ByQuery, chromedp.FromNode(frame)),
			chromedp.WaitNotPresent(`.thumb.picked`, chromedp.ByQuery, chromedp.FromNode(frame)))
		for _, seed := range []int{3, 40, 77, 200, 323} {
			p.do("click a sample", 20*time.Second, chromedp.Click(fmt.Sprintf(`.thumb[data-seed="%d"]`, seed), chromedp.ByQuery, chromedp.FromNode(frame)))
		}
		var mean []*cdp.Node
		p.do("five picks are stored", 20*time.Second,
			chromedp.WaitVisible(`.thumb.picked[data-seed="323"]`, chromedp.ByQuery, chromedp.FromNode(frame)),
			chromedp.Nodes(`.thumb.picked`, &mean, chromedp.ByQueryAll, chromedp.FromNode(frame)))
		if len(mean) != 5 {
			t.Errorf("%d picks in the page, want 5", len(mean))
		}
		p.screenshot("notebook-gallery")
	})
	if _, err := os.Stat(filepath.Join(state, "spaces", "digit-497", "picks", "five.json")); err != nil {
		t.Errorf("the picks are not in the folder that was named: %v", err)
	}

	// The engine dies; picks and samples are on disk, and the next cells,
	// from the mean on, work.
	engine := processOf(mark, "trustsr\x00engine")
	if engine == 0 {
		t.Fatal("no engine is running")
	}
	syscall.Kill(engine, syscall.SIGKILL)
	p.do("run the mean and the plane again", time.Minute, chromedp.Evaluate(`(() => {
		const all = Jupyter.notebook.get_cells(), at = all.findIndex(c => c.get_text().includes(".Mean("));
		Jupyter.notebook.execute_cell_range(at, all.length);
	})()`, nil))
	time.Sleep(time.Second)
	p.until("the cells have run again", 3*time.Minute, finished)
	p.trouble()
	var pictures []int
	p.do("look for the figures", time.Minute, chromedp.Evaluate(`Jupyter.notebook.get_cells().filter(c => /\.(Mean|Compare|Plane)\(/.test(c.get_text()))
		.map(c => c.element.find(".output_area img").filter((i, e) => e.complete && e.naturalWidth > 20).length)`, &pictures))
	for i, n := range pictures {
		if n == 0 {
			t.Errorf("figure cell %d shows no picture", i)
		}
	}
	if len(pictures) < 3 {
		t.Errorf("%d cells with figures, want 3", len(pictures))
	}
	var said string
	p.do("read the mean's caption", time.Minute, chromedp.Evaluate(`Jupyter.notebook.get_cells().find(c => c.get_text().includes(".Mean(")).element.find(".output").text()`, &said))
	if strings.Contains(said, "stand-in") {
		t.Errorf("the mean is still the stand-in's: %s", said)
	}
	p.do("show the mean", time.Minute, chromedp.Evaluate(`Jupyter.notebook.get_cells().find(c => c.get_text().includes(".Compare(")).element[0].scrollIntoView()`, nil))
	p.screenshot("notebook-mean")
	p.do("show the plane", time.Minute, chromedp.Evaluate(`Jupyter.notebook.get_cells().find(c => c.get_text().includes(".Plane(")).element[0].scrollIntoView()`, nil))
	p.screenshot("notebook-plane")

	// The kernel is restarted and no cell is run again: the gallery finds the
	// new engine where the old one was, shows the same picks and takes a click.
	p.do("restart the kernel", time.Minute, chromedp.Evaluate(`window.back = false; Jupyter.notebook.kernel.restart(() => { window.back = true; })`, nil))
	p.until("the kernel is back", time.Minute, `window.back && Jupyter.notebook.kernel.is_connected()`)
	if again := processOf(mark, "trustsr\x00engine"); again == engine {
		t.Error("the engine outlived the kernel")
	}
	p.gallery(func(frame *cdp.Node) {
		var kept []*cdp.Node
		p.do("the picks are there", time.Minute,
			chromedp.WaitVisible(`.thumb.picked[data-seed="323"]`, chromedp.ByQuery, chromedp.FromNode(frame)),
			chromedp.Nodes(`.thumb.picked`, &kept, chromedp.ByQueryAll, chromedp.FromNode(frame)))
		if len(kept) != 5 {
			t.Errorf("%d picks after the kernel was restarted, want 5", len(kept))
		}
		p.do("a pick is taken back", time.Minute,
			chromedp.Click(`.thumb[data-seed="323"]`, chromedp.ByQuery, chromedp.FromNode(frame)),
			chromedp.WaitNotPresent(`.thumb.picked[data-seed="323"], .thumb.waiting`, chromedp.ByQuery, chromedp.FromNode(frame)))
	})

	// Jupyter dies: engine, GoNB, wrapper and "up" go with it.
	server := processOf(mark, "jupyter-notebook\x00")
	if server == 0 {
		t.Fatal("no Jupyter is running")
	}
	syscall.Kill(server, syscall.SIGKILL)
	if err := up.Wait(); err == nil {
		t.Error("up ended without an error when Jupyter was killed")
	}
	for deadline := time.Now().Add(15 * time.Second); len(marked(mark)) > 0; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still running: %v", marked(mark))
		}
	}
}

// page is a notebook in a browser tab.
type page struct {
	t   *testing.T
	ctx context.Context
}

func chromium(t *testing.T, more ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	path, _ := exec.LookPath("chromium")
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true), chromedp.NoFirstRun, chromedp.WindowSize(1200, 1000),
		// the gallery's frame, of another port, in the page's own process
		chromedp.Flag("disable-site-isolation-trials", true), chromedp.Flag("disable-features", "IsolateOrigins,site-per-process"))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), append(options, more...)...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Run(ctx); err != nil { // the browser lives as long as the context of its first run
		t.Skipf("chromium at %s does not start: %v", path, err)
	}
	return ctx
}

func (p *page) do(what string, limit time.Duration, actions ...chromedp.Action) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, limit)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		p.screenshotAlways("failed")
		p.t.Fatalf("%s: %v", what, err)
	}
}

// until polls a JavaScript condition.
func (p *page) until(what string, limit time.Duration, condition string) {
	p.t.Helper()
	for deadline := time.Now().Add(limit); ; time.Sleep(300 * time.Millisecond) {
		var ok bool
		p.do(what, time.Minute, chromedp.Evaluate(`Boolean(`+condition+`)`, &ok))
		if ok {
			return
		}
		if time.Now().After(deadline) {
			p.screenshotAlways("failed")
			p.t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

// trouble fails the test with what cells wrote to standard error.
func (p *page) trouble() {
	p.t.Helper()
	var text string
	p.do("read errors", time.Minute, chromedp.Evaluate(`$(".output_stderr, .output_error").text()`, &text))
	if strings.Contains(text, "error") || strings.Contains(text, "exit status") {
		p.t.Fatalf("cells failed: %s", text)
	}
}

// gallery calls do with the frame of the gallery.
func (p *page) gallery(do func(frame *cdp.Node)) {
	p.t.Helper()
	var frames []*cdp.Node
	p.do("find the gallery", time.Minute,
		chromedp.Evaluate(`document.querySelector("object[data*='/gallery/']").scrollIntoView()`, nil),
		chromedp.Sleep(time.Second),
		chromedp.Nodes(`object[data*='/gallery/']`, &frames, chromedp.ByQuery))
	do(frames[0])
}

func (p *page) screenshot(name string) {
	if os.Getenv(envScreenshots) != "" {
		p.screenshotAlways(name)
	}
}

func (p *page) screenshotAlways(name string) {
	dir := os.Getenv(envScreenshots)
	if dir == "" {
		dir = os.TempDir()
	}
	var png []byte
	ctx, cancel := context.WithTimeout(p.ctx, 20*time.Second)
	defer cancel()
	if err := chromedp.Run(ctx, chromedp.CaptureScreenshot(&png)); err != nil {
		p.t.Logf("screenshot: %v", err)
		return
	}
	path := filepath.Join(dir, name+".png")
	if err := os.WriteFile(path, png, 0o644); err != nil {
		p.t.Log(err)
	}
	p.t.Logf("screenshot in %s", path)
}
