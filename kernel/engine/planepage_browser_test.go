package engine

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	browserlog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/trustsr/trustsr/internal/accessibility"
	"github.com/trustsr/trustsr/kernel/wire"
)

// sheetPage drives the plane or the compare page in one tab, and collects what
// goes wrong in it.
type sheetPage struct {
	gallery
	wrong *[]string
}

func newSheetPage(t *testing.T, ctx context.Context) *sheetPage {
	p := &sheetPage{gallery: gallery{t, ctx}, wrong: &[]string{}}
	chromedp.ListenTarget(ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			*p.wrong = append(*p.wrong, e.ExceptionDetails.Error())
		case *browserlog.EventEntryAdded:
			if strings.Contains(e.Entry.Text, "violates the following Content Security Policy") {
				*p.wrong = append(*p.wrong, e.Entry.Text)
			}
		case *network.EventRequestWillBeSent:
			if strings.HasPrefix(e.DocumentURL, "file:") && !strings.HasPrefix(e.Request.URL, "file:") && !strings.HasPrefix(e.Request.URL, "data:") {
				*p.wrong = append(*p.wrong, "request of "+e.Request.URL)
			}
		}
	})
	p.do("watch", network.Enable(), runtime.Enable(), browserlog.Enable())
	t.Cleanup(func() {
		for _, w := range *p.wrong {
			t.Errorf("in the page: %s", w)
		}
	})
	return p
}

// want waits until an expression has a value.
func (p *sheetPage) want(what, expression, want string) {
	p.t.Helper()
	var got string
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		p.do(what, chromedp.Evaluate("String("+expression+")", &got))
		if got == want {
			return
		}
		if time.Now().After(end) {
			p.t.Fatalf("%s: %s is %q, want %q", what, expression, got, want)
		}
	}
}

func (p *sheetPage) text(expression string) string {
	p.t.Helper()
	var got string
	p.do(expression, chromedp.Evaluate("String("+expression+")", &got))
	return got
}

// place returns where on the screen an element's middle is.
func (p *sheetPage) place(selector string) (x, y float64) {
	p.t.Helper()
	var at []float64
	p.do("place of "+selector, chromedp.Evaluate(fmt.Sprintf(
		`(() => { const b = document.querySelector(%q).getBoundingClientRect(); return [b.left + b.width / 2, b.top + b.height / 2]; })()`, selector), &at))
	return at[0], at[1]
}

func (p *sheetPage) mouse(kind input.MouseType, x, y float64) {
	p.t.Helper()
	event := input.DispatchMouseEvent(kind, x, y).WithButton(input.Left)
	if kind == input.MouseMoved {
		event = event.WithButtons(1)
	} else {
		event = event.WithClickCount(1)
	}
	p.do(string(kind), event)
}

func (p *sheetPage) drag(x0, y0, x1, y1 float64) {
	p.t.Helper()
	p.mouse(input.MousePressed, x0, y0)
	p.mouse(input.MouseMoved, (x0+x1)/2, (y0+y1)/2)
	p.mouse(input.MouseMoved, x1, y1)
	p.mouse(input.MouseReleased, x1, y1)
}

const (
	countLine  = `document.querySelector(".count").innerText.replace(/\s+/g, " ")`
	starPlace  = `(document.querySelector("#plot .point.ensemble")?.getAttribute("transform") ?? "none")`
	planeReady = `#plot .point.sample`
)

func samplePoint(seed int) string { return fmt.Sprintf(`.point[data-seed="%d"]`, seed) }

func (p *process) planeURL(page, name string) string {
	return fmt.Sprintf("%s/%s/%s?token=secret+token%%261&name=five", p.url, page, name)
}

// seen waits until a sample is stored as picked.
func (p *sheetPage) seen(what, count string, seed int, picked bool) {
	p.t.Helper()
	p.want(what, countLine, count)
	p.want(what, fmt.Sprintf(`document.querySelector('%s').classList.contains("picked")`, samplePoint(seed)), fmt.Sprint(picked))
}

