package pages

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/srspace/picture"
)

// node returns the path of Node, or skips.
func node(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no node on PATH: the pages' modules are tried in a browser only")
	}
	return path
}

// The unit tests of the pages' modules.
func TestModules(t *testing.T) {
	tests, err := filepath.Glob("jstest/*.test.js")
	if err != nil || len(tests) < 3 {
		t.Fatalf("%d test files, %v", len(tests), err)
	}
	if out, err := exec.Command(node(t), append([]string{"--test"}, tests...)...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// Every page's script is one that a browser can read.
func TestScripts(t *testing.T) {
	path := node(t)
	for _, name := range []string{"gallery.js", "plane.js", "compare.js", "study.js", "organiser.js"} {
		data, kind, err := File(name)
		if err != nil || kind != "text/javascript; charset=utf-8" {
			t.Fatalf("%s: %s, %v", name, kind, err)
		}
		file := filepath.Join(t.TempDir(), "script.cjs")
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(path, "--check", file).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		if n := bytes.Count(data, []byte("const from_dom =")); n != 1 {
			t.Errorf("%s holds dom.js %d times", name, n)
		}
	}
	if _, _, err := File("../doc.go"); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("a file that is no page's: %v", err)
	}
	if _, _, err := File("none.js"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a script that is not there: %v", err)
	}
}

func TestBundle(t *testing.T) {
	modules := map[string]string{
		"one.js":   "import { b as two, c } from \"./two.js\";\nimport { d } from \"./three.js\";\nexport const a = two() + c + d;\nconsole.log(a);\n",
		"two.js":   "import { d } from \"./three.js\";\nexport function b() { return d; }\nexport const c = 10;\n",
		"three.js": "const hidden = 100;\nexport const d = hidden;\n",
		"loop.js":  "import { e } from \"./pool.js\";\n",
		"pool.js":  "import { f } from \"./loop.js\";\n",
		"other.js": "import g from \"./two.js\";\n",
		"list.js":  "const h = 1;\nexport { h };\n",
	}
	read := func(name string) ([]byte, error) {
		if text, ok := modules[name]; ok {
			return []byte(text), nil
		}
		return nil, fs.ErrNotExist
	}
	out, err := bundle(read, "one.js")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(out), "hidden = 100"); n != 1 {
		t.Errorf("a module imported twice is there %d times:\n%s", n, out)
	}
	for name, word := range map[string]string{"loop.js": "imports itself", "other.js": "no import", "list.js": "no import"} {
		if _, err := bundle(read, name); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v", name, err)
		}
	}
	run := exec.Command(node(t), "-e", string(out))
	if got, err := run.CombinedOutput(); err != nil || string(got) != "210\n" { // 100 + 10 + 100
		t.Errorf("%s, %v", got, err)
	}
}

// A saved page holds all it needs, and data that look like HTML end no script.
func TestOwn(t *testing.T) {
	page, err := Own("plane", "digit-1", "five", map[string]string{"title": "</script><b>"})
	if err != nil {
		t.Fatal(err)
	}
	text := string(page)
	if strings.Contains(text, "</script><b>") || strings.Contains(text, "src=") || strings.Contains(text, "<link rel=\"stylesheet\"") {
		t.Error("the page loads something, or its data end a script")
	}
	if !strings.Contains(text, "script-src &#39;sha256-") && !strings.Contains(text, "script-src 'sha256-") {
		t.Error("the policy names no script")
	}
}

