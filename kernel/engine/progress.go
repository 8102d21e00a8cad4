package engine

import (
	"sync"
	"time"

	"github.com/trustsr/trustsr/kernel/app"
	"github.com/trustsr/trustsr/kernel/wire"
)

// reportPause is the least time between two reports of progress.
const reportPause = 100 * time.Millisecond

// drawing turns what a sampler and a space tell of their progress into
// reports. Samples are finished round by round; in between the denoising
// steps show that the work goes on.
type drawing struct {
	report func(wire.Progress)

	mu          sync.Mutex
	start, last time.Time
	found       int // samples that were there at the start
	done, total int
	part        float64 // of samples, under way
}

// samples is told how many samples are finished; first, how many were found.
func (d *drawing) samples(done, total int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.start.IsZero() {
		d.start, d.found = time.Now(), done
	}
	d.part = max(0, d.part-float64(done-d.done))
	d.done, d.total = done, total
	d.tell()
}

// step is told of each denoising step.
func (d *drawing) step(s app.Step) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.start.IsZero() || s.Total <= 0 {
		return
	}
	if s.Done == 0 {
		d.report(wire.Progress{Done: d.done, Total: d.total, Part: d.part, Note: "compiling the network for this size"})
		return
	}
	d.part = float64(min(s.UnderWay, d.total-d.done)) * float64(s.Done) / float64(s.Total)
	d.tell()
}

// tell reports. The time left is judged by what was drawn now, not by what
// was found on disk.
func (d *drawing) tell() {
	now := time.Now()
	if d.done < d.total && now.Sub(d.last) < reportPause {
		return
	}
	d.last = now
	p := wire.Progress{Done: d.done, Total: d.total, Part: d.part, Note: "drawing"}
	if drawn := float64(d.done-d.found) + d.part; drawn > 0 {
		left := float64(d.total-d.done) - d.part
		p.ETA = now.Sub(d.start).Seconds() / drawn * max(0, left)
	}
	d.report(p)
}
