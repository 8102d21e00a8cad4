package command

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// widgetsNotebook draws a few samples in a few steps and shows the three
// pages of the engine, each in a cell of its own.
const widgetsNotebook = `{"nbformat": 4, "nbformat_minor": 5,
 "metadata": {"kernelspec": {"name": "trustsr", "display_name": "Go (trustsr)", "language": "go"}, "language_info": {"name": "go"}},
 "cells": [
  {"cell_type": "code", "id": "a", "metadata": {}, "execution_count": null, "outputs": [], "source": ["import \"github.com/trustsr/trustsr/kernel/lab\"\n", "%%\n", "lab.Digit(497).Steps(4).Draw(24).Gallery(\"five\", 5)"]},
  {"cell_type": "code", "id": "b", "metadata": {}, "execution_count": null, "outputs": [], "source": ["%%\n", "lab.Open(\"SPACE\").LinkedPlane(\"five\")"]},
  {"cell_type": "code", "id": "c", "metadata": {}, "execution_count": null, "outputs": [], "source": ["%%\n", "lab.Open(\"SPACE\").Slider(\"five\")"]}
 ]}`

// ownRoot makes a project root of its own, with what cells are compiled from:
// notebooks may be saved and spaces drawn there.
func ownRoot(t *testing.T, root, trustsr string) string {
	t.Helper()
	own := t.TempDir()
	for _, dir := range []string{"kernel/lab", "kernel/engine/wire", "internal/atomicfile"} {
		if err := os.CopyFS(filepath.Join(own, dir), os.DirFS(filepath.Join(root, dir))); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(root, file))
		if err == nil {
			err = os.WriteFile(filepath.Join(own, file), data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{".lab/bin", "notebooks"} {
		if err := os.MkdirAll(filepath.Join(own, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(trustsr, filepath.Join(own, ".lab", "bin", "trustsr")); err != nil {
		t.Fatal(err)
	}
	return own
}

// freePort finds a port that is free now.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// The three pages in the classic notebook, below a path of its own and with
// one port for all pages: every way to point and to pick, a reload, two tabs,
// a phone in the dark, a dead engine, and a kernel that is restarted while no
// cell is run again.
func TestWidgetsInBrowser(t *testing.T) {
	for _, program := range []string{"chromium", "jupyter-notebook"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("no %s on this machine: the pages are not tried in a notebook", program)
		}
	}
	trustsr, root := binary(t)
	own, port := ownRoot(t, root, trustsr), freePort(t)
	space := "digit-497-steps4"
	notebook := filepath.Join(own, "notebooks", "widgets.ipynb")
	if err := os.WriteFile(notebook, []byte(strings.ReplaceAll(widgetsNotebook, "SPACE", space)), 0o644); err != nil {
		t.Fatal(err)
	}
	mark := fmt.Sprintf("TRUSTSR_TEST_MARK=widgets-%d-%d", os.Getpid(), time.Now().UnixNano())
	up := exec.Command(trustsr, "up", "--no-browser", "--no-onnx", "--base-url", "/x/", "--pages-port", port)
	up.Dir = own
	up.Env = append(os.Environ(), mark, "TRUSTSR_ROOT="+own)
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
	address = strings.Replace(strings.TrimSpace(address), "quickstart", "widgets", 1)
	if !strings.Contains(address, "/x/notebooks/widgets.ipynb?token=") {
		t.Fatalf("the notebook is at %s", address)
	}

	tab := openNotebook(t, chromium(t), address)
	tab.do("run all cells", time.Minute, chromedp.Evaluate(`Jupyter.notebook.execute_all_cells()`, nil))
	tab.until("all cells have run", 5*time.Minute, `Jupyter.notebook.get_cells().every(c => c.input_prompt_number && c.input_prompt_number != "*")`)
	tab.trouble()
	gallery, plane, slider := tab.frame("gallery"), tab.frame("plane"), tab.frame("compare")
	var framed string
	tab.do("address of the plane", time.Minute, chromedp.AttributeValue(`object[data*='/plane/']`, "data", &framed, nil, chromedp.ByQuery))
	if want := "http://127.0.0.1:" + port + "/1/plane/" + space; !strings.HasPrefix(framed, want) {
		t.Errorf("the plane is at %s, want %s…", framed, want)
	}

	// The plane: pointing, the brush, a pick.
	plane.want("points", `document.querySelectorAll(".point[data-seed]").length`, "24")
	plane.see()
	x, y := plane.place(`.point.sample`)
	plane.mouse(input.MouseMoved, x, y)
	plane.want("pointing shows a picture", `/^(sample|one random)/.test(document.getElementById("name").textContent) &&
		document.getElementById("picture").style.backgroundImage.startsWith("url(")`, "true")
	left, top := plane.corner("#plot .frame", 0)
	right, bottom := plane.corner("#plot .frame", 1)
	plane.mouse(input.MousePressed, left+2, top+2)
	plane.mouse(input.MouseMoved, (left+right)/2, (top+bottom)/2)
	plane.mouse(input.MouseMoved, right-2, bottom-2)
	plane.mouse(input.MouseReleased, right-2, bottom-2)
	plane.want("the brush selects", `Number(document.getElementById("selected").textContent.split(" ")[0]) > 24`, "true")
	tab.screenshot("notebook-plane-brush")
	plane.click(`#unselect`)
	seed := plane.pickByMouse()
	plane.want("picked on the plane", count, "1 of 5 picked, stored")
	gallery.want("picked in the gallery", count, "1 of 5 picked, stored")
	gallery.want("the same sample", `document.querySelector(".thumb.picked").dataset.seed`, seed)
	slider.want("the slider has the mean", `document.getElementById("righttag").textContent`, "mean of 1 pick")

	// The slider: mouse and keyboard.
	slider.see()
	x, y = slider.place("#divider")
	slider.mouse(input.MousePressed, x, y)
	slider.mouse(input.MouseMoved, x+40, y)
	slider.mouse(input.MouseMoved, x+80, y)
	slider.mouse(input.MouseReleased, x+80, y)
	slider.want("dragged", `Number(document.getElementById("divider").getAttribute("aria-valuenow")) > 52`, "true")
	at, _ := strconv.Atoi(slider.text(`document.getElementById("divider").getAttribute("aria-valuenow")`))
	tab.do("arrow keys", time.Minute, chromedp.KeyEvent(kb.ArrowLeft), chromedp.KeyEvent(kb.ArrowLeft))
	slider.want("moved by keys", `document.getElementById("divider").getAttribute("aria-valuenow")`, fmt.Sprint(at-2))
	tab.do("home", time.Minute, chromedp.KeyEvent(kb.Home))
	slider.want("moved home", `document.body.dataset.split`, "0")
	tab.do("end", time.Minute, chromedp.KeyEvent(kb.End))
	slider.want("moved to the end", `document.body.dataset.split`, "100")
	slider.want("nothing over the edge", tooWide, "0")
	tab.screenshot("notebook-slider")

	tab.do("save", time.Minute, chromedp.Evaluate(`window.saved = false; Jupyter.notebook.save_notebook().then(() => { window.saved = true; })`, nil))
	tab.until("the notebook is saved", time.Minute, `window.saved && !Jupyter.notebook.dirty`)

	// A second tab picks; the first follows.
	second := tab.another(address)
	other := second.frame("gallery")
	other.want("the other tab has the pick", count, "1 of 5 picked, stored")
	other.see()
	other.click(`.thumb:not(.picked)`)
	other.want("picked in the other tab", count, "2 of 5 picked, stored")
	tab.do("the first tab", time.Minute, cdppage.BringToFront()) // a hidden tab rests
	plane.want("the first tab follows", count, "2 of 5 picked, stored")
	gallery.want("the first tab follows", count, "2 of 5 picked, stored")

	// A reload of the saved notebook, with its frames as they were saved.
	tab.do("reload", time.Minute, chromedp.Reload())
	tab.ready()
	gallery, plane, slider = tab.frame("gallery"), tab.frame("plane"), tab.frame("compare")
	for _, f := range []*frame{gallery, plane} {
		f.want("after the reload", count, "2 of 5 picked, stored")
	}
	slider.want("after the reload", `document.getElementById("righttag").textContent`, "mean of 2 picks")
	gallery.see()
	gallery.click(`.thumb:not(.picked)`)
	plane.want("a click after the reload", count, "3 of 5 picked, stored")

	// The engine dies, and another is there.
	engine := processOf(mark, "trustsr\x00engine")
	syscall.Kill(engine, syscall.SIGKILL)
	gallery.click(`.thumb:not(.picked)`)
	gallery.want("a click while the engine is dead", count, "4 of 5 picked, stored")

	// The kernel is restarted; no cell is run again.
	tab.do("restart the kernel", time.Minute, chromedp.Evaluate(`window.back = false; Jupyter.notebook.kernel.restart(() => { window.back = true; })`, nil))
	tab.until("the kernel is back", time.Minute, `window.back && Jupyter.notebook.kernel.is_connected()`)
	plane.see()
	plane.pickByMouse()
	plane.want("a pick on the plane after the restart", count, "5 of 5 picked, stored")
	gallery.want("a pick on the plane after the restart", count, "5 of 5 picked, stored")
	slider.want("the slider follows after the restart", `document.getElementById("righttag").textContent`, "mean of 5 picks")
	for _, f := range []*frame{gallery, plane, slider} {
		f.want("nothing is missed", `document.getElementById("message").hidden`, "true")
	}

	// A phone in the dark, and a desk.
	for _, look := range []struct {
		width  int64
		scheme string
	}{{360, "dark"}, {360, "light"}, {1440, "dark"}, {1440, "light"}} {
		name := fmt.Sprintf("notebook-widgets-%d-%s", look.width, look.scheme)
		tab.do(name, time.Minute, chromedp.EmulateViewport(look.width, 3400),
			emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: look.scheme}}), chromedp.Sleep(time.Second))
		for _, f := range []*frame{gallery, plane, slider} {
			f.want(name+": nothing over the edge", tooWide, "0")
			f.want(name+": the scheme", `matchMedia("(prefers-color-scheme: dark)").matches`, fmt.Sprint(look.scheme == "dark"))
		}
		tab.until(name+": the notebook shows the frames whole", time.Minute, `[...document.querySelectorAll("object")].every((o) => o.offsetWidth <= o.closest(".output_subarea").clientWidth)`)
		tab.screenshot(name)
	}
}

// count is what a page says of its picks.
const count = `document.querySelector(".count").innerText.replace(/\s+/g, " ")`

// tooWide is by how many pixels a page is wider than its frame.
const tooWide = `Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth)`

// notebookTab is a notebook in a tab whose frames can be asked.
type notebookTab struct {
	page
	mu       sync.Mutex
	contexts map[cdp.FrameID]runtime.ExecutionContextID
}

func openNotebook(t *testing.T, ctx context.Context, address string) *notebookTab {
	t.Helper()
	tab := &notebookTab{page: page{t, ctx}, contexts: map[cdp.FrameID]runtime.ExecutionContextID{}}
	chromedp.ListenTarget(ctx, func(event any) {
		e, ok := event.(*runtime.EventExecutionContextCreated)
		if !ok {
			return
		}
		var of struct {
			FrameID cdp.FrameID `json:"frameId"`
			Default bool        `json:"isDefault"`
		}
		if json.Unmarshal(e.Context.AuxData, &of) == nil && of.Default {
			tab.mu.Lock()
			tab.contexts[of.FrameID] = e.Context.ID
			tab.mu.Unlock()
		}
	})
	tab.do("open the notebook", time.Minute, runtime.Enable(), chromedp.Navigate(address))
	tab.ready()
	return tab
}

// another opens a second tab of the same browser.
func (p *notebookTab) another(address string) *notebookTab {
	p.t.Helper()
	ctx, cancel := chromedp.NewContext(p.ctx)
	p.t.Cleanup(cancel)
	if err := chromedp.Run(ctx); err != nil { // the tab lives as long as ctx
		p.t.Fatal(err)
	}
	return openNotebook(p.t, ctx, address)
}

func (p *notebookTab) ready() {
	p.t.Helper()
	p.until("the kernel is ready", time.Minute,
		`typeof Jupyter != "undefined" && Jupyter.notebook && Jupyter.notebook.kernel && Jupyter.notebook.kernel.info_reply.status == "ok"`)
	p.do("no autosave", time.Minute, chromedp.Evaluate(`Jupyter.notebook.set_autosave_interval(0)`, nil))
}

// frame is a page of the engine in the notebook.
type frame struct {
	tab  *notebookTab
	kind string
	node *cdp.Node
}

// frame finds the page of a kind: gallery, plane or compare.
func (p *notebookTab) frame(kind string) *frame {
	p.t.Helper()
	selector := fmt.Sprintf(`object[data*='/%s/']`, kind)
	f := &frame{tab: p, kind: kind}
	for end := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		var nodes []*cdp.Node
		p.do("find the "+kind, time.Minute, chromedp.Nodes(selector, &nodes, chromedp.ByQuery))
		f.node = nodes[0]
		if f.node.FrameID != "" && f.context() != 0 {
			return f
		}
		if time.Now().After(end) {
			p.t.Fatalf("the %s has no page", kind)
		}
	}
}

