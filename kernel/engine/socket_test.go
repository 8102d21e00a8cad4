package engine

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"image"
	"image/png"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/app"
	"github.com/trustsr/trustsr/kernel/wire"
)

func TestDrawOnce(t *testing.T) {
	l := startEngine(t, fakeTools(0))
	draw := wire.Request{Op: wire.OpDraw, Source: digitSource(18), Draw: &wire.Draw{N: 30}}
	progress, result, err := l.ask(draw)
	if err != nil {
		t.Fatal(err)
	}
	s := result.Space
	if s.Name != "digit-18" || s.Samples != 30 || s.Drawn != 30 || len(s.Seeds) != 30 || len(s.Addresses) != 30 {
		t.Errorf("first draw: %+v", s)
	}
	if last := progress[len(progress)-1]; last.Done != 30 || last.Total != 30 {
		t.Errorf("last progress %+v", last)
	}
	if want := "/ddim-50-eta1/seed/29"; !strings.HasSuffix(s.Addresses[29], want) {
		t.Errorf("address %q does not end in %q", s.Addresses[29], want)
	}
	if again := l.mustAsk(t, draw).Space; again.Drawn != 0 || again.Samples != 30 {
		t.Errorf("second draw: %+v", again)
	}
	draw.Draw.N = 40
	if more := l.mustAsk(t, draw).Space; more.Drawn != 10 || more.Samples != 40 {
		t.Errorf("more: %+v", more)
	}
	eta := 0.5
	draw.Draw = &wire.Draw{N: 2, Seed: 7, Model: wire.Model{Steps: 20, Eta: &eta}}
	other := l.mustAsk(t, draw).Space
	if other.Name != "digit-18-steps20-eta0.5-seed7" || other.Seeds[0] != 7 {
		t.Errorf("other parameters: %+v", other)
	}
}

// Samples of two recipes never share a space.
func TestOtherRecipeOtherSpace(t *testing.T) {
	tools := fakeTools(0)
	var steps atomic.Int32
	steps.Store(50)
	tools.Models.Own["digits"] = func(app.ModelOptions) (app.Drawer, error) {
		return &fakeModel{steps: int(steps.Load()), eta: 1}, nil
	}
	l := startEngine(t, tools)
	first := l.drawn(t, 3)

	steps.Store(51) // as if the model were another one now
	socket, _ := l.listen(t)
	e, err := New(Config{Socket: socket, Root: l.root, Token: testToken, Tools: tools})
	if err != nil {
		t.Fatal(err)
	}
	go e.Serve(t.Context())
	second := l.drawn(t, 3)
	if first == second || !strings.HasPrefix(second, first+"-") {
		t.Errorf("names %q and %q", first, second)
	}
	if third := l.drawn(t, 3); third != second {
		t.Errorf("the name changed from %q to %q", second, third)
	}
}

func TestCancelKeepsFinished(t *testing.T) {
	l := startEngine(t, fakeTools(5*time.Millisecond))
	draw := wire.Request{Op: wire.OpDraw, Source: digitSource(18), Draw: &wire.Draw{N: 2000}}
	conn, err := l.dial(draw)
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewScanner(conn)
	for in.Scan() {
		var reply wire.Reply
		if err := json.Unmarshal(in.Bytes(), &reply); err != nil {
			t.Fatal(err)
		}
		if reply.Progress != nil && reply.Progress.Done >= 20 {
			break
		}
	}
	conn.Close()
	space := wire.Request{Op: wire.OpSpace, Space: "digit-18"}
	before := l.mustAsk(t, space).Space.Samples
	time.Sleep(300 * time.Millisecond)
	kept := l.mustAsk(t, space).Space.Samples
	if before < 20 || kept > before+5 {
		t.Fatalf("%d samples when cancelled, %d later", before, kept)
	}
	draw.Draw.N = kept + 10
	if s := l.mustAsk(t, draw).Space; s.Drawn != 10 {
		t.Errorf("went on with %d samples, want 10", s.Drawn)
	}
}

// Two cells that draw one space at once share its samples.
func TestDrawTogether(t *testing.T) {
	l := startEngine(t, fakeTools(2*time.Millisecond))
	results := make(chan int, 2)
	for range 2 {
		go func() {
			_, result, err := l.ask(wire.Request{Op: wire.OpDraw, Source: digitSource(18), Draw: &wire.Draw{N: 60}})
			if err != nil {
				t.Error(err)
				results <- 0
				return
			}
			results <- result.Space.Samples
		}()
	}
	if a, b := <-results, <-results; a != 60 || b != 60 {
		t.Errorf("%d and %d samples, want 60 each", a, b)
	}
}

