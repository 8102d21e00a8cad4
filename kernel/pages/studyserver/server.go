// Package studyserver serves a study: pages for the browsers of participants,
// which confirm a click when it is stored, and an organiser's page. It needs no
// network but the room's.
//
// What leaves the server for a participant is the pictures, in that
// participant's own order, and the questions. Truth, scores, seeds, file
// names and sample numbers do not: pages speak of positions only.
package studyserver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/ensemble/study"
)

// Options of a server. Tokens that are empty are made, and kept in the store:
// addresses stay the same when the server is started again.
type Options struct {
	Room      string      // token that participants need to join
	Organiser string      // token of the organiser's page
	Log       *log.Logger // of refusals; nil drops them

	// JoinBurst is how many participants of one address may join at once, more
	// at 5 a second; 0 for 400.
	JoinBurst int

	// PublicURL is the address under which a proxy offers the pages, such as
	// https://study.example.org/digits/; the proxy takes the path away. Proxies
	// are the IP addresses of those that may say for whom they ask.
	PublicURL string
	Proxies   []string

	// Clock, unless nil, times the trials of simulated participants.
	Clock *study.SimulatedClock

	now func() time.Time // nil for time.Now
}

// Server is a running study. It is an http.Handler.
type Server struct {
	Options
	session *study.Session
	study   *study.Study
	decks   map[string]*deck
	mux     http.Handler

	public     public
	cookieName string // of the cookie that carries a participant's secret

	hosts  atomic.Pointer[[]string] // of the door, beside loopback ones
	rates  rates                    // of all requests
	joins  rates                    // of new participants
	sheets sheetCache
}

// Open opens a study with its store as [study.Open] does, with its errors.
func Open(s *study.Study, store string, o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = log.New(io.Discard, "", 0)
	}
	o.Log = log.New(&slowWriter{to: o.Log.Writer(), now: time.Now}, o.Log.Prefix(), o.Log.Flags())
	public, err := parsePublic(o.PublicURL, o.Proxies)
	if err != nil {
		return nil, err
	}
	session, err := study.Open(s, store, study.Options{Clock: o.Clock, Now: o.now})
	if err != nil {
		return nil, err
	}
	v := &Server{Options: o, public: public, session: session, study: s, decks: map[string]*deck{},
		rates: rates{perSecond: requestsPerSecond, burst: requestsBurst}, joins: rates{perSecond: joinsPerSecond, burst: joinsBurst}}
	for _, t := range session.AllTrials() {
		v.decks[t.Name] = newDeck(t)
	}
	if o.JoinBurst > 0 {
		v.joins.burst = float64(o.JoinBurst)
	}
	var cookie string
	for name, token := range map[string]*string{"room": &v.Room, "organiser": &v.Organiser, "cookie": &cookie} {
		if *token == "" {
			if *token, err = session.Token(name); err != nil {
				session.Close()
				return nil, err
			}
		}
	}
	// Browsers send a host's cookies to all its ports: each study has its own.
	sum := sha256.Sum256([]byte(cookie))
	v.cookieName = "trustsr_study_" + hex.EncodeToString(sum[:])[:8]
	if v.mux, err = v.routes(); err != nil {
		session.Close()
		return nil, err
	}
	return v, nil
}

// Close finishes what was asked and closes the store.
func (v *Server) Close() error { return v.session.Close() }

// ServeHTTP implements http.Handler.
func (v *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { v.mux.ServeHTTP(w, r) }

// Ballots returns the ballots handed in so far, training left out.
func (v *Server) Ballots(ctx context.Context) ([]ensemble.Ballot, error) {
	return v.session.Ballots(ctx)
}

// CloseStudy ends voting for good: the store refuses every further answer.
func (v *Server) CloseStudy(ctx context.Context) error { return v.session.CloseStudy(ctx) }

// Trials returns the trials that count, with the samples shown and the rules
// for their number.
func (v *Server) Trials() []study.TrialSamples { return v.session.Trials() }

// progress is what the organiser sees.
type progress struct {
	Joined   int    `json:"joined"`
	Finished int    `json:"finished"`
	Ballots  int    `json:"ballots"`
	Planned  int    `json:"planned,omitempty"`
	Closed   bool   `json:"closed"`
	Trials   []row  `json:"trials"`
	People   []seat `json:"people"`
	Note     string `json:"note,omitempty"` // that votes are simulated

	Withdrawn int    `json:"withdrawn,omitempty"`
	Pace      string `json:"pace,omitempty"` // where many answers come from one address at once
}

type row struct {
	Name     string                  `json:"name"`
	Ballots  int                     `json:"ballots"`
	Nones    int                     `json:"nones"`
	Readings []ensemble.ReadingCount `json:"readings,omitempty"`
	Top      []ensemble.Votes        `json:"top,omitempty"`
	Tie      string                  `json:"tie,omitempty"`
}

type seat struct {
	Name  string `json:"name"`
	Step  string `json:"step"`
	Began string `json:"joined"`
}

// progress counts what is there.
func (v *Server) progress(ctx context.Context) (*progress, error) {
	people, closed, err := v.session.People(ctx)
	if err != nil {
		return nil, err
	}
	out := &progress{Planned: v.study.ProtocolRules().Participants, Closed: closed, Joined: len(people)}
	all := v.study.All()
	for _, p := range people {
		step := "thanks"
		switch i := p.Stage - 2; {
		case i < -1:
			step = "consent"
		case i < 0:
			step = "instructions"
		case i < len(all):
			step = all[i].Name
		default:
			out.Finished++
		}
		if len(out.People) < 500 {
			out.People = append(out.People, seat{p.Name, step, p.Joined.Format("15:04:05")})
		}
	}
	ballots, err := v.Ballots(ctx)
	if err != nil {
		return nil, err
	}
	out.Ballots, out.Note = len(ballots), ensemble.SimulatedNote(ballots)
	if n := ensemble.Pace(ballots); n >= 5 && out.Note == "" {
		out.Pace = fmt.Sprintf("Up to %d participants from one network address handed in within a minute.", n)
	}
	if out.Withdrawn, err = v.session.Withdrawn(ctx); err != nil {
		return nil, err
	}
	for _, t := range v.study.Trials {
		r := row{Name: t.Name}
		if here := ensemble.OfTrial(ballots, t.Name); len(here) > 0 {
			tally, err := ensemble.Count(t.Name, here)
			if err != nil {
				return nil, err
			}
			r.Ballots, r.Nones, r.Readings = tally.Ballots, tally.None, ensemble.CountReadings(here)
			r.Top = tally.Voted()
			k := v.decks[t.Name].Protocol.Combined
			if top, err := tally.Top(k, ensemble.TieRule(v.study.Ties), v.study.Seed); err == nil && !top.Decided() {
				r.Tie = fmt.Sprintf("%d samples tie for %d places", len(top.Tied), top.Places)
			}
			r.Top = r.Top[:min(len(r.Top), 12)]
		}
		out.Trials = append(out.Trials, r)
	}
	return out, nil
}
