package study

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/trustsr/trustsr/ensemble"
)

// Refusals of what participants ask for. Their texts are for participants.
var (
	ErrUnknown  = errors.New("this browser has not joined the study")
	ErrClosed   = errors.New("the study is closed")
	ErrFull     = errors.New("the study has all the participants it can take")
	ErrNotNow   = errors.New("the page is out of date")
	ErrCap      = errors.New("you have picked as many as you may; undo one first")
	ErrValue    = errors.New("this is no answer here")
	ErrNotReady = errors.New("the answer is not complete")
	ErrDisk     = errors.New("the disk is full")
	ErrUnseen   = errors.New("the pictures are not all there yet")
	ErrNoNext   = errors.New("nobody follows on this device")
)

// MaxParticipants bounds what an open door may fill.
const MaxParticipants = 10_000

// participant is one browser's person.
type participant struct {
	number     int
	key        string // SHA-256 of the cookie, hexadecimal
	stage      int    // 0 consent, 1 instructions, 2+i trial i of Study.All
	code       string
	browser    string
	pixelRatio float64
	joined     time.Time
	seen       time.Time // when the last click came
	visit      visit
	answers    map[string]*answer // by trial
}

func (p *participant) name() string { return nameOf(p.number) }

func nameOf(number int) string { return fmt.Sprintf("p%04d", number) }

// answer is one participant in one trial, handed in or not yet.
type answer struct {
	shown, picks    []uint64
	reading         string
	none            bool
	confidence      int
	began, finished time.Time // began is when all pictures were drawn, zero before

	delivered map[int]bool // sheets of pictures that were sent
	sheets    int          // how many there are; 0 before one was sent
}

func (a *answer) ballot(p *participant, trial string) ensemble.Ballot {
	return ensemble.Ballot{
		Participant: p.name(), Trial: trial, Shown: a.shown, Picks: a.picks, Reading: a.reading, None: a.none,
		Confidence: a.confidence, Began: a.began, Cast: a.finished, Browser: p.browser, PixelRatio: p.pixelRatio,
		Simulated: strings.HasPrefix(p.browser, ensemble.SimulatedBrowser), Origin: p.visit.origin,
	}
}

// Session is a study that takes answers: all of its state is in memory, and
// each change is on the disk before anyone hears of it. One goroutine owns the
// state; the methods may be called from any.
type Session struct {
	study   *Study
	decks   map[string]*deck
	samples map[string][]uint64 // of each trial, as Space lists them
	db      *store
	now     func() time.Time
	clock   *SimulatedClock // of participants; nil for now

	work chan *job
	done chan struct{}

	closing  sync.Once
	closeErr error

	participants []*participant
	byKey        map[string]*participant
	closed       bool
	last         int // number given out last
	withdrawn    int // participants whose answers are gone

	seats   []string       // codes
	origins map[string]int // numbers of network addresses by their marks
	secret  string         // that makes the marks
}

// job is one question to the session's goroutine. It returns what it changed, so
// that the disk can follow.
type job struct {
	do    func(b *Session) (change, error)
	reply chan error
}

// change is what a job did to memory: the participant and answers to save and
// the click to log. A nil participant changes nothing.
type change struct {
	participant *participant
	joined      bool // is new
	trials      []string
	click       Click
	close       bool
	gone        []*participant // who are dropped
	withdrawn   *participant
}

// Options of a session.
type Options struct {
	Clock *SimulatedClock  // unless nil, times the trials of simulated participants
	Now   func() time.Time // nil for time.Now
}

// Open opens a study with its store, which it makes if there is none, and
// continues where it stopped. One process at a time has a store: errors wrap
// [ErrServed] where another does, [ErrStore] where the store is broken or of
// another study. To count beside a session there is [Read].
func Open(s *Study, store string, o Options) (*Session, error) {
	decks, samples, err := openDecks(s)
	if err != nil {
		return nil, err
	}
	db, err := openStore(store, identify(s, decks, samples))
	if err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	b := &Session{study: s, decks: decks, samples: samples, db: db, now: o.Now, clock: o.Clock, work: make(chan *job, 1024), done: make(chan struct{})}
	if b.secret, err = keep(db.DB, "addresses", rand.Text()); err == nil {
		b.seats, err = makeSeats(db.DB, s.Seats)
	}
	if err == nil {
		err = b.reload()
	}
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("%w: %s: %w", ErrStore, store, damaged(err))
	}
	go b.run()
	return b, nil
}

