package engine

import (
	"bytes"
	"encoding/json"
	"image/png"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/kernel/wire"
)

func TestGuard(t *testing.T) {
	l := startEngine(t, fakeTools(0))
	name := l.drawn(t, 6)
	const token = "token=secret+token%261"
	picks := "/gallery/" + name + "/picks?name=five&"
	for _, test := range []struct {
		name, method, path string
		edit               func(*http.Request)
		want               int
	}{
		{"page", "GET", "/gallery/" + name + "?" + token, nil, 200},
		{"no token", "GET", "/gallery/" + name, nil, 403},
		{"wrong token", "GET", "/gallery/" + name + "?token=secret", nil, 403},
		{"empty token", "GET", "/gallery/" + name + "?token=", nil, 403},
		{"style without token", "GET", "/page/gallery.css", nil, 403},
		{"style", "GET", "/page/gallery.css?" + token, nil, 200},
		{"no such file", "GET", "/page/gallery.html?" + token, nil, 404},
		{"escape from page files", "GET", "/page/..%2fengine.go?" + token, nil, 404},
		{"localhost", "GET", "/gallery/" + name + "?" + token, func(r *http.Request) { r.Host = "localhost:8888" }, 200},
		{"IPv6 loopback", "GET", "/gallery/" + name + "?" + token, func(r *http.Request) { r.Host = "[::1]:8888" }, 200},
		{"rebound name", "GET", "/gallery/" + name + "?" + token, func(r *http.Request) { r.Host = "evil.example" }, 421},
		{"other address", "GET", "/gallery/" + name + "?" + token, func(r *http.Request) { r.Host = "10.0.0.1:80" }, 421},
		{"name like localhost", "GET", "/gallery/" + name + "?" + token, func(r *http.Request) { r.Host = "localhost.evil.example" }, 421},
		{"post", "POST", picks + token, nil, 200},
		{"post of two values", "POST", picks + token, func(r *http.Request) {
			const two = `{"action":"pick","seed":"1"}{"action":"clear"}`
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(two)), int64(len(two))
		}, 400},
		{"post of a form", "POST", picks + token, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, 415},
		{"post from elsewhere", "POST", picks + token, func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") }, 403},
		{"post from a sandbox", "POST", picks + token, func(r *http.Request) { r.Header.Set("Origin", "null") }, 403},
		{"no such space", "GET", "/gallery/digit-19/data?" + token, nil, 404},
		{"escaping space", "GET", "/gallery/..%2f..%2fx/data?" + token, nil, 400},
		{"bad list", "GET", "/gallery/" + name + "/picks?name=..%2fx&" + token, nil, 400},
		{"a list without a name", "GET", "/gallery/" + name + "/picks?name=&" + token, nil, 400},
		{"page of a bad list", "GET", "/gallery/" + name + "?name=%22%3E%3Cscript%3E&" + token, nil, 400},
		{"bad cap", "GET", "/gallery/" + name + "?cap=5000&" + token, nil, 400},
		{"no such picture", "GET", "/gallery/" + name + "/hr.png?" + token, nil, 404},
	} {
		t.Run(test.name, func(t *testing.T) {
			body := io.Reader(http.NoBody)
			if test.method == "POST" {
				body = strings.NewReader(`{"action":"pick","seed":"1"}`)
			}
			req, err := http.NewRequest(test.method, l.url+test.path, body)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			if test.edit != nil {
				test.edit(req)
			}
			response, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != test.want {
				t.Errorf("status %d, want %d", response.StatusCode, test.want)
			}
			if policy := response.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") {
				t.Errorf("content security policy %q", policy)
			}
		})
	}
}

