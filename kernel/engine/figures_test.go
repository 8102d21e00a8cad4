package engine

import (
	"strings"
	"testing"

	"github.com/trustsr/trustsr/kernel/wire"
)

// The comparison of Fig. 5 has every method, and its numbers where the truth is
// known.
func TestCompareFigure(t *testing.T) {
	l := startEngine(t, fakeTools(0))
	digit := 18
	name := l.mustAsk(t, wire.Request{Op: wire.OpDraw, Source: &wire.Source{Digit: &digit}, Draw: &wire.Draw{N: 12}}).Space.Name
	before := l.mustAsk(t, wire.Request{Op: wire.OpCompare, Space: name, Picks: "five"}).Figure
	for _, want := range []string{"PSNR (dB) ↑ (psnr/rgb/crop0)", "fake/1"} {
		if !strings.Contains(before.Caption, want) {
			t.Errorf("no %q in caption %q", want, before.Caption)
		}
	}
	l.mustAsk(t, wire.Request{Op: wire.OpAddMethod, Space: name, Method: "EDSR", Image: file(t, "method.png", pngOf(t, 28, 28))})
	if after := l.mustAsk(t, wire.Request{Op: wire.OpCompare, Space: name, Picks: "five"}).Figure; after.Width <= before.Width {
		t.Errorf("%d pixels wide without another method, %d with it", before.Width, after.Width)
	}
	own := l.mustAsk(t, wire.Request{Op: wire.OpDraw, Source: &wire.Source{LR: file(t, "six.png", pngOf(t, 7, 7))}, Draw: &wire.Draw{N: 2}}).Space.Name
	if f := l.mustAsk(t, wire.Request{Op: wire.OpCompare, Space: own, Picks: "five"}).Figure; strings.Contains(f.Caption, "psnr") || f.Height >= before.Height {
		t.Errorf("without a truth: %d high, not below %d; caption %q", f.Height, before.Height, f.Caption)
	}
}

// What choosing added is told in PSNR too where the truth is known, and a tie
// once.
func TestSimulate(t *testing.T) {
	l := startEngine(t, fakeTools(0))
	digit := 18
	name := l.mustAsk(t, wire.Request{Op: wire.OpDraw, Source: &wire.Source{Digit: &digit}, Draw: &wire.Draw{N: 120}}).Space.Name
	result := l.mustAsk(t, wire.Request{Op: wire.OpSimulate, Space: name, People: 12, Behaviour: "uniform"})
	if n := strings.Count(result.Figure.Caption, "A tie "); n != 1 || strings.Contains(result.Figure.Caption, " tie for ") {
		t.Errorf("a tie is told of %d times: %s", n, result.Figure.Caption)
	}
	for _, text := range result.Markdown {
		if !strings.Contains(text, "Simulated votes: no person took part") {
			t.Errorf("a table does not say that votes are simulated:\n%s", text)
		}
	}
	if controls := result.Markdown[1]; !strings.Contains(controls, "| psnr/rgb/crop0 ↑ | lrpsnr/matlab-u8/vs-lr ↑ | reader's certainty ↑ |") {
		t.Errorf("controls:\n%s", controls)
	}
}
