package studyserver

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/ensemble/study"
	"github.com/trustsr/trustsr/ensemble/study/studytest"
	"github.com/trustsr/trustsr/internal/hint"
)

// newStudy makes a study with its spaces in a folder.
func newStudy(t testing.TB) *study.Study {
	t.Helper()
	s, err := study.Load(studytest.File(t))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// serve opens a study and serves it.
func serve(t testing.TB, s *study.Study, store string, logs io.Writer) (*Server, string) {
	t.Helper()
	return serveAt(t, s, store, logs, nil)
}

// serveAt is serve by a clock.
func serveAt(t testing.TB, s *study.Study, store string, logs io.Writer, now func() time.Time) (*Server, string) {
	t.Helper()
	return serveWith(t, s, store, Options{Log: log.New(logs, "", 0), now: now})
}

func serveWith(t testing.TB, s *study.Study, store string, o Options) (*Server, string) {
	t.Helper()
	o.Room, o.Organiser = "room", "boss"
	v, err := Open(s, store, o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(v)
	t.Cleanup(func() {
		server.Close()
		v.Close()
	})
	return v, server.URL
}

// browser is a participant's, with its cookies.
type browser struct {
	t   testing.TB
	url string
	*http.Client
	sent []byte // every byte that came back
}

func newBrowser(t testing.TB, url string) *browser {
	jar, _ := cookiejar.New(nil)
	b := &browser{t: t, url: url, Client: &http.Client{Jar: jar}}
	if status, _ := b.call("POST", "/api/join", `{"room": "room", "pixel_ratio": 2}`); status != 200 {
		t.Fatalf("join: %d", status)
	}
	return b
}

func (b *browser) call(method, path, body string) (int, *view) {
	b.t.Helper()
	req, err := http.NewRequest(method, b.url+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if method == "POST" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := b.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	b.sent = append(b.sent, fmt.Sprintln(resp.Header)...)
	b.sent = append(b.sent, data...)
	var v view
	if err := json.Unmarshal(data, &v); err != nil || resp.StatusCode != 200 {
		var refusal struct{ State *view }
		json.Unmarshal(data, &refusal)
		return resp.StatusCode, refusal.State
	}
	return resp.StatusCode, &v
}

func (b *browser) state() *view { _, v := b.call("GET", "/api/state", ""); return v }

// do sends clicks that must be accepted and returns the last state.
func (b *browser) do(clicks ...study.Click) *view {
	b.t.Helper()
	var v *view
	for _, c := range clicks {
		now := b.state()
		if c.Step = now.Step; now.Answer != nil && !now.Answer.Drawn {
			b.look(now)
		}
		data, _ := json.Marshal(c)
		status, next := b.call("POST", "/api/click", string(data))
		if status != 200 {
			b.t.Fatalf("%+v: status %d", c, status)
		}
		v = next
	}
	return v
}

// look gets all pictures of the present trial and says that they are drawn.
func (b *browser) look(now *view) *view {
	b.t.Helper()
	for k := range now.Task.Sheets {
		if status, _ := b.call("GET", fmt.Sprintf("/sheet/%d/%d.png", now.Step, k), ""); status != 200 {
			b.t.Fatalf("sheet %d: status %d", k, status)
		}
	}
	status, next := b.call("POST", "/api/click", fmt.Sprintf(`{"op": "drawn", "step": %d}`, now.Step))
	if status != 200 {
		b.t.Fatalf("drawn: status %d", status)
	}
	return next
}

func (b *browser) answerTrial() *view {
	return b.do(study.Click{Op: "pick", Position: 3}, study.Click{Op: "pick", Position: 1}, study.Click{Op: "reading", Value: "5"}, study.Click{Op: "confidence", Number: 2}, study.Click{Op: "submit"})
}

func TestThroughTheStudy(t *testing.T) {
	s := newStudy(t)
	store := filepath.Join(t.TempDir(), "votes.db")
	v, url := serve(t, s, store, io.Discard)
	b := newBrowser(t, url)
	for _, phase := range []string{"consent", "instructions"} {
		if got := b.state(); got.Phase != phase {
			t.Fatalf("phase %s, want %s", got.Phase, phase)
		}
		b.do(study.Click{Op: map[string]string{"consent": "agree", "instructions": "start"}[phase]})
	}
	if got := b.state(); got.Phase != "training" || got.Task.Samples != 5 || got.Task.Sheets != 1 {
		t.Fatalf("%+v %+v", got, got.Task)
	}
	b.answerTrial()
	got := b.do(study.Click{Op: "pick", Position: 7}, study.Click{Op: "pick", Position: 7}, study.Click{Op: "pick", Position: 39})
	if got.Phase != "trial" || got.Trial != 1 || got.Trials != 2 || !reflect.DeepEqual(got.Answer.Picks, []int{7, 39}) {
		t.Fatalf("%+v %+v", got, got.Answer)
	}
	if got = b.do(study.Click{Op: "unpick", Position: 7}); !reflect.DeepEqual(got.Answer.Picks, []int{39}) {
		t.Errorf("after undo: %v", got.Answer.Picks)
	}
	if got = b.do(study.Click{Op: "none", Number: 1}); len(got.Answer.Picks) != 0 || !got.Answer.None {
		t.Errorf("none of these: %+v", got.Answer)
	}
	if got = b.do(study.Click{Op: "pick", Position: 0}); got.Answer.None {
		t.Errorf("a pick after none: %+v", got.Answer)
	}
	b.do(study.Click{Op: "pick", Position: 2}, study.Click{Op: "reading", Value: "6"}, study.Click{Op: "submit"})
	if got = b.answerTrial(); got.Phase != "thanks" || len(got.Code) < 6 || got.Task != nil {
		t.Fatalf("%+v", got)
	}
	ballots, err := v.Ballots(t.Context())
	if err != nil || len(ballots) != 2 {
		t.Fatalf("%d ballots, %v", len(ballots), err)
	}
	one := ballots[0]
	var samples []uint64
	for _, s := range v.Trials()[0].Samples {
		samples = append(samples, s.Seed)
	}
	want := ensemble.Order(7, "p0001", "one", samples)
	if one.Participant != "p0001" || !reflect.DeepEqual(one.Shown, want) || !reflect.DeepEqual(one.Picks, []uint64{want[0], want[2]}) || one.Reading != "6" || one.PixelRatio != 2 || one.Cast.Before(one.Began) {
		t.Errorf("%+v", one)
	}
	rules := s.ProtocolRules()
	if err := rules.ValidateAll(ballots); err != nil {
		t.Error(err)
	}
}

// A server that is opened again on its store goes on where it was; another
// study's store is refused.
func TestResumes(t *testing.T) {
	s := newStudy(t)
	store := filepath.Join(t.TempDir(), "votes.db")
	v, err := Open(s, store, Options{Room: "room"})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(v)
	b := newBrowser(t, server.URL)
	before := b.do(study.Click{Op: "agree"}, study.Click{Op: "start"}, study.Click{Op: "pick", Position: 4}, study.Click{Op: "reading", Value: "3"})
	server.Close()
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	v, err = Open(s, store, Options{Room: "another room"})
	if err != nil {
		t.Fatal(err)
	}
	again := httptest.NewServer(v)
	defer again.Close()
	for _, c := range b.Jar.Cookies(mustURL(t, server.URL)) { // the same browser, the server on another port
		b.Jar.SetCookies(mustURL(t, again.URL), []*http.Cookie{c})
	}
	b.url = again.URL
	if after := b.state(); !reflect.DeepEqual(before, after) {
		t.Errorf("%+v\n%+v", before, after)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	other := newStudy(t)
	other.Seed++
	if _, err := Open(other, store, Options{}); !errors.Is(err, study.ErrStore) || hint.Of(err) == "" {
		t.Errorf("another study's store: %v", err)
	}
	broken := filepath.Join(t.TempDir(), "broken.db")
	os.WriteFile(broken, bytes.Repeat([]byte("no database"), 1000), 0o644)
	if _, err := Open(s, broken, Options{}); !errors.Is(err, study.ErrStore) {
		t.Errorf("a text file for a store: %v", err)
	}
}

// Nothing that tells samples, truth or files apart reaches a participant.
func TestParticipantsLearnNothing(t *testing.T) {
	s := newStudy(t)
	_, url := serve(t, s, filepath.Join(t.TempDir(), "votes.db"), io.Discard)
	b := newBrowser(t, url)
	b.call("GET", "/", "")
	b.call("GET", "/study.js", "")
	b.call("GET", "/study.css", "")
	b.do(study.Click{Op: "agree"}, study.Click{Op: "start"})
	for range 3 {
		v := b.state()
		for k := range v.Task.Sheets {
			b.call("GET", fmt.Sprintf("/sheet/%d/%d.png", v.Step, k), "")
		}
		b.answerTrial()
	}
	text := string(b.sent)
	for i := range uint64(40) {
		if strings.Contains(text, fmt.Sprint(123456+i)) || strings.Contains(text, fmt.Sprint(777000+i)) {
			t.Fatalf("a sample's number was sent")
		}
	}
	for _, secret := range []string{"spaces", ".yaml", "boss", "warmup", "expect", "p0001", "seed", "tEXt", "iTXt", filepath.Dir(s.SpacePath(s.Trials[0]))} {
		if strings.Contains(text, secret) {
			t.Errorf("%q was sent", secret)
		}
	}
	if len(text) < 50_000 {
		t.Errorf("only %d bytes were looked at", len(text))
	}
}

// Two participants see different orders, and the first position is no
// sample's own.
func TestOrdersDiffer(t *testing.T) {
	s := newStudy(t)
	store := filepath.Join(t.TempDir(), "votes.db")
	_, url := serve(t, s, store, io.Discard)
	first := map[uint64]bool{}
	for range 8 {
		newBrowser(t, url).do(study.Click{Op: "agree"}, study.Click{Op: "start"})
	}
	rows, err := aside(t, store).Query(`SELECT shown FROM answers WHERE trial = 'warmup'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		var shown []uint64
		if err := errors.Join(rows.Scan(&text), json.Unmarshal([]byte(text), &shown)); err != nil {
			t.Fatal(err)
		}
		first[shown[0]] = true
	}
	if len(first) < 3 {
		t.Errorf("8 participants saw %d different samples first", len(first))
	}
}

func TestClosed(t *testing.T) {
	s := newStudy(t)
	store := filepath.Join(t.TempDir(), "votes.db")
	v, url := serve(t, s, store, io.Discard)
	b := newBrowser(t, url)
	if err := v.CloseStudy(context.Background()); err != nil {
		t.Fatal(err)
	}
	if status, _ := b.call("POST", "/api/click", `{"op":"agree","step":0,"position":0,"value":"","number":0}`); status != http.StatusGone {
		t.Errorf("a click after the close: %d", status)
	}
	if status, _ := (&browser{t: t, url: url, Client: &http.Client{}}).call("POST", "/api/join", `{"room": "room", "pixel_ratio": 1}`); status != http.StatusGone {
		t.Errorf("joining after the close: %d", status)
	}
}

// keyOf is a secret as the store has it.
func keyOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
