package studyserver

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/ensemble/study"
	"github.com/trustsr/trustsr/kernel/pages"
)

// contentPolicy lets a page load nothing but the server's own files.
const contentPolicy = "default-src 'none'; img-src 'self'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func (v *Server) routes() (http.Handler, error) {
	m := http.NewServeMux()
	file := func(name string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { pages.ServeFile(w, r, name) }
	}
	m.HandleFunc("GET /{$}", file("study.html"))
	m.HandleFunc("GET /study.js", file("study.js"))
	m.HandleFunc("GET /study.css", file("study.css"))
	m.HandleFunc("POST /api/join", v.join)
	m.HandleFunc("GET /api/state", v.participant(v.state))
	m.HandleFunc("POST /api/click", v.participant(v.click))
	m.HandleFunc("GET /sheet/{step}/{n}", v.participant(v.sheet))

	m.HandleFunc("GET /organiser", file("organiser.html"))
	m.HandleFunc("GET /organiser.js", file("organiser.js"))
	m.HandleFunc("GET /organiser/progress", v.organiser(v.sendProgress))
	m.HandleFunc("GET /organiser/sample/{trial}/{seed}", v.organiser(v.sendSample))
	m.HandleFunc("GET /organiser/ballots.csv", v.organiser(v.export("text/csv; charset=utf-8", ensemble.WriteCSV)))
	m.HandleFunc("GET /organiser/ballots.jsonl", v.organiser(v.export("application/x-ndjson", ensemble.WriteJSONL)))
	m.HandleFunc("POST /organiser/close", v.organiser(func(w http.ResponseWriter, r *http.Request) {
		if err := v.CloseStudy(r.Context()); err != nil {
			v.refuse(w, r, http.StatusInternalServerError, err)
			return
		}
		pages.Send(w, http.StatusOK, map[string]bool{"closed": true})
	}))
	return pages.Guard{
		Policy:    contentPolicy,
		Host:      v.knownHost,
		WrongName: errors.New("this study is not served under that name"),
		Admit: func(w http.ResponseWriter, r *http.Request) (int, error) {
			if !v.rates.allow(address(r), v.session.Now()) {
				w.Header().Set("Retry-After", "1")
				return http.StatusTooManyRequests, errors.New("too many requests; wait a moment")
			}
			return 0, nil
		},
		Refuse: v.refuse,
	}.Wrap(m)
}

func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// knownHost reports whether a Host header names this server to others.
func (v *Server) knownHost(host string) bool {
	hosts := v.hosts.Load()
	return hosts != nil && slices.ContainsFunc(*hosts, func(h string) bool { return strings.EqualFold(h, pages.HostName(host)) })
}

// refuse answers with what is wrong and logs it, without secrets.
func (v *Server) refuse(w http.ResponseWriter, r *http.Request, status int, err error) {
	v.Log.Printf("refused %d %s %s from %s: %v", status, r.Method, r.URL.Path, address(r), err)
	pages.Send(w, status, map[string]string{"error": err.Error()})
}

// join admits a browser that shows the room's token. One that has joined
// stays who it is.
func (v *Server) join(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Room       string  `json:"room"`
		PixelRatio float64 `json:"pixel_ratio"`
	}
	if status, err := pages.Decode(r, &q); err != nil {
		v.refuse(w, r, status, err)
		return
	}
	if c, err := r.Cookie(v.cookieName); err == nil {
		if known, err := v.session.Knows(r.Context(), c.Value); err == nil && known {
			pages.Send(w, http.StatusOK, map[string]bool{"joined": true})
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
	pages.Send(w, http.StatusOK, map[string]bool{"joined": true})
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
	if status, err := pages.Decode(r, &c); err != nil {
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
		pages.Send(w, http.StatusOK, now)
		return
	}
	status := statusOf(err)
	text := err.Error()
	if status == http.StatusInternalServerError {
		text = "the answer could not be stored; try again" // why is for the organiser
	}
	v.Log.Printf("refused %d %s %s from %s: %v", status, r.Method, r.URL.Path, address(r), err)
	pages.Send(w, status, map[string]any{"error": text, "state": now})
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
	pages.Send(w, http.StatusOK, p)
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
