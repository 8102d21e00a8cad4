package studyserver

import (
	"bytes"
	"context"
	"crypto/subtle"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/ensemble/study"
)

//go:embed page
var pages embed.FS

// maxBody bounds what a page may send.
const maxBody = 4 << 10

// contentPolicy lets a page load nothing but the server's own files.
const contentPolicy = "default-src 'none'; img-src 'self'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func (v *Server) routes() http.Handler {
	m := http.NewServeMux()
	file := func(name, kind string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			data, err := pages.ReadFile("page/" + name)
			if err != nil {
				http.NotFound(w, r)
				return
			}
			w.Header().Set("Content-Type", kind)
			w.Write(data)
		}
	}
	m.HandleFunc("GET /{$}", file("study.html", "text/html; charset=utf-8"))
	m.HandleFunc("GET /study.js", file("study.js", "text/javascript; charset=utf-8"))
	m.HandleFunc("GET /study.css", file("study.css", "text/css; charset=utf-8"))
	m.HandleFunc("POST /api/join", v.join)
	m.HandleFunc("GET /api/state", v.participant(v.state))
	m.HandleFunc("POST /api/click", v.participant(v.click))
	m.HandleFunc("GET /sheet/{step}/{n}", v.participant(v.sheet))

	m.HandleFunc("GET /organiser", file("organiser.html", "text/html; charset=utf-8"))
	m.HandleFunc("GET /organiser.js", file("organiser.js", "text/javascript; charset=utf-8"))
	m.HandleFunc("GET /organiser/progress", v.organiser(v.sendProgress))
	m.HandleFunc("GET /organiser/sample/{trial}/{seed}", v.organiser(v.sendSample))
	m.HandleFunc("GET /organiser/ballots.csv", v.organiser(v.export("text/csv; charset=utf-8", ensemble.WriteCSV)))
	m.HandleFunc("GET /organiser/ballots.jsonl", v.organiser(v.export("application/x-ndjson", ensemble.WriteJSONL)))
	m.HandleFunc("POST /organiser/close", v.organiser(func(w http.ResponseWriter, r *http.Request) {
		if err := v.CloseStudy(r.Context()); err != nil {
			v.refuse(w, r, http.StatusInternalServerError, err)
			return
		}
		send(w, map[string]bool{"closed": true})
	}))
	return v.guard(m)
}

// guard admits what may be answered at all.
func (v *Server) guard(next *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Set("Content-Security-Policy", contentPolicy)
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Cache-Control", "no-store")
		head.Set("Cross-Origin-Resource-Policy", "same-origin")
		switch {
		case !v.knownHost(r.Host): // pages elsewhere may rebind their name to this address
			v.refuse(w, r, http.StatusMisdirectedRequest, errors.New("this study is not served under that name"))
			return
		case !v.rates.allow(address(r), v.session.Now()):
			w.Header().Set("Retry-After", "1")
			v.refuse(w, r, http.StatusTooManyRequests, errors.New("too many requests; wait a moment"))
			return
		case r.Method == http.MethodPost:
			origin := r.Header.Get("Origin")
			if site := r.Header.Get("Sec-Fetch-Site"); origin != "" && !strings.EqualFold(origin, "http://"+r.Host) || site != "" && site != "same-origin" {
				v.refuse(w, r, http.StatusForbidden, errors.New("a request from another site"))
				return
			}
			if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
				v.refuse(w, r, http.StatusUnsupportedMediaType, errors.New("send application/json"))
				return
			}
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		case r.Method != http.MethodGet:
			v.refuse(w, r, http.StatusMethodNotAllowed, errors.New("no such method"))
			return
		}
		if !known(next, r, r.Method) {
			if known(next, r, http.MethodGet) || known(next, r, http.MethodPost) {
				v.refuse(w, r, http.StatusMethodNotAllowed, errors.New("no such method"))
			} else {
				v.refuse(w, r, http.StatusNotFound, errors.New("no such page"))
			}
			return
		}
		next.ServeHTTP(w, r)
	})
}

