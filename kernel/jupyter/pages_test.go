package jupyter

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func keep(t *testing.T, l layout) *pagesPlace {
	t.Helper()
	p, err := l.keptPages()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	return p
}

// A kernel's port and token go to the next one, whichever notebook's, and to
// no other that runs at the same time.
func TestPagesAreKept(t *testing.T) {
	l := layout{t.TempDir()}
	a, b := keep(t, l), keep(t, l)
	if a.slot != 1 || b.slot != 2 || a.port() == b.port() || a.token == b.token {
		t.Fatalf("two kernels at a time: slot %d, port %d and slot %d, port %d", a.slot, a.port(), b.slot, b.port())
	}
	port, token := a.port(), a.token
	a.close()
	again := keep(t, l)
	if again.slot != 1 || again.port() != port || again.token != token {
		t.Errorf("the next kernel is in slot %d at port %d with the same token: %v; want 1, %d, true", again.slot, again.port(), again.token == token, port)
	}
	for _, path := range []string{l.path("pages"), l.slotPath(1, ".json"), l.slotPath(1, ".lock")} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v: others may read it", path, info.Mode(), err)
		}
	}
}

// Somebody else has the port: another is taken, and another token, for pages
// that are open send the old one to whoever has the port. A port
// that is let go of within a moment is waited for.
func TestPagesOfATakenPort(t *testing.T) {
	l := layout{t.TempDir()}
	p := keep(t, l)
	port, token := p.port(), p.token
	p.close()
	other, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(200*time.Millisecond, func() { other.Close() })
	if p = keep(t, l); p.port() != port || p.token != token {
		t.Errorf("port %d, want %d again; same token: %v", p.port(), port, p.token == token)
	}
	p.close()
	if other, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	p = keep(t, l)
	if p.port() == port || p.token == token {
		t.Errorf("port %d, which is taken: %d; same token: %v", p.port(), port, p.token == token)
	}
	moved := p.port()
	p.close()
	if p = keep(t, l); p.port() != moved {
		t.Errorf("port %d, want %d, where the last kernel was", p.port(), moved)
	}
}