func (b *Session) reload() error {
	all, err := load(context.Background(), b.db.DB)
	if err != nil {
		return err
	}
	b.participants, b.closed, b.last, b.withdrawn, b.origins = all.participants, all.closed, all.last, all.withdrawn, all.origins
	b.byKey = map[string]*participant{}
	byNumber := map[int]*participant{}
	for _, p := range b.participants {
		b.byKey[p.key] = p
		b.begin(p) // a lost answer starts again, in the same order
		byNumber[p.number] = p
	}
	trials := b.study.All()
	for _, s := range all.sent {
		p := byNumber[s.participant]
		if p == nil || s.stage != p.stage || s.stage < 2 || s.stage-2 >= len(trials) {
			continue
		}
		a := p.answers[trials[s.stage-2].Name]
		if a.delivered == nil {
			a.delivered = map[int]bool{}
		}
		a.delivered[s.sheet], a.sheets = true, s.of
	}
	return nil
}

// maxTogether is how many clicks share one commit, so that hundreds of people
// do not wait for as many writes of the disk.
const maxTogether = 256

func (b *Session) run() {
	defer close(b.done)
	for first := range b.work {
		jobs := []*job{first}
		for len(jobs) < maxTogether {
			select {
			case j, ok := <-b.work:
				if ok {
					jobs = append(jobs, j)
					continue
				}
			default:
			}
			break
		}
		b.together(jobs)
	}
}

// together does jobs in order and commits what they changed at once. Nobody
// is answered before the commit; if it fails, memory goes back to the disk's
// state and all are told.
func (b *Session) together(jobs []*job) {
	errs := make([]error, len(jobs))
	var changes []change
	for i, j := range jobs {
		var c change
		if c, errs[i] = j.safely(b); errs[i] == nil && (c.participant != nil || c.close || c.withdrawn != nil) {
			changes = append(changes, c)
		}
	}
	if len(changes) > 0 {
		if err := b.commit(changes); err != nil {
			if again := b.reload(); again != nil || !errors.Is(err, ErrClosed) {
				err = errors.Join(fmt.Errorf("store the answer: %w", diskError(err)), again)
			}
			for i := range errs {
				errs[i] = err
			}
		} else if slices.ContainsFunc(changes, func(c change) bool { return c.withdrawn != nil }) {
			b.forget(errs)
		}
	}
	for i, j := range jobs {
		j.reply <- errs[i]
	}
}

// safely does the job. A fault of the program ends the job alone: the study is
// not lost with it.
func (j *job) safely(b *Session) (c change, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			c, err = change{}, fmt.Errorf("a fault of the program: %v\n%s", fault, debug.Stack())
		}
	}()
	return j.do(b)
}