// known reports whether a request's path can be asked for with a method.
func known(m *http.ServeMux, r *http.Request, method string) bool {
	_, pattern := m.Handler(&http.Request{Method: method, Host: r.Host, URL: r.URL})
	return pattern != ""
}

func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// knownHost reports whether a Host header names this server.
func (v *Server) knownHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if ip := net.ParseIP(host); strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback() {
		return true
	}
	hosts := v.hosts.Load()
	return hosts != nil && slices.ContainsFunc(*hosts, func(h string) bool { return strings.EqualFold(h, host) })
}

// refuse answers with what is wrong and logs it, without secrets.
func (v *Server) refuse(w http.ResponseWriter, r *http.Request, status int, err error) {
	v.Log.Printf("refused %d %s %s from %s: %v", status, r.Method, r.URL.Path, address(r), err)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
}

func send(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(value)
}

// decode reads one JSON object without unknown fields.
func decode(r *http.Request, into any) (status int, err error) {
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

// join admits a browser that shows the room's token. One that has joined
// stays who it is.
func (v *Server) join(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Room       string  `json:"room"`
		PixelRatio float64 `json:"pixel_ratio"`
	}
	if status, err := decode(r, &q); err != nil {
		v.refuse(w, r, status, err)
		return
	}
	if c, err := r.Cookie(v.cookieName); err == nil {
		if known, err := v.session.Knows(r.Context(), c.Value); err == nil && known {
			send(w, map[string]bool{"joined": true})
			return
		}
	}
	if subtle.ConstantTimeCompare([]byte(q.Room), []byte(v.Room)) != 1 {
		v.refuse(w, r, http.StatusForbidden, errors.New("open the study with the whole address you were given"))
		return
	}
	if !(q.PixelRatio >= 0 && q.PixelRatio <= 100) {
		v.refuse(w, r, http.StatusBadRequest, study.ErrValue)
		return
	}
	if !v.joins.allow(address(r), v.session.Now()) {
		w.Header().Set("Retry-After", "1")
		v.refuse(w, r, http.StatusTooManyRequests, errors.New("many are joining from this address; wait a moment"))
		return
	}
	secret, err := v.session.Join(r.Context(), r.UserAgent(), q.PixelRatio)
	if err != nil {
		v.refuse(w, r, statusOf(err), err)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: v.cookieName, Value: secret, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, MaxAge: 30 * 24 * 3600})
	send(w, map[string]bool{"joined": true})
}

// statusOf is the status of a refusal.
func statusOf(err error) int {
	switch {
	case errors.Is(err, study.ErrUnknown):
		return http.StatusUnauthorized
	case errors.Is(err, study.ErrClosed):
		return http.StatusGone
	case errors.Is(err, study.ErrNotNow), errors.Is(err, study.ErrCap), errors.Is(err, study.ErrNotReady):
		return http.StatusConflict
	case errors.Is(err, study.ErrValue):
		return http.StatusUnprocessableEntity
	case errors.Is(err, study.ErrFull), errors.Is(err, context.Canceled):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// participant hands on the browser's secret.
func (v *Server) participant(next func(w http.ResponseWriter, r *http.Request, secret string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie(v.cookieName)
		if err != nil {
			v.refuse(w, r, http.StatusUnauthorized, study.ErrUnknown)
			return
		}
		next(w, r, c.Value)
	}
}

func (v *Server) state(w http.ResponseWriter, r *http.Request, secret string) {
	now, err := v.session.State(r.Context(), secret)
	v.answer(w, r, now, err)
}

func (v *Server) click(w http.ResponseWriter, r *http.Request, secret string) {
	var c study.Click
	if status, err := decode(r, &c); err != nil {
		v.refuse(w, r, status, err)
		return
	}
	now, err := v.session.Click(r.Context(), secret, c)
	v.answer(w, r, now, err)
}

// answer sends the participant's state. After a refusal the page gets both, so
// that it can show what is stored.
func (v *Server) answer(w http.ResponseWriter, r *http.Request, state *study.State, err error) {
	now := v.view(state)
	if err == nil {
		send(w, now)
		return
	}
	status := statusOf(err)
	text := err.Error()
	if status == http.StatusInternalServerError {
		text = "the answer could not be stored; try again" // why is for the organiser
	}
	v.Log.Printf("refused %d %s %s from %s: %v", status, r.Method, r.URL.Path, address(r), err)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"error": text, "state": now})
}

