package studyserver

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/ensemble/study"
	"github.com/trustsr/trustsr/ensemble/study/studytest"
	"github.com/trustsr/trustsr/internal/accessibility"
)

// envScreenshots names a folder to keep screenshots of the pages in.
const envScreenshots = "TRUSTSR_SCREENSHOTS"

// window starts a Chromium of its own, with its own cookies, or skips.
func window(t *testing.T, width, height int, more ...chromedp.ExecAllocatorOption) *page {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium on PATH: the study's pages are not tried in a browser")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true), chromedp.NoFirstRun, chromedp.WindowSize(width, height))
	options = append(options, more...)
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithErrorf(func(string, ...any) {})) // of events it does not know
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 4*time.Minute)
	t.Cleanup(cancel)
	if err := chromedp.Run(ctx); err != nil {
		t.Skipf("chromium at %s does not start: %v", path, err)
	}
	return &page{t: t, ctx: ctx}
}

type page struct {
	t   *testing.T
	ctx context.Context

	walks bool // on a goroutine of its own, which a failure ends
}

func (p *page) do(what string, actions ...chromedp.Action) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 60*time.Second)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		var text string
		chromedp.Run(p.ctx, chromedp.Evaluate(`document.body.innerText.slice(0, 600)`, &text))
		p.fail(fmt.Sprintf("%s: %v; the page says:\n%s", what, err, text))
	}
}

// fail ends the test, or this participant's part in it.
func (p *page) fail(why string) {
	p.t.Helper()
	if !p.walks {
		p.t.Fatal(why)
	}
	p.t.Error(why)
	panic(stumble{})
}

// stumble ends a participant's walk after its failure was reported.
type stumble struct{}

// until waits for a JavaScript condition.
func (p *page) until(what, condition string) {
	p.t.Helper()
	p.do(what+" ("+condition+")", chromedp.Poll(condition, nil, chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(50*time.Second)))
}

// tile is the button of the image at a position, from 1.
func tile(n int) string { return fmt.Sprintf(".cell:nth-child(%d) .sample", n) }

// press presses and lets go of the real mouse button, so many times in quick
// succession, in the middle of an element.
func (p *page) press(selector string, times int) {
	p.t.Helper()
	var at [2]float64
	p.do("find "+selector, chromedp.Evaluate(fmt.Sprintf(`(() => {
		const e = document.querySelector(%q);
		e.scrollIntoView({ block: "center" });
		const r = e.getBoundingClientRect();
		return [r.left + r.width / 2, r.top + r.height / 2];
	})()`, selector), &at))
	for n := 1; n <= times; n++ {
		p.do("press "+selector, chromedp.MouseEvent(input.MousePressed, at[0], at[1], chromedp.ButtonLeft, chromedp.ClickCount(n)),
			chromedp.MouseEvent(input.MouseReleased, at[0], at[1], chromedp.ButtonLeft, chromedp.ClickCount(n)))
	}
}

// tabTo presses the tabulator key until an element has the focus.
func (p *page) tabTo(selector string) {
	p.t.Helper()
	for range 60 {
		var there bool
		p.do("tab to "+selector, chromedp.KeyEvent(kb.Tab), chromedp.Evaluate(fmt.Sprintf(`document.activeElement === document.querySelector(%q)`, selector), &there))
		if there {
			return
		}
	}
	p.fail("the tabulator key does not come to " + selector)
}

// enter goes from the address to the first trial.
func (p *page) enter(address string) {
	p.t.Helper()
	p.do("open", chromedp.Navigate(address))
	p.until("consent", `document.querySelector("#next")`)
	p.press("#next", 1)
	p.until("instructions", `document.querySelector("h2").textContent === "Instructions"`)
	p.press("#next", 1)
	p.until("trial", inTrial)
	p.until("pictures", pictured)
}

// value is what a JavaScript expression gives.
func value[T any](p *page, expression string) (v T) {
	p.t.Helper()
	p.do(expression, chromedp.Evaluate(expression, &v))
	return v
}