func TestWaitsForModel(t *testing.T) {
	tools := fakeTools(0)
	open, gate := tools.Models.Own["digits"], make(chan struct{})
	tools.Models.Own["digits"] = func(o app.ModelOptions) (app.Drawer, error) { <-gate; return open(o) }
	l := startEngine(t, tools)
	if s := l.mustAsk(t, wire.Request{Op: wire.OpStatus}).Status; s.Loaded {
		t.Error("loaded before the model was there")
	}
	time.AfterFunc(500*time.Millisecond, func() { close(gate) })
	progress, _, err := l.ask(wire.Request{Op: wire.OpDraw, Source: digitSource(18), Draw: &wire.Draw{N: 1}})
	if err != nil || len(progress) == 0 || progress[0].Note != "loading model" {
		t.Errorf("progress %+v, error %v", progress, err)
	}
	if s := l.mustAsk(t, wire.Request{Op: wire.OpStatus}).Status; !s.Loaded || s.Model != "fake" {
		t.Errorf("status %+v", s)
	}
}

// A model that fails to load, or panics, is an answer, and is tried again.
func TestModelComesLater(t *testing.T) {
	tools := fakeTools(0)
	open := tools.Models.Own["digits"]
	var tries atomic.Int32
	tools.Models.Own["digits"] = func(o app.ModelOptions) (app.Drawer, error) {
		switch tries.Add(1) {
		case 1: // in the background, when the engine starts, or for the first cell
			panic("no weights")
		case 2:
			return nil, hint.With(errors.New("weights are damaged"), "fetch them again")
		}
		return open(o)
	}
	l := startEngine(t, tools)
	draw := wire.Request{Op: wire.OpDraw, Source: digitSource(18), Draw: &wire.Draw{N: 1}}
	var messages []string
	for range 3 {
		_, _, err := l.ask(draw)
		if err == nil {
			break
		}
		messages = append(messages, err.Error()+"|"+hint.Of(err))
		if len(messages) == 3 {
			t.Fatalf("never loaded: %q", messages)
		}
	}
	if all := strings.Join(messages, " "); !strings.Contains(all, "weights are damaged|fetch them again") {
		t.Errorf("messages %q", messages)
	}
}

func pngOf(t *testing.T, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, w, h))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestOwnPicture(t *testing.T) {
	l := startEngine(t, fakeTools(0))
	s := l.mustAsk(t, wire.Request{Op: wire.OpDraw, Source: &wire.Source{LR: file(t, "six.png", pngOf(t, 7, 7))}, Draw: &wire.Draw{N: 2}}).Space
	if !strings.HasPrefix(s.Name, "image-") {
		t.Errorf("name %q", s.Name)
	}
	if _, _, err := l.ask(wire.Request{Op: wire.OpPlane, Space: s.Name}); err == nil || hint.Of(err) == "" {
		t.Errorf("plane without HR: %v", err)
	}
	if f := l.mustAsk(t, wire.Request{Op: wire.OpCompare, Space: s.Name, Picks: "five"}).Figure; len(f.PNG) == 0 {
		t.Error("no comparison without HR")
	}
}