// Two axes, pointing, picking, the star, brushing, keys, undo, the cap.
func TestPlaneInBrowser(t *testing.T) {
	ctx := browser(t)
	p := startProcess(t, 0)
	name := p.drawn(t, 60)
	pg := newSheetPage(t, ctx)
	pg.do("open", chromedp.EmulateViewport(1440, 1000), chromedp.Navigate(p.planeURL("plane", name)), chromedp.WaitVisible(planeReady, chromedp.ByQuery))
	pg.want("points", `document.querySelectorAll(".point[data-seed]").length + " " + document.querySelectorAll("#plot .point.control").length`, "60 101")
	pg.want("count", countLine, "0 of 5 picked")
	if axes := pg.text(`[...document.getElementById("x").options].map((o) => o.value).join()`); axes != "psnr/rgb/crop0,fake/1,ssim/rgb/crop0,lrpsnr/matlab-u8/vs-lr,direction/1,direction/2" {
		t.Errorf("axes %s", axes)
	}
	if label := pg.text(fmt.Sprintf(`document.querySelector('%s').getAttribute("aria-label")`, samplePoint(17))); !strings.HasPrefix(label, "sample 17, PSNR (dB) ") || !strings.Contains(label, ", fake ") {
		t.Errorf("sample 17 is named %q", label)
	}

	// Pointing shows the picture and its numbers.
	x, y := pg.place(samplePoint(17))
	pg.mouse(input.MouseMoved, x, y)
	shown := pg.text(`document.getElementById("name").textContent`)
	if !strings.HasPrefix(shown, "sample ") || pg.text(`document.getElementById("picture").getAttribute("aria-label")`) != "picture of "+shown {
		t.Errorf("pointing at sample 17 shows %q", shown)
	}
	if rows := pg.text(`document.querySelectorAll("#numbers tr").length`); rows != "6" {
		t.Errorf("%s numbers", rows)
	}

	// A pick moves the star, within the time that feels immediate.
	pg.want("no star", starPlace, "none")
	pg.do("focus", chromedp.Focus(samplePoint(17), chromedp.ByQuery), chromedp.KeyEvent(kb.Enter))
	pg.seen("pick", "1 of 5 picked, stored", 17, true)
	pg.want("star", starPlace+` != "none"`, "true")
	first := pg.text(starPlace)
	pg.do("second", chromedp.Focus(samplePoint(4), chromedp.ByQuery), chromedp.KeyEvent(" "))
	pg.seen("second pick", "2 of 5 picked, stored", 4, true)
	pg.want("star moves", fmt.Sprintf("(%s) != %q", starPlace, first), "true")
	pg.want("mean", `document.getElementById("meancaption").textContent`, "mean of 2 picks")
	// The picture of the mean is as large as a sample.
	pg.want("mean", `(async () => { const i = new Image(); i.src = document.querySelector("#mean > div").style.backgroundImage.slice(5, -2); await i.decode(); document.body.dataset.size = i.width + "x" + i.height; })() && document.body.dataset.size`, "28x28")
	pg.screenshot("plane-1440-picks")

	// A pick here is a pick in the gallery, and one there is one here.
	if _, body := p.http(t, http.MethodGet, "/gallery/"+name+"/picks?name=five", ""); !strings.Contains(body, `"seeds":["17","4"]`) {
		t.Errorf("the gallery has %s", body)
	}
	p.http(t, http.MethodPost, "/gallery/"+name+"/picks?name=five", `{"action":"pick","seed":"7"}`)
	pg.seen("picked in the gallery", "3 of 5 picked, stored", 7, true)

	// The star is where the engine says the mean of the picks is.
	e := startEngineAt(t, p.root)
	space, err := e.openSpace(name)
	if err != nil {
		t.Fatal(err)
	}
	want, err := e.starOf(context.Background(), space, "five", nil)
	if err != nil {
		t.Fatal(err)
	}
	pg.want("star's numbers", `document.querySelector("#plot .point.ensemble").getAttribute("aria-label")`,
		fmt.Sprintf("mean of 3 picks, PSNR (dB) %s, fake %s", significant(want.Point.Scores[0]), significant(want.Point.Scores[1])))

	// Undo, the cap.
	pg.do("undo", chromedp.Click("#undo", chromedp.ByQuery))
	pg.seen("undo", "2 of 5 picked, stored", 7, false)
	for i, seed := range []int{20, 21, 22} {
		pg.do("pick", chromedp.Focus(samplePoint(seed), chromedp.ByQuery), chromedp.KeyEvent(kb.Enter))
		pg.seen("pick", fmt.Sprintf("%d of 5 picked, stored", i+3), seed, true)
	}
	pg.do("one too many", chromedp.Focus(samplePoint(30), chromedp.ByQuery), chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible("#message", chromedp.ByQuery))
	if message := pg.text(`document.getElementById("message").textContent`); !strings.Contains(message, "All 5 picks are used") {
		t.Errorf("over the cap: %q", message)
	}
	pg.want("standing", `/^Of 100 means of 5 samples drawn by lot: PSNR \(dB\): better than \d+; fake: better than \d+\.$/.test(document.getElementById("standing").textContent)`, "false")
	pg.do("at the star", chromedp.Evaluate(`document.querySelector("#plot .point.ensemble").focus()`, nil))
	pg.want("standing", `/^Of 100 means of 5 samples drawn by lot: PSNR \(dB\): better than \d+; fake: better than \d+\.$/.test(document.getElementById("standing").textContent)`, "true")

	// The brush selects; the strip picks; Escape ends the selection.
	box := pg.text(`(() => { const b = document.querySelector("#plot .frame").getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom].join(" "); })()`)
	var left, top, right, bottom float64
	fmt.Sscan(box, &left, &top, &right, &bottom)
	pg.drag(left+1, top+1, right-1, bottom-1)
	pg.want("brush", `document.getElementById("selected").textContent`, "163 points selected") // 60, bicubic, star, mean of all, 100 controls
	pg.screenshot("plane-1440-brush")
	pg.do("take back in the strip", chromedp.Click(`#strip [data-seed="4"]`, chromedp.ByQuery))
	pg.seen("strip", "4 of 5 picked, stored", 4, false)
	pg.do("escape", chromedp.KeyEvent(kb.Escape))
	pg.want("escape", `document.getElementById("selected").textContent`, "Nothing selected")
	pg.do("s", chromedp.Focus(samplePoint(9), chromedp.ByQuery), chromedp.KeyEvent("s"))
	pg.want("s", `document.getElementById("selected").textContent`, "1 point selected")

	// The axes zoom to what is selected.
	pg.do("two selected", chromedp.Focus(samplePoint(10), chromedp.ByQuery), chromedp.KeyEvent("s"), chromedp.Click("#zoom", chromedp.ByQuery))
	pg.want("zoomed", fmt.Sprintf(`(() => { const all = document.querySelectorAll("#plot .point").length;
		return all < 163 && !!document.querySelector('%s') && !!document.querySelector('%s') && document.getElementById("dropped").textContent === (163 - all) + " points lie outside."; })()`, samplePoint(9), samplePoint(10)), "true")
	pg.do("whole", chromedp.Click("#whole", chromedp.ByQuery))
	pg.want("whole", `document.querySelectorAll("#plot .point").length + " " + document.getElementById("dropped").hidden`, "163 true")

	// The arrow keys reach every point.
	for _, key := range []string{"ArrowRight", "ArrowDown"} {
		all := pg.text(fmt.Sprintf(`(() => {
			const all = document.querySelectorAll("#plot .point");
			const press = (key) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
			all[0].focus();
			press(%q === "ArrowRight" ? "Home" : "ArrowRight");
			for (let i = 0; i < 2 * all.length; i++) press(%q === "ArrowRight" ? "ArrowLeft" : "ArrowUp");
			const seen = new Set([document.activeElement]);
			for (let i = 0; i < all.length; i++) { press(%q); seen.add(document.activeElement); }
			return seen.size === all.length;
		})()`, key, key, key))
		if all != "true" {
			t.Errorf("%s does not reach every point", key)
		}
	}

	// Other axes, and kinds that are not shown.
	before := pg.text(fmt.Sprintf(`document.querySelector('%s').getAttribute("transform")`, samplePoint(17)))
	pg.do("axes", chromedp.SetValue("#x", "direction/1", chromedp.ByQuery), chromedp.SetValue("#y", "direction/2", chromedp.ByQuery),
		chromedp.Evaluate(`document.getElementById("x").dispatchEvent(new Event("change"))`, nil))
	pg.want("axes", fmt.Sprintf(`document.querySelector('%s').getAttribute("transform") != %q`, samplePoint(17), before), "true")
	pg.want("axes", `document.getElementById("axes").textContent`, "direction/1: no end is better; direction/2: no end is better")
	pg.do("kinds", chromedp.Click(`#kinds [data-kind="control"]`, chromedp.ByQuery))
	pg.want("kinds", `document.querySelectorAll("#plot .point.control").length`, "0")
	pg.screenshot("plane-1440-directions")

	pg.do("clear", chromedp.Click("#clear", chromedp.ByQuery))
	pg.seen("clear", "0 of 5 picked", 17, false)
	pg.want("no star", starPlace, "none")

	// The engine dies; a click waits for the next one.
	p.kill()
	pg.do("away", chromedp.Focus(samplePoint(33), chromedp.ByQuery), chromedp.KeyEvent(kb.Enter))
	pg.want("away", countLine, "1 of 5 picked, not stored yet")
	p.start()
	pg.seen("back", "1 of 5 picked, stored", 33, true)
	pg.want("star", starPlace+` != "none"`, "true")
}

