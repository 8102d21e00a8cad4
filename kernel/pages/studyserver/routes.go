package studyserver

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime/debug"
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
	m.HandleFunc("GET /icon.svg", file("icon.svg"))
	m.HandleFunc("POST /api/withdraw", v.participant(v.withdraw))
	m.HandleFunc("POST /api/next", v.participant(v.next))
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
	guarded, err := pages.Guard{
		Policy:      contentPolicy,
		Host:        v.knownHost,
		Origins:     v.public.origins(),
		WrongName:   errHost,
		WrongOrigin: errOrigin,
		Admit: func(w http.ResponseWriter, r *http.Request) (int, error) {
			if !v.rates.allow(v.address(r), v.session.Now()) {
				w.Header().Set("Retry-After", "1")
				return http.StatusTooManyRequests, errors.New("too many requests; wait a moment")
			}
			return 0, nil
		},
		Refuse: v.refuse,
	}.Wrap(m)
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if fault := recover(); fault != nil {
				v.Log.Printf("a fault of the program at %s %s: %v\n%s", foreign(r.Method), foreign(r.URL.Path), fault, debug.Stack())
				v.refuse(w, r, http.StatusInternalServerError, errors.New("a fault of the program"))
			}
		}()
		guarded.ServeHTTP(w, r)
	}), nil
}

// knownHost reports whether a Host header names this server to others.
func (v *Server) knownHost(host string) bool {
	if v.public.offers(host) {
		return true
	}
	hosts := v.hosts.Load()
	return hosts != nil && slices.ContainsFunc(*hosts, func(h string) bool { return strings.EqualFold(h, pages.HostName(host)) })
}

// refuse answers with what is wrong and logs it, without secrets.
func (v *Server) refuse(w http.ResponseWriter, r *http.Request, status int, err error) {
	v.logRefusal(r, status, err)
	pages.Send(w, status, map[string]string{"error": textFor(status, err)})
}

// textFor is what whoever asks is told. What went wrong inside is for the log.
func textFor(status int, err error) string {
	switch status {
	case http.StatusInternalServerError:
		return "the answer could not be stored; try again"
	case http.StatusInsufficientStorage:
		return "the answer could not be stored: the disk of the study's computer is full"
	}
	return err.Error()
}

func (v *Server) logRefusal(r *http.Request, status int, err error) {
	v.Log.Printf("refused %d %s %s from %s: %s", status, foreign(r.Method), foreign(r.URL.Path), v.address(r), foreign(err.Error()))
}

// join admits a browser that shows the room's token. One that has joined
// stays who it is.
func (v *Server) join(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Room       string  `json:"room"`
		PixelRatio float64 `json:"pixel_ratio"`
		Seat       string  `json:"seat"`
		Query      string  `json:"query"` // of the address that was opened
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
	if !v.joins.allow(v.address(r), v.session.Now()) {
		w.Header().Set("Retry-After", "1")
		v.refuse(w, r, http.StatusTooManyRequests, errors.New("many are joining from this address; wait a moment"))
		return
	}
	parameters, err := url.ParseQuery(strings.TrimPrefix(q.Query, "?"))
	if err != nil {
		parameters = nil // whatever stands there, it is no parameter
	}
	secret, err := v.session.Join(r.Context(), study.Visitor{Browser: r.UserAgent(), PixelRatio: q.PixelRatio, Address: v.address(r), Seat: q.Seat, Parameters: parameters})
	if errors.Is(err, study.ErrSeat) || errors.Is(err, study.ErrSeatTaken) {
		v.logRefusal(r, http.StatusForbidden, err)
		pages.Send(w, http.StatusForbidden, map[string]any{"error": err.Error(), "seat": true})
		return
	}
	if err != nil {
		v.refuse(w, r, statusOf(err), err)
		return
	}
	http.SetCookie(w, v.cookie(r, secret, 30*24*3600))
	pages.Send(w, http.StatusOK, map[string]bool{"joined": true})
}

// statusOf is the status of a refusal.
func statusOf(err error) int {
	switch {
	case errors.Is(err, study.ErrUnknown):
		return http.StatusUnauthorized
	case errors.Is(err, study.ErrClosed), errors.Is(err, study.ErrQuota):
		return http.StatusGone
	case errors.Is(err, study.ErrDisk):
		return http.StatusInsufficientStorage
	case errors.Is(err, study.ErrNotNow), errors.Is(err, study.ErrUnseen), errors.Is(err, study.ErrNoNext), errors.Is(err, study.ErrCap), errors.Is(err, study.ErrNotReady):
		return http.StatusConflict
	case errors.Is(err, study.ErrCode):
		return http.StatusNotFound
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

// withdraw removes the answers of whoever asks, who has to confirm with the
// code that the page shows.
func (v *Server) withdraw(w http.ResponseWriter, r *http.Request, secret string) {
	var q struct {
		Code string `json:"code"`
	}
	status, err := pages.Decode(r, &q)
	if err == nil {
		var now *study.State
		if now, err = v.session.State(r.Context(), secret); err == nil && now.Code != q.Code {
			err = study.ErrCode
		}
		if err == nil {
			err = v.session.Withdraw(r.Context(), q.Code)
		}
		status = statusOf(err)
	}
	if err != nil {
		v.refuse(w, r, status, err)
		return
	}
	http.SetCookie(w, v.cookie(r, "", -1))
	pages.Send(w, http.StatusOK, map[string]bool{"withdrawn": true})
}

// next has the browser forget a participant who is done, so that another
// person may begin.
func (v *Server) next(w http.ResponseWriter, r *http.Request, secret string) {
	now, err := v.session.State(r.Context(), secret)
	if err == nil && (!now.Done || v.view(now).Next == nil) {
		err = study.ErrNoNext
	}
	if err != nil {
		v.refuse(w, r, statusOf(err), err)
		return
	}
	http.SetCookie(w, v.cookie(r, "", -1))
	pages.Send(w, http.StatusOK, map[string]bool{"left": true})
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
	v.logRefusal(r, status, err)
	pages.Send(w, status, map[string]any{"error": textFor(status, err), "state": now})
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
	data, err := v.sheets.get(r.Context(), secret, step, n, func() ([]byte, error) { return d.sheet(now.Answer.Shown, n) })
	switch {
	case errors.Is(err, errGreedy):
		w.Header().Set("Retry-After", "1")
		v.refuse(w, r, http.StatusTooManyRequests, err)
		return
	case r.Context().Err() != nil:
		return
	case err != nil:
		v.refuse(w, r, http.StatusInternalServerError, err)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	// The last byte follows when it is stored that the sheet was sent: a page
	// that has it all may say at once that it has drawn it.
	last := len(data) - 1
	if _, err := w.Write(data[:last]); err != nil {
		return // it did not arrive
	}
	if err := http.NewResponseController(w).Flush(); err != nil {
		return
	}
	if err := v.session.Delivered(r.Context(), secret, step, n, d.sheets()); err != nil {
		v.logRefusal(r, statusOf(err), fmt.Errorf("sheet %d: %w", n, err))
	}
	w.Write(data[last:])
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
