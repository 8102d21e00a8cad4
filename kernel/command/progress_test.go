package command

import (
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func counted(done, total int64) string { return fmt.Sprintf("%d of %d", done, total) }

func TestProgressLine(t *testing.T) {
	b := newLineBar(io.Discard, "samples", 324, counted)
	b.Set(0)
	if got := b.line(3 * time.Second); got != "samples: 0 of 324" {
		t.Errorf("at the start: %q", got)
	}
	b.Set(81)
	if got := b.line(30 * time.Second); got != "samples: 81 of 324, 1m30s left" {
		t.Errorf("after a quarter: %q", got)
	}
	resumed := newLineBar(io.Discard, "samples", 324, counted)
	resumed.Set(243)
	resumed.Set(270)
	if got := resumed.line(30 * time.Second); got != "samples: 270 of 324, 1m0s left" {
		t.Errorf("resumed at three quarters: %q", got)
	}
}

// Lines come while work goes on and there is news, and none after it has ended.
func TestProgressLines(t *testing.T) {
	defer func(first, pause time.Duration) { firstLine, linePause = first, pause }(firstLine, linePause)
	firstLine, linePause = time.Millisecond, time.Millisecond
	for name, end := range map[string]func(*lineBar){
		"done":   func(b *lineBar) { b.Set(3) },
		"broken": func(b *lineBar) { b.Break() },
	} {
		t.Run(name, func(t *testing.T) {
			r, w := io.Pipe()
			lines := make(chan string)
			go func() {
				buf := make([]byte, 256)
				for {
					n, err := r.Read(buf)
					if err != nil {
						close(lines)
						return
					}
					lines <- string(buf[:n])
				}
			}()
			b := newLineBar(w, "samples", 3, counted)
			b.Set(0)
			b.Set(1)
			for _, want := range []string{"samples: 1 of 3, ", "samples (step 2): 1 of 3, "} {
				if got := <-lines; !strings.HasPrefix(got, want) || !strings.HasSuffix(got, " left\n") {
					t.Errorf("line %q, want %q… left", got, want)
				}
				b.Describe("samples (step 2)")
			}
			ended := make(chan bool)
			go func() { // a line may be on its way, and waits to be read
				end(b)
				close(ended)
			}()
			for waiting := true; waiting; {
				select {
				case <-lines:
				case <-ended:
					waiting = false
				}
			}
			select {
			case got := <-lines:
				t.Errorf("after the end: %q", got)
			case <-time.After(50 * time.Millisecond):
			}
			w.Close()
		})
	}
}

// Short work leaves no line in a cell.
func TestNoProgressLine(t *testing.T) {
	var out strings.Builder
	b := newLineBar(&out, "samples", 3, counted)
	for i := range 4 {
		b.Set(i)
	}
	if b.timer != nil || out.Len() > 0 {
		t.Errorf("timer %v after all is done, written %q", b.timer, out.String())
	}
}

// A cell keeps standard error: progress is plain lines there, and an error one
// line with its hint.
func TestStandardErrorOfACell(t *testing.T) {
	trustsr, _ := binary(t)
	run := func(args ...string) (string, error) {
		var errs strings.Builder
		c := exec.Command(trustsr, args...)
		c.Stderr = &errs
		err := c.Run()
		return errs.String(), err
	}
	out := filepath.Join(t.TempDir(), "space")
	errs, err := run("sample", "--digit", "3", "-n", "1", "--steps", "2", "-o", out)
	if err != nil || strings.Contains(errs, "\r") {
		t.Errorf("one sample: %v, standard error %q", err, errs)
	}
	for line := range strings.Lines(errs) { // of a machine that took longer than a moment
		if !strings.HasPrefix(line, "sample") {
			t.Errorf("one sample: standard error %q", errs)
		}
	}
	errs, err = run("sample", "--lr", filepath.Join(out, "none.png"), "-o", out)
	lines := strings.Split(strings.TrimSpace(errs), "\n")
	if err == nil || len(lines) != 2 || !strings.HasPrefix(lines[0], "error: ") || !strings.HasPrefix(lines[1], "hint: ") {
		t.Errorf("no picture: %v, standard error %q", err, errs)
	}
}
