package command

import (
	"fmt"
	"math"
	"os"
	"sync"

	"github.com/trustsr/trustsr/kernel/app"
)

// sampleBar shows how many samples are finished and the denoising step of those
// under way: one sample of a large picture takes minutes. The sampler, which
// tells of steps, runs ahead of what writes samples.
type sampleBar struct {
	mu    sync.Mutex
	bar   bar
	total int // samples
	steps int // of a sample
	drawn int // samples that are written, or that the sampler has done with
}

// newSampleBar follows a model that draws so many samples.
func newSampleBar(total int, m *app.Model) *sampleBar {
	b := &sampleBar{total: total, steps: m.Steps()}
	m.OnStep(func(s app.Step) { b.step(s.UnderWay, s.Done, s.Total) })
	if all := max(1, total*b.steps); inTerminal(os.Stderr) {
		b.bar = newBar("samples", all)
	} else { // the text says which samples: the count of steps is noise
		b.bar = newLineBar(os.Stderr, "samples", all, nil)
	}
	return b
}

// Break ends the bar's line before all is done, for an error to follow.
func (b *sampleBar) Break() { b.bar.Break() }

// samples tells that so many are written.
func (b *sampleBar) samples(done int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.drawn = max(b.drawn, done)
	b.show(0, 0)
}

// step tells that samples under way have come to a step.
func (b *sampleBar) step(underWay, step, steps int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	underWay = min(underWay, b.total-b.drawn)
	b.show(underWay, float64(step)/float64(steps))
	if step == steps {
		b.drawn += underWay
	}
}

// show draws the bar with some samples under way, at a part of their steps.
func (b *sampleBar) show(underWay int, part float64) {
	text := fmt.Sprintf("sample %d of %d", b.drawn, b.total)
	step := int(math.Round(part * float64(b.steps)))
	switch {
	case underWay > 0 && part == 0:
		text += ", compiling the network for this size"
	case underWay == 1:
		text = fmt.Sprintf("sample %d of %d, step %d of %d", b.drawn+1, b.total, step, b.steps)
	case underWay > 1:
		text = fmt.Sprintf("samples %d to %d of %d, step %d of %d", b.drawn+1, b.drawn+underWay, b.total, step, b.steps)
	}
	b.bar.Describe(text)
	b.bar.Set(b.drawn*b.steps + underWay*step)
}