// Behind a proxy the pages answer to the proxy's name and to clicks from its
// pages, whether it passes the Host header on or not, and to no other's.
func TestGuardBehindProxy(t *testing.T) {
	const pick = `{"action":"pick","seed":"1"}`
	for _, test := range []struct {
		name, url, host, origin string
		get, post               int
	}{
		{"name and origin", "https://hub.example.org/pages/1", "hub.example.org", "https://hub.example.org", 200, 200},
		{"name with the scheme's port", "https://hub.example.org/pages", "Hub.example.org:443", "https://hub.example.org", 200, 200},
		{"a proxy that puts its own host", "https://hub.example.org/pages", "", "https://hub.example.org", 200, 200},
		{"another port", "https://hub.example.org:8443/pages", "hub.example.org:8443", "https://hub.example.org:8443", 200, 200},
		{"IPv6", "http://[2001:db8::1]:9000", "[2001:db8::1]:9000", "http://[2001:db8::1]:9000", 200, 200},
		{"on this machine", "https://hub.example.org/pages", "", "", 200, 200},
		{"not said", "", "hub.example.org", "https://hub.example.org", 421, 421},
		{"not said, a proxy that puts its own host", "", "", "https://hub.example.org", 200, 403},
		{"another host", "https://hub.example.org/pages", "hub.example.org.evil.example", "https://hub.example.org", 421, 421},
		{"another origin", "https://hub.example.org/pages", "hub.example.org", "https://evil.example", 200, 403},
		{"another scheme", "https://hub.example.org/pages", "hub.example.org", "http://hub.example.org", 200, 403},
		{"origin of another port", "https://hub.example.org/pages", "hub.example.org", "https://hub.example.org:8443", 200, 403},
		{"host of another port", "https://hub.example.org:8443/pages", "hub.example.org", "https://hub.example.org:8443", 421, 421},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := startEngineFor(t, fakeTools(0), test.url)
			path := l.url + "/gallery/" + l.drawn(t, 2) + "/picks?name=five&token=secret+token%261"
			for method, want := range map[string]int{"GET": test.get, "POST": test.post} {
				req, err := http.NewRequest(method, path, strings.NewReader(map[string]string{"POST": pick}[method]))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Content-Type", "application/json")
				req.Host = test.host
				if test.origin != "" {
					req.Header.Set("Origin", test.origin)
				}
				if status, body := send(t, req); status != want {
					t.Errorf("%s: %d %s, want %d", method, status, body, want)
				}
			}
		})
	}
	for address, want := range map[string]string{
		"":                                " http://[::1]:*",
		"https://Hub.example.org/pages/1": " http://[::1]:* https://hub.example.org:*",
		"http://[2001:db8::1]:9000":       " http://[::1]:* http://[2001:db8::1]:*",
	} {
		d, err := doorAt(address)
		if policy := contentPolicy + d.policy; err != nil || !strings.HasSuffix(policy, want) {
			t.Errorf("%q: %v, frames: %s", address, err, policy)
		}
	}
	for _, address := range []string{"hub.example.org", "ftp://hub.example.org", "https://", "https://a;script-src *", "https://a b/", "://"} {
		if d, err := doorAt(address); err == nil {
			t.Errorf("%q is taken as %+v", address, d)
		}
	}
}

func TestClicks(t *testing.T) {
	l := startEngine(t, fakeTools(0))
	path := "/gallery/" + l.drawn(t, 6) + "/picks?name=two"
	for _, step := range []struct {
		body   string
		status int
		want   []string
	}{
		{`{"action":"pick","seed":"4","cap":2}`, 200, []string{"4"}},
		{`{"action":"pick","seed":"4","cap":2}`, 200, []string{"4"}},
		{`{"action":"pick","seed":"1","cap":9}`, 200, []string{"4", "1"}},
		{`{"action":"pick","seed":"2","cap":9}`, 409, []string{"4", "1"}},
		{`{"action":"undo","revision":1}`, 409, []string{"4", "1"}},
		{`{"action":"undo","revision":2}`, 200, []string{"4"}},
		{`{"action":"pick","seed":"99"}`, 400, []string{"4"}},
		{`{"action":"pick","seed":"-1"}`, 400, []string{"4"}},
		{`{"action":"pick","seed":1}`, 400, []string{"4"}},
		{`{"action":"erase"}`, 400, []string{"4"}},
		{`{"action":"clear","all":true}`, 400, []string{"4"}},
		{`{"action":"pick","seed":"` + strings.Repeat("1", 8<<10) + `"}`, 413, []string{"4"}},
		{``, 400, []string{"4"}},
		{`{"action":"clear"}`, 200, []string{}},
	} {
		status, body := l.http(t, http.MethodPost, path, step.body)
		if status != step.status {
			t.Errorf("%.60s: %d %s, want %d", step.body, status, body, step.status)
		}
		var list pagePicks
		_, body = l.http(t, http.MethodGet, path, "")
		if err := json.Unmarshal([]byte(body), &list); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(list.Seeds, step.want) || list.Cap != 2 && len(list.Seeds) > 0 {
			t.Errorf("after %.60s: %+v, want %v", step.body, list, step.want)
		}
	}
}

