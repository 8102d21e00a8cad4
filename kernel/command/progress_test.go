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

func count(done, total int64) string { return fmt.Sprintf("%d of %d", done, total) }

func TestProgressLine(t *testing.T) {
	b := newLineBar(io.Discard, "samples", 324, count)
	b.Set(0)
	if got := b.line(3 * time.Second); got != "samples: 0 of 324" {
		t.Errorf("at the start: %q", got)
	}
	b.Set(81)
	if got := b.line(30 * time.Second); got != "samples: 81 of 324, 1m30s left" {
		t.Errorf("after a quarter: %q", got)
	}
}

// Lines come while work goes on, even when a piece of it takes long, and none
// after it has ended.
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
			b := newLineBar(w, "samples", 3, count)
			b.Set(1)
			for range 2 {
				if got := <-lines; !strings.HasPrefix(got, "samples: 1 of 3, ") || !strings.HasSuffix(got, " left\n") {
					t.Errorf("line %q", got)
				}
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

// A cell keeps standard error: short work leaves nothing there, and an error is
// one line with its hint.
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
	if errs, err := run("sample", "--digit", "3", "-n", "1", "--steps", "2", "-o", out); err != nil || errs != "" {
		t.Errorf("one sample: %v, standard error %q", err, errs)
	}
	errs, err := run("sample", "--lr", filepath.Join(out, "none.png"), "-o", out)
	lines := strings.Split(strings.TrimSpace(errs), "\n")
	if err == nil || len(lines) != 2 || !strings.HasPrefix(lines[0], "error: ") || !strings.HasPrefix(lines[1], "hint: ") {
		t.Errorf("no picture: %v, standard error %q", err, errs)
	}
}