// sheet sends pictures of the participant's present trial.
func (v *Server) sheet(w http.ResponseWriter, r *http.Request, secret string) {
	n, err := strconv.Atoi(strings.TrimSuffix(r.PathValue("n"), ".png"))
	step, err2 := strconv.Atoi(r.PathValue("step"))
	if err != nil || err2 != nil || n < 0 {
		v.refuse(w, r, http.StatusNotFound, errors.New("no such page"))
		return
	}
	now, err := v.session.State(r.Context(), secret)
	if err == nil && (step != now.Stage || now.Answer == nil) {
		err = study.ErrNotNow
	}
	if err != nil {
		v.refuse(w, r, statusOf(err), err)
		return
	}
	d := v.decks[v.study.All()[step-2].Name]
	if n >= d.sheets() {
		v.refuse(w, r, http.StatusNotFound, errors.New("no such page"))
		return
	}
	// One at a time: a room that opens a page at the same moment waits for its
	// pictures, and clicks are answered between them.
	select {
	case v.drawing <- struct{}{}:
	case <-r.Context().Done():
		return
	}
	data, err := d.sheet(now.Answer.Shown, n)
	<-v.drawing
	if err != nil {
		v.refuse(w, r, http.StatusInternalServerError, err)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	w.Write(data)
}

// organiser admits the holder of the organiser's token: in the address for
// pages one opens, in a header for what scripts send.
func (v *Server) organiser(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token := r.Header.Get("Authorization")
		if rest, ok := strings.CutPrefix(token, "Bearer "); ok {
			token = rest
		} else {
			token = r.URL.Query().Get("token")
		}
		if subtle.ConstantTimeCompare([]byte(token), []byte(v.Organiser)) != 1 {
			v.refuse(w, r, http.StatusForbidden, errors.New("the organiser's token is missing or wrong"))
			return
		}
		next(w, r)
	}
}

func (v *Server) sendProgress(w http.ResponseWriter, r *http.Request) {
	p, err := v.progress(r.Context())
	if err != nil {
		v.refuse(w, r, http.StatusInternalServerError, err)
		return
	}
	send(w, p)
}

func (v *Server) sendSample(w http.ResponseWriter, r *http.Request) {
	seed, err := strconv.ParseUint(r.PathValue("seed"), 10, 64)
	d := v.decks[r.PathValue("trial")]
	if err != nil || d == nil || d.images[seed] == nil {
		v.refuse(w, r, http.StatusNotFound, errors.New("no such sample"))
		return
	}
	w.Header().Set("Content-Type", "image/png")
	d.images[seed].EncodePNG(w)
}

// export sends all ballots in a format.
func (v *Server) export(kind string, write func(io.Writer, []ensemble.Ballot) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ballots, err := v.Ballots(r.Context())
		var b bytes.Buffer
		if err == nil {
			err = write(&b, ballots)
		}
		if err != nil {
			v.refuse(w, r, http.StatusInternalServerError, err)
			return
		}
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Content-Disposition", "attachment")
		io.Copy(w, &b)
	}
}

// HTTPServer returns a server for v with limits on slow and large requests.
func (v *Server) HTTPServer() *http.Server {
	return &http.Server{Handler: v, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 20 * time.Second, WriteTimeout: 60 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: v.Log}
}
