package studyserver

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/trustsr/trustsr/ensemble/study"
)

// A participant removes the own answers with the own code, and nobody else's.
func TestWithdrawOnThePage(t *testing.T) {
	s := oneTrial(t, 12, 8, "")
	v, url := serve(t, s, filepath.Join(t.TempDir(), "votes.db"), io.Discard)
	finish := func() (*browser, string) {
		b := newBrowser(t, url)
		b.do(study.Click{Op: "agree"}, study.Click{Op: "start"}, study.Click{Op: "pick", Position: 1}, study.Click{Op: "pick", Position: 2}, study.Click{Op: "reading", Value: "5"})
		return b, b.do(study.Click{Op: "submit"}).Code
	}
	first, code := finish()
	_, other := finish()
	for _, wrong := range []string{other, "", "x"} {
		if status, _ := first.call("POST", "/api/withdraw", fmt.Sprintf(`{"code": %q}`, wrong)); status != http.StatusNotFound {
			t.Errorf("with code %q: status %d", wrong, status)
		}
	}
	if status, _ := first.call("POST", "/api/withdraw", fmt.Sprintf(`{"code": %q}`, code)); status != 200 {
		t.Fatalf("status %d", status)
	}
	ballots, err := v.Ballots(t.Context())
	if err != nil || len(ballots) != 1 || ballots[0].Participant != "p0002" {
		t.Errorf("ballots %+v, error %v", ballots, err)
	}
	if status, _ := first.call("GET", "/api/state", ""); status != http.StatusUnauthorized {
		t.Errorf("afterwards the browser is known: %d", status)
	}
	now, err := v.progress(t.Context())
	if err != nil || now.Withdrawn != 1 || now.Joined != 1 {
		t.Errorf("the organiser sees %+v, error %v", now, err)
	}
}

// A study with seats asks for the code, in a browser.
func TestSeatOnThePage(t *testing.T) {
	s := oneTrial(t, 12, 28, "seats: 2\n")
	store := filepath.Join(t.TempDir(), "votes.db")
	_, url := serve(t, s, store, io.Discard)
	votes, err := study.Read(s, store)
	if err != nil {
		t.Fatal(err)
	}
	defer votes.Close()
	codes, err := votes.Seats()
	if err != nil || len(codes) != 2 {
		t.Fatalf("seats %q, error %v", codes, err)
	}
	p := window(t, 360, 700)
	p.do("open", chromedp.Navigate(url+"/?room=room"))
	p.until("it asks", `document.querySelector("#seat")`)
	p.accessible("seat code")
	p.shot("seat")
	p.do("a wrong one", chromedp.SendKeys("#seat", "wrong\r"))
	p.until("it says so", `!document.querySelector("#message").hidden && document.querySelector("#message").innerText.includes("seat code")`)
	p.do("the right one", chromedp.SendKeys("#seat", codes[0]+"\r"))
	p.until("consent", `document.querySelector("#next")`)
	p.do("in the address", chromedp.Navigate(url+"/?room=room&seat="+codes[1]))
	p.until("who is known stays", `document.querySelector("#next")`)
}
