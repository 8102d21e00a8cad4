package jupyter

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/lockfile"
)

// Environment variables about where the engine's pages are.
const (
	// envPublicURL is where browsers reach the pages of a kernel, in place of
	// http://127.0.0.1:PORT. "{port}" in it stands for the kernel's own port,
	// "{slot}" for its slot.
	envPublicURL = "TRUSTSR_PUBLIC_URL"

	// envFreshPages makes a kernel take a port and a token of its own that
	// nobody after it gets, as suits one whose notebook is written and passed on.
	envFreshPages = "TRUSTSR_FRESH_PAGES"
)

// tokenAge is how long a kept token is used: an executed notebook holds it,
// and may be passed on.
const tokenAge = 30 * 24 * time.Hour

// pagesPlace is where the pages of one kernel are.
type pagesPlace struct {
	listener *net.TCPListener
	token    string
	slot     int            // 0 for one that is not kept
	lock     *lockfile.Lock // held as long as the slot is in use
}

func (p *pagesPlace) port() int { return p.listener.Addr().(*net.TCPAddr).Port }

func (p *pagesPlace) close() {
	p.listener.Close()
	if p.lock != nil {
		p.lock.Release()
	}
}

// slotFile is what .lab/pages/SLOT.json keeps of a slot.
type slotFile struct {
	Port  int       `json:"port"`
	Token string    `json:"token"`
	Made  time.Time `json:"made"` // the token
}

func (l layout) slotPath(slot int, ext string) string {
	return l.path("pages", strconv.Itoa(slot)+ext)
}

// maxSlots is how many kernels of one checkout may run at a time with pages
// that are kept.
const maxSlots = 64

// keptPages takes the first slot that no running kernel holds, with the port
// and the token that its last kernel had: pages that are open, tunnels and
// proxies then find the new kernel as they found the old. A port that
// somebody else took meanwhile is replaced, and the token with it.
//
// Which notebook had the slot does not matter: the pages' addresses name the
// space, and every engine of a checkout serves all its spaces.
func (l layout) keptPages() (*pagesPlace, error) {
	if err := os.MkdirAll(l.path("pages"), 0o700); err != nil {
		return nil, err
	}
	for slot := 1; slot <= maxSlots; slot++ {
		lock, err := lockfile.Try(l.slotPath(slot, ".lock"), 0o600)
		if errors.Is(err, lockfile.ErrHeld) {
			continue
		}
		if err != nil {
			return nil, err
		}
		p, err := l.openSlot(slot)
		if err != nil {
			lock.Release()
			return nil, err
		}
		p.lock = lock
		return p, nil
	}
	return nil, hint.With(fmt.Errorf("%d kernels of this checkout are running", maxSlots), "shut some notebooks down")
}

// openSlot listens for the pages of a slot that this process holds.
func (l layout) openSlot(slot int) (*pagesPlace, error) {
	kept, err := l.readSlot(slot)
	if err != nil || time.Since(kept.Made) > tokenAge {
		kept.Token, kept.Made = randomToken(), time.Now().UTC()
	}
	listener, err := listenAgain(kept.Port)
	if err != nil {
		return nil, err
	}
	if listener.Addr().(*net.TCPAddr).Port != kept.Port { // whoever has the old one is sent the token by pages that are open
		kept.Token, kept.Made = randomToken(), time.Now().UTC()
	}
	p := &pagesPlace{listener: listener, token: kept.Token, slot: slot}
	kept.Port = p.port()
	data, err := json.Marshal(kept)
	if err == nil {
		err = atomicfile.Write(l.slotPath(slot, ".json"), data)
	}
	if err == nil {
		err = os.Chmod(l.slotPath(slot, ".json"), 0o600)
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// readSlot returns what is kept of a slot. What cannot be read was never
// written whole, or by somebody else.
func (l layout) readSlot(slot int) (kept slotFile, err error) {
	data, err := os.ReadFile(l.slotPath(slot, ".json"))
	if err != nil {
		return slotFile{}, err
	}
	if err := json.Unmarshal(data, &kept); err != nil || kept.Port < 1 || kept.Port > 65535 || len(kept.Token) < 32 {
		return slotFile{}, fmt.Errorf("%s is damaged", l.slotPath(slot, ".json"))
	}
	return kept, nil
}

// listenAgain listens on a loopback port, or on a free one for 0 and when the
// port stays taken: the engine of a kernel that was killed lets go of it
// within a moment.
func listenAgain(port int) (*net.TCPListener, error) {
	for deadline := time.Now().Add(3 * time.Second); port != 0; time.Sleep(50 * time.Millisecond) {
		listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		if err == nil {
			return listener, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) || time.Now().After(deadline) {
			break
		}
	}
	return net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
}

// freshPages returns a place that is not kept.
func freshPages() (*pagesPlace, error) {
	listener, err := listenAgain(0)
	if err != nil {
		return nil, err
	}
	return &pagesPlace{listener: listener, token: randomToken()}, nil
}

// address returns the base of the pages' addresses as browsers reach them,
// without a slash at its end; public is the value of envPublicURL.
func (p *pagesPlace) address(public string) (string, error) {
	if public == "" || p.slot == 0 && strings.Contains(public, "{slot}") {
		return "http://" + p.listener.Addr().String(), nil
	}
	public = strings.NewReplacer("{port}", strconv.Itoa(p.port()), "{slot}", strconv.Itoa(p.slot)).Replace(public)
	return publicURL(public)
}

// hostName is what may stand in an address and in a content security policy.
var hostName = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9A-Fa-f:]+)$`)

// publicURL checks the address of the pages that browsers use, and returns it
// without a slash at its end.
func publicURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err == nil && (u.Scheme != "http" && u.Scheme != "https" || !hostName.MatchString(u.Hostname()) ||
		u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "") {
		err = errors.New("not http:// or https://, a host and perhaps a path")
	}
	if err != nil {
		return "", hint.With(fmt.Errorf("public address of the pages %.200q: %w", text, err),
			"for example https://hub.example.org/pages/, in --public-url or "+envPublicURL)
	}
	return strings.TrimRight(u.String(), "/"), nil
}
