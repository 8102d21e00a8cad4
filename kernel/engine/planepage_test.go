package engine

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"image/png"
	"io"
	"log"
	"math"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/pages"
	"github.com/trustsr/trustsr/kernel/wire"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace/picture"
)

// startEngineAt returns an engine over an existing root, to be asked directly.
func startEngineAt(t *testing.T, root string) *Engine {
	t.Helper()
	socket, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	e, err := New(Config{Socket: socket, Root: root, Token: testToken, Tools: fakeTools(0), Log: log.New(io.Discard, "", 0)})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// pageJSON is planeData as a page reads it.
type pageJSON struct {
	Cap    int    `json:"cap"`
	Axes   []axis `json:"axes"`
	X, Y   string
	Points []struct {
		Kind, Label, Seed, Address string
		Seeds                      []string
		Tile                       int
		Scores                     []any
	}
	Sheet       sheetData
	LR, Bicubic int
	HR          int
}

func planeJSON(t *testing.T, l *lab, query string) *pageJSON {
	t.Helper()
	status, body := l.http(t, "GET", "/plane/digit-18/data?name=five"+query, "")
	if status != 200 {
		t.Fatalf("data: %d %s", status, body)
	}
	var out pageJSON
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		t.Fatal(err)
	}
	return &out
}

// The data holds every image with its numbers and its picture.
func TestPlaneData(t *testing.T) {
	l := startEngine(t, fakeTools(0))
	name := l.drawn(t, 20)
	l.mustAsk(t, wire.Request{Op: wire.OpSetPicks, Space: name, Picks: "five", Seeds: []uint64{2, 4}})
	data := planeJSON(t, l, "&metric=psnr/y601full/crop2")
	counts := map[string]int{}
	for _, p := range data.Points {
		counts[p.Kind]++
	}
	for kind, want := range map[string]int{"sample": 19, "single": 1, "method": 1, "ensemble": 1, "control": 101} {
		if counts[kind] != want {
			t.Errorf("%d points of kind %s, want %d", counts[kind], kind, want)
		}
	}
	if len(data.Axes) != 7 || data.X != "psnr/rgb/crop0" || data.Y != "psnr/y601full/crop2" || data.Axes[1].Better != "lower" || data.Axes[4].ID != "psnr/y601full/crop2" || data.Axes[5].Better != "" {
		t.Errorf("axes %+v, %s by %s", data.Axes, data.X, data.Y)
	}
	if data.Cap != 5 || data.HR != data.Bicubic+1 || data.Bicubic != data.LR+1 || data.Sheet.Tiles != data.HR+1 {
		t.Errorf("cap %d, tiles %d, %d, %d of %d", data.Cap, data.LR, data.Bicubic, data.HR, data.Sheet.Tiles)
	}

	hr := stroke(1018, true)
	encoded, _ := strings.CutPrefix(data.Sheet.URL, "data:image/png;base64,")
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	sheet, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	tile := func(n int) *picture.Image {
		out := picture.NewImage(28, 28)
		for y := range 28 {
			for x := range 28 {
				r, g, b, _ := sheet.At(n%data.Sheet.Columns*28+x, n/data.Sheet.Columns*28+y).RGBA()
				for c, v := range []uint32{r, g, b} {
					out.Pix[3*(28*y+x)+c] = float32(v>>8) / 255
				}
			}
		}
		return out
	}
	if !slices.Equal(tile(data.HR).Bytes(), hr.Bytes()) {
		t.Error("the tile of the truth holds another picture")
	}
	// What is shown at a point is what its numbers are of: all points.
	for _, p := range data.Points {
		want, err := metrics.PSNR(tile(p.Tile), hr)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := p.Scores[0].(float64); !ok || math.Abs(got-want) > 1e-4 {
			t.Errorf("%s: PSNR %v, its picture has %v", p.Label, p.Scores[0], want)
		}
	}
	// A control is the mean of the samples that it names.
	for _, p := range data.Points {
		if p.Kind != "control" || len(p.Seeds) == 0 {
			continue
		}
		var of []*picture.Image
		for _, seed := range p.Seeds {
			var n uint64
			json.Unmarshal([]byte(seed), &n)
			of = append(of, stroke(n, closed(n)))
		}
		mean, err := ensemble.Mean(of)
		if err != nil || len(of) != 5 || !slices.Equal(mean.Bytes(), tile(p.Tile).Bytes()) {
			t.Fatalf("control of %v (%v) shows another picture", p.Seeds, err)
		}
	}
}