func (f *frame) context() runtime.ExecutionContextID {
	f.tab.mu.Lock()
	defer f.tab.mu.Unlock()
	return f.tab.contexts[f.node.FrameID]
}

// eval evaluates an expression in the frame.
func (f *frame) eval(expression string, to any) error {
	ctx, cancel := context.WithTimeout(f.tab.ctx, 20*time.Second)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate(expression, to, func(p *runtime.EvaluateParams) *runtime.EvaluateParams {
		return p.WithContextID(f.context())
	}))
}

// want waits until an expression has a value in the frame.
func (f *frame) want(what, expression, want string) {
	f.tab.t.Helper()
	var got string
	var err error
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if err = f.eval("String("+expression+")", &got); err == nil && got == want {
			return
		}
		if time.Now().After(end) {
			f.tab.screenshotAlways("failed")
			f.tab.t.Fatalf("%s, %s: %s is %q (%v), want %q", f.kind, what, expression, got, err, want)
		}
	}
}

func (f *frame) text(expression string) (got string) {
	f.tab.t.Helper()
	if err := f.eval("String("+expression+")", &got); err != nil {
		f.tab.t.Fatalf("%s: %s: %v", f.kind, expression, err)
	}
	return got
}

// see scrolls the notebook to the frame.
func (f *frame) see() {
	f.tab.t.Helper()
	f.tab.do("scroll to the "+f.kind, time.Minute, chromedp.Evaluate(fmt.Sprintf(`document.querySelector("object[data*='/%s/']").scrollIntoView()`, f.kind), nil), chromedp.Sleep(300*time.Millisecond))
}

