package engine

import (
	"crypto/sha256"
	"crypto/subtle"
	"mime"
	"net"
	"net/http"
	"strings"
)

// maxPost bounds the body of a click.
const maxPost = 4 << 10

// contentPolicy lets a page load nothing but the engine's own files, and lets
// only pages of this machine (Jupyter) frame it.
const contentPolicy = "default-src 'none'; img-src 'self' data: blob:; script-src 'self'; style-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'self' http://127.0.0.1:* http://localhost:* http://[::1]:*"

// guard admits requests that carry the token and were sent to a loopback name.
// The check of the Host header stops pages elsewhere that rebind their name to
// 127.0.0.1; the token stops other users of this machine.
func guard(token string, next http.Handler) http.Handler {
	want := sha256.Sum256([]byte(token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Set("Content-Security-Policy", contentPolicy)
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Cache-Control", "no-store")
		head.Set("Cross-Origin-Resource-Policy", "same-origin")
		if !loopbackHost(r.Host) {
			http.Error(w, "this page is served to this machine only", http.StatusMisdirectedRequest)
			return
		}
		got := sha256.Sum256([]byte(r.URL.Query().Get("token")))
		if token == "" || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			http.Error(w, "missing or wrong token: open the page from the notebook", http.StatusForbidden)
			return
		}
		if r.Method == http.MethodPost && !ownPost(w, r) {
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ownPost checks that a POST comes from one of the engine's own pages.
func ownPost(w http.ResponseWriter, r *http.Request) bool {
	if origin := r.Header.Get("Origin"); origin != "" && !strings.EqualFold(origin, "http://"+r.Host) {
		http.Error(w, "request from another site", http.StatusForbidden)
		return false
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		http.Error(w, "send application/json", http.StatusUnsupportedMediaType)
		return false
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxPost)
	return true
}

// loopbackHost reports whether a Host header names this machine.
func loopbackHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
