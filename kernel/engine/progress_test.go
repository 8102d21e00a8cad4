package engine

import (
	"math"
	"testing"
	"time"

	"github.com/trustsr/trustsr/kernel/app"
	"github.com/trustsr/trustsr/kernel/wire"
)

func TestDrawingProgress(t *testing.T) {
	var last wire.Progress
	d := &drawing{report: func(p wire.Progress) { last = p }}
	now := func(tell func()) wire.Progress { d.last = time.Time{}; tell(); return last }

	d.step(app.Step{UnderWay: 54, Done: 1, Total: 50}) // before anything is known
	if p := now(func() { d.samples(100, 324) }); p.Done != 100 || p.Total != 324 || p.ETA != 0 {
		t.Errorf("at the start %+v", p)
	}
	// that the network compiles is told at once, whatever was told just before
	d.last = time.Now()
	if d.step(app.Step{UnderWay: 54, Total: 50}); last.Note != "compiling the network for this size" || last.Done != 100 {
		t.Errorf("while compiling %+v", last)
	}
	d.start = time.Now().Add(-10 * time.Second)
	// Half of 54 samples took 10 s: 197 more take 73 s.
	if p := now(func() { d.step(app.Step{UnderWay: 54, Done: 25, Total: 50}) }); p.Part != 27 || math.Abs(p.ETA-73) > 1 {
		t.Errorf("in the middle of a round %+v", p)
	}
	d.step(app.Step{UnderWay: 54, Done: 50, Total: 50})
	for done := 101; done <= 154; done++ {
		d.samples(done, 324)
	}
	if p := now(func() { d.samples(154, 324) }); p.Done != 154 || p.Part != 0 {
		t.Errorf("after a round %+v", p)
	}
	d.samples(314, 324)
	if p := now(func() { d.step(app.Step{UnderWay: 54, Done: 50, Total: 50}) }); p.Part != 10 || p.ETA != 0 {
		t.Errorf("in the last round, which is short, %+v", p)
	}
}
