package jupyter

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/trustsr/trustsr/internal/hint"
)

// pagesServer is what Up does for the pages: nothing, unless they are to be at
// one port or behind a proxy.
type pagesServer struct {
	public string // for the kernels: with {port} or {slot}; "" for each kernel's own
	host   string // that a proxy is called by
	door   net.Listener
}

func (p *pagesServer) close() {
	if p.door != nil {
		p.door.Close()
	}
}

// pagesURL returns where kernels say that their pages are, "" for each
// kernel's own port. It ends with the kernel's slot unless it says itself
// where a kernel's pages are.
func (o UpOptions) pagesURL() (string, error) {
	if o.PublicURL == "" {
		return "", nil
	}
	plain, err := publicURL(strings.NewReplacer("{port}", "1", "{slot}", "1").Replace(o.PublicURL))
	if err != nil {
		return "", err
	}
	if strings.Contains(o.PublicURL, "{port}") || strings.Contains(o.PublicURL, "{slot}") {
		return o.PublicURL, nil
	}
	return plain + "/{slot}/", nil
}

// servePages opens the one port for all kernels' pages where it is wanted.
func (o UpOptions) servePages(l layout, public string, log io.Writer) (*pagesServer, error) {
	p := &pagesServer{public: public}
	if public != "" {
		u, err := url.Parse(strings.NewReplacer("{port}", "1", "{slot}", "1").Replace(public))
		if err != nil {
			return nil, err
		}
		p.host = u.Hostname()
	}
	if o.PagesPort == 0 && !strings.Contains(public, "{slot}") {
		return p, nil
	}
	var err error
	if p.door, err = net.Listen("tcp", net.JoinHostPort(o.IP, strconv.Itoa(o.PagesPort))); err != nil {
		return nil, hint.With(fmt.Errorf("serve the pages: %w", err), "choose another --pages-port")
	}
	if public == "" {
		name := o.IP
		if ip := net.ParseIP(name); ip != nil && ip.IsUnspecified() {
			name = "127.0.0.1"
		}
		_, port, _ := net.SplitHostPort(p.door.Addr().String())
		p.public = "http://" + net.JoinHostPort(name, port) + "/{slot}/"
	}
	server := &http.Server{Handler: l.pagesDoor(log), ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(p.door) // until the listener is closed
	return p, nil
}

var pathPart = regexp.MustCompile(`^[A-Za-z0-9._~@-]+$`)

// basePath returns the path that Jupyter is below, with a slash at both ends.
func basePath(text string) (string, error) {
	path := "/"
	for _, part := range strings.Split(strings.Trim(text, "/"), "/") {
		if part == "" && path == "/" {
			continue
		}
		if !pathPart.MatchString(part) || part == "." || part == ".." {
			return "", hint.With(fmt.Errorf("base URL %.200q: %w", text, errors.New("not a path of plain names")), "for example --base-url /x/")
		}
		path += part + "/"
	}
	return path, nil
}

// pagesDoor serves the pages of all kernels of a checkout at one port, those
// of slot N below /N/, so that a tunnel or a proxy needs to know one port
// however many notebooks are open. It only passes requests on: each engine
// checks host, origin and token itself.
func (l layout) pagesDoor(errorLog io.Writer) http.Handler {
	problems := log.New(errorLog, "pages: ", 0)
	mux := http.NewServeMux()
	mux.HandleFunc("/{slot}/", func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("slot")
		slot, err := strconv.Atoi(name)
		if err != nil || slot < 1 || slot > maxSlots || strconv.Itoa(slot) != name {
			http.NotFound(w, r)
			return
		}
		kept, err := l.readSlot(slot)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		if owner, err := listenerOwner(kept.Port); err == nil && owner >= 0 && owner != os.Getuid() {
			problems.Printf("the port %d of slot %d has another account: nothing is passed on", kept.Port, slot)
			http.Error(w, "the pages' port is taken by another account", http.StatusBadGateway)
			return
		}
		forward := &httputil.ReverseProxy{
			Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(&url.URL{Scheme: "http", Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(kept.Port))})
				r.Out.Host = r.In.Host // for the engine to check
			},
			FlushInterval: -1, // progress is sent line by line
			// Without an engine the answer is 502, upon which pages wait.
			ErrorLog: problems,
		}
		http.StripPrefix("/"+name, forward).ServeHTTP(w, r)
	})
	return mux
}

// listenerOwner returns the account that listens on a loopback port, by
// /proc/net/tcp, or -1 where nobody does.
func listenerOwner(port int) (int, error) {
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		return -1, err
	}
	return ownerIn(string(table), port), nil
}

// ownerIn finds in such a table who listens on a port of 127.0.0.1 or of all
// addresses.
func ownerIn(table string, port int) int {
	for line := range strings.SplitSeq(table, "\n") {
		// number, local address, remote address, state, queues, timer, retransmits, account
		fields := strings.Fields(line)
		if len(fields) < 8 || fields[3] != "0A" {
			continue
		}
		address, number, ok := strings.Cut(fields[1], ":")
		if n, err := strconv.ParseUint(number, 16, 16); !ok || err != nil || int(n) != port || address != "0100007F" && address != "00000000" {
			continue
		}
		if owner, err := strconv.Atoi(fields[7]); err == nil {
			return owner
		}
	}
	return -1
}
