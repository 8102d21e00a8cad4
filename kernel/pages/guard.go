package pages

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
)

// maxBody bounds what a page may send.
const maxBody = 4 << 10

// Guard decides which requests are answered at all: those that were sent to a
// name of this server and, where they change something, come as a small piece
// of JSON from one of its own pages. The check of the Host header stops pages
// elsewhere that rebind their name to this address.
type Guard struct {
	// Policy is the content security policy of every answer.
	Policy string

	// Host reports whether a Host header names this server; nil for no other
	// names than those of the loopback.
	Host func(host string) bool

	// Origins, unless nil, are the only origins from which requests to a name
	// other than the loopback's may come, as a proxy's. Requests to the loopback
	// may come from them too: a proxy may put its own host into the header.
	Origins []string

	// Admit, unless nil, decides about a request to a right name before
	// anything else is looked at. A status other than 0 is a refusal's.
	Admit func(w http.ResponseWriter, r *http.Request) (status int, err error)

	// Refuse answers with a refusal. err says what is wrong, in words for a page.
	Refuse func(w http.ResponseWriter, r *http.Request, status int, err error)

	// WrongName is the error of a request to another name.
	WrongName error

	// WrongOrigin is the error of a request from another site; nil for a plain
	// one.
	WrongOrigin error
}

// Wrap returns the handler that guards next.
func (g Guard) Wrap(next *http.ServeMux) (http.Handler, error) {
	cross := http.NewCrossOriginProtection()
	for _, origin := range g.Origins {
		if err := cross.AddTrustedOrigin(origin); err != nil {
			return nil, err
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Set("Content-Security-Policy", g.Policy)
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Cache-Control", "no-store")
		head.Set("Cross-Origin-Resource-Policy", "same-origin")
		if status, err := g.check(w, r, cross, next); err != nil {
			g.Refuse(w, r, status, err)
			return
		}
		next.ServeHTTP(w, r)
	}), nil
}

// check returns the status and the error of a refusal.
func (g Guard) check(w http.ResponseWriter, r *http.Request, cross *http.CrossOriginProtection, next *http.ServeMux) (int, error) {
	loopback := Loopback(r.Host)
	if !loopback && (g.Host == nil || !g.Host(r.Host)) {
		return http.StatusMisdirectedRequest, g.WrongName
	}
	if g.Admit != nil {
		if status, err := g.Admit(w, r); err != nil {
			return status, err
		}
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodPost:
		elsewhere := g.WrongOrigin
		if elsewhere == nil {
			elsewhere = errors.New("a request from another site")
		}
		if err := cross.Check(r); err != nil {
			return http.StatusForbidden, elsewhere
		}
		if origin := r.Header.Get("Origin"); origin != "" && !loopback && g.Origins != nil && !contains(g.Origins, origin) {
			return http.StatusForbidden, elsewhere // of the same host, but not of the same scheme
		}
		if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
			return http.StatusUnsupportedMediaType, errors.New("send application/json")
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	default:
		return http.StatusMethodNotAllowed, errors.New("no such method")
	}
	if !known(next, r, r.Method) {
		if known(next, r, http.MethodGet) || known(next, r, http.MethodPost) {
			return http.StatusMethodNotAllowed, errors.New("no such method")
		}
		return http.StatusNotFound, errors.New("no such page")
	}
	return 0, nil
}

func contains(list []string, text string) bool {
	for _, one := range list {
		if strings.EqualFold(one, text) {
			return true
		}
	}
	return false
}

// known reports whether a request's path can be asked for with a method.
func known(m *http.ServeMux, r *http.Request, method string) bool {
	_, pattern := m.Handler(&http.Request{Method: method, Host: r.Host, URL: r.URL})
	return pattern != ""
}

// HostName returns the name or address in a Host header, without port and
// brackets.
func HostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}

// Loopback reports whether a Host header names this machine to itself.
func Loopback(host string) bool {
	host = HostName(host)
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// Decode reads the one JSON value of a request, without unknown fields. The
// status is that of a refusal, 0 without an error.
func Decode(r *http.Request, into any) (status int, err error) {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err = d.Decode(into)
	if err == nil {
		if _, more := d.Token(); more != io.EOF {
			err = errors.New("more than one value")
		}
	}
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return http.StatusRequestEntityTooLarge, err
	case err != nil:
		return http.StatusBadRequest, fmt.Errorf("not the JSON that is expected: %w", err)
	}
	return 0, nil
}

// Send answers with a value as JSON.
func Send(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(value)
}
