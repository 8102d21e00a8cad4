package command

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// The three pages in the classic notebook, below a path of its own and with
// one port for all pages: every way to point and to pick, a reload, two tabs,
// a phone in the dark, a dead engine, and a kernel that is restarted while no
// cell is run again.
func TestWidgetsInBrowser(t *testing.T) {
	own, port := newWidgets(t), freePort(t)
	address, mark := own.up("--base-url", "/x/", "--pages-port", port)
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
	if want := "http://127.0.0.1:" + port + "/1/plane/" + widgetsSpace; !strings.HasPrefix(framed, want) {
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

// Through a proxy that has another name and speaks https, with Jupyter below
// one path and the pages below another, as the README has it.
func TestNotebookBehindProxy(t *testing.T) {
	const hub = "hub.example.org"
	own, port, pages := newWidgets(t), freePort(t), freePort(t)
	behind := func(port string) http.Handler {
		return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: "127.0.0.1:" + port})
			r.Out.Host = r.In.Host
		}, FlushInterval: -1, ErrorLog: log.New(io.Discard, "", 0)}
	}
	mux := http.NewServeMux()
	mux.Handle("/x/", behind(port))
	mux.Handle("/pages/", http.StripPrefix("/pages", behind(pages)))
	proxy := httptest.NewTLSServer(mux)
	defer proxy.Close()
	proxied := strings.Replace(proxy.URL, "127.0.0.1", hub, 1)
	address, _ := own.up("--base-url", "/x/", "--port", port, "--pages-port", pages, "--public-url", proxied+"/pages/")
	address = strings.Replace(address, "http://127.0.0.1:"+port, proxied, 1)

	ctx := chromium(t, chromedp.Flag("host-resolver-rules", "MAP "+hub+" 127.0.0.1"), chromedp.Flag("ignore-certificate-errors", true))
	tab := openNotebook(t, ctx, address)
	tab.do("run all cells", time.Minute, chromedp.Evaluate(`Jupyter.notebook.execute_all_cells()`, nil))
	tab.until("all cells have run", 5*time.Minute, `Jupyter.notebook.get_cells().every(c => c.input_prompt_number && c.input_prompt_number != "*")`)
	tab.trouble()
	gallery, plane := tab.frame("gallery"), tab.frame("plane")
	gallery.want("the page's own address", `location.href.split("/gallery/")[0]`, proxied+"/pages/1")
	gallery.see()
	gallery.click(`.thumb:not(.picked)`)
	gallery.want("a click", count, "1 of 5 picked, stored")
	tab.do("restart the kernel", time.Minute, chromedp.Evaluate(`window.back = false; Jupyter.notebook.kernel.restart(() => { window.back = true; })`, nil))
	tab.until("the kernel is back", time.Minute, `window.back && Jupyter.notebook.kernel.is_connected()`)
	plane.see()
	plane.pickByMouse()
	plane.want("a pick after the restart", count, "2 of 5 picked, stored")
	gallery.want("a pick after the restart", count, "2 of 5 picked, stored")
	tab.screenshot("notebook-proxied")
}