// significant writes a number as the page does.
func significant(v score) string { return fmt.Sprintf("%.5g", float64(v)) }

// The page fits a phone and a desk, by day and by night, and text has the
// contrast that WCAG 2 asks for.
func TestVarietyPagesFit(t *testing.T) {
	ctx := browser(t)
	p := startProcess(t, 0)
	name := p.drawn(t, 60)
	p.mustAsk(t, wire.Request{Op: wire.OpSetPicks, Space: name, Picks: "five", Seeds: []uint64{3, 9, 12}})
	pg := newSheetPage(t, ctx)
	for _, page := range []struct{ name, ready string }{{"plane", planeReady}, {"compare", `body[data-ready="yes"]`}} {
		for _, width := range []int64{360, 1440} {
			for _, scheme := range []string{"light", "dark"} {
				pg.do("open", chromedp.EmulateViewport(width, 900),
					emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
					chromedp.Navigate(p.planeURL(page.name, name)), chromedp.WaitVisible(page.ready, chromedp.ByQuery), chromedp.Sleep(300*time.Millisecond))
				if page.name == "plane" {
					pg.want("star", starPlace+` != "none"`, "true")
					if labels := pg.text(crossingLabels); labels != "3: " {
						t.Errorf("%d px, %s: labels of points that are in each other's way or outside: %s", width, scheme, labels)
					}
				}
				if over := pg.text(`document.documentElement.scrollWidth - document.documentElement.clientWidth`); over != "0" {
					t.Errorf("%s, %d px, %s: %s px too wide", page.name, width, scheme, over)
				}
				if faint := pg.text(faintText); faint != "" {
					t.Errorf("%s, %d px, %s: too little contrast: %s", page.name, width, scheme, faint)
				}
				if bare := pg.text(unnamedControls); bare != "" {
					t.Errorf("%s: controls without a name: %s", page.name, bare)
				}
				pg.accessible(fmt.Sprintf("%s, %d px, %s", page.name, width, scheme))
				pg.screenshot(fmt.Sprintf("%s-%d-%s", page.name, width, scheme))
			}
		}
	}
}

