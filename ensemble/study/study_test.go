package study

import (
	"bytes"
	"context"
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

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/srspace/picture"
)

// makeSpace fills a folder with n plain pictures, of seeds from base on.
func makeSpace(t testing.TB, dir string, n, side int, base uint64) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		img := picture.NewImage(side, side)
		for p := range img.Pix {
			img.Pix[p] = float32((p*7+i*31)%256) / 255
		}
		if err := img.WritePNG(filepath.Join(dir, fmt.Sprintf("%06d.png", base+uint64(i)))); err != nil {
			t.Fatal(err)
		}
	}
}

const twoTrials = `
title: Two pictures
consent: |
  I take part.

  I am of age.
instructions: Choose.
protocol: task1
rules: {confidence: 3}
seed: 7
training: {name: warmup, space: spaces/practice, samples: 5}
trials:
  - {name: one, space: spaces/one, samples: 40}
  - {name: two, space: spaces/two, samples: 12, expect: "5"}
`

// newStudy makes a study with its spaces in a folder.
func newStudy(t testing.TB) *Study {
	t.Helper()
	dir := t.TempDir()
	makeSpace(t, filepath.Join(dir, "spaces", "practice"), 5, 8, 900)
	makeSpace(t, filepath.Join(dir, "spaces", "one"), 40, 8, 123456)
	makeSpace(t, filepath.Join(dir, "spaces", "two"), 12, 120, 777000)
	path := filepath.Join(dir, "study.yaml")
	if err := os.WriteFile(path, []byte(twoTrials), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// serve opens a study and serves it.
func serve(t testing.TB, s *Study, store string, logs io.Writer) (*Server, string) {
	t.Helper()
	v, err := Open(s, store, Options{Room: "room", Organiser: "boss", Log: log.New(logs, "", 0)})
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
func (b *browser) do(clicks ...click) *view {
	b.t.Helper()
	var v *view
	for _, c := range clicks {
		c.Step = b.state().Step
		data, _ := json.Marshal(c)
		status, next := b.call("POST", "/api/click", string(data))
		if status != 200 {
			b.t.Fatalf("%+v: status %d", c, status)
		}
		v = next
	}
	return v
}

func (b *browser) answerTrial() *view {
	return b.do(click{Op: "pick", Position: 3}, click{Op: "pick", Position: 1}, click{Op: "reading", Value: "5"}, click{Op: "confidence", Number: 2}, click{Op: "submit"})
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
		b.do(click{Op: map[string]string{"consent": "agree", "instructions": "start"}[phase]})
	}
	if got := b.state(); got.Phase != "training" || got.Task.Samples != 5 || got.Task.Sheets != 1 {
		t.Fatalf("%+v %+v", got, got.Task)
	}
	b.answerTrial()
	got := b.do(click{Op: "pick", Position: 7}, click{Op: "pick", Position: 7}, click{Op: "pick", Position: 39})
	if got.Phase != "trial" || got.Trial != 1 || got.Trials != 2 || !reflect.DeepEqual(got.Answer.Picks, []int{7, 39}) {
		t.Fatalf("%+v %+v", got, got.Answer)
	}
	if got = b.do(click{Op: "unpick", Position: 7}); !reflect.DeepEqual(got.Answer.Picks, []int{39}) {
		t.Errorf("after undo: %v", got.Answer.Picks)
	}
	if got = b.do(click{Op: "none", Number: 1}); len(got.Answer.Picks) != 0 || !got.Answer.None {
		t.Errorf("none of these: %+v", got.Answer)
	}
	if got = b.do(click{Op: "pick", Position: 0}); got.Answer.None {
		t.Errorf("a pick after none: %+v", got.Answer)
	}
	b.do(click{Op: "pick", Position: 2}, click{Op: "reading", Value: "6"}, click{Op: "submit"})
	if got = b.answerTrial(); got.Phase != "thanks" || len(got.Code) < 6 || got.Task != nil {
		t.Fatalf("%+v", got)
	}
	ballots, err := v.Ballots(t.Context())
	if err != nil || len(ballots) != 2 {
		t.Fatalf("%d ballots, %v", len(ballots), err)
	}
	one := ballots[0]
	want := ensemble.Order(7, "p0001", "one", v.decks["one"].samples)
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
	before := b.do(click{Op: "agree"}, click{Op: "start"}, click{Op: "pick", Position: 4}, click{Op: "reading", Value: "3"})
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
	if _, err := Open(other, store, Options{}); !errors.Is(err, ErrStore) || hint.Of(err) == "" {
		t.Errorf("another study's store: %v", err)
	}
	broken := filepath.Join(t.TempDir(), "broken.db")
	os.WriteFile(broken, bytes.Repeat([]byte("no database"), 1000), 0o644)
	if _, err := Open(s, broken, Options{}); !errors.Is(err, ErrStore) {
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
	b.do(click{Op: "agree"}, click{Op: "start"})
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
	for _, secret := range []string{"spaces", ".yaml", "boss", "warmup", "expect", "p0001", "seed", "tEXt", "iTXt", s.dir} {
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
	v, url := serve(t, s, filepath.Join(t.TempDir(), "votes.db"), io.Discard)
	first := map[uint64]bool{}
	for range 8 {
		newBrowser(t, url).do(click{Op: "agree"}, click{Op: "start"})
	}
	v.book.ask(t.Context(), func(b *book) (change, error) {
		for _, p := range b.participants {
			first[p.answers["warmup"].shown[0]] = true
		}
		return change{}, nil
	})
	if len(first) < 3 {
		t.Errorf("8 participants saw %d different samples first", len(first))
	}
}

func TestStudyErrors(t *testing.T) {
	for name, text := range map[string]string{
		"unknown field": twoTrials + "extra: 1\n",
		"no trials":     strings.Split(twoTrials, "trials:")[0],
		"no consent":    strings.Replace(twoTrials, "consent: |\n  I take part.\n\n  I am of age.\n", "", 1),
		"protocol":      strings.Replace(twoTrials, "task1", "task9", 1),
		"ties":          twoTrials + "ties: coin\n",
		"twice":         strings.Replace(twoTrials, "name: two", "name: one", 1),
		"rules":         strings.Replace(twoTrials, "confidence: 3", "max_picks: 0", 1),
		"not YAML":      "\tno: [yaml",
		"binary":        "\x00\x01\x02",
		"empty":         "",
	} {
		if _, err := Parse([]byte(text)); !errors.Is(err, ErrStudy) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Parse(bytes.Repeat([]byte("#"), maxFile+1)); !errors.Is(err, ErrStudy) {
		t.Errorf("too large: %v", err)
	}
	s, err := Parse([]byte(`{"title": "t", "consent": "c", "instructions": "i", "protocol": "task2", "trials": [{"name": "a", "space": "none"}]}`))
	if err != nil {
		t.Fatal("JSON:", err)
	}
	if _, err := Open(s, filepath.Join(t.TempDir(), "x.db"), Options{}); err == nil {
		t.Error("a space that is not there")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(twoTrials))
	f.Add([]byte(`{"title": "t"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := Parse(data); err == nil && len(s.Trials) == 0 {
			t.Error("a study without trials")
		}
	})
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
