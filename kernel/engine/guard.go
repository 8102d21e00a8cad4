package engine

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/trustsr/trustsr/kernel/pages"
)

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
// or to the door's. The token stops other users of this machine.
func (d door) guard(token string, next *http.ServeMux) (http.Handler, error) {
	want := sha256.Sum256([]byte(token))
	g := pages.Guard{
		Policy:    contentPolicy + d.policy,
		Host:      d.sentTo,
		WrongName: errors.New("this page is served to this machine only; behind a proxy, start with --public-url"),
		Admit: func(_ http.ResponseWriter, r *http.Request) (int, error) {
			got := sha256.Sum256([]byte(r.URL.Query().Get("token")))
			if token == "" || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
				return http.StatusForbidden, errors.New("missing or wrong token: open the page from the notebook, or run its cell again")
			}
			return 0, nil
		},
		Refuse: func(w http.ResponseWriter, _ *http.Request, status int, err error) {
			http.Error(w, err.Error(), status)
		},
	}
	if d.origin != "" {
		g.Origins = []string{d.origin}
	}
	return g.Wrap(next)
}

// sentTo reports whether a Host header is the door's.
func (d door) sentTo(host string) bool {
	scheme, _, _ := strings.Cut(d.origin, ":")
	return d.host != "" && hostFor(scheme, host) == d.host
}