// The paper's 324 samples are on the plane in the time that a page may take.
func TestPlaneOf324(t *testing.T) {
	ctx := browser(t)
	p := startProcess(t, 0)
	name := p.drawn(t, 324)
	p.mustAsk(t, wire.Request{Op: wire.OpPicks, Space: name, Picks: "five", Cap: 5})
	p.mustAsk(t, wire.Request{Op: wire.OpLinkedPlane, Space: name, Picks: "five"}) // as the cell does before it shows the page
	pg := newSheetPage(t, ctx)
	start := time.Now()
	pg.do("open", chromedp.EmulateViewport(1000, 900), chromedp.Navigate(p.planeURL("plane", name)), chromedp.WaitVisible(planeReady, chromedp.ByQuery))
	t.Logf("324 samples on the plane in %v", time.Since(start).Round(time.Millisecond))
	pg.want("points", `document.querySelectorAll(".point[data-seed]").length`, "324")
	// From the key to the star in its new place, in the page's own clock.
	pg.do("watch", chromedp.Evaluate(`new MutationObserver(() => {
		const star = document.querySelector("#plot .point.ensemble");
		if (star && !document.body.dataset.moved) document.body.dataset.moved = performance.now() - window.pressed;
	}).observe(document.getElementById("plot"), { childList: true }); document.querySelector('[data-seed="100"]').focus(); 1`, nil))
	pg.do("pick", chromedp.Evaluate(`window.pressed = performance.now();
		document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true })); 1`, nil))
	pg.want("star", `Number(document.body.dataset.moved) < 2000`, "true") // 200 ms on a quiet machine
	t.Logf("star after %s ms", pg.text(`Math.round(document.body.dataset.moved)`))
	pg.screenshot("plane-1000-324")
}

