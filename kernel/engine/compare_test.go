package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/wire"
	"github.com/trustsr/trustsr/srspace/picture"
)

func encodedStroke(t *testing.T, seed uint64) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, stroke(seed, true).NRGBA()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Images of other methods are kept with the space, for the slider and the
// plane.
func TestAddMethod(t *testing.T) {
	l := startEngine(t, fakeTools(0))
	name := l.drawn(t, 9)
	for _, method := range []string{"EDSR", "BSRGAN", "EDSR"} {
		l.mustAsk(t, wire.Request{Op: wire.OpAddMethod, Space: name, Method: method, Image: file(t, "method.png", encodedStroke(t, 77))})
	}
	_, body := l.http(t, "GET", "/compare/"+name+"/data", "")
	var data compareData
	if err := json.Unmarshal([]byte(body), &data); err != nil {
		t.Fatal(err)
	}
	var labels []string
	for i, p := range data.Pictures {
		labels = append(labels, p.Group+"/"+p.Label)
		if p.Tile != i {
			t.Errorf("picture %d is tile %d", i, p.Tile)
		}
	}
	if got := strings.Join(labels[:6], ", "); got != "known/LR, nearest, known/LR, bicubic, known/HR (truth), other methods/BSRGAN, other methods/EDSR, samples/sample 0" || len(labels) != 5+9 {
		t.Errorf("pictures %s, %d in all", got, len(labels))
	}
	methods := 0
	for _, p := range planeJSON(t, l, "").Points {
		if p.Kind == "method" {
			methods++
		}
	}
	if methods != 3 {
		t.Errorf("%d methods on the plane", methods)
	}
	var small bytes.Buffer
	png.Encode(&small, picture.NewImage(7, 7).NRGBA())
	for what, req := range map[string]wire.Request{
		"another size": {Method: "x", Image: file(t, "method.png", small.Bytes())}, "no image": {Method: "x", Image: file(t, "method.png", []byte("GIF89a"))}, "cut": {Method: "x", Image: file(t, "method.png", encodedStroke(t, 1)[:60])},
		"escape": {Method: "../x", Image: file(t, "method.png", encodedStroke(t, 1))}, "no name": {Image: file(t, "method.png", encodedStroke(t, 1))},
	} {
		req.Op, req.Space = wire.OpAddMethod, name
		if _, _, err := l.ask(req); err == nil || hint.Of(err) == "" {
			t.Errorf("%s: %v, hint %q", what, err, hint.Of(err))
		}
	}
}

// pixelAt is the grey level on the screen's canvas, so many pixels of the
// picture from its centre.
func (p *sheetPage) pixelAt(dx, dy float64) string {
	p.t.Helper()
	return p.text(fmt.Sprintf(`(() => { const v = document.getElementById("view"), z = Number(document.body.dataset.zoom);
		return v.getContext("2d").getImageData(Math.round(v.width / 2 + z * %v), Math.round(v.height / 2 + z * %v), 1, 1).data[0]; })()`, dx, dy))
}

