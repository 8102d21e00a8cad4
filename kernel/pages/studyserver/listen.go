package studyserver

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/trustsr/trustsr/internal/hint"
)

// Door is where the pages of a study are reached.
type Door struct {
	net.Listener
	Hosts []string // names to give away, the most useful first
}

// Listen opens the door of a study, at an address with or without port. With
// neither that nor a port it is the one of last time, so that open pages find
// the study again, or a free one. Requests by other names than the door's, or
// loopback's, are refused.
func (v *Server) Listen(address, port string) (*Door, error) {
	host := strings.Trim(address, "[]")
	if h, p, err := net.SplitHostPort(address); err == nil {
		host, port = h, p
	}
	var l net.Listener
	var err error
	if port == "" {
		if port, err = v.session.Value("port"); err != nil {
			return nil, err
		}
		if port != "" {
			l, err = net.Listen("tcp", net.JoinHostPort(host, port))
		}
		if port == "" || err != nil {
			port, l = "0", nil
		}
	}
	if l == nil {
		if l, err = net.Listen("tcp", net.JoinHostPort(host, port)); err != nil {
			return nil, hint.With(fmt.Errorf("serve the study: %w", err), "name another address of this computer, or another port as HOST:PORT")
		}
	}
	d := &Door{l, reachable(l.Addr().(*net.TCPAddr))}
	if u := v.public.url; u != nil {
		d.Hosts = append([]string{u.Hostname()}, d.Hosts...)
	}
	if err := v.session.SetValue("port", d.port()); err != nil {
		l.Close()
		return nil, err
	}
	known := append(machineNames(), d.Hosts...)
	v.hosts.Store(&known)
	return d, nil
}

func (d *Door) port() string { return strconv.Itoa(d.Addr().(*net.TCPAddr).Port) }

// Participants returns the address for participants' browsers by one of the
// door's names.
func (v *Server) Participants(d *Door, host string) string {
	if u := v.public.url; u != nil && host == u.Hostname() {
		return u.String() + "?room=" + v.Room
	}
	return "http://" + net.JoinHostPort(host, d.port()) + "/?room=" + v.Room
}

// OrganisersPage returns the address of the organiser's page.
func (v *Server) OrganisersPage(d *Door) string {
	if u := v.public.url; u != nil {
		return u.String() + "organiser?token=" + v.Organiser
	}
	return "http://" + net.JoinHostPort(d.Hosts[0], d.port()) + "/organiser?token=" + v.Organiser
}

// Invitation returns the address for a code to point a telephone at: "" where
// this machine alone can reach the study.
func (v *Server) Invitation(d *Door) string {
	if ip := net.ParseIP(d.Hosts[0]); ip != nil && ip.IsLoopback() {
		return ""
	}
	return v.Participants(d, d.Hosts[0])
}

// reachable lists the names under which a listener is reached, the one to
// give away first.
func reachable(a *net.TCPAddr) []string {
	if !a.IP.IsUnspecified() {
		return []string{a.IP.String()}
	}
	var out []string
	addresses, err := net.InterfaceAddrs()
	if err == nil {
		for _, address := range addresses {
			if n, ok := address.(*net.IPNet); ok && !n.IP.IsLoopback() && n.IP.To4() != nil {
				out = append(out, n.IP.String())
			}
		}
	}
	return append(out, "127.0.0.1")
}
