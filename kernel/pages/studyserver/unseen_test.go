package studyserver

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/trustsr/trustsr/ensemble/study"
)

// Nobody chooses among pictures that did not come: picks, readings and handing
// in are refused until every sheet was sent and the page has drawn them, and
// the trial's time starts then.
func TestNothingBeforeThePictures(t *testing.T) {
	s := oneTrial(t, 300, 28, "") // two sheets
	clock := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	store := filepath.Join(t.TempDir(), "votes.db")
	open := func() (*Server, *httptest.Server) {
		v, err := Open(s, store, Options{Room: "room", now: func() time.Time { return clock }})
		if err != nil {
			t.Fatal(err)
		}
		return v, httptest.NewServer(v)
	}
	v, server := open()
	b := newBrowser(t, server.URL)
	b.do(study.Click{Op: "agree"}, study.Click{Op: "start"})
	send := func(c string) int {
		t.Helper()
		status, _ := b.call("POST", "/api/click", c)
		return status
	}
	refused := func(when string) {
		t.Helper()
		for _, op := range []string{
			`"pick", "position": 1`, `"none", "number": 1`, `"reading", "value": "5"`, `"submit"`, `"drawn"`, `"sheet"`,
		} {
			if status := send(fmt.Sprintf(`{"op": %s, "step": 2}`, op)); status != http.StatusConflict {
				t.Errorf("%s: %s answers %d, want 409", when, op, status)
			}
		}
	}
	refused("before the pictures")
	if status, _ := b.call("GET", "/sheet/2/0.png", ""); status != 200 {
		t.Fatal(status)
	}
	refused("with one of two sheets")

	// What was delivered outlives the server.
	server.Close()
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	clock = clock.Add(time.Minute)
	v, server = open()
	defer func() { server.Close(); v.Close() }()
	b.url = server.URL
	if status, _ := b.call("GET", "/sheet/2/1.png", ""); status != 200 {
		t.Fatal(status)
	}
	if status := send(`{"op": "pick", "position": 1, "step": 2}`); status != http.StatusConflict {
		t.Errorf("a pick before the page has drawn the pictures answers %d", status)
	}
	clock = clock.Add(time.Minute)
	if status := send(`{"op": "drawn", "step": 2}`); status != 200 {
		t.Fatalf("drawn answers %d", status)
	}
	clock = clock.Add(7 * time.Second)
	b.do(study.Click{Op: "drawn"}, study.Click{Op: "pick", Position: 1}, study.Click{Op: "pick", Position: 2}, study.Click{Op: "reading", Value: "5"}, study.Click{Op: "submit"})
	ballots, err := v.Ballots(t.Context())
	if err != nil || len(ballots) != 1 {
		t.Fatalf("%d ballots, error %v", len(ballots), err)
	}
	if took, known := ballots[0].Duration(); !known || took != 7*time.Second {
		t.Errorf("the trial took %v, want 7s from the pictures", took)
	}
}

