package studyserver

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/trustsr/trustsr/ensemble/study"
	"github.com/trustsr/trustsr/srspace/picture"
)

// oneTrial makes a study of one trial with n chequered pictures: every pixel
// differs from its neighbours.
func oneTrial(t *testing.T, n, side int, rest string) *study.Study {
	t.Helper()
	dir := t.TempDir()
	space := filepath.Join(dir, "space")
	if err := os.MkdirAll(space, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		img := picture.NewImage(side, side)
		for p := range img.Pix {
			x, y := p/3%side, p/3/side
			img.Pix[p] = float32((x+y)%2*200+i) / 255
		}
		if err := img.WritePNG(filepath.Join(space, fmt.Sprintf("%06d.png", i))); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "study.yaml")
	text := fmt.Sprintf("title: Which digit is it?\nconsent: I take part.\ninstructions: Choose.\nprotocol: task1\nseed: 1\ntrials: [{name: a, space: space, samples: %d}]\n%s", n, rest)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := study.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Whatever the device pixels of a CSS pixel, all pixels of an image are shown
// equally wide.
func TestPixelsAreWhole(t *testing.T) {
	_, url := serve(t, oneTrial(t, 30, 28, ""), filepath.Join(t.TempDir(), "votes.db"), io.Discard)
	for _, ratio := range []float64{1.1, 1.25, 1.5, 2.625} {
		p := window(t, 1000, 700, chromedp.Flag("force-device-scale-factor", fmt.Sprint(ratio)))
		p.enter(url + "/?room=room")
		if got := value[float64](p, "devicePixelRatio"); got < ratio-0.01 || got > ratio+0.01 {
			t.Fatalf("%g device pixels, want %g", got, ratio)
		}
		for _, larger := range []bool{false, true} {
			if larger {
				p.press(`[aria-label="Larger"]`, 1)
			}
			p.do("move away", chromedp.Evaluate(`window.scrollTo(0, 0)`, nil), chromedp.MouseEvent(input.MouseMoved, 2, 2))
			var shot []byte
			p.do("screenshot", chromedp.CaptureScreenshot(&shot))
			screen, err := png.Decode(bytes.NewReader(shot))
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range []int{2, 3, 5} {
				r := value[[4]float64](p, fmt.Sprintf(`(r => [r.left, r.top, r.width, r.height])(document.querySelector(%q).getBoundingClientRect())`, tile(n)))
				for i := range r {
					r[i] *= ratio
				}
				width := int(r[2]+0.5) / 28
				across := runs(screen, image.Pt(int(r[0]+r[2]/2), int(r[1]+r[3]/2)), image.Pt(1, 0), int(r[2]/2)-3*width)
				down := runs(screen, image.Pt(int(r[0]+r[2]/2), int(r[1]+r[3]/2)), image.Pt(0, 1), int(r[3]/2)-3*width)
				if width < 2 || len(across) < 8 || len(down) < 8 {
					t.Fatalf("ratio %g: a pixel is %d wide; %v, %v", ratio, width, across, down)
				}
				for _, run := range append(across, down...) {
					if run != width {
						t.Errorf("ratio %g, image %d: pixels of %d device pixels: across %v, down %v", ratio, n, width, across, down)
						break
					}
				}
			}
		}
	}
}

// runs are the lengths of what is of one colour, from a place on in a
// direction; the first and the last, which may be cut, are left out.
func runs(m image.Image, at, step image.Point, length int) []int {
	var out []int
	run := 0
	before := m.At(at.X, at.Y)
	for range length {
		now := m.At(at.X, at.Y)
		if now != before {
			out, run = append(out, run), 0
		}
		before = now
		run++
		at = at.Add(step)
	}
	return out[1:]
}

// An image wider than the page is shown whole, says so, and opens in full.
func TestWiderThanThePage(t *testing.T) {
	p := window(t, 360, 740)
	_, url := serve(t, oneTrial(t, 3, 512, ""), filepath.Join(t.TempDir(), "votes.db"), io.Discard)
	for _, scheme := range []string{"light", "dark"} {
		p.do("device", emulation.SetDeviceMetricsOverride(360, 740, 1, true),
			emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}))
		if scheme == "light" {
			p.enter(url + "/?room=room")
		}
		p.shot("wide-" + scheme)
		if wide := value[int](p, `document.documentElement.scrollWidth`); wide > 360 {
			t.Errorf("%s: the page is %d pixels wide", scheme, wide)
		}
		if r := value[[2]float64](p, `(r => [r.left, r.right])(document.querySelector(".sample").getBoundingClientRect())`); r[0] < 0 || r[1] > 360 || r[1]-r[0] < 300 {
			t.Errorf("%s: an image from %g to %g", scheme, r[0], r[1])
		}
		if note := value[string](p, `document.querySelector("#shrunk").innerText`); !strings.Contains(note, "66 %") {
			t.Errorf("%s: %q", scheme, note)
		}
		p.accessible(scheme + ", shrunk")
		p.press(".cell:nth-child(2) .open", 1)
		p.until("in full", `document.querySelector("#full").open`)
		if width := value[float64](p, `document.querySelector(".picture").getBoundingClientRect().width`); width < 512 || width > 513 {
			t.Errorf("%s: %g pixels in full", scheme, width)
		}
		p.accessible(scheme + ", in full")
		p.shot("full-" + scheme)
		if n := value[int](p, picked); n != 0 {
			t.Errorf("opening an image picked it")
		}
		p.press("#close", 1)
		p.until("closed", `!document.querySelector("#full").open`)
	}
}

