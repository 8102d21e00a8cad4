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
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/trustsr/trustsr/kernel/wire"
)

// widgetsNotebook draws a few samples in a few steps and shows the three
// pages of the engine, each in a cell of its own.
const widgetsNotebook = `{"nbformat": 4, "nbformat_minor": 5,
 "metadata": {"kernelspec": {"name": "trustsr", "display_name": "Go (trustsr)", "language": "go"}, "language_info": {"name": "go"}},
 "cells": [
  {"cell_type": "code", "id": "a", "metadata": {}, "execution_count": null, "outputs": [], "source": ["import \"github.com/trustsr/trustsr/kernel/lab\"\n", "%%\n", "lab.Digit(497).Steps(4).Draw(24).Gallery(\"five\", 5)"]},
  {"cell_type": "code", "id": "b", "metadata": {}, "execution_count": null, "outputs": [], "source": ["%%\n", "lab.Open(\"digit-497-steps4\").LinkedPlane(\"five\")"]},
  {"cell_type": "code", "id": "c", "metadata": {}, "execution_count": null, "outputs": [], "source": ["%%\n", "lab.Open(\"digit-497-steps4\").Slider(\"five\")"]}
 ]}`

const widgetsSpace = "digit-497-steps4"

// widgets is a project root of its own with the notebook widgets.ipynb and what
// cells are compiled from: notebooks may be saved and spaces drawn there.
type widgets struct {
	t             *testing.T
	root, trustsr string
}

func newWidgets(t *testing.T) *widgets {
	t.Helper()
	classicNotebook(t)
	return ownWidgets(t)
}

// ownWidgets is newWidgets for any Jupyter.
func ownWidgets(t *testing.T) *widgets {
	t.Helper()
	trustsr, root := binary(t)
	own := t.TempDir()
	for _, dir := range []string{"kernel/lab", "kernel/wire", "kernel/jupyter/cellwire", "kernel/jupyter/runner", "internal/atomicfile"} {
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
	if err := os.WriteFile(filepath.Join(own, "notebooks", "widgets.ipynb"), []byte(widgetsNotebook), 0o644); err != nil {
		t.Fatal(err)
	}
	return &widgets{t, own, trustsr}
}

// up runs the command and returns the notebook's address and the mark of its
// processes.
func (w *widgets) up(args ...string) (address, mark string) {
	w.t.Helper()
	mark = fmt.Sprintf("TRUSTSR_TEST_MARK=widgets-%d-%d", os.Getpid(), time.Now().UnixNano())
	up := exec.Command(w.trustsr, append([]string{"up", "--no-browser", "--no-onnx"}, args...)...)
	up.Dir = w.root
	up.Env = append(os.Environ(), mark, wire.EnvRoot+"="+w.root, wire.EnvState+"=")
	up.Stderr = os.Stderr
	stdout, err := up.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := up.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		for _, pid := range marked(mark) {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		up.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		w.t.Fatalf("up printed no address: %v", err)
	}
	return strings.Replace(strings.TrimSpace(line), "quickstart", "widgets", 1), mark
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
	tab := listen(t, ctx)
	tab.do("open the notebook", time.Minute, chromedp.Navigate(address))
	tab.ready()
	return tab
}

// listen makes a tab that knows the frames of what is opened in it.
func listen(t *testing.T, ctx context.Context) *notebookTab {
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
	tab.do("listen", time.Minute, runtime.Enable())
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