// Behind a proxy that has another name, speaks https and serves the engine
// below a prefix, the pages work, picks arrive, and an engine that dies is
// waited for: whether the proxy passes the Host header on or puts its own.
func TestPagesBehindProxy(t *testing.T) {
	const hub, prefix = "hub.example.org", "/user/a/proxy/1234"
	ctx := browser(t, chromedp.Flag("host-resolver-rules", "MAP "+hub+" 127.0.0.1"), chromedp.Flag("ignore-certificate-errors", true))
	for _, kept := range []bool{true, false} {
		t.Run(fmt.Sprintf("host kept %v", kept), func(t *testing.T) {
			p := startProcess(t, 0)
			name := p.drawn(t, 9)
			engine, err := url.Parse(p.url)
			if err != nil {
				t.Fatal(err)
			}
			forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(engine)
				if kept {
					r.Out.Host = r.In.Host
				}
			}, ErrorLog: log.New(io.Discard, "", 0)}
			proxy := httptest.NewTLSServer(http.StripPrefix(prefix, forward))
			defer proxy.Close()
			proxied := strings.Replace(proxy.URL, "127.0.0.1", hub, 1) + prefix
			p.public = proxied
			p.kill()
			p.start()

			pg := newSheetPage(t, ctx)
			open := func(page string) chromedp.Action {
				return chromedp.Navigate(strings.Replace(p.planeURL(page, name), p.url, proxied, 1))
			}
			pg.do("plane", open("plane"), chromedp.WaitVisible(planeReady, chromedp.ByQuery), chromedp.Focus(samplePoint(4), chromedp.ByQuery), chromedp.KeyEvent(kb.Enter))
			pg.seen("pick", "1 of 5 picked, stored", 4, true)
			pg.want("star", starPlace+` != "none"`, "true")
			pg.do("compare", open("compare"), chromedp.WaitVisible(`body[data-ready="yes"]`, chromedp.ByQuery))
			pg.want("mean", `document.getElementById("righttag").textContent`, "mean of 1 pick")
			p.kill()
			pg.want("gone", `document.getElementById("message").innerText`, "The engine is gone, reconnecting…")
			p.start()
			pg.want("back", `document.getElementById("message").hidden`, "true")
			p.http(t, http.MethodPost, "/gallery/"+name+"/picks?name=five", `{"action":"pick","seed":"2"}`)
			pg.want("follows", `document.getElementById("righttag").textContent`, "mean of 2 picks")

			pg.do("gallery", open("gallery"), chromedp.WaitVisible(`#wall[data-shown="9"] .thumb`, chromedp.ByQuery))
			p.kill() // the proxy answers 502 now
			pg.click(6)
			pg.see("waits", "3 of 5 picked, not stored yet", 2)
			p.start()
			pg.see("pick in the gallery", "3 of 5 picked, stored", 3)
			pg.want("back", `document.getElementById("message").hidden`, "true")
		})
	}
}

// accessible checks the page with axe-core, where it is at hand.
func (p *sheetPage) accessible(what string) {
	p.t.Helper()
	var found string
	p.do("axe", chromedp.ActionFunc(func(ctx context.Context) (err error) {
		found, err = accessibility.Violations(ctx)
		return err
	}))
	if found != "" {
		p.t.Errorf("%s: axe finds %s", what, found)
	}
}

// faintText lists texts with a contrast below 4.5:1 to the ground under them.
const faintText = `(() => {
	const channel = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
	const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
	const rgb = (text) => text.match(/[\d.]+/g).map(Number);
	const ground = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0.7) return c; } return [255, 255, 255]; };
	const out = [];
	for (const e of document.querySelectorAll("body *")) {
		const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
		if (!own || !e.getClientRects().length || e.disabled || e.closest("noscript, script, [aria-hidden=true]:not(.tag)")) continue;
		const style = getComputedStyle(e);
		const [a, b] = [luminance(rgb(e instanceof SVGElement ? style.fill : style.color)), luminance(ground(e))].sort((p, q) => q - p);
		const contrast = (a + 0.05) / (b + 0.05);
		if (contrast < 4.5) out.push(e.tagName + " " + e.textContent.trim().slice(0, 30) + " " + contrast.toFixed(2));
	}
	return out.slice(0, 5).join("; ");
})()`