// A clock that is set back ends no study: an answer is handed in, and takes no
// time less than none.
func TestClockSetBack(t *testing.T) {
	s := oneTrial(t, 12, 8, "")
	clock := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	v, err := Open(s, filepath.Join(t.TempDir(), "votes.db"), Options{Room: "room", now: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(v)
	defer func() { server.Close(); v.Close() }()
	b := newBrowser(t, server.URL)
	b.do(study.Click{Op: "agree"}, study.Click{Op: "start"}, study.Click{Op: "pick", Position: 1})
	clock = clock.Add(-time.Hour)
	got := b.do(study.Click{Op: "pick", Position: 2}, study.Click{Op: "reading", Value: "5"}, study.Click{Op: "submit"})
	if got.Phase != "thanks" {
		t.Errorf("after handing in: %+v", got)
	}
	ballots, err := v.Ballots(t.Context())
	if err != nil || len(ballots) != 1 {
		t.Fatalf("%d ballots, error %v", len(ballots), err)
	}
	if took, known := ballots[0].Duration(); !known || took != 0 {
		t.Errorf("it took %v", took)
	}
}

// On a slow network the page takes no pick until the pictures are there.
func TestSlowPictures(t *testing.T) {
	p := window(t, 1000, 800)
	s := oneTrial(t, 40, 28, "")
	v, url := serve(t, s, filepath.Join(t.TempDir(), "votes.db"), io.Discard)
	v.sheets.drawing.Lock() // as a slow network would
	p.do("open", chromedp.Navigate(url+"/?room=room"))
	p.until("consent", `document.querySelector("#next")`)
	p.press("#next", 1)
	p.until("instructions", `document.querySelector("h2").textContent === "Instructions"`)
	p.press("#next", 1)
	p.until("trial", inTrial)
	if !value[bool](p, `[...document.querySelectorAll(".sample, #none, #reading button, #submit")].every(b => b.disabled)`) {
		t.Error("there is something to press before the pictures are there")
	}
	p.do("a key", chromedp.KeyEvent("5"))
	if text := value[string](p, `document.querySelector("#count").innerText`); !strings.Contains(text, "pictures are coming") {
		t.Errorf("the page says %q", text)
	}
	p.accessible("waiting for the pictures")
	p.shot("waiting")
	v.sheets.drawing.Unlock()
	p.until("pictures", pictured)
	p.press(tile(1), 1)
	p.until("one pick", picked+" === 1")
	if n := value[int](p, `document.querySelectorAll('#reading [aria-pressed="true"]').length`); n != 0 {
		t.Error("a key before the pictures was taken")
	}
}

// The next person on the same device begins by a button, or after a time; not
// where the study file does not say so.
func TestNextParticipant(t *testing.T) {
	for next, seconds := range map[string]int{"": -1, "off": -1, "button": 0, "30s": 30} {
		s := oneTrial(t, 12, 8, "")
		s.Next = next
		v, url := serve(t, s, filepath.Join(t.TempDir(), "votes.db"), io.Discard)
		b := newBrowser(t, url)
		if status, _ := b.call("POST", "/api/next", "{}"); status != http.StatusConflict {
			t.Errorf("%q: the next person may begin before the first is done: %d", next, status)
		}
		b.do(study.Click{Op: "agree"}, study.Click{Op: "start"}, study.Click{Op: "pick", Position: 1}, study.Click{Op: "pick", Position: 2}, study.Click{Op: "reading", Value: "5"})
		got := b.do(study.Click{Op: "submit"})
		if (got.Next == nil) != (seconds < 0) || got.Next != nil && got.Next.Seconds != seconds {
			t.Errorf("%q: the page is told %+v", next, got.Next)
		}
		status, _ := b.call("POST", "/api/next", "{}")
		if (status == 200) != (seconds >= 0) {
			t.Errorf("%q: the next person is answered %d", next, status)
		}
		if seconds < 0 {
			continue
		}
		if status, _ := b.call("GET", "/api/state", ""); status != http.StatusUnauthorized {
			t.Errorf("%q: the browser is still known: %d", next, status)
		}
		if status, _ := b.call("POST", "/api/join", `{"room": "room", "pixel_ratio": 1}`); status != 200 || b.state().Phase != "consent" {
			t.Errorf("%q: the next person does not begin: %d", next, status)
		}
		if people, _, err := v.session.People(t.Context()); err != nil || len(people) != 2 {
			t.Errorf("%q: %d people, error %v", next, len(people), err)
		}
	}
	for _, next := range []string{"soon", "1s", "2h"} {
		if _, err := study.Parse([]byte("title: t\nconsent: c\ninstructions: i\nprotocol: task1\nseed: 1\nnext: " + next + "\ntrials: [{name: a, space: s}]\n")); err == nil || !strings.Contains(err.Error(), "next") {
			t.Errorf("next: %s: error %v", next, err)
		}
	}
}