// The sheet holds each sample where the page looks for it.
func TestSprite(t *testing.T) {
	l := startEngine(t, fakeTools(0))
	name := l.drawn(t, 20)
	_, body := l.http(t, http.MethodGet, "/gallery/"+name+"/data", "")
	var data pageData
	if err := json.Unmarshal([]byte(body), &data); err != nil {
		t.Fatal(err)
	}
	if len(data.Samples) != 20 || data.Width != 28 || data.Height != 28 {
		t.Fatalf("data %+v", data)
	}
	var seeds []string
	for _, sample := range data.Samples {
		seeds = append(seeds, sample.Seed)
	}
	_, body = l.http(t, http.MethodGet, "/gallery/"+name+"/sprite.png?seeds="+strings.Join(seeds, ","), "")
	sheet, err := png.Decode(bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	if b := sheet.Bounds(); b.Dx() != 18*28 || b.Dy() != 2*28 {
		t.Fatalf("sheet of %v", b)
	}
	want := stroke(19, closed(19)).NRGBA()
	for y := range 28 {
		for x := range 28 {
			got, _, _, _ := sheet.At(28+x, 28+y).RGBA()
			if byte(got>>8) != want.NRGBAAt(x, y).R {
				t.Fatalf("sample 19 is not in row 1, column 1 of the sheet")
			}
		}
	}
}

// The live mean follows the picks and is the mean of them.
func TestLiveMean(t *testing.T) {
	l := startEngine(t, fakeTools(0))
	name := l.drawn(t, 6)
	if status, _ := l.http(t, http.MethodGet, "/gallery/"+name+"/mean.png?name=five", ""); status != 400 {
		t.Errorf("mean of no picks: %d", status)
	}
	l.mustAsk(t, wire.Request{Op: wire.OpSetPicks, Space: name, Picks: "five", Seeds: []uint64{2, 4}})
	status, body := l.http(t, http.MethodGet, "/gallery/"+name+"/mean.png?name=five", "")
	if status != 200 {
		t.Fatalf("mean: %d %s", status, body)
	}
	mean, err := png.Decode(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	a, b := stroke(2, closed(2)).Bytes(), stroke(4, closed(4)).Bytes()
	for i := 0; i < 28*28; i++ {
		got, _, _, _ := mean.At(i%28, i/28).RGBA()
		// Halves may round either way: the mean is kept in float32.
		if twice := int(a[3*i]) + int(b[3*i]); max(2*int(got>>8)-twice, twice-2*int(got>>8)) > 1 {
			t.Fatalf("pixel %d is %d, want %d/2", i, got>>8, twice)
		}
	}
}

// Readings go to the page only when it asks, and never with the truth.
func TestPageHidesTruth(t *testing.T) {
	l := startEngine(t, fakeTools(0))
	name := l.drawn(t, 6)
	for _, path := range []string{"", "/data", "/picks"} {
		_, body := l.http(t, http.MethodGet, "/gallery/"+name+path, "")
		for _, word := range []string{`"label"`, "hr_png", "probability\":"} {
			if strings.Contains(body, word) {
				t.Errorf("%q tells %q", path, word)
			}
		}
	}
	_, body := l.http(t, http.MethodGet, "/gallery/"+name+"/order?by=reading", "")
	if !strings.Contains(body, `"values":[8,3,8,8,3,8]`) {
		t.Errorf("readings %s", body)
	}
}
