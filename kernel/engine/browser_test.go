package engine

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/trustsr/trustsr/kernel/wire"
)

// envScreenshots names a folder to keep screenshots of the gallery in.
const envScreenshots = "TRUSTSR_SCREENSHOTS"

// browser starts a headless Chromium, or skips the test where there is none.
func browser(t *testing.T, more ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("no chromium on PATH: the gallery is not tried in a browser")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true), chromedp.NoFirstRun, chromedp.WindowSize(1000, 800))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), append(options, more...)...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	if err := chromedp.Run(ctx); err != nil {
		t.Skipf("chromium at %s does not start: %v", path, err)
	}
	return ctx
}

// gallery drives the page in one tab.
type gallery struct {
	t   *testing.T
	ctx context.Context
}

func (g *gallery) do(what string, actions ...chromedp.Action) {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.ctx, 20*time.Second)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		g.t.Fatalf("%s: %v", what, err)
	}
}

// see waits until the counter line reads so and n thumbnails are stored picks.
func (g *gallery) see(what, count string, n int) {
	g.t.Helper()
	var got string
	end := time.Now().Add(10 * time.Second)
	want := fmt.Sprintf("%s|%d", count, n)
	for {
		g.do(what, chromedp.Evaluate(`document.querySelector(".count").innerText.replace(/\s+/g, " ") + "|" +
			document.querySelectorAll(".thumb.picked").length`, &got))
		if got == want {
			return
		}
		if time.Now().After(end) {
			g.t.Fatalf("%s: the page says %q, want %q", what, got, want)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func thumb(seed int) string { return fmt.Sprintf(`.thumb[data-seed="%d"]`, seed) }

func (g *gallery) click(seed int) {
	g.t.Helper()
	g.do(fmt.Sprintf("click sample %d", seed), chromedp.Click(thumb(seed), chromedp.ByQuery))
}

func (g *gallery) screenshot(name string) {
	dir := os.Getenv(envScreenshots)
	if dir == "" {
		return
	}
	g.t.Helper()
	var png []byte
	g.do("screenshot", chromedp.FullScreenshot(&png, 100))
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		g.t.Fatal(err)
	}
}

func (p *process) galleryURL(name string, cap int) string {
	return fmt.Sprintf("%s/gallery/%s?token=secret+token%%261&name=five&cap=%d", p.url, name, cap)
}

// A person picks, takes back, is stopped at the cap, reloads, and goes on
// while the engine dies and comes back.
func TestGalleryInBrowser(t *testing.T) {
	ctx := browser(t)
	p := startProcess(t, 0)
	address := p.galleryURL(p.drawn(t, 324), 5)
	g := &gallery{t, ctx}

	var thumbs int
	var title string
	g.do("open", chromedp.Navigate(address), chromedp.WaitVisible(`#wall[data-shown="324"] `+thumb(323), chromedp.ByQuery),
		chromedp.Evaluate(`document.querySelectorAll(".thumb").length`, &thumbs),
		chromedp.AttributeValue(thumb(17), "aria-label", &title, nil, chromedp.ByQuery))
	if thumbs != 324 || !strings.HasSuffix(title, "/ddim-50-eta1/seed/17") {
		t.Errorf("%d thumbnails, sample 17 is %q", thumbs, title)
	}
	g.see("no picks", "0 of 5 picked", 0)

	for i, seed := range []int{3, 19, 40} {
		g.click(seed)
		g.see("pick", fmt.Sprintf("%d of 5 picked, stored", i+1), i+1)
	}
	var caption string
	g.do("mean", chromedp.WaitVisible("#mean", chromedp.ByQuery), chromedp.Text("#meancaption", &caption, chromedp.ByQuery))
	if caption != "mean of 3 picks" {
		t.Errorf("mean caption %q", caption)
	}
	g.click(19)
	g.see("take back", "2 of 5 picked, stored", 2)
	g.do("undo", chromedp.Click("#undo", chromedp.ByQuery))
	g.see("undo", "3 of 5 picked, stored", 3)

	// Keyboard: two to the right, one down in a wall of so many columns, back.
	g.do("keys", chromedp.Focus(thumb(40), chromedp.ByQuery), chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent(kb.Enter))
	g.see("enter", "4 of 5 picked, stored", 4)
	var focused string
	g.do("keys", chromedp.KeyEvent(kb.ArrowDown), chromedp.KeyEvent(kb.ArrowUp), chromedp.KeyEvent(kb.ArrowRight),
		chromedp.Evaluate(`document.activeElement.dataset.seed`, &focused))
	if focused != "43" {
		t.Errorf("the keyboard stands on sample %s, want 43", focused)
	}
	g.do("keys", chromedp.KeyEvent(kb.Enter))
	g.see("enter again", "5 of 5 picked, stored", 5)

	g.click(100)
	var message string
	g.do("cap", chromedp.WaitVisible("#message", chromedp.ByQuery), chromedp.Text("#message", &message, chromedp.ByQuery))
	if !strings.Contains(message, "All 5 picks are used") {
		t.Errorf("over the cap the page says %q", message)
	}
	g.see("cap", "5 of 5 picked, stored", 5)
	g.screenshot("gallery-1000-cap")

	g.do("reload", chromedp.Reload(), chromedp.WaitVisible(`#wall[data-shown="324"] `+thumb(323), chromedp.ByQuery))
	g.see("reload", "5 of 5 picked, stored", 5)

	// A second tab sees the picks of the first.
	second, cancel := chromedp.NewContext(ctx)
	defer cancel()
	if err := chromedp.Run(second); err != nil { // the tab lives as long as second, not as one action
		t.Fatal(err)
	}
	other := &gallery{t, second}
	other.do("second tab", chromedp.Navigate(address), chromedp.WaitVisible(`#wall[data-shown="324"] `+thumb(323), chromedp.ByQuery))
	other.see("second tab", "5 of 5 picked, stored", 5)
	other.click(3)
	other.see("second tab", "4 of 5 picked, stored", 4)
	g.do("first tab", page.BringToFront()) // a hidden tab rests
	g.see("first tab follows", "4 of 5 picked, stored", 4)

	// The engine dies; a click waits, and is stored by the next engine.
	p.kill()
	g.click(200)
	g.see("away", "5 of 5 picked, not stored yet", 4)
	g.do("away", chromedp.WaitVisible("#message", chromedp.ByQuery), chromedp.Text("#message", &message, chromedp.ByQuery))
	if !strings.Contains(message, "engine is gone, reconnecting") {
		t.Errorf("without an engine the page says %q", message)
	}
	g.screenshot("gallery-1000-away")
	p.start()
	g.see("back", "5 of 5 picked, stored", 5)
	g.do("back", chromedp.WaitNotVisible("#message", chromedp.ByQuery))
	if status, body := p.http(t, http.MethodGet, "/gallery/digit-18/picks?name=five", ""); !strings.Contains(body, `"200"`) {
		t.Errorf("picks %d %s", status, body)
	}

	g.do("readings", chromedp.Click("#badges", chromedp.ByQuery), chromedp.WaitVisible(thumb(3)+" i", chromedp.ByQuery),
		chromedp.SetValue("#group", "reading", chromedp.ByQuery), chromedp.Evaluate(`document.getElementById("group").dispatchEvent(new Event("change"))`, nil),
		chromedp.WaitVisible("#wall h2", chromedp.ByQuery))
	var headings string
	g.do("groups", chromedp.Evaluate(`[...document.querySelectorAll("#wall h2")].map((h) => h.innerText).join("; ")`, &headings))
	counts := p.mustAsk(t, wire.Request{Op: wire.OpReadings, Space: "digit-18"}).Readings.Counts
	want := fmt.Sprintf("%d of 324 samples are read as 8; %d of 324 samples are read as 3", counts[8], counts[3])
	if headings != want {
		t.Errorf("groups: %q, want %q", headings, want)
	}
	g.screenshot("gallery-1000-groups")

	g.do("clear", chromedp.Click("#clear", chromedp.ByQuery))
	g.see("clear", "0 of 5 picked", 0)
	g.do("undo by keyboard", chromedp.KeyEvent("z", chromedp.KeyModifiers(2)))
	g.see("undo by keyboard", "5 of 5 picked, stored", 5)
}

// On a phone and in the dark nothing runs over the edge.
func TestGalleryFits(t *testing.T) {
	ctx := browser(t)
	p := startProcess(t, 0)
	name := p.drawn(t, 324)
	p.http(t, http.MethodPost, "/gallery/"+name+"/picks?name=five", `{"action":"pick","seed":"4"}`)
	p.http(t, http.MethodPost, "/gallery/"+name+"/picks?name=five", `{"action":"pick","seed":"7"}`)
	g := &gallery{t, ctx}
	for _, width := range []int64{360, 1000} {
		for _, scheme := range []string{"light", "dark"} {
			var overflow int
			g.do("open", chromedp.EmulateViewport(width, 800),
				emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
				chromedp.Navigate(p.galleryURL(name, 5)), chromedp.WaitVisible(`#wall[data-shown="324"] `+thumb(7)+".picked", chromedp.ByQuery),
				chromedp.WaitVisible("#mean", chromedp.ByQuery), chromedp.Sleep(300*time.Millisecond),
				chromedp.Evaluate(`document.documentElement.scrollWidth - document.documentElement.clientWidth`, &overflow))
			if overflow > 0 {
				t.Errorf("%d px, %s: the page is %d px too wide", width, scheme, overflow)
			}
			g.screenshot(fmt.Sprintf("gallery-%d-%s", width, scheme))
		}
	}
}

// The page says when the stand-in picked, and a person's first click replaces
// what it picked.
func TestGalleryAfterStandIn(t *testing.T) {
	ctx := browser(t)
	p := startProcess(t, 0)
	name := p.drawn(t, 324)
	p.mustAsk(t, wire.Request{Op: wire.OpStandIn, Space: name, Picks: "five", Cap: 5, Digit: 3})
	g := &gallery{t, ctx}
	g.do("open", chromedp.EmulateViewport(360, 800), chromedp.Navigate(p.galleryURL(name, 5)), chromedp.WaitVisible(`#wall[data-shown="324"] `+thumb(323), chromedp.ByQuery))
	g.see("stand-in", "5 of 5 picked by the stand-in, not by a person. Your first click replaces them.", 5)
	g.screenshot("gallery-360-standin")
	g.click(2)
	g.see("first click", "1 of 5 picked, stored", 1)
	g.do("undo", chromedp.Click("#undo", chromedp.ByQuery))
	g.see("undo", "5 of 5 picked by the stand-in, not by a person. Your first click replaces them.", 5)
}