// What the page does beside picking: it keeps still under an alarm, shows no
// frame round itself, takes a held key once, and leads to what is left to do.
func TestPageManners(t *testing.T) {
	p := window(t, 1440, 900)
	s := oneTrial(t, 40, 28, "rules: {confidence: 5}\n")
	store := filepath.Join(t.TempDir(), "votes.db")
	v, url := serve(t, s, store, io.Discard)
	db := aside(t, store)
	p.do("open", chromedp.Navigate(url+"/?room=room"))
	p.until("consent", `document.querySelector("#next")`)
	p.accessible("consent")
	p.tabTo("#next")
	p.do("agree", chromedp.KeyEvent(kb.Enter))
	p.until("instructions", `document.querySelector("h2").textContent === "Instructions"`)
	p.accessible("instructions")
	p.tabTo("#next")
	p.do("start", chromedp.KeyEvent(kb.Enter))
	p.until("trial", pictured)
	p.accessible("trial")
	if frame := value[string](p, `document.activeElement.id + " " + getComputedStyle(document.activeElement).outlineStyle`); frame != "main none" {
		t.Errorf("after the key the focus and its frame are %q", frame)
	}
	p.shot("keyboard")

	p.tabTo(tile(1))
	if frame := value[string](p, `getComputedStyle(document.activeElement).outlineStyle`); frame != "solid" {
		t.Errorf("the focused image has the outline %q", frame)
	}
	enter := input.DispatchKeyEvent(input.KeyDown).WithKey("Enter").WithCode("Enter").WithText("\r").WithWindowsVirtualKeyCode(13).WithNativeVirtualKeyCode(13)
	p.do("press Enter", enter)
	for range 9 {
		p.do("hold Enter", enter.WithAutoRepeat(true))
	}
	p.do("let go", input.DispatchKeyEvent(input.KeyUp).WithKey("Enter").WithCode("Enter").WithWindowsVirtualKeyCode(13))
	p.until("stored", picked+` === 1 && document.querySelectorAll(".waiting").length === 0`)
	clicks := func() (n int) {
		if err := db.QueryRow(`SELECT count(*) FROM clicks WHERE operation IN ('pick', 'unpick')`).Scan(&n); err != nil {
			t.Error(err)
		}
		return n
	}
	if n := clicks(); n != 1 {
		t.Errorf("a held key made %d clicks", n)
	}

	p.press(tile(2), 1)
	p.until("two", picked+" === 2")
	place := `document.querySelector(".sample").getBoundingClientRect().top + window.scrollY`
	before := value[float64](p, place)
	p.press(tile(3), 1)
	p.until("over the cap", `!document.querySelector("#message").hidden`)
	if after := value[float64](p, place); after != before {
		t.Errorf("the alarm moves the images by %g pixels", after-before)
	}
	p.accessible("alarm")
	// A window made narrow and wide again shows what it did before.
	size := value[float64](p, `document.querySelector(".sample").offsetWidth`)
	for _, width := range []int64{40, 1440} {
		p.do("device", emulation.SetDeviceMetricsOverride(width, 900, 1, false))
		p.until("resized", fmt.Sprintf("innerWidth === %d", width))
		p.do("a frame", chromedp.Evaluate(`new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))).then(() => 1)`, nil, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	}
	if after := value[float64](p, `document.querySelector(".sample").offsetWidth`); after != size {
		t.Errorf("after a narrow window images are %g wide, before %g", after, size)
	}
	p.shot("over-the-cap")

	p.press("#count a", 1)
	p.until("at the question", `document.activeElement.closest("#reading") !== null`)
	p.press(`#reading [data-value="5"]`, 2)
	p.until("complete", ready)

	p.do("organiser", chromedp.Navigate(url+"/organiser?token=boss"))
	p.until("organiser", `document.querySelector("#where").innerText.includes("1 joined")`)
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{360, 1440} {
			p.do("device", emulation.SetDeviceMetricsOverride(width, 800, 1, width < 500),
				emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}))
			p.accessible("organiser, " + scheme)
			p.shot(fmt.Sprintf("organiser-%s-%d", scheme, width))
		}
	}

	// Back, closed under the page.
	p.do("back", chromedp.Navigate(url+"/?room=room"))
	p.until("trial", pictured)
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{360, 1440} {
			p.do("device", emulation.SetDeviceMetricsOverride(width, 800, 1, width < 500),
				emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}))
			p.accessible("trial, " + scheme)
			p.shot(fmt.Sprintf("trial-%s-%d", scheme, width))
		}
	}
	if err := v.CloseStudy(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.press(tile(1), 1)
	shut := `document.querySelector("h2").textContent === "The study is closed" && document.querySelector("#submit").offsetHeight === 0`
	p.until("closed", shut)
	p.accessible("closed")
	p.shot("closed")
	p.do("reload", chromedp.Reload())
	p.until("closed after reload", `document.querySelector("h2") && `+shut)
	if ballots, err := v.Ballots(t.Context()); err != nil || len(ballots) != 0 {
		t.Errorf("%v, %v", ballots, err)
	}
}

// Who takes very long to agree is dropped and, agreeing, joins anew.
func TestAgreesLate(t *testing.T) {
	p := window(t, 1000, 700)
	var late atomic.Bool
	_, url := serveAt(t, oneTrial(t, 9, 28, ""), filepath.Join(t.TempDir(), "votes.db"), io.Discard, func() time.Time {
		if late.Load() {
			return time.Now().Add(2 * study.ConsentTime)
		}
		return time.Now()
	})
	p.do("open", chromedp.Navigate(url+"/?room=room"))
	p.until("consent", `document.querySelector("#next")`)
	late.Store(true)
	newBrowser(t, url)
	p.press("#next", 1)
	p.until("consent anew", `document.querySelector("#next:not(:disabled)")`)
	p.press("#next", 1)
	p.until("instructions", `document.querySelector("h2").textContent === "Instructions"`)
}