// The divider by pointer and keys, zoom, pan, swap and choice, over HTTP and
// from a file.
func TestSliderInBrowser(t *testing.T) {
	ctx := browser(t)
	p := startProcess(t, 0)
	name := p.drawn(t, 20)
	p.mustAsk(t, wire.Request{Op: wire.OpSetPicks, Space: name, Picks: "five", Seeds: []uint64{3, 9, 12}})
	path := filepath.Join(t.TempDir(), "slider.html")
	if err := os.WriteFile(path, p.mustAsk(t, wire.Request{Op: wire.OpCompareHTML, Space: name, Picks: "five"}).Page, 0o644); err != nil {
		t.Fatal(err)
	}
	hr, sample := stroke(1018, true), stroke(7, closed(7))
	pg := newSheetPage(t, ctx)
	for _, address := range []string{p.planeURL("compare", name), "file://" + path} {
		pg.do("open", chromedp.EmulateViewport(1000, 800), chromedp.Navigate(address), chromedp.WaitVisible(`body[data-ready="yes"]`, chromedp.ByQuery))
		pg.want("names", `document.getElementById("lefttag").textContent + "|" + document.getElementById("righttag").textContent`, "LR, bicubic|mean of 3 picks")
		choose := func(which, label string) {
			t.Helper()
			pg.do("choose "+label, chromedp.Evaluate(fmt.Sprintf(`(() => { const s = document.getElementById(%q);
				s.value = [...s.options].find((o) => o.label === %q).value; s.dispatchEvent(new Event("change")); })()`, which, label), nil))
		}
		choose("left", "HR (truth)")
		choose("right", "sample 7")
		level := func(m *picture.Image, dx, dy float64) string {
			return fmt.Sprint(m.Bytes()[3*(int(14+dy)*28+int(14+dx))])
		}
		// Each pixel of the picture is a square of the screen, on its side of
		// the divider.
		check := func(what string, left, right *picture.Image) {
			t.Helper()
			for dy := -9.5; dy < 10; dy += 1 {
				if got, want := pg.pixelAt(-3.5, dy), level(left, -3.5, dy); got != want {
					t.Errorf("%s: left pixel at %v is %s, want %s", what, dy, got, want)
				}
				if got, want := pg.pixelAt(3.5, dy), level(right, 3.5, dy); got != want {
					t.Errorf("%s: right pixel at %v is %s, want %s", what, dy, got, want)
				}
			}
		}
		check("half", hr, sample)
		pg.do("swap", chromedp.Click("#swap", chromedp.ByQuery))
		check("swapped", sample, hr)
		pg.do("swap", chromedp.Click("#swap", chromedp.ByQuery))

		x, y := pg.place("#divider")
		pg.drag(x, y, x+200, y+40)
		wide := pg.text(`document.getElementById("stage").clientWidth`)
		pg.want("drag", fmt.Sprintf(`Math.abs(Number(document.getElementById("divider").getAttribute("aria-valuenow")) - (50 + 20000 / %s)) <= 1`, wide), "true")
		check("dragged", hr, hr)
		pg.do("keys", chromedp.Focus("#divider", chromedp.ByQuery), chromedp.KeyEvent(kb.Home))
		pg.want("home", `document.getElementById("divider").getAttribute("aria-valuetext")`, "0 % HR (truth), 100 % sample 7")
		check("home", sample, sample)
		pg.do("keys", chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent(kb.ArrowRight, chromedp.KeyModifiers(input.ModifierShift)), chromedp.KeyEvent(kb.ArrowLeft))
		pg.want("arrows", `document.getElementById("divider").getAttribute("aria-valuenow")`, "10")
		pg.do("keys", chromedp.KeyEvent(kb.End))
		pg.want("end", `document.body.dataset.split`, "100")

		fitted := pg.text(`document.body.dataset.zoom`)
		pg.do("zoom", chromedp.Click("#out", chromedp.ByQuery), chromedp.Click("#out", chromedp.ByQuery))
		pg.want("smaller", fmt.Sprintf(`Number(document.body.dataset.zoom) < %s && Number.isInteger(Number(document.body.dataset.zoom))`, fitted), "true")
		check("smaller", hr, hr)
		pg.do("fit", chromedp.Focus("#view", chromedp.ByQuery), chromedp.KeyEvent("0"))
		pg.want("fit", `document.body.dataset.zoom`, fitted)
		pg.do("larger", chromedp.KeyEvent("+"))
		pg.want("larger", fmt.Sprintf(`Number(document.body.dataset.zoom) > %s`, fitted), "true")
		pg.want("centre", `document.body.dataset.centre`, "14.0,14.0")
		x, y = pg.place("#view")
		pg.drag(x-100, y, x-100+48, y)
		pg.want("pan", `(14 - parseFloat(document.body.dataset.centre)).toFixed(1)`, pg.text(`(48 / Number(document.body.dataset.zoom)).toFixed(1)`))
		pg.do("pan by key", chromedp.Focus("#view", chromedp.ByQuery), chromedp.KeyEvent("0"), chromedp.KeyEvent(kb.ArrowDown))
		pg.want("pan by key", `document.body.dataset.centre.split(",")[1] > 14`, "true")
		for range 20 {
			pg.do("out", chromedp.KeyEvent("-"))
		}
		pg.want("least", `document.body.dataset.zoom + document.getElementById("out").disabled`, "1true")
		pg.do("fit", chromedp.Click("#fit", chromedp.ByQuery))
		pg.want("fit", `document.body.dataset.zoom + document.body.dataset.centre`, fitted+"14.0,14.0")
		if name := pg.text(`document.getElementById("view").getAttribute("aria-label")`); !strings.HasPrefix(name, "left of the divider HR (truth), right of it sample 7, ") {
			t.Errorf("the picture is named %q", name)
		}
	}
	pg.screenshot("slider-file")

	// The mean follows the picks.
	pg.do("open", chromedp.Navigate(p.planeURL("compare", name)), chromedp.WaitVisible(`body[data-ready="yes"]`, chromedp.ByQuery))
	p.mustAsk(t, wire.Request{Op: wire.OpSetPicks, Space: name, Picks: "five", Seeds: []uint64{3, 9}})
	pg.want("mean", `document.getElementById("righttag").textContent`, "mean of 2 picks")
}
