package studyserver

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/chromedp"
)

// A page without JavaScript says that it needs it.
func TestWithoutJavaScript(t *testing.T) {
	s := oneTrial(t, 12, 8, "")
	_, url := serve(t, s, filepath.Join(t.TempDir(), "votes.db"), io.Discard)
	p := window(t, 800, 600)
	for path, want := range map[string]string{"/?room=room": "This study needs JavaScript", "/organiser?token=boss": "needs JavaScript"} {
		var text string
		p.do("open", emulation.SetScriptExecutionDisabled(true), chromedp.Navigate(url+path), chromedp.Text("body", &text))
		if !strings.Contains(text, want) {
			t.Errorf("%s says %q", path, text)
		}
	}
}

// cookieless loses what the server sets, as a browser does that keeps no
// cookies.
type cookieless struct{ http.ResponseWriter }

func (c cookieless) WriteHeader(status int) {
	c.Header().Del("Set-Cookie")
	c.ResponseWriter.WriteHeader(status)
}

func (c cookieless) Write(b []byte) (int, error) {
	c.Header().Del("Set-Cookie")
	return c.ResponseWriter.Write(b)
}

// A page whose cookie is not kept says so.
func TestWithoutCookies(t *testing.T) {
	s := oneTrial(t, 12, 8, "")
	v, _ := serve(t, s, filepath.Join(t.TempDir(), "votes.db"), io.Discard)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { v.ServeHTTP(cookieless{w}, r) }))
	defer server.Close()
	p := window(t, 800, 600)
	p.do("open", chromedp.Navigate(server.URL+"/?room=room"))
	p.until("it says so", `document.querySelector("#main").innerText.includes("Cookies are off") && document.querySelector("#main").innerText.includes("Allow cookies for this address")`)
	p.accessible("without cookies")
}

// The first press of "Hand in" after typing hands in, and nothing on the page
// breaks the server's rules of what may be loaded.
func TestHandInAfterTyping(t *testing.T) {
	s := oneTrial(t, 12, 28, "rules: {reading: text}\n")
	v, url := serve(t, s, filepath.Join(t.TempDir(), "votes.db"), io.Discard)
	p := window(t, 1000, 900)
	var complaints []string
	chromedp.ListenTarget(p.ctx, func(event any) {
		if e, ok := event.(*log.EventEntryAdded); ok {
			complaints = append(complaints, e.Entry.Text)
		}
	})
	p.do("log", log.Enable())
	p.enter(url + "/?room=room")
	p.press(tile(1), 1)
	p.press(tile(2), 1)
	p.until("two picks", picked+" === 2")
	p.press("#text", 1)
	p.do("type", chromedp.SendKeys("#text", "AB 12"))
	p.until("complete", ready)
	p.press("#submit", 1)
	p.until("thanks", thanked)
	ballots, err := v.Ballots(t.Context())
	if err != nil || len(ballots) != 1 || ballots[0].Reading != "AB 12" {
		t.Errorf("ballots %+v, error %v", ballots, err)
	}
	if len(complaints) > 0 {
		t.Errorf("the browser complains: %q", complaints)
	}
}