// What is refused, and with which status; what is admitted reaches the mux.
func TestGuard(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, r *http.Request) {})
	mux.HandleFunc("POST /click", func(w http.ResponseWriter, r *http.Request) {
		var c struct{ N int }
		if status, err := Decode(r, &c); err != nil {
			http.Error(w, err.Error(), status)
		}
	})
	const proxy = "https://hub.example.org"
	handler, err := Guard{
		Policy:    "default-src 'none'",
		Host:      func(host string) bool { return host == "hub.example.org" },
		Origins:   []string{proxy},
		WrongName: errors.New("wrong name"),
		Admit: func(_ http.ResponseWriter, r *http.Request) (int, error) {
			if r.URL.Query().Get("token") != "t" {
				return http.StatusForbidden, errors.New("token")
			}
			return 0, nil
		},
		Refuse: func(w http.ResponseWriter, _ *http.Request, status int, err error) {
			http.Error(w, err.Error(), status)
		},
	}.Wrap(mux)
	if err != nil {
		t.Fatal(err)
	}
	type header = map[string]string
	for _, c := range []struct {
		name, method, url, body string
		header                  header
		want                    int
	}{
		{"a page", "GET", "http://127.0.0.1:80/page?token=t", "", nil, 200},
		{"its head", "HEAD", "http://localhost/page?token=t", "", nil, 200},
		{"IPv6", "GET", "http://[::1]:8080/page?token=t", "", nil, 200},
		{"the proxy's name", "GET", proxy + "/page?token=t", "", nil, 200},
		{"a click", "POST", "http://127.0.0.1/click?token=t", `{"N":1}`, nil, 200},
		{"a click of the page", "POST", "http://127.0.0.1/click?token=t", `{"N":1}`, header{"Origin": "http://127.0.0.1", "Sec-Fetch-Site": "same-origin"}, 200},
		{"a click through the proxy", "POST", proxy + "/click?token=t", `{"N":1}`, header{"Origin": proxy}, 200},
		{"through a proxy with its own host", "POST", "http://127.0.0.1/click?token=t", `{"N":1}`, header{"Origin": proxy, "Sec-Fetch-Site": "cross-site"}, 200},
		{"a rebound name", "GET", "http://evil.example/page?token=t", "", nil, 421},
		{"a name like localhost", "GET", "http://localhost.evil.example/page?token=t", "", nil, 421},
		{"no token", "GET", "http://127.0.0.1/page", "", nil, 403},
		{"a wrong name comes before the token", "GET", "http://evil.example/page", "", nil, 421},
		{"another site", "POST", "http://127.0.0.1/click?token=t", `{"N":1}`, header{"Origin": "http://evil.example"}, 403},
		{"another site by its fetch", "POST", "http://127.0.0.1/click?token=t", `{"N":1}`, header{"Sec-Fetch-Site": "cross-site"}, 403},
		{"another port", "POST", "http://127.0.0.1:80/click?token=t", `{"N":1}`, header{"Origin": "http://127.0.0.1:81"}, 403},
		{"a sandbox", "POST", "http://127.0.0.1/click?token=t", `{"N":1}`, header{"Origin": "null"}, 403},
		{"the proxy's host by another scheme", "POST", proxy + "/click?token=t", `{"N":1}`, header{"Origin": "http://hub.example.org"}, 403},
		{"a form", "POST", "http://127.0.0.1/click?token=t", "N=1", header{"Content-Type": "application/x-www-form-urlencoded"}, 415},
		{"no type", "POST", "http://127.0.0.1/click?token=t", `{"N":1}`, header{"Content-Type": ""}, 415},
		{"too large", "POST", "http://127.0.0.1/click?token=t", `{"N":` + strings.Repeat("1", maxBody) + `}`, nil, 413},
		{"an unknown field", "POST", "http://127.0.0.1/click?token=t", `{"M":1}`, nil, 400},
		{"two values", "POST", "http://127.0.0.1/click?token=t", `{"N":1}{"N":2}`, nil, 400},
		{"another method", "DELETE", "http://127.0.0.1/click?token=t", "", nil, 405},
		{"a click by GET", "GET", "http://127.0.0.1/click?token=t", "", nil, 405},
		{"no such page", "GET", "http://127.0.0.1/none?token=t", "", nil, 404},
	} {
		r := httptest.NewRequest(c.method, c.url, strings.NewReader(c.body))
		r.Header.Set("Content-Type", "application/json")
		for name, value := range c.header {
			if r.Header.Del(name); value != "" {
				r.Header.Set(name, value)
			}
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s: status %d, want %d: %s", c.name, w.Code, c.want, w.Body)
		}
		for name, want := range map[string]string{"Content-Security-Policy": "default-src 'none'", "Referrer-Policy": "no-referrer",
			"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "same-origin"} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s is %q", c.name, name, got)
			}
		}
	}
}

func TestSheet(t *testing.T) {
	plain := func(r, g, b float32) *picture.Image {
		img := picture.NewImage(2, 1)
		for i := range img.Pix {
			img.Pix[i] = []float32{r, g, b}[i%3]
		}
		return img
	}
	grey := []*picture.Image{plain(0, 0, 0), plain(0.2, 0.2, 0.2), plain(1, 1, 1)}
	sheet := Sheet(grey, 2)
	if got, ok := sheet.(*image.Gray); !ok || !slices.Equal(got.Pix, []uint8{0, 0, 51, 51, 255, 255, 0, 0}) {
		t.Errorf("grey: %T %v", sheet, sheet)
	}
	sheet = Sheet(append(grey, plain(1, 0, 0)), 2)
	if size := sheet.Bounds().Size(); size != image.Pt(4, 2) {
		t.Errorf("size %v", size)
	}
	for at, want := range map[image.Point]string{{X: 2, Y: 0}: "{51 51 51 255}", {X: 3, Y: 1}: "{255 0 0 255}", {X: 1, Y: 1}: "{255 255 255 255}"} {
		if got := fmt.Sprint(sheet.At(at.X, at.Y)); got != want {
			t.Errorf("pixel %v: %s, want %s", at, got, want)
		}
	}
	if size := Sheet(nil, 18).Bounds().Size(); size != image.Pt(1, 1) {
		t.Errorf("no pictures: %v", size)
	}
}