// Every refusal is one line with a hint, and the engine lives on.
func TestRefusals(t *testing.T) {
	l := startEngine(t, fakeTools(0))
	name := l.drawn(t, 6)
	eta := 2.0
	half := pngOf(t, 7, 7)
	half = half[:len(half)/2]
	for _, test := range []struct {
		name string
		req  wire.Request
		want string
	}{
		{"unknown operation", wire.Request{Op: "format"}, "unknown operation"},
		{"no such digit", wire.Request{Op: wire.OpSubject, Source: digitSource(100)}, "no test digit"},
		{"no source", wire.Request{Op: wire.OpSubject}, "no LR picture"},
		{"two sources", wire.Request{Op: wire.OpSubject, Source: &wire.Source{Digit: new(int), LR: file(t, "a.png", half)}}, "two LR pictures"},
		{"truth of another size", wire.Request{Op: wire.OpDraw, Source: &wire.Source{LR: file(t, "a.png", pngOf(t, 6, 7)), HR: file(t, "b.png", pngOf(t, 25, 28))}, Draw: &wire.Draw{N: 1}}, "the HR picture is 25×28, samples of this LR picture are 24×28"},
		{"no bytes", wire.Request{Op: wire.OpSubject, Source: &wire.Source{LR: file(t, "a.png", []byte{})}}, "a.png"},
		{"text", wire.Request{Op: wire.OpSubject, Source: &wire.Source{LR: file(t, "a.png", []byte("hello, world"))}}, "not an image"},
		{"half a file", wire.Request{Op: wire.OpSubject, Source: &wire.Source{LR: file(t, "a.png", half)}}, "a.png"},
		{"no such file", wire.Request{Op: wire.OpSubject, Source: &wire.Source{LR: filepath.Join(t.TempDir(), "x.png")}}, "x.png: "},
		{"no samples", wire.Request{Op: wire.OpDraw, Source: digitSource(1), Draw: &wire.Draw{}}, "cannot draw 0"},
		{"no draw", wire.Request{Op: wire.OpDraw, Source: digitSource(1)}, "cannot draw 0"},
		{"too many samples", wire.Request{Op: wire.OpDraw, Source: digitSource(1), Draw: &wire.Draw{N: 1e9}}, "cannot draw"},
		{"eta", wire.Request{Op: wire.OpDraw, Source: digitSource(1), Draw: &wire.Draw{N: 1, Model: wire.Model{Eta: &eta}}}, "eta is 2"},
		{"no such space", wire.Request{Op: wire.OpWall, Space: "digit-19"}, "no space"},
		{"escape", wire.Request{Op: wire.OpWall, Space: "../digit-18"}, "bad name"},
		{"hidden", wire.Request{Op: wire.OpWall, Space: ".digit"}, "bad name"},
		{"absolute", wire.Request{Op: wire.OpWall, Space: "/etc"}, "bad name"},
		{"long", wire.Request{Op: wire.OpWall, Space: strings.Repeat("a", 300)}, "bad name"},
		{"list escape", wire.Request{Op: wire.OpPicks, Space: name, Picks: "../../x"}, "bad name of a pick list"},
		{"list without name", wire.Request{Op: wire.OpPicks, Space: name}, "bad name of a pick list"},
		{"cap", wire.Request{Op: wire.OpPicks, Space: name, Picks: "five", Cap: 1000}, "cap of 1000"},
		{"over cap", wire.Request{Op: wire.OpSetPicks, Space: name, Picks: "five", Seeds: []uint64{0, 1, 2, 3, 4, 5}}, "6 picks for list"},
		{"pick not drawn", wire.Request{Op: wire.OpSetPicks, Space: name, Picks: "five", Seeds: []uint64{99}}, "no sample of seed 99"},
		{"stand-in finds none", wire.Request{Op: wire.OpStandIn, Space: name, Picks: "five", Cap: 5, Digit: 1}, "none of 6 samples is read as 1"},
		{"no picks to average", wire.Request{Op: wire.OpMean, Space: name, Picks: "none"}, "holds no picks"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := l.ask(test.req)
			if err == nil {
				t.Fatal("accepted")
			}
			if text := err.Error(); !strings.Contains(text, test.want) || strings.Contains(text, "\n") || hint.Of(err) == "" {
				t.Errorf("error %q, hint %q; want %q", text, hint.Of(err), test.want)
			}
		})
	}
	l.mustAsk(t, wire.Request{Op: wire.OpStatus})
}

// What is no request gets an error or an end, and takes nothing down.
func TestBadLines(t *testing.T) {
	l := startEngine(t, fakeTools(0))
	for name, line := range map[string]string{
		"not json":  "hello\n",
		"too long":  strings.Repeat(" ", wire.MaxRequest+10) + "\n",
		"wrong":     `{"op":3}` + "\n",
		"a listing": "[1,2]\n",
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("unix", l.socket)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			go conn.Write([]byte(line))
			answer, err := bufio.NewReader(conn).ReadString('\n')
			if err != nil || !strings.Contains(answer, `"error"`) || !strings.Contains(answer, `"hint"`) {
				t.Errorf("answer %q, %v", answer, err)
			}
		})
	}
	l.mustAsk(t, wire.Request{Op: wire.OpStatus})
}