// The star is the mean of the picks with the numbers of its data.
func TestStar(t *testing.T) {
	l := startEngine(t, fakeTools(0))
	name := l.drawn(t, 20)
	var s star
	ask := func() {
		t.Helper()
		s = star{}
		status, body := l.http(t, "GET", "/plane/"+name+"/star?name=five", "")
		var read struct {
			Revision int
			Point    *struct {
				Seeds  []string
				Scores []float64
			}
		}
		if err := json.Unmarshal([]byte(body), &read); status != 200 || err != nil {
			t.Fatalf("star: %d %s", status, body)
		}
		s.Revision = read.Revision
		if read.Point != nil {
			s.Point = &planePoint{Seeds: read.Point.Seeds}
			for _, v := range read.Point.Scores {
				s.Point.Scores = append(s.Point.Scores, score(v))
			}
		}
	}
	ask()
	if s.Point != nil {
		t.Errorf("star of no picks: %+v", s.Point)
	}
	l.http(t, "POST", "/gallery/"+name+"/picks?name=five", `{"action":"pick","seed":"2"}`)
	l.http(t, "POST", "/gallery/"+name+"/picks?name=five", `{"action":"pick","seed":"4"}`)
	ask()
	mean, _ := ensemble.Mean([]*picture.Image{stroke(2, closed(2)), stroke(4, closed(4))})
	want, _ := metrics.PSNR(mean, stroke(1018, true))
	if s.Point == nil || !slices.Equal(s.Point.Seeds, []string{"2", "4"}) || len(s.Point.Scores) != 6 || math.Abs(float64(s.Point.Scores[0])-want) > 1e-4 {
		t.Errorf("star %+v, want PSNR %v", s.Point, want)
	}
}

// What other people picked stands beside one's own picks, and any two numbers
// make a drawing for print.
func TestPlaneOfTwoLists(t *testing.T) {
	l := startEngine(t, fakeTools(0))
	name := l.drawn(t, 20)
	l.mustAsk(t, wire.Request{Op: wire.OpSetPicks, Space: name, Picks: "five", Seeds: []uint64{2, 4}})
	l.mustAsk(t, wire.Request{Op: wire.OpSetPicks, Space: name, Picks: "three", Seeds: []uint64{1, 7, 13}})
	l.mustAsk(t, wire.Request{Op: wire.OpPicks, Space: name, Picks: "none", Cap: 3})
	var labels []string
	for _, p := range planeJSON(t, l, "").Points {
		if p.Kind == "ensemble" {
			labels = append(labels, p.Label)
		}
	}
	if got := strings.Join(labels, "; "); got != "mean of 2 picks; mean of 3 picks of list \"three\"" {
		t.Errorf("ensembles %s", got)
	}
	svg := string(l.mustAsk(t, wire.Request{Op: wire.OpPlaneSVG, Space: name, Picks: "five", Metrics: []string{"direction/1", "ssim/rgb/crop0"}}).Page)
	for _, want := range []string{"<svg", "SSIM ↑", "direction 1 (levels)", "mean of 3 picks of list", "101 control ensembles"} {
		if !strings.Contains(svg, want) {
			t.Errorf("the drawing holds no %q", want)
		}
	}
	for _, ids := range [][]string{{"direction/9"}, {"nrqm/official"}} {
		if _, _, err := l.ask(wire.Request{Op: wire.OpPlaneSVG, Space: name, Picks: "five", Metrics: ids}); err == nil {
			t.Errorf("axes %v: drawn", ids)
		}
	}
}

