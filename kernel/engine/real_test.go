package engine

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/trustsr/trustsr/kernel/wire"
)

// The whole path with the embedded model: a few samples, what is read in
// them, and the figures.
func TestDigitModel(t *testing.T) {
	if testing.Short() {
		t.Skip("draws with the real model")
	}
	l := startEngine(t, Real())
	start := time.Now()
	progress, result, err := l.ask(wire.Request{Op: wire.OpDraw, Source: digitSource(18), Draw: &wire.Draw{N: 12, Model: wire.Model{Steps: 20}}})
	if err != nil {
		t.Fatal(err)
	}
	s := result.Space
	t.Logf("%s: %d samples in %v, %d reports of progress", s.Recipe, s.Samples, time.Since(start).Round(time.Millisecond), len(progress))
	if s.Name != "digit-18-steps20" || s.Samples != 12 {
		t.Fatalf("space %+v", s)
	}
	readings := l.mustAsk(t, wire.Request{Op: wire.OpReadings, Space: s.Name}).Readings
	most := 0
	for digit, n := range readings.Counts {
		if n > readings.Counts[most] {
			most = digit
		}
	}
	t.Logf("counts %v", readings.Counts)
	l.mustAsk(t, wire.Request{Op: wire.OpStandIn, Space: s.Name, Picks: "three", Cap: 3, Digit: most})
	for _, op := range []string{wire.OpWall, wire.OpMean, wire.OpCompare, wire.OpPlane} {
		f := l.mustAsk(t, wire.Request{Op: op, Space: s.Name, Picks: "three"}).Figure
		if dir := os.Getenv(envScreenshots); dir != "" {
			os.WriteFile(filepath.Join(dir, "real-"+op+".png"), f.PNG, 0o644)
		}
	}
}
