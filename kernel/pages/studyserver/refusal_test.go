package studyserver

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trustsr/trustsr/ensemble/study"
)

func mustURL(t *testing.T, s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// locked is a log that may be read while it is written.
type locked struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.String()
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

// Forged, replayed, oversized, malformed and cross-origin requests: the right
// status, a line in the log, and nothing stored.
func TestRefusals(t *testing.T) {
	s := newStudy(t)
	var logs locked
	v, base := serve(t, s, filepath.Join(t.TempDir(), "votes.db"), &logs)
	b := newBrowser(t, base)
	b.do(study.Click{Op: "agree"}, study.Click{Op: "start"})
	b.answerTrial() // training, so that there is something to replay
	now := b.do(study.Click{Op: "pick", Position: 2}, study.Click{Op: "pick", Position: 5})
	other := newBrowser(t, base)
	cookieName := v.cookieName
	cookie := b.Jar.Cookies(mustURL(t, base))[0].Value

	c := func(step int, rest string) string { return fmt.Sprintf(`{"step":%d,%s}`, step, rest) }
	at := now.Step
	type header = map[string]string
	type request struct {
		name, method, path, body string
		header                   header
		want                     int
	}
	tried := 0
	try := func(r request) {
		t.Helper()
		tried++
		req, err := http.NewRequest(r.method, base+r.path, strings.NewReader(r.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.AddCookie(&http.Cookie{Name: cookieName, Value: cookie})
		for name, value := range r.header {
			switch {
			case name == "Host":
				req.Host = value
			case value == "":
				req.Header.Del(name)
			default:
				req.Header.Set(name, value)
			}
		}
		before := strings.Count(logs.String(), "\n")
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != r.want {
			t.Errorf("%s: status %d, want %d", r.name, resp.StatusCode, r.want)
		}
		if strings.Count(logs.String(), "\n") != before+1 {
			t.Errorf("%s: not in the log", r.name)
		}
	}
	for _, r := range []request{
		{"no cookie", "POST", "/api/click", c(at, `"op":"pick","position":1`), header{"Cookie": ""}, 401},
		{"forged cookie", "POST", "/api/click", c(at, `"op":"pick","position":1`), header{"Cookie": cookieName + "=ABCDEFGHIJKLMNOP"}, 401},
		{"hash for a cookie", "POST", "/api/click", c(at, `"op":"pick","position":1`), header{"Cookie": cookieName + "=" + keyOf(cookie)}, 401},
		{"empty cookie", "GET", "/api/state", "", header{"Cookie": cookieName + "="}, 401},
		{"sheet without cookie", "GET", fmt.Sprintf("/sheet/%d/0.png", at), "", header{"Cookie": ""}, 401},
		{"replayed step", "POST", "/api/click", c(at-1, `"op":"submit"`), nil, 409},
		{"replayed agreement", "POST", "/api/click", c(0, `"op":"agree"`), nil, 409},
		{"a step ahead", "POST", "/api/click", c(at+1, `"op":"pick","position":1`), nil, 409},
		{"over the cap", "POST", "/api/click", c(at, `"op":"pick","position":7`), nil, 409},
		{"not complete", "POST", "/api/click", c(at, `"op":"submit"`), nil, 409},
		{"position below", "POST", "/api/click", c(at, `"op":"pick","position":-1`), nil, 422},
		{"position above", "POST", "/api/click", c(at, `"op":"pick","position":40`), nil, 422},
		{"unpick above", "POST", "/api/click", c(at, `"op":"unpick","position":4000000000`), nil, 422},
		{"unknown operation", "POST", "/api/click", c(at, `"op":"drop table answers"`), nil, 422},
		{"no operation", "POST", "/api/click", c(at, `"position":1`), nil, 422},
		{"agree in a trial", "POST", "/api/click", c(at, `"op":"agree"`), nil, 422},
		{"reading of two digits", "POST", "/api/click", c(at, `"op":"reading","value":"55"`), nil, 422},
		{"reading of a word", "POST", "/api/click", c(at, `"op":"reading","value":"five"`), nil, 422},
		{"reading with control characters", "POST", "/api/click", c(at, `"op":"reading","value":"5\u0000"`), nil, 422},
		{"reading of a script", "POST", "/api/click", c(at, `"op":"reading","value":"<script>"`), nil, 422},
		{"confidence above", "POST", "/api/click", c(at, `"op":"confidence","number":4`), nil, 422},
		{"confidence below", "POST", "/api/click", c(at, `"op":"confidence","number":-1`), nil, 422},
		{"another participant's name", "POST", "/api/click", c(at, `"op":"pick","position":1,"participant":"p0002"`), nil, 400},
		{"a sample's number", "POST", "/api/click", c(at, `"op":"pick","sample":123456`), nil, 400},
		{"no JSON", "POST", "/api/click", `op=pick`, nil, 400},
		{"cut JSON", "POST", "/api/click", `{"op":"pi`, nil, 400},
		{"empty body", "POST", "/api/click", ``, nil, 400},
		{"two objects", "POST", "/api/click", c(at, `"op":"unpick","position":2`) + c(at, `"op":"pick","position":3`), nil, 400},
		{"a list", "POST", "/api/click", `[1,2]`, nil, 400},
		{"a fraction", "POST", "/api/click", c(at, `"op":"pick","position":1.5`), nil, 400},
		{"text for a number", "POST", "/api/click", c(at, `"op":"pick","position":"1"`), nil, 400},
		{"a number too large", "POST", "/api/click", c(at, `"op":"pick","position":99999999999999999999`), nil, 400},
		{"oversized", "POST", "/api/click", c(at, `"op":"reading","value":"`+strings.Repeat("5", 1<<16)+`"`), nil, 413},
		{"a form", "POST", "/api/click", "op=pick", header{"Content-Type": "application/x-www-form-urlencoded"}, 415},
		{"plain text", "POST", "/api/click", c(at, `"op":"unpick","position":2`), header{"Content-Type": "text/plain"}, 415},
		{"no content type", "POST", "/api/click", c(at, `"op":"unpick","position":2`), header{"Content-Type": ""}, 415},
		{"another origin", "POST", "/api/click", c(at, `"op":"unpick","position":2`), header{"Origin": "http://evil.example"}, 403},
		{"an origin that begins alike", "POST", "/api/click", c(at, `"op":"unpick","position":2`), header{"Origin": base + ".evil.example"}, 403},
		{"null origin", "POST", "/api/click", c(at, `"op":"unpick","position":2`), header{"Origin": "null"}, 403},
		{"cross-site fetch", "POST", "/api/click", c(at, `"op":"unpick","position":2`), header{"Sec-Fetch-Site": "cross-site"}, 403},
		{"a rebound name", "GET", "/api/state", "", header{"Host": "evil.example"}, 421},
		{"a click by GET", "GET", "/api/click?op=unpick", "", nil, 405},
		{"delete", "DELETE", "/api/click", "", nil, 405},
		{"put", "PUT", "/api/click", "{}", nil, 405},
		{"wrong room", "POST", "/api/join", `{"room":"roo","pixel_ratio":1}`, header{"Cookie": ""}, 403},
		{"no room", "POST", "/api/join", `{"pixel_ratio":1}`, header{"Cookie": ""}, 403},
		{"pixel ratio", "POST", "/api/join", `{"room":"room","pixel_ratio":1e9}`, header{"Cookie": ""}, 400},
		{"organiser without token", "GET", "/organiser/progress", "", nil, 403},
		{"organiser with the room's token", "GET", "/organiser/progress?token=room", "", nil, 403},
		{"export without token", "GET", "/organiser/ballots.csv", "", nil, 403},
		{"a sample without token", "GET", "/organiser/sample/one/123456", "", nil, 403},
		{"close without token", "POST", "/organiser/close", "{}", nil, 403},
		{"an earlier trial's pictures", "GET", fmt.Sprintf("/sheet/%d/0.png", at-1), "", nil, 409},
		{"a later trial's pictures", "GET", fmt.Sprintf("/sheet/%d/0.png", at+1), "", nil, 409},
		{"no such sheet", "GET", fmt.Sprintf("/sheet/%d/99.png", at), "", nil, 404},
		{"a path up", "GET", "/sheet/..%2f..%2fvotes.db", "", nil, 404},
		{"no such page", "GET", "/votes.db", "", nil, 404},
	} {
		try(r)
		if got := b.state(); !reflect.DeepEqual(got, now) {
			t.Fatalf("%s changed the answer:\n%+v\n%+v", r.name, got.Answer, now.Answer)
		}
	}
	// An address that asks too often, and one that joins too often.
	for _, full := range []struct {
		rates *rates
		each  []request
	}{
		{&v.joins, []request{
			{"joining too often", "POST", "/api/join", `{"room":"room","pixel_ratio":1}`, header{"Cookie": ""}, 429},
		}},
		{&v.rates, []request{
			{"clicking too often", "POST", "/api/click", c(at, `"op":"unpick","position":2`), nil, 429},
			{"asking too often", "GET", "/api/state", "", nil, 429},
			{"looking for the organiser's token", "GET", "/organiser/progress?token=guess", "", nil, 429},
		}},
	} {
		full.rates.allow("127.0.0.1", v.session.Now())
		full.rates.buckets["127.0.0.1"].left = -1e9
		for _, r := range full.each {
			try(r)
		}
		full.rates.buckets["127.0.0.1"].left = full.rates.burst
	}
	if got := b.state(); !reflect.DeepEqual(got, now) {
		t.Fatalf("what came too often changed the answer: %+v", got.Answer)
	}
	if err := v.CloseStudy(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, r := range []request{
		{"a pick after the close", "POST", "/api/click", c(at, `"op":"unpick","position":2`), nil, 410},
		{"a reading after the close", "POST", "/api/click", c(at, `"op":"reading","value":"5"`), nil, 410},
		{"handing in after the close", "POST", "/api/click", c(at, `"op":"submit"`), nil, 410},
		{"joining after the close", "POST", "/api/join", `{"room":"room","pixel_ratio":1}`, header{"Cookie": ""}, 410},
	} {
		try(r)
	}
	if got := b.state(); !got.Done || !reflect.DeepEqual(got.Answer, now.Answer) {
		t.Errorf("after the close: %+v", got)
	}
	if tried < 60 {
		t.Errorf("only %d requests", tried)
	}
	if strings.Contains(logs.String(), cookie) || strings.Contains(logs.String(), "boss") {
		t.Error("the log has secrets")
	}
	if got := other.state(); got.Step != 0 {
		t.Errorf("the other participant is at step %d", got.Step)
	}
	if people, _, err := v.session.People(t.Context()); err != nil || len(people) != 2 {
		t.Errorf("%d participants, %v", len(people), err)
	}
}

// An address that hammers is told to wait.
func TestRateLimit(t *testing.T) {
	r := rates{perSecond: 10, burst: 100}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	allowed := 0
	for range 200 {
		if r.allow("10.0.0.1", now) {
			allowed++
		}
	}
	if allowed != 100 || !r.allow("10.0.0.2", now) {
		t.Errorf("%d of 200 at once", allowed)
	}
	if !r.allow("10.0.0.1", now.Add(time.Second)) {
		t.Error("a second later it is still refused")
	}
}

// A script that joins again and again is told to wait, and who never agreed
// is dropped: nobody fills a room, and the room goes on for others.
func TestNobodyFillsARoom(t *testing.T) {
	s := newStudy(t)
	var passed atomic.Int64 // seconds
	began := time.Now()
	store := filepath.Join(t.TempDir(), "votes.db")
	v, url := serveAt(t, s, store, io.Discard, func() time.Time { return began.Add(time.Duration(passed.Load()) * time.Second) })
	person := newBrowser(t, url)
	person.do(study.Click{Op: "agree"})
	idle := newBrowser(t, url)
	flood := func() (joined, refused int) {
		var mu sync.Mutex
		var clients sync.WaitGroup
		for range 8 {
			clients.Go(func() {
				for range 75 {
					resp, err := http.Post(url+"/api/join", "application/json", strings.NewReader(`{"room": "room", "pixel_ratio": 1}`))
					if err != nil {
						t.Error(err)
						return
					}
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					mu.Lock()
					switch {
					case resp.StatusCode == http.StatusOK:
						joined++
					case resp.StatusCode == http.StatusTooManyRequests && resp.Header.Get("Retry-After") != "":
						refused++
					default:
						t.Errorf("status %d", resp.StatusCode)
					}
					mu.Unlock()
				}
			})
		}
		clients.Wait()
		return joined, refused
	}
	if joined, refused := flood(); joined != joinsBurst-2 || refused != 600-joined {
		t.Errorf("%d joined, %d refused", joined, refused)
	}
	person.do(study.Click{Op: "start"}, study.Click{Op: "pick", Position: 1}) // nobody keeps a participant out
	passed.Store(60)
	if joined, _ := flood(); joined != 60*joinsPerSecond {
		t.Errorf("a minute later %d joined", joined)
	}
	passed.Store(int64(2 * study.ConsentTime / time.Second))
	newBrowser(t, url).do(study.Click{Op: "agree"})
	people := func() (names []string) {
		people, _, err := v.session.People(t.Context())
		if err != nil {
			t.Error(err)
		}
		for _, p := range people {
			names = append(names, p.Name)
		}
		return names
	}
	if got := people(); !slices.Equal(got, []string{"p0001", "p0701"}) {
		t.Errorf("%d participants are left: %v", len(got), got[:min(len(got), 5)])
	}
	if status, _ := idle.call("GET", "/api/state", ""); status != http.StatusUnauthorized {
		t.Errorf("who never agreed: %d", status)
	}
	rows, err := aside(t, store).Query(`SELECT number FROM participants ORDER BY number`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var kept []int
	for rows.Next() {
		var number int
		if err := rows.Scan(&number); err != nil {
			t.Fatal(err)
		}
		kept = append(kept, number)
	}
	if !slices.Equal(kept, []int{1, 701}) {
		t.Errorf("the store has %v", kept)
	}
}

// Studies of one host, on whatever ports, do not take each other's cookies.
func TestStudiesOfOneHost(t *testing.T) {
	_, one := serve(t, newStudy(t), filepath.Join(t.TempDir(), "votes.db"), io.Discard)
	_, two := serve(t, newStudy(t), filepath.Join(t.TempDir(), "votes.db"), io.Discard)
	b := newBrowser(t, one)
	b.do(study.Click{Op: "agree"}, study.Click{Op: "start"})
	want := b.do(study.Click{Op: "pick", Position: 2})
	b.url = two
	b.call("POST", "/api/join", `{"room": "room", "pixel_ratio": 1}`)
	if got := b.state(); got == nil || got.Step != 0 {
		t.Fatalf("in the second study: %+v", got)
	}
	b.url = one
	if got := b.state(); !reflect.DeepEqual(got, want) {
		t.Errorf("back in the first study: %+v", got)
	}
}