// crossingLabels counts the labels of points and lists those that meet.
const crossingLabels = `(() => {
	const frame = document.querySelector("#plot .frame").getBoundingClientRect();
	const boxes = [...document.querySelectorAll("#plot text.label")].map((e) => [e.textContent, e.getBoundingClientRect()]);
	const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
	return boxes.length + ": " + boxes.filter(([, a], i) => a.left < frame.left || a.right > frame.right || boxes.some(([, b], j) => i !== j && meet(a, b))).map(([text]) => text).join(", ");
})()`

// unnamedControls lists what can be operated and has no accessible name.
const unnamedControls = `[...document.querySelectorAll("button, select, input, [tabindex], [role=img], [role=slider]")].filter((e) =>
	!(e.getAttribute("aria-label") || e.textContent.trim() && e.tagName === "BUTTON" || e.closest("label")?.textContent.trim()) && e.getClientRects().length)
	.map((e) => e.outerHTML.slice(0, 80)).join("; ")`

// The file of the plane works from a disk: no request, no engine.
func TestPlaneFile(t *testing.T) {
	ctx := browser(t)
	l := startEngine(t, fakeTools(0))
	name := l.drawn(t, 60)
	l.mustAsk(t, wire.Request{Op: wire.OpSetPicks, Space: name, Picks: "five", Seeds: []uint64{3, 9, 12}})
	path := filepath.Join(t.TempDir(), "plane <1>.html")
	page := l.mustAsk(t, wire.Request{Op: wire.OpPlaneHTML, Space: name, Picks: "five"}).Page
	if err := os.WriteFile(path, page, 0o644); err != nil {
		t.Fatal(err)
	}
	pg := newSheetPage(t, ctx)
	pg.do("open", chromedp.EmulateViewport(1440, 1000), chromedp.Navigate("file://"+strings.NewReplacer(" ", "%20", "<", "%3C", ">", "%3E").Replace(path)), chromedp.WaitVisible(planeReady, chromedp.ByQuery))
	pg.want("style", `getComputedStyle(document.getElementById("plot")).cursor`, "crosshair")
	pg.want("count", countLine, "3 of 5 picked")
	pg.want("star", starPlace+` != "none"`, "true")
	x, y := pg.place(samplePoint(40))
	pg.mouse(input.MouseMoved, x, y)
	pg.want("picture", `document.getElementById("picture").style.backgroundImage.startsWith('url("data:image/png')`, "true")
	pg.do("pick", chromedp.Focus(samplePoint(40), chromedp.ByQuery), chromedp.KeyEvent(kb.Enter))
	pg.want("pick", countLine, "4 of 5 picked in this page; only the notebook can score their mean")
	pg.want("no star", starPlace, "none")
	pg.want("command", `document.getElementById("command").textContent`, `In the notebook: space.SetPicks("five", 3, 9, 12, 40)`)
	pg.do("undo", chromedp.Click("#undo", chromedp.ByQuery))
	pg.want("undo", countLine, "3 of 5 picked")
	pg.want("star", starPlace+` != "none"`, "true")
	pg.screenshot("plane-file")
	// The mean that the page paints is the engine's: half up of the sum.
	pg.do("take one back", chromedp.Click("#plot "+samplePoint(9), chromedp.ByQuery))
	pg.want("two", countLine, "2 of 5 picked in this page; only the notebook can score their mean")
	pg.do("mean", chromedp.Evaluate(`(async () => {
		const image = new Image();
		image.src = document.querySelector("#mean > div").style.backgroundImage.slice(5, -2);
		await image.decode();
		const canvas = Object.assign(document.createElement("canvas"), { width: 28, height: 28 });
		const context = canvas.getContext("2d");
		context.drawImage(image, 0, 0);
		document.body.dataset.mean = [...context.getImageData(0, 0, 28, 28).data].filter((_, i) => i % 4 === 0).join();
	})()`, nil, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	a, b := stroke(3, closed(3)).Bytes(), stroke(12, closed(12)).Bytes()
	var want []string
	for i := 0; i < 28*28; i++ {
		want = append(want, fmt.Sprint((int(a[3*i])+int(b[3*i])+1)/2))
	}
	if got := pg.text(`document.body.dataset.mean`); got != strings.Join(want, ",") {
		t.Errorf("the mean that the page paints is %.80s…, want %.80s…", got, strings.Join(want, ","))
	}
}