func TestFigures(t *testing.T) {
	l := startEngine(t, fakeTools(0))
	name := l.drawn(t, 36)
	l.mustAsk(t, wire.Request{Op: wire.OpStandIn, Space: name, Picks: "five", Cap: 5, Digit: 8})
	for _, req := range []wire.Request{
		{Op: wire.OpShow, Source: digitSource(18)},
		{Op: wire.OpWall, Space: name},
		{Op: wire.OpWall, Space: name, Picks: "five"},
		{Op: wire.OpMean, Space: name, Picks: "five"},
		{Op: wire.OpCompare, Space: name, Picks: "five"},
		{Op: wire.OpPlane, Space: name, Picks: "five"},
		{Op: wire.OpPlane, Space: name},
	} {
		f := l.mustAsk(t, req).Figure
		if dir := os.Getenv(envScreenshots); dir != "" {
			os.WriteFile(filepath.Join(dir, req.Op+req.Picks+".png"), f.PNG, 0o644)
		}
		img, err := png.Decode(bytes.NewReader(f.PNG))
		if err != nil {
			t.Fatalf("%s: %v", req.Op, err)
		}
		if b := img.Bounds(); b.Dx()%f.Width != 0 || b.Dx()*f.Height != b.Dy()*f.Width || f.Width < 28 || f.Caption == "" {
			t.Errorf("%s: %v, says %d×%d, caption %q", req.Op, b, f.Width, f.Height, f.Caption)
		}
		if req.Picks != "" && !strings.Contains(f.Caption, "not by a person") {
			t.Errorf("%s: caption %q hides who picked", req.Op, f.Caption)
		}
	}
}

// Scores are kept by content: the second plane scores nothing, not even in
// another process.
func TestScoresKept(t *testing.T) {
	l := startEngine(t, fakeTools(0))
	name := l.drawn(t, 12)
	calls := func() int {
		before := len(metricCalls)
		l.mustAsk(t, wire.Request{Op: wire.OpPlane, Space: name})
		return len(metricCalls) - before
	}
	if n := calls(); n != 13 { // the samples, of which one is the random one, and bicubic
		t.Errorf("first plane scored %d images, want 13", n)
	}
	if n := calls(); n != 0 {
		t.Errorf("second plane scored %d images", n)
	}
}

func TestReadings(t *testing.T) {
	l := startEngine(t, fakeTools(0))
	name := l.drawn(t, 30)
	first := l.mustAsk(t, wire.Request{Op: wire.OpReadings, Space: name}).Readings
	if first.Counts[3] != 10 || first.Counts[8] != 20 || len(first.Samples) != 30 {
		t.Fatalf("counts %v", first.Counts)
	}
	l.drawn(t, 33)
	if more := l.mustAsk(t, wire.Request{Op: wire.OpReadings, Space: name}).Readings; more.Counts[3] != 11 || more.Counts[8] != 22 {
		t.Errorf("counts %v", more.Counts)
	}
}

// The hint of a space whose manifest is cut can be followed: the samples, the
// readings and the picks are there again.
func TestCutManifestIsMadeAnew(t *testing.T) {
	l := startEngine(t, fakeTools(0))
	name := l.drawn(t, 10)
	l.mustAsk(t, wire.Request{Op: wire.OpReadings, Space: name})
	l.mustAsk(t, wire.Request{Op: wire.OpSetPicks, Space: name, Picks: "five", Seeds: []uint64{3, 7}})
	path := filepath.Join(l.root, ".lab", "spaces", name, "manifest.json")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data[:len(data)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	draw := wire.Request{Op: wire.OpDraw, Source: digitSource(18), Draw: &wire.Draw{N: 10}}
	if _, _, err := l.ask(draw); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(hint.Of(err), "move it away") {
		t.Fatalf("a cut manifest: %v, hint %q", err, hint.Of(err))
	}
	if err := os.Rename(path, filepath.Join(l.root, "away.json")); err != nil {
		t.Fatal(err)
	}
	if s := l.mustAsk(t, draw).Space; s.Name != name || s.Drawn != 0 || s.Samples != 10 {
		t.Errorf("made anew: %+v", s)
	}
	if picks := l.mustAsk(t, wire.Request{Op: wire.OpPicks, Space: name, Picks: "five"}).Picks; len(picks.Seeds) != 2 {
		t.Errorf("picks %+v", picks)
	}
}