// What is kept may be old or damaged.
func TestPagesOfADamagedFile(t *testing.T) {
	for name, text := range map[string]string{
		"old":       `{"port":0,"token":"0123456789abcdef0123456789abcdef","made":"2020-01-01T00:00:00Z"}`,
		"empty":     ``,
		"torn":      `{"port":`,
		"no token":  `{"port":80,"token":""}`,
		"no port":   `{"port":-1,"token":"0123456789abcdef0123456789abcdef"}`,
		"long port": `{"port":1000000,"token":"0123456789abcdef0123456789abcdef"}`,
	} {
		t.Run(name, func(t *testing.T) {
			l := layout{t.TempDir()}
			if err := os.MkdirAll(l.path("pages"), 0o700); err != nil {
				t.Fatal(err)
			}
			if name == "old" { // a port that is free
				text = strings.Replace(text, `:0,`, fmt.Sprintf(":%d,", freePortForTest(t)), 1)
			}
			if err := os.WriteFile(l.slotPath(1, ".json"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if p := keep(t, l); p.slot != 1 || len(p.token) != 32 || strings.HasPrefix(p.token, "0123456789abcdef") {
				t.Errorf("slot %d, token %q", p.slot, p.token)
			}
		})
	}
}

func freePortForTest(t *testing.T) int {
	t.Helper()
	port, err := freePort("127.0.0.1", 0)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestPagesAddress(t *testing.T) {
	l := layout{t.TempDir()}
	p := keep(t, l)
	fresh, err := freshPages()
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.close()
	for _, test := range []struct {
		pages        *pagesPlace
		public, want string
	}{
		{p, "", fmt.Sprintf("http://127.0.0.1:%d", p.port())},
		{p, "https://hub.example.org/pages/{slot}/", "https://hub.example.org/pages/1"},
		{p, "https://hub.example.org/user/a/proxy/{port}/", fmt.Sprintf("https://hub.example.org/user/a/proxy/%d", p.port())},
		{p, "http://[2001:db8::1]:9000", "http://[2001:db8::1]:9000"},
		{fresh, "https://hub.example.org/pages/{slot}/", fmt.Sprintf("http://127.0.0.1:%d", fresh.port())},
	} {
		if got, err := test.pages.address(test.public); got != test.want || err != nil {
			t.Errorf("%q: %q, %v; want %q", test.public, got, err, test.want)
		}
	}
	for _, bad := range []string{"hub.example.org/pages", "ftp://hub.example.org/", "https://", "https://me:secret@hub.example.org/",
		"https://hub.example.org/?a=b", "https://hub.example.org/#a", "https://a;b/", "javascript:alert(1)"} {
		if got, err := p.address(bad); err == nil {
			t.Errorf("%q is taken as %q", bad, got)
		}
		if got, err := (UpOptions{PublicURL: bad}).pagesURL(); err == nil {
			t.Errorf("up takes %q as %q", bad, got)
		}
	}
}

func TestUpPaths(t *testing.T) {
	for public, want := range map[string]string{
		"":                                "",
		"https://hub.example.org/pages/":  "https://hub.example.org/pages/{slot}/",
		"https://hub.example.org":         "https://hub.example.org/{slot}/",
		"https://hub.example.org/{port}/": "https://hub.example.org/{port}/",
	} {
		if got, err := (UpOptions{PublicURL: public}).pagesURL(); got != want || err != nil {
			t.Errorf("%q: %q, %v; want %q", public, got, err, want)
		}
	}
	for base, want := range map[string]string{"": "/", "/": "/", "x": "/x/", "/x/": "/x/", "/user/a.b@c/": "/user/a.b@c/"} {
		if got, err := basePath(base); got != want || err != nil {
			t.Errorf("%q: %q, %v; want %q", base, got, err, want)
		}
	}
	for _, bad := range []string{"/x y/", "/../", "/a//b/", "http://a/", "/x?y"} {
		if got, err := basePath(bad); err == nil {
			t.Errorf("%q is taken as %q", bad, got)
		}
	}
}

// One port serves the pages of every kernel, also of one that comes later and
// of one that is started again elsewhere.
func TestPagesDoor(t *testing.T) {
	l := layout{t.TempDir()}
	up := UpOptions{IP: "127.0.0.1"}
	pages, err := up.servePages(l, "https://hub.example.org/pages/{slot}/", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer pages.close()
	if pages.host != "hub.example.org" || pages.public != "https://hub.example.org/pages/{slot}/" {
		t.Errorf("host %q, public %q", pages.host, pages.public)
	}
	answer := func(path string) string {
		t.Helper()
		req, err := http.NewRequest("GET", "http://"+pages.door.Addr().String()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "hub.example.org"
		response, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return fmt.Sprint(response.StatusCode, " ", strings.TrimSpace(string(body)))
	}
	serve := func(p *pagesPlace, name string) *httptest.Server {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, name, " ", r.Host, r.URL.RequestURI())
		}))
		s.Listener.Close()
		s.Listener = p.listener
		s.Start()
		return s
	}
	if got := answer("/1/gallery/digit-18"); !strings.HasPrefix(got, "404") {
		t.Errorf("before there is a kernel: %s", got)
	}
	a, b := keep(t, l), keep(t, l)
	first, second := serve(a, "first"), serve(b, "second")
	defer second.Close()
	for path, want := range map[string]string{
		"/1/gallery/digit-18?name=a%26b": "200 first hub.example.org/gallery/digit-18?name=a%26b",
		"/2/page/plane.js":               "200 second hub.example.org/page/plane.js",
		"/1/gallery/a%2fb":               "200 first hub.example.org/gallery/a%2fb",
	} {
		if got := answer(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	first.Close()
	a.close()
	if got := answer("/1/page/plane.js"); !strings.HasPrefix(got, "502") {
		t.Errorf("without an engine: %s", got)
	}
	third := serve(keep(t, l), "third")
	defer third.Close()
	if got := answer("/1/page/plane.js"); !strings.HasPrefix(got, "200 third") {
		t.Errorf("after a restart: %s", got)
	}
	for _, path := range []string{"/", "/3/page/plane.js", "/0/x", "/01/page/plane.js", "/..%2f1/page/plane.js", "/65/x", "/kernel/x"} {
		if got := answer(path); !strings.HasPrefix(got, "404") {
			t.Errorf("%s: %s", path, got)
		}
	}
}

// The next kernel's cells show pages at the same address, unless the notebook
// is run to be written.
func TestKernelsKeepTheirPages(t *testing.T) {
	if err := setUp(); err != nil {
		t.Fatal(err)
	}
	// A root of its own: tests that run meanwhile take slots of the checkout.
	root, here := t.TempDir(), layout{projectRoot(t)}
	at := layout{root}
	if err := os.MkdirAll(at.path(), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, link := range [][2]string{{here.path("bin"), at.path("bin")}, {here.shim(), at.shim()}, {filepath.Join(here.root, "go.mod"), filepath.Join(root, "go.mod")}} {
		if err := os.Symlink(link[0], link[1]); err != nil {
			t.Fatal(err)
		}
	}
	where := func(more ...string) string {
		t.Helper()
		env := append(append(os.Environ(), "TRUSTSR_ROOT="+root), more...)
		c, err := startKernel(context.Background(), []string{os.Args[0], "run"}, env, t.TempDir(), t.TempDir(), io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		defer c.close()
		out, err := text(t, c, `import ("fmt"; "os")
%%
fmt.Print(os.Getenv("TRUSTSR_URL"), " ", os.Getenv("TRUSTSR_TOKEN"))`)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	first, second := where(), where()
	if first != second || !strings.HasPrefix(first, "http://127.0.0.1:") {
		t.Errorf("pages at %q, then at %q", first, second)
	}
	_, token, _ := strings.Cut(first, " ")
	if proxied := where(envPublicURL + "=https://hub.example.org/pages/{slot}/"); proxied != "https://hub.example.org/pages/1 "+token {
		t.Errorf("behind a proxy the pages are at %q", proxied)
	}
	if fresh := where(envFreshPages + "=1"); strings.Contains(fresh, token) || !strings.HasPrefix(fresh, "http://127.0.0.1:") {
		t.Errorf("a kernel whose notebook is written has its pages at %q", fresh)
	}
}

// The door knows who listens where it passes requests on to.
func TestListenerOwner(t *testing.T) {
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 65534        0 1 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F91 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 2 1 0000000000000000 100 0 0 10 0
   2: 00000000:1F92 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 3 1 0000000000000000 100 0 0 10 0
`
	for port, want := range map[int]int{8080: 65534, 8081: -1, 8082: 1000, 9000: -1} {
		if got := ownerIn(table, port); got != want {
			t.Errorf("port %d has the account %d, want %d", port, got, want)
		}
	}
	p := keep(t, layout{t.TempDir()})
	if got, err := listenerOwner(p.port()); err != nil || got != os.Getuid() {
		t.Errorf("our own port has the account %d, %v", got, err)
	}
}
