package command

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// bar shows on standard error how much of some work is done and the time left.
type bar interface {
	Set(done int) error
	ChangeMax(total int)
	Describe(what string)
	// Break ends the bar's line before all is done, for an error to follow.
	Break()
}

// newBar shows how many of n are done: in a terminal on one line that is
// rewritten, elsewhere, as in a notebook's cell, on a line every few seconds
// once the work has taken a moment.
func newBar(what string, n int) bar {
	if !inTerminal(os.Stderr) {
		return newLineBar(os.Stderr, what, n, func(done, total int64) string { return fmt.Sprintf("%d of %d", done, total) })
	}
	return terminalBar{progressbar.NewOptions(n, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionThrottle(200*time.Millisecond),
		progressbar.OptionOnCompletion(func() { fmt.Fprintln(os.Stderr) }))}
}

// stageBars shows one bar for each stage of some work.
func stageBars() func(stage string, done, total int) {
	var now string
	var shown bar
	return func(stage string, done, total int) {
		if stage != now {
			now, shown = stage, newBar(stage, total)
		}
		shown.ChangeMax(total)
		shown.Set(done)
	}
}

// inTerminal reports whether a line on f can be rewritten.
func inTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

type terminalBar struct{ *progressbar.ProgressBar }

func (b terminalBar) Break() { fmt.Fprintln(os.Stderr) }

// byteBar shows bytes, with the total once that is known; done ends its line.
func byteBar(what string) (progress func(done, total int64), done func()) {
	if !inTerminal(os.Stderr) {
		lines := newLineBar(os.Stderr, what, -1, func(done, total int64) string {
			if total < 0 {
				return fmt.Sprintf("%d MB", done/1e6)
			}
			return fmt.Sprintf("%d of %d MB", done/1e6, total/1e6)
		})
		return lines.set, lines.Break
	}
	bar := progressbar.NewOptions64(-1, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetDescription(what),
		progressbar.OptionShowBytes(true), progressbar.OptionThrottle(200*time.Millisecond))
	told := int64(-1)
	progress = func(done, total int64) {
		if total != told {
			told = total
			bar.ChangeMax64(total)
		}
		bar.Set64(done)
	}
	return progress, func() {
		if told >= 0 {
			fmt.Fprintln(os.Stderr)
		}
	}
}

// Work that takes less than firstLine is not told of; then comes a line every
// linePause, if there is news, and less often when the work takes minutes.
var firstLine, linePause = 2 * time.Second, 5 * time.Second

// lineBar tells of progress where nothing can be rewritten. Its clock runs from
// the first that it is told until all is done.
type lineBar struct {
	w      io.Writer
	amount func(done, total int64) string // nil where what says it

	mu          sync.Mutex
	what, last  string // the line told last
	began       time.Time
	done, total int64
	from        int64 // done at the start
	timer       *time.Timer
	broken      bool
}

func newLineBar(w io.Writer, what string, total int, amount func(done, total int64) string) *lineBar {
	return &lineBar{w: w, what: what, total: int64(total), amount: amount}
}

// tell writes a line and comes again, unless there is no more to tell.
func (b *lineBar) tell() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended() {
		return
	}
	took := time.Since(b.began)
	if line := b.line(took); line != b.last {
		b.last = line
		fmt.Fprintln(b.w, line)
	}
	b.timer.Reset(min(max(linePause, took/10), 6*linePause))
}

func (b *lineBar) ended() bool { return b.broken || b.total >= 0 && b.done >= b.total }

// line is what there is to tell when the work has taken so long.
func (b *lineBar) line(took time.Duration) string {
	left := ""
	if b.done > b.from && b.total > b.done {
		rest := time.Duration(float64(took) / float64(b.done-b.from) * float64(b.total-b.done))
		left = ", " + max(rest.Round(time.Second), time.Second).String() + " left"
	}
	if b.amount == nil {
		return b.what + left
	}
	return b.what + ": " + b.amount(b.done, b.total) + left
}

// change takes news and minds the clock.
func (b *lineBar) change(news func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	news()
	switch {
	case b.timer == nil && !b.ended():
		b.began, b.from = time.Now(), b.done // what is found finished took no time
		b.timer = time.AfterFunc(firstLine, b.tell)
	case b.timer != nil && b.ended():
		b.timer.Stop()
		b.timer = nil
	}
}

func (b *lineBar) set(done, total int64) { b.change(func() { b.done, b.total = done, total }) }

func (b *lineBar) Set(done int) error {
	b.change(func() { b.done = int64(done) })
	return nil
}

func (b *lineBar) ChangeMax(total int)  { b.change(func() { b.total = int64(total) }) }
func (b *lineBar) Describe(what string) { b.change(func() { b.what = what }) }
func (b *lineBar) Break()               { b.change(func() { b.broken = true }) }
