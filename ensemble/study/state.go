package study

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"
)

// State is what a participant has come to.
type State struct {
	Stage  int     // 0 consent, 1 instructions, 2+i trial i of [Study.All], then thanks
	Closed bool    // the study takes no more answers
	Code   string  // of the person: shown at the end, and what to withdraw by
	Done   bool    // all trials are handed in
	Next   string  // where a participant who is done goes on to, "" for nowhere
	Answer *Answer // what is stored of the present trial's; nil outside trials
}

// Answer is what is stored of an answer so far.
type Answer struct {
	Shown      []uint64 // samples in the order shown
	Picks      []int    // positions in Shown, in the order picked
	None       bool
	Reading    string
	Confidence int
	Drawn      bool // all pictures were there, and the trial's time runs
}

// Knows reports whether a secret is that of a participant.
func (b *Session) Knows(ctx context.Context, secret string) (known bool, err error) {
	err = b.ask(ctx, func(b *Session) (change, error) {
		known = b.byKey[hashKey(secret)] != nil
		return change{}, nil
	})
	return known, err
}

// State returns what the participant with a secret has come to, or
// [ErrUnknown].
func (b *Session) State(ctx context.Context, secret string) (*State, error) {
	return b.answer(ctx, secret, nil)
}

// Click does a click of the participant with a secret, and returns what is
// stored when it is on the disk. A refused click comes with the state too,
// unless the error is [ErrUnknown]: a page shows what is stored.
func (b *Session) Click(ctx context.Context, secret string, c Click) (*State, error) {
	return b.answer(ctx, secret, &c)
}

func (b *Session) answer(ctx context.Context, secret string, c *Click) (now *State, err error) {
	err = b.ask(ctx, func(b *Session) (done change, err error) {
		p := b.byKey[hashKey(secret)]
		if p == nil {
			return done, ErrUnknown
		}
		if c != nil {
			done, err = b.apply(p, *c)
		}
		now = b.state(p)
		return done, err
	})
	if c != nil && err != nil && now != nil {
		// A change that could not be stored was undone: what counts is stored.
		if stored, again := b.answer(ctx, secret, nil); again == nil {
			now = stored
		}
	}
	return now, err
}

// state is called on the session's goroutine.
func (b *Session) state(p *participant) *State {
	out := &State{Stage: p.stage, Closed: b.closed, Code: p.code}
	all := b.study.All()
	i := p.stage - 2
	if i >= len(all) {
		out.Done, out.Next = true, b.study.CompletionURL(p.code, p.visit.parameters)
	}
	if i < 0 || i >= len(all) {
		return out
	}
	a := p.answers[all[i].Name]
	out.Answer = &Answer{Shown: a.shown, Picks: []int{}, None: a.none, Reading: a.reading, Confidence: a.confidence, Drawn: !a.began.IsZero()}
	at := map[uint64]int{}
	for position, sample := range a.shown {
		at[sample] = position
	}
	for _, sample := range a.picks {
		out.Answer.Picks = append(out.Answer.Picks, at[sample])
	}
	return out
}

// Person is a participant as the organiser sees one.
type Person struct {
	Name   string
	Stage  int // as in [State]
	Joined time.Time

	Code       string // that the page shows
	Finished   bool   // all trials are handed in
	Browser    string
	PixelRatio float64
	Origin     int               // number of the network address, see [ensemble.Ballot]
	Seat       string            // code
	Parameters map[string]string // of the address that was opened
}

// people are the participants as others may know them.
func people(s *Study, participants []*participant) (out []Person) {
	for _, p := range participants {
		out = append(out, Person{p.name(), p.stage, p.joined, p.code, p.stage-2 >= len(s.All()), p.browser, p.pixelRatio, p.visit.origin, p.visit.seat, p.visit.parameters})
	}
	return out
}

// People returns the participants in the order they joined, and whether the
// study is closed.
func (b *Session) People(ctx context.Context) (all []Person, closed bool, err error) {
	err = b.ask(ctx, func(b *Session) (change, error) {
		all, closed = people(b.study, b.participants), b.closed
		return change{}, nil
	})
	return all, closed, err
}

// Study returns the study that the session is of.
func (b *Session) Study() *Study { return b.study }

// Trials returns the trials that count, with the samples shown and the rules
// for their number.
func (b *Session) Trials() []TrialSamples { return trials(b.study, b.study.Trials, b.decks) }

// AllTrials returns [Session.Trials] with training, where there is one, first.
func (b *Session) AllTrials() []TrialSamples { return trials(b.study, b.study.All(), b.decks) }

// Now is the session's time.
func (b *Session) Now() time.Time { return b.now() }

// Token returns the secret of a name, which is made once and kept in the store.
func (b *Session) Token(name string) (string, error) {
	token, err := keep(b.db.DB, name, rand.Text()[:16])
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrStore, err)
	}
	return token, nil
}

// Value returns what [Session.SetValue] kept in the store under a name, ""
// where that is nothing.
func (b *Session) Value(name string) (string, error) {
	value, err := stored(b.db.DB, name)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrStore, err)
	}
	return value, nil
}

// SetValue keeps a value in the store under a name.
func (b *Session) SetValue(name, value string) error {
	if _, err := b.db.Exec(`INSERT OR REPLACE INTO meta VALUES (?, ?)`, name, value); err != nil {
		return fmt.Errorf("%w: %w", ErrStore, err)
	}
	return nil
}