// accessible checks the page with axe-core, where it is at hand.
func (p *page) accessible(what string) {
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

// click clicks like a finger: times in quick succession.
func (p *page) click(selector string, times int) {
	p.t.Helper()
	p.until(selector+" can be pressed", fmt.Sprintf(`document.querySelector(%q) && !document.querySelector(%q).disabled`, selector, selector))
	for n := 1; n <= times; n++ {
		p.do("click "+selector, chromedp.Evaluate(fmt.Sprintf(
			`document.querySelector(%q).dispatchEvent(new MouseEvent("click", {bubbles: true, cancelable: true, detail: %d}))`, selector, n), nil))
	}
}

func (p *page) shot(name string) {
	dir := os.Getenv(envScreenshots)
	if dir == "" {
		return
	}
	var png []byte
	p.do("screenshot", chromedp.FullScreenshot(&png, 100))
	if err := os.WriteFile(filepath.Join(dir, "study-"+name+".png"), png, 0o644); err != nil {
		p.t.Error(err)
	}
}

const (
	picked   = `document.querySelectorAll('.sample[aria-pressed="true"]').length`
	ready    = `document.querySelector("#submit") && !document.querySelector("#submit").disabled`
	inTrial  = `document.querySelectorAll(".sample").length > 0`
	pictured = `document.querySelector('#samples[aria-busy="false"]') && [...document.querySelectorAll(".sample canvas")].every(c => "drawn" in c.dataset) && !document.querySelector(".sample").disabled`
	thanked  = `document.querySelector("#code") !== null`
)

// Three participants at once go through a Task-1 study: one reloads in the
// middle and sees the server killed between two clicks, one double-clicks
// everything, one has no mouse.
func TestInBrowser(t *testing.T) {
	dir := t.TempDir()
	studytest.MakeSpace(t, filepath.Join(dir, "space"), 324, 28, 5000)
	file := filepath.Join(dir, "study.yaml")
	text := "title: Which digit is it?\nconsent: |\n  I take part.\n\n  I may stop at any time.\ninstructions: Look at all the pictures and choose.\nthanks: You may close this page.\nprotocol: task1\nrules: {confidence: 5}\nseed: 1\ntrials: [{name: a, space: space}]\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	reloads, doubles, keys := window(t, 1200, 900), window(t, 1200, 900), window(t, 1200, 900)
	for _, p := range []*page{reloads, doubles, keys} {
		p.walks = true
	}
	server := startProcess(t, file)
	address := server.url() + "/?room=room"
	var people sync.WaitGroup
	walk := func(steps func()) {
		people.Go(func() {
			defer func() {
				if r := recover(); r != nil {
					if _, ok := r.(stumble); !ok {
						panic(r)
					}
				}
			}()
			steps()
		})
	}
	walk(func() {
		p := reloads
		p.do("open", chromedp.Navigate(address))
		p.until("consent", `document.querySelector("#next")`)
		p.shot("consent")
		p.click("#next", 1)
		p.until("instructions", `document.querySelector("#main").innerText.includes("Look at all")`)
		p.click("#next", 1)
		p.until("trial", pictured)
		p.click(tile(8), 1)
		p.until("first pick", picked+" === 1")
		p.do("reload", chromedp.Reload())
		p.until("pick after reload", picked+" === 1")
		p.until("pictures after reload", pictured)
		server.kill()
		p.click(tile(20), 1) // nobody is there
		p.until("says so", `!document.querySelector("#message").hidden`)
		p.shot("no-connection")
		server.start()
		p.until("second pick", picked+" === 2")
		p.click(`#reading [data-value="5"]`, 1)
		p.click(`#confidence [data-value="4"]`, 1)
		p.until("complete", ready)
		p.until("pictures", pictured)
		p.shot("trial")
		p.click("#submit", 1)
		p.until("thanks", thanked)
		p.accessible("thanks")
		p.shot("thanks")
	})
	walk(func() {
		p := doubles
		p.do("open", chromedp.Navigate(address))
		p.until("consent", `document.querySelector("#next")`)
		p.press("#next", 2)
		p.until("instructions", `document.querySelector("#main").innerText.includes("Look at all")`)
		p.press("#next", 2)
		p.until("trial", pictured)
		p.press(tile(3), 2)
		p.press(tile(4), 2)
		p.press(tile(5), 2) // over the cap
		p.until("two picks", picked+" === 2")
		p.press(`#reading [data-value="6"]`, 2)
		p.until("complete", ready)
		p.press("#submit", 2)
		p.until("thanks", thanked)
	})
	walk(func() {
		p := keys
		p.do("open", chromedp.Navigate(address))
		p.until("consent", `document.querySelector("#next")`)
		p.tabTo("#next")
		p.do("agree", chromedp.KeyEvent(kb.Enter))
		p.until("instructions", `document.querySelector("#main").innerText.includes("Look at all")`)
		p.tabTo("#next")
		p.do("start", chromedp.KeyEvent(kb.Enter))
		p.until("trial", pictured)
		p.tabTo(tile(1))
		p.do("pick", chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent(kb.Enter))
		p.until("one pick", picked+" === 1")
		p.do("pick below", chromedp.KeyEvent(kb.ArrowDown), chromedp.KeyEvent(kb.Enter))
		p.until("two picks", picked+" === 2")
		p.do("undo", chromedp.KeyEvent("u"))
		p.until("undone", picked+" === 1")
		p.do("pick the last", chromedp.KeyEvent(kb.End), chromedp.KeyEvent(kb.Enter))
		p.until("two picks again", picked+" === 2")
		p.do("read", chromedp.KeyEvent("3"))
		p.until("complete", ready)
		p.tabTo("#submit")
		p.do("hand in", chromedp.KeyEvent(kb.Enter))
		p.until("thanks", thanked)
	})
	people.Wait()
	if t.Failed() {
		return
	}
	organiser := reloads
	organiser.walks = false
	organiser.do("organiser", chromedp.Navigate(server.url()+"/organiser?token=boss"))
	organiser.until("ballots", `document.querySelector("#where").innerText.includes("3 finished")`)
	organiser.accessible("organiser with ballots")
	organiser.shot("organiser")
	server.kill()
	ballots := ballotsOf(t, server)
	if len(ballots) != 3 || len(ensemble.Participants(ballots)) != 3 {
		t.Fatalf("%d ballots", len(ballots))
	}
	read := map[string]ensemble.Ballot{}
	for _, b := range ballots {
		read[b.Reading] = b
	}
	if b := read["5"]; b.Shown[7] != b.Picks[0] || b.Shown[19] != b.Picks[1] || b.Confidence != 4 {
		t.Errorf("who reloaded: %v", b.Picks)
	}
	if b := read["6"]; b.Shown[2] != b.Picks[0] || b.Shown[3] != b.Picks[1] || len(b.Picks) != 2 {
		t.Errorf("who double-clicked: %v", b.Picks)
	}
	if b := read["3"]; b.Shown[1] != b.Picks[0] || b.Shown[323] != b.Picks[1] {
		t.Errorf("who used keys: %v", b.Picks)
	}
	if browser := read["3"].Browser; !strings.Contains(browser, "Chrome") {
		t.Errorf("browser %q", browser)
	}
}

func ballotsOf(t *testing.T, p *process) []ensemble.Ballot {
	t.Helper()
	s, err := study.Load(p.file)
	if err != nil {
		t.Fatal(err)
	}
	v, err := study.Read(s, p.store)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	ballots, err := v.Ballots(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return ballots
}

// On a telephone nothing is wider than the screen and every control is large
// enough for a finger; in the dark too.
func TestOnTelephone(t *testing.T) {
	p := window(t, 360, 740)
	s := newStudy(t)
	_, url := serve(t, s, filepath.Join(t.TempDir(), "votes.db"), os.Stderr)
	for _, scheme := range []string{"light", "dark"} {
		p.do("open "+scheme, emulation.SetDeviceMetricsOverride(360, 740, 2, true),
			emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
			chromedp.Navigate(url+"/?room=room"))
		if scheme == "light" {
			p.until("consent", `document.querySelector("#next")`)
			p.click("#next", 1)
			p.until("instructions", `document.querySelector("#main").innerText.includes("Choose.")`)
			p.click("#next", 1)
			p.until("trial", inTrial)
			p.click(tile(2), 1)
		}
		p.until("picked", picked+" === 1")
		p.until("pictures", pictured)
		var wide, small, unnamed int
		p.do("measure", chromedp.Evaluate(`document.documentElement.scrollWidth`, &wide),
			chromedp.Evaluate(`[...document.querySelectorAll("button")].filter(b => b.offsetHeight && b.offsetHeight < 40).length`, &small),
			chromedp.Evaluate(`[...document.querySelectorAll("button, input")].filter(b => !(b.getAttribute("aria-label") || b.innerText.trim())).length`, &unnamed))
		if wide > 360 || small > 0 || unnamed > 0 {
			t.Errorf("%s: %d pixels wide, %d small buttons, %d without a name", scheme, wide, small, unnamed)
		}
		p.shot("telephone-" + scheme)
	}
}