// corner returns where on the screen a corner of an element of the frame is:
// 0 its upper left one, 1 its lower right one, 0.5 its middle.
func (f *frame) corner(selector string, part float64) (x, y float64) {
	f.tab.t.Helper()
	var outer, inner []float64
	f.tab.do("place of the "+f.kind, time.Minute, chromedp.Evaluate(fmt.Sprintf(
		`(() => { const e = document.querySelector("object[data*='/%s/']"), b = e.getBoundingClientRect(); return [b.left + e.clientLeft, b.top + e.clientTop]; })()`, f.kind), &outer))
	if err := f.eval(fmt.Sprintf(`(() => { const e = document.querySelector(%q); const b = e.getBoundingClientRect();
		return [b.left + %g * b.width, b.top + %[2]g * b.height]; })()`, selector, part), &inner); err != nil {
		f.tab.t.Fatalf("place of %s: %v", selector, err)
	}
	return outer[0] + inner[0], outer[1] + inner[1]
}

func (f *frame) place(selector string) (x, y float64) { return f.corner(selector, 0.5) }

func (f *frame) mouse(kind input.MouseType, x, y float64) {
	f.tab.t.Helper()
	event := input.DispatchMouseEvent(kind, x, y).WithButton(input.Left)
	if kind == input.MouseMoved {
		event = event.WithButtons(1)
	} else {
		event = event.WithClickCount(1)
	}
	f.tab.do(string(kind), time.Minute, event)
}

func (f *frame) click(selector string) {
	f.tab.t.Helper()
	x, y := f.place(selector)
	f.mouse(input.MousePressed, x, y)
	f.mouse(input.MouseReleased, x, y)
}

// pickByMouse picks a sample of the plane that is not picked and that no other
// point lies on, and returns its seed.
func (f *frame) pickByMouse() (seed string) {
	f.tab.t.Helper()
	seed = f.text(`(() => {
		const box = (e) => { const b = e.getBoundingClientRect(); return [b.left + b.width / 2, b.top + b.height / 2]; };
		const all = [...document.querySelectorAll("#plot .point")], far = (e) => Math.min(...all.filter((o) => o !== e).map((o) => Math.hypot(box(o)[0] - box(e)[0], box(o)[1] - box(e)[1])));
		return all.filter((e) => e.dataset.seed && !e.classList.contains("picked")).sort((a, b) => far(b) - far(a))[0].dataset.seed;
	})()`)
	f.click(fmt.Sprintf(`.point[data-seed="%s"]`, seed))
	f.want("picked by mouse", fmt.Sprintf(`document.querySelector('.point[data-seed="%s"]').classList.contains("picked")`, seed), "true")
	return seed
}
