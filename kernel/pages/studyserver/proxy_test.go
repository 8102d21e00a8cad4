package studyserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// certificate writes a certificate of its own for localhost and its key.
func certificate(t *testing.T, dir string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

// nginx runs the real one in front of a study, with TLS and under a path, and
// returns the address that people use.
func nginx(t *testing.T, port, to string) {
	t.Helper()
	path, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("no nginx on PATH: the study is not tried behind it")
	}
	dir := t.TempDir()
	cert, key := certificate(t, dir)
	config := filepath.Join(dir, "nginx.conf")
	text := fmt.Sprintf(`daemon off; pid %[1]s/pid; error_log %[1]s/error.log; worker_processes 1;
events { worker_connections 64; }
http {
  access_log off; client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  server {
    listen 127.0.0.1:%[2]s ssl; server_name localhost; ssl_certificate %[3]s; ssl_certificate_key %[4]s;
    location /digits/ { proxy_pass %[5]s/; proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }
  }
}
`, dir, port, cert, key, to)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "-c", config, "-e", filepath.Join(dir, "error.log"))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Signal(os.Interrupt); cmd.Wait() })
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			c.Close()
			return
		} else if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// A study behind nginx with TLS, under a path, in a browser: people take part,
// the cookie goes by https to that path alone, and who asks is who asked nginx.
func TestBehindNginx(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
	l.Close()
	s := oneTrial(t, 12, 28, "")
	var out strings.Builder
	address := "https://localhost:" + port + "/digits"
	v, err := Open(s, filepath.Join(t.TempDir(), "votes.db"), Options{Room: "room", Organiser: "boss", Log: log.New(&out, "", 0), PublicURL: address, Proxies: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(v)
	defer func() { server.Close(); v.Close() }()
	nginx(t, port, server.URL)

	p := window(t, 1000, 800, chromedp.Flag("ignore-certificate-errors", true))
	p.enter(address + "/?room=room")
	p.press(tile(1), 1)
	p.press(tile(2), 1)
	p.press(`#reading [data-value="5"]`, 1)
	p.until("complete", ready)
	p.press("#submit", 1)
	p.until("thanks", thanked)
	ballots, err := v.Ballots(t.Context())
	if err != nil || len(ballots) != 1 || ballots[0].Origin != 1 {
		t.Errorf("ballots %+v, error %v", ballots, err)
	}
	p.do("organiser", chromedp.Navigate(address+"/organiser?token=boss"))
	p.until("progress", `document.querySelector("#where").innerText.includes("1 finished")`)
	if out.Len() > 0 {
		t.Errorf("something was refused: %s", out.String())
	}

	join := func(origin, forwarded, host string) *http.Response {
		t.Helper()
		req, err := http.NewRequest("POST", server.URL+"/api/join", strings.NewReader(`{"room": "room"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Origin", origin)
		req.Header.Set("X-Forwarded-For", forwarded)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		return resp
	}
	public := "localhost:" + port
	resp := join("https://"+public, "198.51.100.1, 203.0.113.9", public)
	if c := resp.Cookies(); resp.StatusCode != 200 || len(c) != 1 || !c[0].Secure || c[0].Path != "/digits/" || !c[0].HttpOnly {
		t.Errorf("status %d, cookies %+v", resp.StatusCode, c)
	}
	join("https://"+public, "198.51.100.2, 203.0.113.9", public) // what a client makes up comes first
	people, _, err := v.session.People(t.Context())
	if err != nil || len(people) != 3 || people[1].Origin != 2 || people[2].Origin != 2 {
		t.Errorf("people %+v, error %v", people, err)
	}
	for _, origin := range []string{"https://evil.example", "http://" + public + ".evil.example"} {
		if resp := join(origin, "", public); resp.StatusCode != http.StatusForbidden {
			t.Errorf("origin %s: status %d", origin, resp.StatusCode)
		}
	}
	if resp := join("https://"+public, "", "evil.example"); resp.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("another name: status %d", resp.StatusCode)
	}
	if !strings.Contains(out.String(), "--public-url") {
		t.Errorf("the refusals do not say what to set: %s", out.String())
	}
}

// Without a named proxy nobody's word on who asks is believed.
func TestForwardedNotBelieved(t *testing.T) {
	s := oneTrial(t, 12, 8, "")
	v, _ := serve(t, s, filepath.Join(t.TempDir(), "votes.db"), io.Discard)
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "192.0.2.1:99"
	r.Header.Set("X-Forwarded-For", "198.51.100.1")
	if got := v.address(r); got != "192.0.2.1" {
		t.Errorf("who asks is %s", got)
	}
	for _, wrong := range []Options{{PublicURL: "study.example.org"}, {PublicURL: "https://a/?x=1"}, {PublicURL: "ftp://a/"}, {Proxies: []string{"nginx"}}} {
		if _, err := Open(s, filepath.Join(t.TempDir(), "votes.db"), wrong); err == nil {
			t.Errorf("%+v is accepted", wrong)
		}
	}
}
