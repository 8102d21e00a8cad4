package studyserver

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/trustsr/trustsr/internal/hint"
)

// public is the address under which a proxy offers a study.
type public struct {
	url     *url.URL // with a path that ends in "/"; nil where there is no proxy
	proxies []netip.Addr
}

// parsePublic reads the address that people use, such as
// https://study.example.org/digits/, and those of the proxies that may say for
// whom they ask.
func parsePublic(address string, proxies []string) (p public, err error) {
	for _, text := range proxies {
		ip, err := netip.ParseAddr(text)
		if err != nil {
			return p, hint.With(fmt.Errorf("proxy %.80q: %w", text, err), "write the proxy's IP address, such as 127.0.0.1")
		}
		p.proxies = append(p.proxies, ip.Unmap())
	}
	if address == "" {
		return p, nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return p, hint.With(fmt.Errorf("public address %.80q", address), "write it as https://NAME/ or https://NAME/PATH/")
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	p.url = u
	return p, nil
}

// origin is what browsers name as the origin of requests of public pages.
func (p *public) origin() string {
	if p.url == nil {
		return ""
	}
	return p.url.Scheme + "://" + p.url.Host
}

// origins are those from which requests may come, nil for the server's own.
func (p *public) origins() []string {
	if p.url == nil {
		return nil
	}
	return []string{p.origin()}
}

// offers reports whether a Host header is that of the public address.
func (p *public) offers(host string) bool {
	return p.url != nil && (strings.EqualFold(host, p.url.Host) || strings.EqualFold(host, p.url.Hostname()))
}

// cookie puts a cookie's bounds: what comes by https goes by https alone, to
// the path of the study.
func (v *Server) cookie(r *http.Request, value string, age int) *http.Cookie {
	c := &http.Cookie{Name: v.cookieName, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, MaxAge: age}
	if u := v.public.url; u != nil && (v.public.offers(r.Host) || r.Header.Get("Origin") == v.public.origin()) {
		c.Path, c.Secure = u.Path, u.Scheme == "https"
	}
	return c
}

// address is that of who asks: what a named proxy says, else who connects.
// What others say in a header is not believed.
func (v *Server) address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	trusted := func(text string) bool {
		ip, err := netip.ParseAddr(text)
		return err == nil && slices.Contains(v.public.proxies, ip.Unmap())
	}
	if !trusted(host) {
		return host
	}
	// Each proxy adds who asked it at the end.
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop := strings.TrimSpace(hops[i])
		if ip, err := netip.ParseAddr(hop); err != nil {
			break
		} else if host = ip.Unmap().String(); !trusted(host) {
			break
		}
	}
	return host
}

// machineNames are the names that this machine gives itself.
func machineNames() []string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return nil
	}
	short, _, _ := strings.Cut(name, ".")
	return []string{name, short, short + ".local"}
}

// Refusals that say what to set. Who asks may be anybody: the advice is for
// the organiser, who reads the log too.
var (
	errHost   = errors.New("this study is not served under that name; whoever runs it can set the name with --public-url")
	errOrigin = errors.New("a request from another site; where the study stands behind a proxy, whoever runs it has to set its address with --public-url")
)
