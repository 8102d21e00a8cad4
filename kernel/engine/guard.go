package engine

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// maxPost bounds the body of a click.
const maxPost = 4 << 10

// contentPolicy lets a page load nothing but the engine's own files, and lets
// only pages of this machine (Jupyter), and of the door's host, frame it.
const contentPolicy = "default-src 'none'; img-src 'self' data: blob:; script-src 'self'; style-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'self' http://127.0.0.1:* http://localhost:* http://[::1]:*"

// door is how browsers reach the pages besides on this machine: through a
// proxy that is known by another name. Its zero value has no other way.
type door struct {
	host   string // as browsers send it: with a port unless it is the scheme's
	origin string // scheme and host
	policy string // what contentPolicy needs more
}

// doorAt returns the door of the pages' address as browsers have it.
func doorAt(address string) (door, error) {
	if address == "" {
		return door{}, nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" || strings.ContainsAny(u.Host, " ;,'\"*") {
		return door{}, fmt.Errorf("engine: %.200q is no address of its pages", address)
	}
	d := door{host: hostFor(u.Scheme, u.Host)}
	d.origin = u.Scheme + "://" + d.host
	name := strings.ToLower(u.Hostname())
	if strings.Contains(name, ":") {
		name = "[" + name + "]"
	}
	d.policy = " " + u.Scheme + "://" + name + ":*" // Jupyter may be at another port
	return d, nil
}

// hostFor returns a host as the Host header has it: small letters, no port
// where it is the scheme's.
func hostFor(scheme, host string) string {
	host = strings.ToLower(host)
	return strings.TrimSuffix(host, map[string]string{"http": ":80", "https": ":443"}[scheme])
}

// guard admits requests that carry the token and were sent to a loopback name
// or to the door's. The check of the Host header stops pages elsewhere that
// rebind their name to 127.0.0.1; the token stops other users of this machine.
func (d door) guard(token string, next http.Handler) http.Handler {
	want := sha256.Sum256([]byte(token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Set("Content-Security-Policy", contentPolicy+d.policy)
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Cache-Control", "no-store")
		head.Set("Cross-Origin-Resource-Policy", "same-origin")
		if !loopbackHost(r.Host) && !d.sentTo(r.Host) {
			http.Error(w, "this page is served to this machine only; behind a proxy, start with --public-url", http.StatusMisdirectedRequest)
			return
		}
		got := sha256.Sum256([]byte(r.URL.Query().Get("token")))
		if token == "" || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			http.Error(w, "missing or wrong token: open the page from the notebook, or run its cell again", http.StatusForbidden)
			return
		}
		if r.Method == http.MethodPost && !d.ownPost(w, r) {
			return
		}
		next.ServeHTTP(w, r)
	})
}

// sentTo reports whether a Host header is the door's.
func (d door) sentTo(host string) bool {
	scheme, _, _ := strings.Cut(d.origin, ":")
	return d.host != "" && hostFor(scheme, host) == d.host
}

// ownPost checks that a POST comes from one of the engine's own pages. A
// proxy may pass the Host header on or put its own there; the Origin is the
// browser's.
func (d door) ownPost(w http.ResponseWriter, r *http.Request) bool {
	origin := r.Header.Get("Origin")
	own := origin == "" || d.origin != "" && strings.EqualFold(origin, d.origin) ||
		loopbackHost(r.Host) && strings.EqualFold(origin, "http://"+r.Host)
	if !own {
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
