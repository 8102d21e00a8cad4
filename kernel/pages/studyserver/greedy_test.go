package studyserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trustsr/trustsr/ensemble/study"
)

// One browser that asks for its pictures without end does not keep the others
// from theirs.
func TestGreedyBrowser(t *testing.T) {
	s := oneTrial(t, 60, 128, "") // four sheets of 512×512
	v, url := serve(t, s, filepath.Join(t.TempDir(), "votes.db"), io.Discard)
	ready := func() *browser {
		b := newBrowser(t, url)
		b.do(study.Click{Op: "agree"}, study.Click{Op: "start"})
		return b
	}
	greedy, ctx := ready(), context.Background()
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer func() { stop(); running.Wait() }()
	for i := range 50 {
		running.Go(func() {
			for ctx.Err() == nil {
				req, err := http.NewRequestWithContext(ctx, "GET", fmt.Sprintf("%s/sheet/2/%d.png", url, i%4), nil)
				if err != nil {
					t.Error(err)
					return
				}
				if resp, err := greedy.Do(req); err == nil {
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
			}
		})
	}
	time.Sleep(200 * time.Millisecond)
	var slowest time.Duration
	for range 5 {
		b := ready()
		began := time.Now()
		b.look(b.state())
		slowest = max(slowest, time.Since(began))
	}
	t.Logf("beside a greedy browser four sheets come within %v", slowest)
	if slowest > 5*time.Second {
		t.Errorf("others wait %v for their pictures", slowest)
	}
	v.sheets.mu.Lock()
	defer v.sheets.mu.Unlock()
	if n := len(v.sheets.kept); n != 4*6 {
		t.Errorf("%d sheets are kept, want 4 of each of 6 people", n)
	}
}

// A sheet is drawn once however often it is asked for, a browser has few under
// way, and what is kept is bounded.
func TestSheetCache(t *testing.T) {
	var c sheetCache
	c.drawing.Lock()
	drawn := 0
	draw := func() ([]byte, error) { drawn++; return make([]byte, sheetBytes/2), nil }
	results := make(chan error, sheetsTogether+2)
	for range sheetsTogether {
		go func() { _, err := c.get(t.Context(), "a", 2, 0, draw); results <- err }()
	}
	for waiting := 0; waiting < sheetsTogether; time.Sleep(time.Millisecond) {
		c.mu.Lock()
		waiting = c.waiting["a"]
		c.mu.Unlock()
	}
	if _, err := c.get(t.Context(), "a", 2, 1, draw); !errors.Is(err, errGreedy) {
		t.Errorf("one more than %d requests: error %v", sheetsTogether, err)
	}
	c.drawing.Unlock()
	for range sheetsTogether {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if drawn != 1 {
		t.Errorf("drawn %d times", drawn)
	}
	for _, who := range []string{"b", "c", "d"} {
		if _, err := c.get(t.Context(), who, 2, 0, draw); err != nil {
			t.Error(err)
		}
	}
	if c.bytes > sheetBytes || len(c.kept) > 2 || c.oldest.Len() != len(c.kept) {
		t.Errorf("%d sheets of %d bytes are kept, at most %d bytes", len(c.kept), c.bytes, sheetBytes)
	}
	if _, err := c.get(t.Context(), "e", 2, 0, func() ([]byte, error) { panic("no") }); err == nil {
		t.Error("a fault is no error")
	}
	if _, there := c.kept[sheetKey{"e", 2, 0}]; there {
		t.Error("a sheet that failed is kept")
	}
}

// What others send is printed on one line, short and without signs that a
// terminal obeys, and not more often than a log can hold.
func TestLogOfForeignText(t *testing.T) {
	var out bytes.Buffer
	s := oneTrial(t, 12, 8, "")
	v, url := serve(t, s, filepath.Join(t.TempDir(), "votes.db"), &out)
	for _, path := range []string{"/%1b%5b2J%0arefused%20forged", "/" + strings.Repeat("x", 3000), "/sheet/%07/%1b"} {
		resp, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if n := strings.Count(out.String(), "\n"); n != 3 || strings.ContainsAny(out.String(), "\x1b\x07\r") || out.Len() > 1500 {
		t.Errorf("%d lines of %d bytes:\n%q", n, out.Len(), out.String())
	}
	if !strings.Contains(out.String(), `"/\x1b[2J\nrefused forged"`) || !strings.Contains(out.String(), "bytes more") {
		t.Errorf("the log says %q", out.String())
	}
	if got := foreign("/plain"); got != "/plain" {
		t.Errorf("a plain path is printed as %s", got)
	}
	for range 500 {
		v.Log.Print("again")
	}
	if n := strings.Count(out.String(), "\n"); n > logsBurst+20 {
		t.Errorf("%d lines at once", n)
	}

	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	out.Reset()
	slow := log.New(&slowWriter{to: &out, now: func() time.Time { return now }}, "", 0)
	for range 150 {
		slow.Print("line")
	}
	now = now.Add(time.Second)
	slow.Print("later")
	if text := out.String(); strings.Count(text, "line\n") != 100 || !strings.HasSuffix(text, "50 lines were left out\nlater\n") {
		t.Errorf("the log ends with %q", text[len(text)-60:])
	}
}