// Without the truth the axes are what needs none.
func TestPlaneWithoutTruth(t *testing.T) {
	l := startEngine(t, fakeTools(0))
	var lr bytes.Buffer
	png.Encode(&lr, picture.NewImage(7, 7).NRGBA())
	name := l.mustAsk(t, wire.Request{Op: wire.OpDraw, Source: &wire.Source{LR: file(t, "a.png", lr.Bytes())}, Draw: &wire.Draw{N: 9}}).Space.Name
	_, body := l.http(t, "GET", "/plane/"+name+"/data", "")
	var data pageJSON
	if err := json.Unmarshal([]byte(body), &data); err != nil {
		t.Fatal(err)
	}
	if len(data.Axes) != 3 || data.X != "lrpsnr/matlab-u8/vs-lr" || data.Y != "direction/1" || data.HR != -1 {
		t.Errorf("axes %+v, HR %d", data.Axes, data.HR)
	}
	_, _, err := l.ask(wire.Request{Op: wire.OpLinkedPlane, Space: name, Picks: "five", Metrics: []string{"ssim/rgb/crop0"}})
	if err == nil || !strings.Contains(err.Error(), "no HR image") {
		t.Errorf("a metric of the truth: %v", err)
	}
	f := l.mustAsk(t, wire.Request{Op: wire.OpLinkedPlane, Space: name, Picks: "five"}).Figure
	if !strings.Contains(f.Caption, "lrpsnr/matlab-u8/vs-lr and direction/1") {
		t.Errorf("caption %q", f.Caption)
	}
}

func TestPlaneErrors(t *testing.T) {
	l := startEngine(t, fakeTools(0))
	name := l.drawn(t, 9)
	for _, test := range []struct {
		path string
		want int
	}{
		{"/plane/" + name, 200}, {"/compare/" + name, 200}, {"/page/plane.js", 200}, {"/page/picks.js", 200}, {"/page/compare.css", 200},
		{"/plane/nowhere/data", 404}, {"/compare/nowhere/data", 404}, {"/plane/..%2fx", 400}, {"/plane/" + name + "?name=..%2fx", 400},
		{"/plane/" + name + "/data?metric=beauty", 400}, {"/page/plane.html", 404},
	} {
		if status, body := l.http(t, "GET", test.path, ""); status != test.want {
			t.Errorf("%s: %d %s, want %d", test.path, status, body, test.want)
		}
	}
	if _, _, err := l.ask(wire.Request{Op: wire.OpPlaneHTML, Space: name, Picks: "five", Metrics: []string{"beauty"}}); err == nil || !strings.Contains(hint.Of(err), "known ids") {
		t.Errorf("an unknown metric: %v", err)
	}
}

// A page that is a file of its own names nothing outside of it, and may run
// nothing but its script.
func TestOwnFile(t *testing.T) {
	l := startEngine(t, fakeTools(0))
	name := l.drawn(t, 9)
	for op, kind := range map[string]string{wire.OpPlaneHTML: "plane", wire.OpCompareHTML: "compare"} {
		page := string(l.mustAsk(t, wire.Request{Op: op, Space: name, Picks: "five"}).Page)
		source, _, err := pages.File(kind + ".js")
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{string(source), "default-src &#39;none&#39;; img-src data:; style-src &#39;sha256-"} {
			if !strings.Contains(page, want) {
				t.Errorf("%s: no %.60q", op, want)
			}
		}
		for _, never := range []string{`src="`, "<link rel=\"stylesheet\"", "eval(", "token", testToken, "unsafe"} {
			if rest := strings.ReplaceAll(page, string(source), ""); strings.Contains(rest, never) {
				t.Errorf("%s: the file holds %q", op, never)
			}
		}
	}
}