func (b *Session) commit(changes []change) error {
	tx, err := b.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	// The store has the last word on whether it still takes answers.
	var closed bool
	if err := tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM meta WHERE name = 'closed')`).Scan(&closed); err != nil {
		return err
	}
	at := stamp(b.now())
	var whom []*participant // once each: what is saved is how they are after all changes
	all := map[*participant]*change{}
	for _, c := range changes {
		if c.close {
			if _, err := tx.Exec(`INSERT OR IGNORE INTO meta VALUES ('closed', ?)`, at); err != nil {
				return err
			}
			continue
		}
		if p := c.withdrawn; p != nil {
			if err := removeAnswers(tx, p); err != nil {
				return err
			}
			continue
		}
		if closed {
			return ErrClosed
		}
		for _, p := range c.gone {
			if err := dropIdle(tx, p); err != nil {
				return fmt.Errorf("participant %d: %w", p.number, err)
			}
		}
		if all[c.participant] == nil {
			all[c.participant] = &change{participant: c.participant}
			whom = append(whom, c.participant)
		}
		sum := all[c.participant]
		sum.joined = sum.joined || c.joined
		for _, trial := range c.trials {
			if !slices.Contains(sum.trials, trial) {
				sum.trials = append(sum.trials, trial)
			}
		}
		value := c.click.Value
		if c.click.Number != 0 {
			value = strconv.Itoa(c.click.Number)
		}
		if _, err := tx.Exec(`INSERT INTO clicks (at, participant, step, operation, position, value) VALUES (?, ?, ?, ?, ?, ?)`,
			at, c.participant.number, c.click.Step, c.click.Op, c.click.Position, value); err != nil {
			return err
		}
	}
	for _, p := range whom {
		if err := save(tx, all[p]); err != nil {
			return err
		}
		if all[p].joined {
			if err := b.saveVisit(tx, p); err != nil {
				return err
			}
		}
	}
	return tx.Commit()
}

// ask runs a job on the session's goroutine.
func (b *Session) ask(ctx context.Context, do func(b *Session) (change, error)) error {
	j := &job{do: do, reply: make(chan error, 1)}
	select {
	case b.work <- j:
	case <-ctx.Done():
		return ctx.Err()
	}
	return <-j.reply // it will come: what is accepted is finished
}

// Close finishes what was asked and closes the store.
func (b *Session) Close() error {
	b.closing.Do(func() {
		close(b.work)
		<-b.done
		b.closeErr = b.db.Close()
	})
	return b.closeErr
}

func hashKey(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Join adds a participant and returns the secret for the browser's cookie. The
// browser's name is kept as far as it is printable. Errors are [ErrClosed],
// Join adds a participant and returns the secret for the browser's cookie.
func (b *Session) Join(ctx context.Context, v Visitor) (secret string, err error) {
	secret = rand.Text()
	err = b.ask(ctx, func(b *Session) (change, error) {
		if b.closed {
			return change{}, ErrClosed
		}
		gone := b.expire()
		if len(b.participants) >= MaxParticipants {
			return change{}, ErrFull
		}
		visit, err := b.admit(&v)
		if err != nil {
			return change{}, err
		}
		b.last++
		p := &participant{
			number: b.last, key: hashKey(secret), code: rand.Text()[:8], visit: *visit,
			browser: Printable(v.Browser), pixelRatio: v.PixelRatio, joined: b.now(), seen: b.now(), answers: map[string]*answer{},
		}
		b.participants = append(b.participants, p)
		b.byKey[p.key] = p
		return change{participant: p, joined: true, gone: gone, click: Click{Op: "join"}}, nil
	})
	return secret, err
}

// ConsentTime is how long a participant may take to agree. Who comes later
// joins again, under the same address: nothing is lost but a number.
const ConsentTime = 30 * time.Minute

// expire drops who never agreed, an open page or a script at the door, and
// where the study is full also who handed in nothing and has not clicked for as
// long: those who do not mean to take part cannot keep it full.
func (b *Session) expire() (gone []*participant) {
	late := b.now().Add(-ConsentTime)
	full := len(b.participants) >= MaxParticipants
	b.participants = slices.DeleteFunc(b.participants, func(p *participant) bool {
		drop := p.stage == 0 && p.joined.Before(late) || full && p.handedIn() == 0 && p.seen.Before(late)
		if drop {
			delete(b.byKey, p.key)
			gone = append(gone, p)
		}
		return drop
	})
	return gone
}

// handedIn is the number of trials that a participant handed in, training
// included.
func (p *participant) handedIn() int {
	n := 0
	for _, a := range p.answers {
		if !a.finished.IsZero() {
			n++
		}
	}
	return n
}

// Printable keeps what a ballot may hold of a browser's name for itself.
func Printable(s string) string {
	out := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
	return strings.TrimSpace(out[:min(len(out), 300)])
}

// CloseStudy ends voting for good: the store refuses every further answer.
func (b *Session) CloseStudy(ctx context.Context) error {
	return b.ask(ctx, func(b *Session) (change, error) {
		b.closed = true
		return change{close: true}, nil
	})
}

// Ballots returns what was handed in so far, training left out, in the order of
// participants and trials.
func (b *Session) Ballots(ctx context.Context) (out []ensemble.Ballot, err error) {
	err = b.ask(ctx, func(b *Session) (change, error) {
		out = handedIn(b.study, b.participants)
		return change{}, nil
	})
	return out, err
}

func handedIn(s *Study, participants []*participant) (out []ensemble.Ballot) {
	for _, p := range participants {
		for _, t := range s.Trials {
			if a := p.answers[t.Name]; a != nil && !a.finished.IsZero() {
				b := a.ballot(p, t.Name)
				b.Golden = t.Expect != ""
				out = append(out, b)
			}
		}
	}
	return out
}
